// Hashes of tensors in a file that has not changed, remembered on disk: reading 100 GB again only to name it is waste.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

namespace firstlight::io {

// The hashes of one source file. They hold while its path, size, modification time and inode are those of the table.
class SourceHashes {
 public:
  // Loads the table of `source` from `folder`; without a folder nothing is kept. A table that is absent, damaged or of
  // another state of the file counts as empty.
  SourceHashes(const std::filesystem::path& source, const std::optional<std::filesystem::path>& folder);

  // Both may be called from several threads.
  std::optional<std::string> find(std::string_view tensor, std::uint64_t offset, std::uint64_t bytes) const;
  void put(std::string_view tensor, std::uint64_t offset, std::uint64_t bytes, std::string hash);
  // Publishes the table by rename when it holds anything new. Throws kResource.
  void save();

  // Where the table lies; empty when it is not kept.
  const std::filesystem::path& path() const { return table_; }

 private:
  struct Entry {
    std::uint64_t offset;
    std::uint64_t bytes;
    std::string hash;
  };
  void load();

  std::string state_;  // one JSON line: the file and its state, the first line of the table
  std::filesystem::path table_;
  mutable std::mutex mutex_;
  std::map<std::string, Entry, std::less<>> entries_;
  bool changed_ = false;
};

}  // namespace firstlight::io
