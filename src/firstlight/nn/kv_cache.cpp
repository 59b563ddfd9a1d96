// Allocation and copying of pages.
#include "firstlight/nn/kv_cache.h"

#include <utility>

#include "firstlight/base/error.h"

namespace firstlight::nn {

double kv_bytes_per_position(const KvLayer& layer, Format format) {
  return static_cast<double>(layer.heads * (row_bytes(format, layer.key_dim) + row_bytes(format, layer.value_dim)));
}

KvCache::KvCache(run::Session& session, const std::vector<KvLayer>& layers, PageTable pages)
    : session_(session), pages_(std::move(pages)) {
  for (const KvLayer& layer : layers) {
    const Format format = session.policy().format(layer.key, run::Group::kKvCache);
    const auto allocate = [&](std::int64_t dim) {
      return session.allocate(format, Shape{pages_.pages(), layer.heads, pages_.page_size(), dim});
    };
    layers_.push_back({allocate(layer.key_dim), allocate(layer.value_dim)});
    const double positions = static_cast<double>(pages_.pages()) * pages_.page_size();
    bytes_ += static_cast<std::size_t>(positions * kv_bytes_per_position(layer, layers_.back().keys.format()));
  }
}

const run::Tensor& KvCache::table() {
  if (table_version_ != pages_.version()) {
    const Shape shape{pages_.sequences(), pages_.pages_per_sequence()};
    const HostTensor entries = HostTensor::from(pages_.entries(), shape);
    if (table_.empty()) {
      table_ = session_.upload(entries);
    } else {
      session_.upload(entries, table_);
    }
    table_version_ = pages_.version();
  }
  return table_;
}

void KvCache::copy_page(const run::Tensor& cache, std::int32_t from, std::int32_t to) {
  const HostTensor values = session_.download(cache.rows(from, from + 1));
  // Values that came out of a format go back into it unchanged.
  HostTensor stored(cache.format(), values.shape());
  copy_from_f32(values.f32().data(), stored.view());
  session_.upload(stored, cache.rows(to, to + 1));
}

void KvCache::copy(int from, int to, std::int64_t length) {
  FL_CHECK(from != to && pages_.pages_taken(to) == 0);
  pages_.grow(to, length);
  const auto page = [&](int sequence, std::int64_t index) {
    return pages_.entries()[static_cast<std::size_t>(sequence * pages_.pages_per_sequence() + index)];
  };
  for (std::int64_t i = 0; i < pages_.pages_taken(to); ++i) {
    for (const Layer& layer : layers_) {
      copy_page(layer.keys, page(from, i), page(to, i));
      copy_page(layer.values, page(from, i), page(to, i));
    }
  }
}

}  // namespace firstlight::nn
