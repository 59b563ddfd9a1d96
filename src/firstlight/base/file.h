// Whole files: read with a size limit, written under a temporary name and renamed into place.
#pragma once

#include <cstddef>
#include <cstdio>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>

namespace firstlight {

// Reads a text file whole. Throws kBadInput when it is missing, not a regular file or larger than `max_bytes`.
std::string read_text_file(const std::filesystem::path& path, std::size_t max_bytes = std::size_t{256} << 20);

// A file that appears under its final name only when commit() has returned: written beside it under a temporary name,
// flushed, then renamed. Destroyed without commit, it leaves nothing. Throws kResource on any write error.
class AtomicFile {
 public:
  explicit AtomicFile(std::filesystem::path path);
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;
  ~AtomicFile();

  void write(std::span<const std::byte> bytes);
  void write(std::string_view text);
  void commit();

 private:
  std::filesystem::path path_;
  std::filesystem::path temporary_;
  std::FILE* file_ = nullptr;
};

void write_text_file(const std::filesystem::path& path, std::string_view text);

}  // namespace firstlight
