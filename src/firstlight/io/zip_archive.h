// Zip archives of stored (uncompressed) entries, through libzip: read from memory, written to memory.
#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

struct zip;

namespace firstlight::io {

// Every entry is checked on opening: stored, not encrypted, its name used once, and no larger than the archive. So no
// archive can unpack to more than it occupies.
class ZipArchive {
 public:
  // `bytes` must outlive the archive; `where` names it in errors. Throws kBadInput or kUnsupported.
  ZipArchive(std::span<const std::byte> bytes, std::string where);

  struct Entry {
    std::uint64_t index;
    std::uint64_t bytes;
  };
  const std::map<std::string, Entry, std::less<>>& entries() const { return entries_; }
  std::optional<std::uint64_t> size(std::string_view name) const;
  // The whole entry, its CRC checked. Throws kBadInput when it is absent or damaged.
  std::vector<std::byte> read(std::string_view name) const;
  const std::string& where() const { return where_; }

 private:
  struct Close {
    void operator()(::zip* archive) const;
  };
  std::string where_;
  std::unique_ptr<::zip, Close> archive_;
  std::map<std::string, Entry, std::less<>> entries_;
};

// An archive of stored entries in the given order, dated 1980: the same entries give the same bytes.
std::vector<std::byte> write_zip(const std::vector<std::pair<std::string, std::span<const std::byte>>>& entries);

}  // namespace firstlight::io
