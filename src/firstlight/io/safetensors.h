// safetensors: an 8-byte little-endian header length, a JSON header, then the tensors' bytes without gaps.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "firstlight/base/mmap.h"
#include "firstlight/format/format.h"
#include "firstlight/tensor/view.h"

namespace firstlight {
class AtomicFile;
}

namespace firstlight::io {

struct TensorInfo {
  std::string name;
  std::string dtype;             // as the file spells it: "BF16"
  std::optional<Format> format;  // absent: a known dtype that no View can read
  Shape shape;
  std::uint64_t offset = 0;  // of its first byte from the start of the file
  std::uint64_t bytes = 0;
};

// A file read where it lies. Everything the header says is checked on opening: what it lists covers the data exactly.
class SafetensorsFile {
 public:
  // Maps a file. Throws kBadInput, kUnsupported (a dtype or a rank that is not known) or kResource.
  explicit SafetensorsFile(const std::filesystem::path& path);
  // Reads bytes that the caller keeps; `name` stands for the path in errors.
  static SafetensorsFile parse(std::span<const std::byte> bytes, std::string name);

  // In the order of their bytes in the file.
  std::span<const TensorInfo> tensors() const { return tensors_; }
  bool has(std::string_view name) const { return find(name) != nullptr; }
  // Throws kBadInput when there is no such tensor.
  const TensorInfo& info(std::string_view name) const;
  std::span<const std::byte> bytes(std::string_view name) const;
  // The tensor where it lies. Its address is as the file has it, which may not be a multiple of the element's size:
  // decode rows (they copy), or copy before reading through a typed pointer. Throws kUnsupported for a dtype without a
  // format.
  View view(std::string_view name) const;
  // Tells the kernel that this tensor's pages will not be read again soon.
  void release(std::string_view name) const;

  const std::map<std::string, std::string>& metadata() const { return metadata_; }
  const std::string& name() const { return name_; }

 private:
  SafetensorsFile() = default;
  void read_header();
  const TensorInfo* find(std::string_view name) const;

  MappedFile file_;
  std::span<const std::byte> bytes_;
  std::string name_;
  std::vector<TensorInfo> tensors_;
  std::map<std::string, std::size_t, std::less<>> index_;  // name -> place in tensors_
  std::map<std::string, std::string> metadata_;
};

// Writes a file tensor by tensor, in the order declared; the same calls give the same bytes. The file appears under its
// name when finish() returns.
class SafetensorsWriter {
 public:
  struct Declaration {
    std::string name;
    Format format;
    Shape shape;
  };

  // Throws kUnsupported for a block format, kUsage for a name that stands twice, kResource when the disk refuses.
  SafetensorsWriter(const std::filesystem::path& path, std::vector<Declaration> tensors,
                    const std::map<std::string, std::string>& metadata = {});
  ~SafetensorsWriter();

  // The bytes of the next declared tensor, row-major; they may come in several calls, never across two tensors.
  void write(std::string_view name, std::span<const std::byte> bytes);
  // The values of a whole contiguous view of the declared format and shape.
  void write(std::string_view name, const View& view);
  void finish();

 private:
  std::string where(std::string_view name) const;

  std::string path_;
  std::vector<Declaration> tensors_;
  std::unique_ptr<AtomicFile> file_;
  std::size_t current_ = 0;          // the tensor being written
  std::uint64_t current_bytes_ = 0;  // of it, so far
};

}  // namespace firstlight::io
