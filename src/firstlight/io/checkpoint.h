// A checkpoint folder as one set of named tensors: one safetensors file, or shards through their index.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "firstlight/io/safetensors.h"
#include "firstlight/tensor/view.h"

namespace firstlight::io {

class SourceHashes;

// Opens `model.safetensors`, or else the shards of `model.safetensors.index.json`. Where both stand, the single file is
// read and the index is not looked at, as Hugging Face does. Files stay mapped; Views live as long as the Checkpoint.
class Checkpoint {
 public:
  // `cache_folder` keeps the source hashes between runs. Throws kBadInput, kUnsupported, kMismatch (index and shards
  // disagree) or kResource.
  explicit Checkpoint(const std::filesystem::path& folder,
                      const std::optional<std::filesystem::path>& cache_folder = std::nullopt);
  Checkpoint(Checkpoint&&) noexcept;
  Checkpoint& operator=(Checkpoint&&) noexcept;
  ~Checkpoint();

  const std::filesystem::path& folder() const { return folder_; }
  // Sorted.
  std::span<const std::string> names() const { return names_; }
  bool has(std::string_view name) const { return place_.contains(name); }
  // These throw kBadInput when there is no such tensor.
  const TensorInfo& info(std::string_view name) const;  // its offset is one within file(name)
  std::string file(std::string_view name) const;
  View view(std::string_view name) const;
  std::span<const std::byte> bytes(std::string_view name) const;
  void release(std::string_view name) const;
  // 32 hex digits of XXH3-128 over the tensor's bytes. May be called from several threads.
  std::string source_hash(std::string_view name) const;
  // Writes the hashes computed since to the cache folder; without one it does nothing.
  void save_hashes() const;

  // Of all tensors.
  std::uint64_t total_bytes() const;
  // In the order opened.
  std::vector<std::string> files() const;

 private:
  struct Shard;
  void open(const std::string& file_name, const std::optional<std::filesystem::path>& cache_folder);
  void open_index(const std::filesystem::path& index, const std::optional<std::filesystem::path>& cache_folder);
  const Shard& shard(std::string_view name) const;

  std::filesystem::path folder_;
  std::vector<std::unique_ptr<Shard>> shards_;
  std::map<std::string, std::size_t, std::less<>> place_;  // tensor -> shard
  std::vector<std::string> names_;
};

}  // namespace firstlight::io
