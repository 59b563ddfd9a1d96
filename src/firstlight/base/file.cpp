// Reading whole files; temporary name, fsync, rename for writing.
#include "firstlight/base/file.h"

#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <fstream>

#include "firstlight/base/error.h"

namespace firstlight {

std::string read_text_file(const std::filesystem::path& path, std::size_t max_bytes) {
  std::error_code error;
  const auto status = std::filesystem::status(path, error);
  if (!std::filesystem::exists(status)) fail(Category::kBadInput, path.string(), "no such file");
  if (!std::filesystem::is_regular_file(status)) fail(Category::kBadInput, path.string(), "not a regular file");
  const std::uintmax_t size = std::filesystem::file_size(path, error);
  if (error) fail(Category::kBadInput, path.string(), "cannot read: {}", error.message());
  if (size > max_bytes)
    fail(Category::kBadInput, path.string(), "{} bytes; files of this kind have at most {}", size, max_bytes);
  std::ifstream stream(path, std::ios::binary);
  std::string text(static_cast<std::size_t>(size), '\0');
  if (!stream.read(text.data(), static_cast<std::streamsize>(size)) && size > 0)
    fail(Category::kBadInput, path.string(), "cannot read: {}", std::strerror(errno));
  return text;
}

AtomicFile::AtomicFile(std::filesystem::path path, Flush flush) : path_(std::move(path)), flush_(flush) {
  static std::atomic<unsigned> counter{0};
  if (path_.has_parent_path()) {
    std::error_code error;
    std::filesystem::create_directories(path_.parent_path(), error);
    if (error) fail(Category::kResource, path_.parent_path().string(), "cannot create: {}", error.message());
  }
  temporary_ = path_;
  temporary_ += fmt::format(".{}.{}.tmp", ::getpid(), counter.fetch_add(1));
  file_ = std::fopen(temporary_.c_str(), "wb");
  if (file_ == nullptr) fail(Category::kResource, path_.string(), "cannot write: {}", std::strerror(errno));
}

AtomicFile::~AtomicFile() {
  if (file_ != nullptr) {
    std::fclose(file_);
    ::unlink(temporary_.c_str());
  }
}

void AtomicFile::write(std::span<const std::byte> bytes) {
  FL_CHECK(file_ != nullptr);
  if (bytes.empty()) return;
  if (std::fwrite(bytes.data(), 1, bytes.size(), file_) != bytes.size())
    fail(Category::kResource, path_.string(), "cannot write: {}", std::strerror(errno));
}

void AtomicFile::write(std::string_view text) { write(std::as_bytes(std::span(text.data(), text.size()))); }

void AtomicFile::commit() {
  FL_CHECK(file_ != nullptr);
  const bool flushed = std::fflush(file_) == 0 && (flush_ == Flush::kNone || ::fsync(::fileno(file_)) == 0);
  const int error = errno;
  const bool closed = std::fclose(file_) == 0;
  file_ = nullptr;
  if (!flushed || !closed) {
    ::unlink(temporary_.c_str());
    fail(Category::kResource, path_.string(), "cannot write: {}", std::strerror(error));
  }
  if (std::rename(temporary_.c_str(), path_.c_str()) != 0) {
    const int rename_error = errno;
    ::unlink(temporary_.c_str());
    fail(Category::kResource, path_.string(), "cannot rename into place: {}", std::strerror(rename_error));
  }
}

void write_text_file(const std::filesystem::path& path, std::string_view text) {
  AtomicFile file(path);
  file.write(text);
  file.commit();
}

}  // namespace firstlight
