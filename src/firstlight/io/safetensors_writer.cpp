// Writing a safetensors file: the header from the declarations, then the tensors as they come.
#include <set>
#include <utility>

#include "firstlight/base/error.h"
#include "firstlight/base/file.h"
#include "firstlight/base/json.h"
#include "firstlight/io/dtype.h"
#include "firstlight/io/safetensors.h"

namespace firstlight::io {
namespace {

std::uint64_t bytes_of(const SafetensorsWriter::Declaration& tensor) {
  return static_cast<std::uint64_t>(tensor.shape.elements()) *
         static_cast<std::uint64_t>(find_dtype(tensor.format)->bits / 8);
}

}  // namespace

SafetensorsWriter::SafetensorsWriter(const std::filesystem::path& path, std::vector<Declaration> tensors,
                                     const std::map<std::string, std::string>& metadata)
    : path_(path.string()), tensors_(std::move(tensors)) {
  Json header = Json::object();
  auto& members = header.get_ref<Json::object_t&>();  // appended: inserting would search all members each time
  if (!metadata.empty()) members.emplace_back("__metadata__", metadata);
  std::set<std::string_view> names;
  std::uint64_t offset = 0;
  for (const Declaration& tensor : tensors_) {
    if (tensor.name == "__metadata__" || !names.insert(tensor.name).second)
      fail(Category::kUsage, where(tensor.name), "the name is taken");
    const Dtype* dtype = find_dtype(tensor.format);
    if (dtype == nullptr)
      fail(Category::kUnsupported, where(tensor.name), "safetensors cannot hold format {}", format_name(tensor.format));
    const std::uint64_t end = offset + bytes_of(tensor);
    Json entry = {{"dtype", dtype->name}, {"shape", Json::array()}, {"data_offsets", {offset, end}}};
    for (const std::int64_t dim : tensor.shape.dims()) entry["shape"].push_back(dim);
    members.emplace_back(tensor.name, std::move(entry));
    offset = end;
  }
  std::string text;
  try {
    text = header.dump();
  } catch (const Json::exception& error) {
    fail(Category::kUsage, path_, "a name or metadata is not UTF-8: {}", error.what());
  }
  text.resize((text.size() + 7) / 8 * 8, ' ');  // the data begins at a multiple of 8
  const std::uint64_t length = text.size();
  file_ = std::make_unique<AtomicFile>(path);
  file_->write(std::as_bytes(std::span(&length, 1)));
  file_->write(text);
}

SafetensorsWriter::~SafetensorsWriter() = default;

std::string SafetensorsWriter::where(std::string_view name) const {
  return fmt::format("{}: tensor '{}'", path_, name);
}

void SafetensorsWriter::write(std::string_view name, std::span<const std::byte> bytes) {
  // Whole tensors, empty ones among them, are left behind when the next one is named.
  while (current_ < tensors_.size() && tensors_[current_].name != name &&
         current_bytes_ == bytes_of(tensors_[current_])) {
    ++current_;
    current_bytes_ = 0;
  }
  if (current_ == tensors_.size() || tensors_[current_].name != name)
    fail(Category::kUsage, where(name), "not declared, or out of order: expected '{}'",
         current_ == tensors_.size() ? "the end" : tensors_[current_].name);
  const std::uint64_t size = bytes_of(tensors_[current_]);
  if (bytes.size() > size - current_bytes_)
    fail(Category::kUsage, where(name), "declared with {} bytes, given {}", size, current_bytes_ + bytes.size());
  file_->write(bytes);
  current_bytes_ += bytes.size();
}

void SafetensorsWriter::write(std::string_view name, const View& view) {
  if (!view.contiguous() || view.layout != Layout::kRowMajor)
    fail(Category::kUsage, where(name), "only contiguous row-major views can be written");
  write(name, std::span<const std::byte>());  // moves on to the tensor
  const Declaration& declared = tensors_[current_];
  if (declared.format != view.format || !(declared.shape == view.shape))
    fail(Category::kUsage, where(name), "declared as {} {}, given {} {}", format_name(declared.format),
         declared.shape.str(), format_name(view.format), view.shape.str());
  write(name, std::span<const std::byte>(view.data, bytes_of(declared)));
}

void SafetensorsWriter::finish() {
  while (current_ < tensors_.size() && current_bytes_ == bytes_of(tensors_[current_])) {
    ++current_;
    current_bytes_ = 0;
  }
  if (current_ < tensors_.size())
    fail(Category::kUsage, where(tensors_[current_].name), "finished with {} of its {} bytes written", current_bytes_,
         bytes_of(tensors_[current_]));
  file_->commit();
}

}  // namespace firstlight::io
