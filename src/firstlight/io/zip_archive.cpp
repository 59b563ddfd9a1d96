// libzip behind ZipArchive.
#include "firstlight/io/zip_archive.h"

#include <zip.h>

#include "firstlight/base/error.h"

namespace firstlight::io {
namespace {

constexpr zip_int64_t kMaxEntries = 1 << 20;

// A zip_error_t whose text is freed with it.
class ZipError {
 public:
  ZipError() { zip_error_init(&error_); }
  ZipError(const ZipError&) = delete;
  ZipError& operator=(const ZipError&) = delete;
  ~ZipError() { zip_error_fini(&error_); }
  zip_error_t* get() { return &error_; }
  std::string text() { return zip_error_strerror(&error_); }

 private:
  zip_error_t error_;
};

}  // namespace

void ZipArchive::Close::operator()(::zip* archive) const { zip_discard(archive); }

ZipArchive::ZipArchive(std::span<const std::byte> bytes, std::string where) : where_(std::move(where)) {
  ZipError error;
  zip_source_t* source = zip_source_buffer_create(bytes.data(), bytes.size(), 0, error.get());
  if (source == nullptr) fail(Category::kResource, where_, "cannot open: {}", error.text());
  archive_.reset(zip_open_from_source(source, ZIP_RDONLY | ZIP_CHECKCONS, error.get()));
  if (archive_ == nullptr) {
    zip_source_free(source);
    fail(Category::kBadInput, where_, "not a zip archive, or damaged: {}", error.text());
  }
  const zip_int64_t count = zip_get_num_entries(archive_.get(), 0);
  if (count > kMaxEntries) fail(Category::kBadInput, where_, "{} zip entries; at most {} are read", count, kMaxEntries);
  for (zip_int64_t i = 0; i < count; ++i) {
    zip_stat_t info;
    constexpr zip_uint64_t kNeeded = ZIP_STAT_NAME | ZIP_STAT_SIZE | ZIP_STAT_COMP_SIZE | ZIP_STAT_COMP_METHOD;
    if (zip_stat_index(archive_.get(), static_cast<zip_uint64_t>(i), ZIP_FL_ENC_RAW, &info) != 0 ||
        (info.valid & kNeeded) != kNeeded)
      fail(Category::kBadInput, where_, "zip entry {} is damaged", i);
    const std::string name = info.name;
    if (info.comp_method != ZIP_CM_STORE ||
        ((info.valid & ZIP_STAT_ENCRYPTION_METHOD) != 0 && info.encryption_method != ZIP_EM_NONE))
      fail(Category::kUnsupported, where_, "zip entry '{}' is compressed or encrypted; only stored entries are read",
           name);
    if (info.size != info.comp_size || info.size > bytes.size())
      fail(Category::kBadInput, where_, "zip entry '{}' claims {} bytes, stored as {}, in an archive of {}", name,
           info.size, info.comp_size, bytes.size());
    if (!entries_.emplace(name, Entry{static_cast<std::uint64_t>(i), info.size}).second)
      fail(Category::kBadInput, where_, "zip entry '{}' stands twice", name);
  }
}

std::optional<std::uint64_t> ZipArchive::size(std::string_view name) const {
  const auto found = entries_.find(name);
  if (found == entries_.end()) return std::nullopt;
  return found->second.bytes;
}

std::vector<std::byte> ZipArchive::read(std::string_view name) const {
  const auto found = entries_.find(name);
  if (found == entries_.end()) fail(Category::kBadInput, where_, "has no zip entry '{}'", name);
  struct CloseFile {
    void operator()(zip_file_t* file) const { zip_fclose(file); }
  };
  const std::unique_ptr<zip_file_t, CloseFile> file(zip_fopen_index(archive_.get(), found->second.index, 0));
  if (file == nullptr)
    fail(Category::kBadInput, where_, "zip entry '{}' cannot be opened: {}", name, zip_strerror(archive_.get()));
  std::vector<std::byte> bytes(found->second.bytes);
  std::uint64_t filled = 0;
  while (filled < bytes.size()) {
    const zip_int64_t count = zip_fread(file.get(), bytes.data() + filled, bytes.size() - filled);
    if (count <= 0)
      fail(Category::kBadInput, where_, "zip entry '{}' is damaged: {}", name, zip_file_strerror(file.get()));
    filled += static_cast<std::uint64_t>(count);
  }
  std::byte beyond{};  // the read that finds the end is the one that compares the CRC
  if (zip_fread(file.get(), &beyond, 1) != 0)
    fail(Category::kBadInput, where_, "zip entry '{}' is damaged: {}", name, zip_file_strerror(file.get()));
  return bytes;
}

std::vector<std::byte> write_zip(const std::vector<std::pair<std::string, std::span<const std::byte>>>& entries) {
  ZipError error;
  zip_source_t* target = zip_source_buffer_create(nullptr, 0, 0, error.get());
  if (target == nullptr) fail(Category::kResource, "zip", "{}", error.text());
  zip_source_keep(target);  // zip_close gives up its own reference, ours is read afterwards
  const std::unique_ptr<zip_source_t, decltype(&zip_source_free)> kept(target, &zip_source_free);
  zip_t* archive = zip_open_from_source(target, ZIP_TRUNCATE, error.get());
  if (archive == nullptr) {
    zip_source_free(target);
    fail(Category::kResource, "zip", "{}", error.text());
  }
  const auto give_up = [&](std::string_view name) {
    const std::string text = zip_strerror(archive);
    zip_discard(archive);
    fail(Category::kResource, "zip", "cannot write entry '{}': {}", name, text);
  };
  for (const auto& [name, bytes] : entries) {
    zip_source_t* source = zip_source_buffer(archive, bytes.data(), bytes.size(), 0);
    if (source == nullptr) give_up(name);
    const zip_int64_t index = zip_file_add(archive, name.c_str(), source, ZIP_FL_ENC_UTF_8);
    if (index < 0) {
      zip_source_free(source);
      give_up(name);
    }
    const auto entry = static_cast<zip_uint64_t>(index);
    constexpr zip_uint16_t kJanuary1980 = (1 << 5) | 1;
    if (zip_set_file_compression(archive, entry, ZIP_CM_STORE, 0) != 0 ||
        zip_file_set_dostime(archive, entry, 0, kJanuary1980, 0) != 0)
      give_up(name);
  }
  if (zip_close(archive) != 0) give_up("the end");
  if (zip_source_open(target) != 0) fail(Category::kResource, "zip", "cannot read back the archive");
  zip_stat_t info;
  std::vector<std::byte> bytes;
  if (zip_source_stat(target, &info) == 0 && (info.valid & ZIP_STAT_SIZE) != 0) bytes.resize(info.size);
  const zip_int64_t count = zip_source_read(target, bytes.data(), bytes.size());
  zip_source_close(target);
  if (bytes.empty() || count != static_cast<zip_int64_t>(bytes.size()))
    fail(Category::kResource, "zip", "cannot read back the archive");
  return bytes;
}

}  // namespace firstlight::io
