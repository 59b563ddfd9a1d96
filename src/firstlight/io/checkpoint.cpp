// Opening a folder, and holding an index against its shards.
#include "firstlight/io/checkpoint.h"

#include <cmath>

#include "firstlight/base/error.h"
#include "firstlight/base/hash.h"
#include "firstlight/base/json.h"
#include "firstlight/io/source_hashes.h"

namespace firstlight::io {
namespace {

constexpr const char* kSingle = "model.safetensors";
constexpr const char* kIndex = "model.safetensors.index.json";

// A shard must lie in the folder itself: an index is input, and may not lead anywhere else.
void check_file_name(const std::string& name, const std::string& where) {
  if (!name.ends_with(".safetensors") || name.find_first_of(std::string_view("/\\\0", 3)) != std::string::npos ||
      name.starts_with('.'))
    fail(Category::kBadInput, where, "'{}' is not the name of a .safetensors file in this folder", name);
}

// metadata.total_size, where the index has it. Some writers spell it as a float.
std::optional<double> total_size(const Json& index, const std::string& where) {
  const auto metadata = index.find("metadata");
  if (metadata == index.end() || metadata->is_null()) return std::nullopt;
  if (!metadata->is_object()) fail(Category::kBadInput, where, "metadata: expected an object");
  const auto size = metadata->find("total_size");
  if (size == metadata->end()) return std::nullopt;
  if (!size->is_number() || size->get<double>() < 0 || size->get<double>() != std::floor(size->get<double>()))
    fail(Category::kBadInput, where, "metadata.total_size: expected a number of bytes, found {}", size->dump());
  return size->get<double>();
}

}  // namespace

struct Checkpoint::Shard {
  Shard(const std::filesystem::path& path, const std::optional<std::filesystem::path>& cache_folder)
      : file(path), hashes(path, cache_folder) {}
  SafetensorsFile file;
  SourceHashes hashes;
};

Checkpoint::Checkpoint(Checkpoint&&) noexcept = default;
Checkpoint& Checkpoint::operator=(Checkpoint&&) noexcept = default;
Checkpoint::~Checkpoint() = default;

Checkpoint::Checkpoint(const std::filesystem::path& folder, const std::optional<std::filesystem::path>& cache_folder)
    : folder_(folder) {
  std::error_code ignored;
  if (!std::filesystem::is_directory(folder, ignored)) fail(Category::kBadInput, folder.string(), "not a folder");
  if (std::filesystem::exists(folder / kSingle, ignored)) {
    open(kSingle, cache_folder);
  } else if (std::filesystem::exists(folder / kIndex, ignored)) {
    open_index(folder / kIndex, cache_folder);
  } else {
    for (const char* other : {"pytorch_model.bin", "pytorch_model.bin.index.json"})
      if (std::filesystem::exists(folder / other, ignored))
        fail(Category::kUnsupported, folder.string(), "holds {}; expected {} or {}: save the weights as safetensors",
             other, kSingle, kIndex);
    fail(Category::kBadInput, folder.string(), "holds no weights; expected {} or {}", kSingle, kIndex);
  }
  names_.reserve(place_.size());
  for (const auto& [name, shard] : place_) names_.push_back(name);
}

void Checkpoint::open(const std::string& file_name, const std::optional<std::filesystem::path>& cache_folder) {
  const std::size_t number = shards_.size();
  shards_.push_back(std::make_unique<Shard>(folder_ / file_name, cache_folder));
  for (const TensorInfo& tensor : shards_.back()->file.tensors()) {
    const auto [other, fresh] = place_.emplace(tensor.name, number);
    if (!fresh)
      fail(Category::kMismatch, fmt::format("{}: tensor '{}'", shards_[number]->file.name(), tensor.name),
           "stands in {} too", shards_[other->second]->file.name());
  }
}

void Checkpoint::open_index(const std::filesystem::path& index_path,
                            const std::optional<std::filesystem::path>& cache_folder) {
  const std::string where = index_path.string();
  const Json index = read_json_file(index_path);
  if (!index.is_object()) fail(Category::kBadInput, where, "not a JSON object");
  const auto weight_map = index.find("weight_map");
  if (weight_map == index.end() || !weight_map->is_object() || weight_map->empty())
    fail(Category::kBadInput, where, "weight_map: expected an object of tensor names and their files");

  std::map<std::string, std::string> wanted;  // tensor -> file
  std::map<std::string, std::size_t> opened;  // file -> shard
  for (const auto& item : weight_map->items()) {
    const std::string place = fmt::format("{}: weight_map '{}'", where, item.key());
    if (!item.value().is_string())
      fail(Category::kBadInput, place, "expected a file name, found {}", json_text(item.value()));
    const auto& file_name = item.value().get_ref<const std::string&>();
    check_file_name(file_name, place);
    wanted.emplace(item.key(), file_name);
    opened.emplace(file_name, 0);
  }
  for (auto& [file_name, number] : opened) {
    number = shards_.size();
    open(file_name, cache_folder);
  }
  for (const auto& [name, file_name] : wanted) {
    const auto found = place_.find(name);
    if (found == place_.end() || found->second != opened.at(file_name))
      fail(Category::kMismatch, fmt::format("{}: tensor '{}'", where, name), "is not in {}, where the index has it{}",
           file_name, found == place_.end() ? "" : ", but in " + shards_[found->second]->file.name());
  }
  for (const auto& [name, number] : place_)
    if (!wanted.contains(name))
      fail(Category::kMismatch, fmt::format("{}: tensor '{}'", shards_[number]->file.name(), name),
           "is extra: {} does not list it", kIndex);
  const std::optional<double> total = total_size(index, where);
  if (total && *total != static_cast<double>(total_bytes()))
    fail(Category::kMismatch, where, "metadata.total_size says {} bytes, the shards hold {}", *total, total_bytes());
}

const Checkpoint::Shard& Checkpoint::shard(std::string_view name) const {
  const auto found = place_.find(name);
  if (found == place_.end()) fail(Category::kBadInput, folder_.string(), "has no tensor '{}'", name);
  return *shards_[found->second];
}

const TensorInfo& Checkpoint::info(std::string_view name) const { return shard(name).file.info(name); }
std::string Checkpoint::file(std::string_view name) const { return shard(name).file.name(); }
View Checkpoint::view(std::string_view name) const { return shard(name).file.view(name); }
std::span<const std::byte> Checkpoint::bytes(std::string_view name) const { return shard(name).file.bytes(name); }
void Checkpoint::release(std::string_view name) const { shard(name).file.release(name); }

std::string Checkpoint::source_hash(std::string_view name) const {
  const TensorInfo& tensor = info(name);
  SourceHashes& hashes = shards_[place_.find(name)->second]->hashes;
  if (auto known = hashes.find(name, tensor.offset, tensor.bytes)) return *std::move(known);
  std::string hash = hash128_hex(bytes(name));
  hashes.put(name, tensor.offset, tensor.bytes, hash);
  return hash;
}

void Checkpoint::save_hashes() const {
  for (const auto& shard : shards_) shard->hashes.save();
}

std::uint64_t Checkpoint::total_bytes() const {
  std::uint64_t sum = 0;
  for (const auto& shard : shards_)
    for (const TensorInfo& tensor : shard->file.tensors()) sum += tensor.bytes;
  return sum;
}

std::vector<std::string> Checkpoint::files() const {
  std::vector<std::string> names;
  for (const auto& shard : shards_) names.push_back(shard->file.name());
  return names;
}

}  // namespace firstlight::io
