// Whole files: read with a size limit, written under a temporary name and renamed into place.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>

namespace firstlight {

// Reads a text file whole. Throws kBadInput when it is missing, not a regular file or larger than `max_bytes`.
std::string read_text_file(const std::filesystem::path& path, std::size_t max_bytes = std::size_t{256} << 20);

// Whether commit() waits until the bytes are on the disk. Without, a loss of power may leave a file cut off or empty
// under its final name: only for files that can be told damaged and made again. A killed process loses nothing.
enum class Flush : std::uint8_t { kToDisk, kNone };

// A file that appears under its final name only when commit() has returned: written beside it under a temporary name,
// flushed, then renamed. Destroyed without commit, it leaves nothing. Throws kResource on any write error.
class AtomicFile {
 public:
  explicit AtomicFile(std::filesystem::path path, Flush flush = Flush::kToDisk);
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
  Flush flush_;
};

void write_text_file(const std::filesystem::path& path, std::string_view text);

}  // namespace firstlight
