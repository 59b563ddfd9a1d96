// Keys and values of all layers in pages, with the page table that the layers share.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "firstlight/nn/page_table.h"
#include "firstlight/run/session.h"

namespace firstlight::nn {

// The cache of one layer. The policy's kv_cache group, asked with the key, gives its format.
struct KvLayer {
  std::string key;  // "model.layers.3.self_attn.kv_cache"
  std::int64_t heads = 0;
  std::int64_t key_dim = 0;
  std::int64_t value_dim = 0;
  std::int64_t window = 0;  // positions that a row attends to; 0 = all before it
};

// Bytes of one position of one sequence in one layer.
double kv_bytes_per_position(const KvLayer& layer, Format format);

class KvCache {
 public:
  // The session outlives the cache.
  KvCache(run::Session& session, const std::vector<KvLayer>& layers, PageTable pages);

  PageTable& pages() { return pages_; }
  const PageTable& pages() const { return pages_; }
  const run::Tensor& keys(int layer) const { return layers_[static_cast<std::size_t>(layer)].keys; }
  const run::Tensor& values(int layer) const { return layers_[static_cast<std::size_t>(layer)].values; }
  // The page table on the device, i32 [S, P], as it is now: the same tensor every time.
  const run::Tensor& table();

  // Copies the first `length` positions of a sequence, page by page, into another that has none.
  void copy(int from, int to, std::int64_t length);
  // Of all pages, taken or not.
  std::size_t bytes() const { return bytes_; }

 private:
  struct Layer {
    run::Tensor keys;    // [pages, H, page_size, D]
    run::Tensor values;  // [pages, H, page_size, Dv]
  };
  void copy_page(const run::Tensor& cache, std::int32_t from, std::int32_t to);

  run::Session& session_;
  PageTable pages_;
  std::vector<Layer> layers_;
  std::size_t bytes_ = 0;
  run::Tensor table_;
  std::int64_t table_version_ = 0;
};

}  // namespace firstlight::nn
