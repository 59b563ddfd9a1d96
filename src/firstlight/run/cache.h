// The weight cache: one file for each packed weight, found by what went into it. Internal to run.
//
// A file a weight, and not one for a model: policies that differ in a few groups share the rest, so a search over
// policies packs and stores only what changes, and damage costs one weight.
//
//   offset 0    magic "FLWEIGHT"
//          8    XXH3-64 of the bytes [16, data offset)
//         16    version u32, length of the key text u32, data bytes u64, blocks u64, data offset u64
//         48    key text, zeros up to a multiple of 8, XXH3-64 of every 1 MiB block of data, zeros up to 4096
//  data offset  the packed bytes, up to the end of the file
// Numbers are little-endian. Every bit of a file stands under one of the hashes, is one of them, or is the magic; the
// file's own length must be what the header says.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "firstlight/base/mmap.h"
#include "firstlight/base/threads.h"

namespace firstlight::run {

inline constexpr std::size_t kCacheBlockBytes = std::size_t{1} << 20;

// An entry that lies mapped. Its data is not verified until verify() has looked at each of its blocks.
class CacheEntry {
 public:
  // Checks the header against `key` and the size. Throws kBadInput saying what is wrong.
  CacheEntry(const std::filesystem::path& path, std::string_view key, std::size_t bytes);

  std::span<const std::byte> data() const;
  std::size_t blocks() const { return blocks_; }
  // Begins reading what is not in memory yet.
  void prefetch() const { file_.prefetch(); }
  // Whether a block's bytes are the ones that were written. May be called from several threads.
  bool verify(std::size_t block) const;
  const std::filesystem::path& path() const { return file_.path(); }

 private:
  MappedFile file_;
  std::size_t blocks_ = 0;
  std::size_t table_offset_ = 0;
  std::size_t data_offset_ = 0;
};

class WeightCache {
 public:
  // Makes the folder and removes what writers that were killed have left. Throws kResource.
  explicit WeightCache(std::filesystem::path folder);

  // Null when there is no such entry; `damage` says what is wrong with one that cannot be used (its header; the data
  // is verified by the caller).
  std::unique_ptr<CacheEntry> find(const std::string& key, std::size_t bytes, std::string& damage) const;
  // Publishes an entry by rename, over one that may be there. Throws kResource.
  void put(const std::string& key, std::span<const std::byte> data, Executor& executor) const;
  std::filesystem::path path(const std::string& key) const;

 private:
  std::filesystem::path folder_;
};

}  // namespace firstlight::run
