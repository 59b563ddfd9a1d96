// Splitting into shards, and the index over them.
#include "firstlight/io/checkpoint_writer.h"

#include <algorithm>
#include <utility>

#include "firstlight/base/error.h"
#include "firstlight/base/file.h"
#include "firstlight/base/json.h"
#include "firstlight/io/dtype.h"

namespace firstlight::io {
namespace {

constexpr const char* kIndexName = "model.safetensors.index.json";

std::uint64_t stored_bytes(const SafetensorsWriter::Declaration& tensor) {
  const Dtype* dtype = find_dtype(tensor.format);
  if (dtype == nullptr)
    fail(Category::kUnsupported, tensor.name, "safetensors cannot hold format {}", format_name(tensor.format));
  return static_cast<std::uint64_t>(tensor.shape.elements()) * static_cast<std::uint64_t>(dtype->bits / 8);
}

}  // namespace

CheckpointWriter::CheckpointWriter(std::filesystem::path folder, std::vector<SafetensorsWriter::Declaration> tensors,
                                   std::uint64_t max_shard_bytes)
    : folder_(std::move(folder)) {
  if (max_shard_bytes < 1) fail(Category::kUsage, folder_.string(), "a shard must hold at least one byte");
  std::uint64_t shard_bytes = 0;
  for (SafetensorsWriter::Declaration& tensor : tensors) {
    const std::uint64_t bytes = stored_bytes(tensor);
    if (shards_.empty() || (shard_bytes > 0 && bytes > max_shard_bytes - std::min(shard_bytes, max_shard_bytes))) {
      shards_.emplace_back();
      shard_bytes = 0;
    }
    shard_bytes += bytes;
    total_bytes_ += bytes;
    shards_.back().push_back(std::move(tensor));
  }
  if (shards_.empty()) shards_.emplace_back();
  open_shard(0);
}

std::string CheckpointWriter::shard_name(std::size_t shard) const {
  if (shards_.size() == 1) return "model.safetensors";
  return fmt::format("model-{:05}-of-{:05}.safetensors", shard + 1, shards_.size());
}

void CheckpointWriter::open_shard(std::size_t shard) {
  shard_ = shard;
  // transformers reads the framework from here.
  writer_ = std::make_unique<SafetensorsWriter>(folder_ / shard_name(shard), shards_[shard],
                                                std::map<std::string, std::string>{{"format", "pt"}});
}

void CheckpointWriter::write(std::string_view name, std::span<const std::byte> bytes) {
  const auto in_shard = [&](std::size_t shard) {
    return std::ranges::find(shards_[shard], name, &SafetensorsWriter::Declaration::name) != shards_[shard].end();
  };
  if (!in_shard(shard_) && shard_ + 1 < shards_.size() && in_shard(shard_ + 1)) {
    writer_->finish();
    open_shard(shard_ + 1);
  }
  writer_->write(name, bytes);
}

void CheckpointWriter::finish() {
  writer_->finish();
  if (shard_ + 1 < shards_.size())
    fail(Category::kUsage, (folder_ / shard_name(shard_ + 1)).string(), "finished before tensor '{}'",
         shards_[shard_ + 1].front().name);
  if (shards_.size() > 1) write_index();
}

void CheckpointWriter::write_index() const {
  Json weight_map = Json::object();
  auto& members = weight_map.get_ref<Json::object_t&>();  // appended: inserting would search all members each time
  for (std::size_t shard = 0; shard < shards_.size(); ++shard)
    for (const SafetensorsWriter::Declaration& tensor : shards_[shard])
      members.emplace_back(tensor.name, shard_name(shard));
  const Json index = {{"metadata", {{"total_size", total_bytes_}}}, {"weight_map", std::move(weight_map)}};
  write_text_file(folder_ / kIndexName, json_text(index, 2) + "\n");
}

std::vector<std::string> CheckpointWriter::files() const {
  std::vector<std::string> names;
  for (std::size_t shard = 0; shard < shards_.size(); ++shard) names.push_back(shard_name(shard));
  if (shards_.size() > 1) names.emplace_back(kIndexName);
  return names;
}

}  // namespace firstlight::io
