// Group names, layer indices and glob patterns.
#include "firstlight/run/key.h"

#include <algorithm>
#include <charconv>

namespace firstlight::run {
namespace {

struct GroupRow {
  Group id;
  std::string_view name;
  std::string_view stack_name;  // the enumerator's name in the stack's decoder files, "" where it has none
};

constexpr GroupRow kGroups[] = {
    {Group::kWqkv, "wqkv", "WQKV"},
    {Group::kWo, "wo", "WO"},
    {Group::kFf1_3, "ff1_3", "FF1_FF3"},
    {Group::kFf2, "ff2", "FF2"},
    {Group::kKvCache, "kv_cache", "KV_CACHE"},
    {Group::kActivation, "activation", "ACTIVATION"},
    {Group::kLmHead, "lm_head", ""},
    {Group::kEmbedding, "embedding", ""},
    {Group::kVector, "vector", ""},
};

// The first segment of `rest`, which is cut off it.
std::string_view next_segment(std::string_view& rest) {
  const std::size_t dot = rest.find('.');
  const std::string_view segment = rest.substr(0, dot);
  rest = dot == std::string_view::npos ? std::string_view() : rest.substr(dot + 1);
  return segment;
}

std::optional<int> number(std::string_view text) {
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || text.front() == '-') return std::nullopt;
  return value;
}

}  // namespace

std::string_view group_name(Group group) { return kGroups[static_cast<std::size_t>(group)].name; }

std::optional<Group> find_group(std::string_view name) {
  for (const GroupRow& group : kGroups)
    if (name == group.name || (!name.empty() && name == group.stack_name)) return group.id;
  return std::nullopt;
}

std::optional<int> layer_of(std::string_view key) {
  bool in_list = false;  // the segment before names a list of layers
  while (!key.empty()) {
    const std::string_view segment = next_segment(key);
    if (in_list && !segment.empty())
      if (const std::optional<int> index = number(segment)) return index;
    in_list = segment == "layers" || segment == "h" || segment == "blocks";
  }
  return std::nullopt;
}

bool matches(std::string_view pattern, std::string_view key) {
  // After a '*' only the last one has to be tried again: an earlier one could take no more than it already has.
  std::size_t p = 0;
  std::size_t k = 0;
  std::size_t star = std::string_view::npos;
  std::size_t resume = 0;
  while (k < key.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      resume = k;
    } else if (p < pattern.size() && (pattern[p] == '?' || pattern[p] == key[k])) {
      ++p;
      ++k;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      k = ++resume;
    } else {
      return false;
    }
  }
  return std::ranges::all_of(pattern.substr(p), [](char c) { return c == '*'; });
}

}  // namespace firstlight::run
