// Writes the weights of a checkpoint folder: one safetensors file, or numbered shards and their index.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "firstlight/io/safetensors.h"

namespace firstlight::io {

// Tensors go to shards in the order declared, a new shard where the next tensor would not fit; a tensor larger than a
// shard gets one of its own. Files appear under their names as they are completed, the index last.
class CheckpointWriter {
 public:
  // Throws as SafetensorsWriter does, and kUsage for a shard size below 1.
  CheckpointWriter(std::filesystem::path folder, std::vector<SafetensorsWriter::Declaration> tensors,
                   std::uint64_t max_shard_bytes);

  // The bytes of the next declared tensor, as SafetensorsWriter::write takes them.
  void write(std::string_view name, std::span<const std::byte> bytes);
  void finish();

  std::uint64_t total_bytes() const { return total_bytes_; }
  // The files of the weights, and the index if there is one.
  std::vector<std::string> files() const;

 private:
  std::string shard_name(std::size_t shard) const;
  void open_shard(std::size_t shard);
  void write_index() const;

  std::filesystem::path folder_;
  std::vector<std::vector<SafetensorsWriter::Declaration>> shards_;
  std::uint64_t total_bytes_ = 0;
  std::size_t shard_ = 0;
  std::unique_ptr<SafetensorsWriter> writer_;
};

}  // namespace firstlight::io
