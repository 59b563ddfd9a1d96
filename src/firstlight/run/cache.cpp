// Reading and writing cache entries.
#include "firstlight/run/cache.h"

#include <algorithm>
#include <array>
#include <bit>
#include <chrono>
#include <cstring>
#include <vector>

#include "firstlight/base/error.h"
#include "firstlight/base/file.h"
#include "firstlight/base/hash.h"

namespace firstlight::run {
namespace {

static_assert(std::endian::native == std::endian::little);

constexpr std::array<char, 8> kMagic{'F', 'L', 'W', 'E', 'I', 'G', 'H', 'T'};
constexpr std::uint32_t kVersion = 1;
constexpr std::size_t kHashedFrom = 16;
constexpr std::size_t kPage = 4096;
constexpr std::size_t kMaxKeyBytes = std::size_t{1} << 20;
// A temporary file of this age has no writer any more: a weight takes seconds.
constexpr auto kStale = std::chrono::hours(1);

struct Header {
  std::array<char, 8> magic = kMagic;
  std::uint64_t hash = 0;
  std::uint32_t version = kVersion;
  std::uint32_t key_bytes = 0;
  std::uint64_t data_bytes = 0;
  std::uint64_t blocks = 0;
  std::uint64_t data_offset = 0;
};
static_assert(sizeof(Header) == 48);

std::size_t up(std::size_t value, std::size_t multiple) { return (value + multiple - 1) / multiple * multiple; }
std::size_t block_count(std::size_t bytes) { return (bytes + kCacheBlockBytes - 1) / kCacheBlockBytes; }
std::size_t table_offset(std::size_t key_bytes) { return up(sizeof(Header) + key_bytes, 8); }

std::span<const std::byte> block_of(std::span<const std::byte> data, std::size_t block) {
  const std::size_t begin = block * kCacheBlockBytes;
  return data.subspan(begin, std::min(kCacheBlockBytes, data.size() - begin));
}

}  // namespace

CacheEntry::CacheEntry(const std::filesystem::path& path, std::string_view key, std::size_t bytes) : file_(path) {
  const std::span<const std::byte> all = file_.bytes();
  const auto damaged = [&](std::string_view what) { fail(Category::kBadInput, path.string(), "{}", what); };
  Header header;
  if (all.size() < sizeof(header)) damaged("shorter than a header");
  std::memcpy(&header, all.data(), sizeof(header));
  if (header.magic != kMagic) damaged("not a weight cache file");
  if (header.data_offset < sizeof(header) || header.data_offset > all.size())
    damaged("the header is damaged or cut off");
  if (hash64(all.subspan(kHashedFrom, header.data_offset - kHashedFrom)) != header.hash)
    damaged("the header is damaged");
  // From here on the header is what some writer wrote.
  if (header.version != kVersion) damaged("of another version");
  table_offset_ = table_offset(header.key_bytes);
  data_offset_ = header.data_offset;
  blocks_ = header.blocks;
  if (header.key_bytes > kMaxKeyBytes || header.data_bytes != bytes || blocks_ != block_count(bytes) ||
      data_offset_ != up(table_offset_ + 8 * blocks_, kPage))
    damaged("of another weight");
  if (std::string_view(reinterpret_cast<const char*>(all.data()) + sizeof(header), header.key_bytes) != key)
    damaged("of another key");
  if (all.size() - data_offset_ != bytes) damaged("cut off, or too long");
}

std::span<const std::byte> CacheEntry::data() const { return file_.bytes().subspan(data_offset_); }

bool CacheEntry::verify(std::size_t block) const {
  std::uint64_t expected = 0;
  std::memcpy(&expected, file_.bytes().data() + table_offset_ + 8 * block, 8);
  return hash64(block_of(data(), block)) == expected;
}

WeightCache::WeightCache(std::filesystem::path folder) : folder_(std::move(folder)) {
  std::error_code error;
  std::filesystem::create_directories(folder_, error);
  if (error)
    fail(Category::kResource, folder_.string(),
         "the weight cache cannot be written ({}); cache folder \"none\" goes without", error.message());
  const auto now = std::filesystem::file_time_type::clock::now();
  for (std::filesystem::recursive_directory_iterator file(folder_, error), end; !error && file != end;
       file.increment(error)) {
    std::error_code ignored;
    if (file->path().extension() == ".tmp" && now - file->last_write_time(ignored) > kStale)
      std::filesystem::remove(file->path(), ignored);
  }
}

std::filesystem::path WeightCache::path(const std::string& key) const {
  const std::string hash = hash128_hex(key);
  return folder_ / hash.substr(0, 2) / (hash + ".weight");  // 256 folders, so that none grows long
}

std::unique_ptr<CacheEntry> WeightCache::find(const std::string& key, std::size_t bytes, std::string& damage) const {
  const std::filesystem::path file = path(key);
  std::error_code ignored;
  if (!std::filesystem::exists(file, ignored)) return nullptr;
  try {
    return std::make_unique<CacheEntry>(file, key, bytes);
  } catch (const Error& error) {
    damage = error.what();
    return nullptr;
  }
}

void WeightCache::put(const std::string& key, std::span<const std::byte> data, Executor& executor) const {
  Header header;
  header.key_bytes = static_cast<std::uint32_t>(key.size());
  FL_CHECK(key.size() <= kMaxKeyBytes);
  header.data_bytes = data.size();
  header.blocks = block_count(data.size());
  const std::size_t table = table_offset(key.size());
  header.data_offset = up(table + 8 * header.blocks, kPage);

  std::vector<std::byte> head(header.data_offset);
  std::memcpy(head.data() + sizeof(header), key.data(), key.size());
  executor.parallel_for(static_cast<std::int64_t>(header.blocks), 1, [&](std::int64_t begin, std::int64_t end, int) {
    for (std::int64_t block = begin; block < end; ++block) {
      const std::uint64_t hash = hash64(block_of(data, static_cast<std::size_t>(block)));
      std::memcpy(head.data() + table + 8 * static_cast<std::size_t>(block), &hash, 8);
    }
  });
  std::memcpy(head.data(), &header, sizeof(header));
  header.hash = hash64(std::span(head).subspan(kHashedFrom));
  std::memcpy(head.data(), &header, sizeof(header));

  // Not waiting for the disk: what a loss of power cuts off, the hashes tell.
  AtomicFile file(path(key), Flush::kNone);
  file.write(head);
  file.write(data);
  file.commit();
}

}  // namespace firstlight::run
