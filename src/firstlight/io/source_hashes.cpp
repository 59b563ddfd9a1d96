// Table format: JSON lines. The first names the file and its state, one line a tensor follows, the last line holds the
// hash of everything before it.
#include "firstlight/io/source_hashes.h"

#include <sys/stat.h>

#include <algorithm>

#include "firstlight/base/error.h"
#include "firstlight/base/file.h"
#include "firstlight/base/hash.h"
#include "firstlight/base/json.h"

namespace firstlight::io {
namespace {

constexpr int kVersion = 1;

std::string state_line(const std::filesystem::path& source) {
  struct stat info {};
  if (::stat(source.c_str(), &info) != 0) fail(Category::kBadInput, source.string(), "cannot be examined");
  const Json state = {
      {"version", kVersion},
      {"path", source.string()},
      {"size", static_cast<std::int64_t>(info.st_size)},
      {"mtime_ns", static_cast<std::int64_t>(info.st_mtim.tv_sec) * 1'000'000'000 + info.st_mtim.tv_nsec},
      {"inode", static_cast<std::uint64_t>(info.st_ino)}};
  return json_text(state) + "\n";
}

bool is_hash(const std::string& text) {
  return text.size() == 32 &&
         std::ranges::all_of(text, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

}  // namespace

SourceHashes::SourceHashes(const std::filesystem::path& source, const std::optional<std::filesystem::path>& folder) {
  if (!folder) return;
  const std::filesystem::path whole = std::filesystem::absolute(source).lexically_normal();
  state_ = state_line(whole);
  table_ = *folder / ("source-" + hash128_hex(whole.string()) + ".jsonl");
  try {
    load();
  } catch (const Error&) {
    entries_.clear();  // a table is only a memory: what cannot be read is computed again
  }
}

void SourceHashes::load() {
  const std::string text = read_text_file(table_);
  if (!text.starts_with(state_) || !text.ends_with('\n')) return;
  const std::size_t last_line = text.rfind('\n', text.size() - 2) + 1;
  const std::string_view body(text.data(), last_line);
  const Json check = parse_json(std::string_view(text).substr(last_line), table_.string());
  if (check != Json({{"check", hash128_hex(body)}})) return;
  for (std::size_t begin = state_.size(); begin < body.size();) {
    const std::size_t end = body.find('\n', begin);
    const Json line = parse_json(body.substr(begin, end - begin), table_.string());
    begin = end + 1;
    // [name, offset, bytes, hash]
    if (!line.is_array() || line.size() != 4 || !line[0].is_string() || !line[1].is_number_unsigned() ||
        !line[2].is_number_unsigned() || !line[3].is_string() || !is_hash(line[3].get_ref<const std::string&>()))
      fail(Category::kBadInput, table_.string(), "not an entry");
    entries_.insert_or_assign(
        line[0].get<std::string>(),
        Entry{line[1].get<std::uint64_t>(), line[2].get<std::uint64_t>(), line[3].get<std::string>()});
  }
}

std::optional<std::string> SourceHashes::find(std::string_view tensor, std::uint64_t offset,
                                              std::uint64_t bytes) const {
  const std::lock_guard lock(mutex_);
  const auto found = entries_.find(tensor);
  if (found == entries_.end() || found->second.offset != offset || found->second.bytes != bytes) return std::nullopt;
  return found->second.hash;
}

void SourceHashes::put(std::string_view tensor, std::uint64_t offset, std::uint64_t bytes, std::string hash) {
  const std::lock_guard lock(mutex_);
  entries_.insert_or_assign(std::string(tensor), Entry{offset, bytes, std::move(hash)});
  changed_ = true;
}

void SourceHashes::save() {
  const std::lock_guard lock(mutex_);
  if (table_.empty() || !changed_) return;
  std::string text = state_;
  for (const auto& [name, entry] : entries_)
    text += json_text(Json({name, entry.offset, entry.bytes, entry.hash})) + "\n";
  text += json_text(Json({{"check", hash128_hex(text)}})) + "\n";
  write_text_file(table_, text);
  changed_ = false;
}

}  // namespace firstlight::io
