// A file mapped read-only: checkpoints and caches are read where they lie.
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>

namespace firstlight {

class MappedFile {
 public:
  MappedFile() = default;
  // Maps the whole file. Throws kBadInput when it cannot be opened or is not a regular file.
  explicit MappedFile(const std::filesystem::path& path);
  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&& other) noexcept;
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;
  ~MappedFile();

  std::span<const std::byte> bytes() const { return {data_, size_}; }
  const std::filesystem::path& path() const { return path_; }

  // Tells the kernel that the whole file will be read soon: it begins reading what is not in memory.
  void prefetch() const;
  // Tells the kernel that the pages of [offset, offset + length) will not be read again soon.
  void release(std::size_t offset, std::size_t length) const;

 private:
  const std::byte* data_ = nullptr;
  std::size_t size_ = 0;
  std::filesystem::path path_;
};

}  // namespace firstlight
