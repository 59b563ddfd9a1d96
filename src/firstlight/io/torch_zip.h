// Files of torch.save: a zip archive with a pickle that describes tensors and one stored entry for each storage.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "firstlight/base/mmap.h"
#include "firstlight/format/format.h"
#include "firstlight/io/zip_archive.h"
#include "firstlight/tensor/tensor.h"

namespace firstlight::io {

struct TorchTensor {
  std::string storage_type;      // as the pickle names it: "torch.LongStorage"
  std::optional<Format> format;  // absent: a known type that no View can read
  int element_bytes = 0;
  Shape shape;
  std::vector<std::int64_t> strides;  // in elements, none negative
  std::int64_t offset = 0;            // in elements of its storage
  std::string storage;                // the key of its storage: entry "<root>/data/<key>"
};

// A dict of tensors as saved by torch.save (zip form, PyTorch 1.6 and later). The pickle is data: the only names it may
// mention are those of tensors, parameters, storages and OrderedDict. Nested dicts and lists are flattened to dotted
// names.
class TorchZip {
 public:
  // Maps a file. Throws kBadInput, kUnsupported (another global, compressed entries, big-endian data) or kResource.
  explicit TorchZip(const std::filesystem::path& path);
  // Reads bytes that the caller keeps; `name` stands for the path in errors.
  TorchZip(std::span<const std::byte> bytes, std::string name);

  const std::map<std::string, TorchTensor, std::less<>>& tensors() const { return tensors_; }
  // Values that are no tensors ("epoch"), which are not kept.
  const std::vector<std::string>& other_values() const { return other_values_; }
  // A contiguous copy. Throws kBadInput when there is no such tensor or its storage is damaged, kUnsupported for a type
  // without a format.
  HostTensor read(std::string_view name) const;
  const std::string& name() const { return name_; }

 private:
  void load();

  MappedFile file_;
  std::string name_;
  ZipArchive zip_;
  std::string root_;  // the folder within the archive
  std::map<std::string, TorchTensor, std::less<>> tensors_;
  std::vector<std::string> other_values_;
};

// Writes contiguous host views as a dict that torch.load(weights_only=True) reads. The same views give the same bytes.
void write_torch_zip(const std::filesystem::path& path, const std::vector<std::pair<std::string, View>>& tensors);

}  // namespace firstlight::io
