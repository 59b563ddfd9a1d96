// The words of policies: formats, groups, op groups, kernel settings.
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <vector>

#include "firstlight/run/policy_read.h"

namespace firstlight::run {
namespace {

// A value and its enumerator's name in the stack's decoder files (docs/policies.md).
struct Word {
  std::string_view value;
  std::string_view stack_name;
};

constexpr Word kOpGroups[] = {
    {"li_ff1_3", "LI_FF1_FF3"},         {"li_ff2", "LI_FF2"},
    {"li_qkv_decode", "LI_QKV_DECODE"}, {"li_o_decode", "LI_O_DECODE"},
    {"sdpa_decode", "SDPA_DECODE"},     {"li_qkv_prefill", "LI_QKV_PREFILL"},
    {"li_o_prefill", "LI_O_PREFILL"},   {"sdpa_prefill", "SDPA_PREFILL"},
    {"accuracy", "ACCURACY"},
};
// Of our own files only: the op group of the last linear, and the setting of 8-bit inputs (a host's kernels).
constexpr std::string_view kHeadOpGroup = "li_lm_head";
constexpr std::string_view kHostSetting = "int8";

constexpr Word kSettings[] = {
    {"lofi", "LOFI"},   {"hifi2", "HIFI2"},          {"hifi2na", "HIFI2_NA"}, {"hifi2fp16", "HIFI2_FP16"},
    {"hifi4", "HIFI4"}, {"hifi4fp32", "HIFI4_FP32"},
};

constexpr Word kStackFormats[] = {{"bfp4", "BFP4"}, {"bfp8", "BFP8"}, {"bf16", "BF16"}};

template <std::size_t n>
std::optional<std::string_view> find_word(const Word (&words)[n], std::string_view text) {
  for (const Word& word : words)
    if (text == word.value || text == word.stack_name) return word.value;
  return std::nullopt;
}

template <std::size_t n>
std::vector<std::string_view> values(const Word (&words)[n]) {
  std::vector<std::string_view> names;
  for (const Word& word : words) names.push_back(word.value);
  return names;
}

bool in_a_layer(Group group) {
  return group != Group::kVector && group != Group::kLmHead && group != Group::kEmbedding;
}

std::vector<std::string_view> group_names(Vocabulary vocabulary, bool in_layer) {
  std::vector<std::string_view> names;
  for (int id = 0; id < static_cast<int>(Group::kVector); ++id)
    if (in_a_layer(static_cast<Group>(id)) || (vocabulary == Vocabulary::kOurs && !in_layer))
      names.push_back(group_name(static_cast<Group>(id)));
  return names;
}

void once(std::set<std::string>& seen, std::string_view name, const Place& place) {
  if (!seen.emplace(name).second) fail(place.category, place.where, "'{}' stands twice", name);
}

}  // namespace

Format read_format(std::string_view word, Vocabulary vocabulary, const Place& place) {
  std::vector<std::string_view> accepted = values(kStackFormats);
  if (vocabulary == Vocabulary::kStack) {
    if (const auto value = find_word(kStackFormats, word)) return *find_format(*value);
  } else {
    accepted.clear();
    for (const FormatRow& format : formats()) {
      if (!format.is_float || format.id == Format::f64) continue;  // f64 is a source's format only
      if (format.name == word) return format.id;
      accepted.push_back(format.name);
    }
  }
  fail(place.category, place.where, "no format is named '{}'; expected one of {}", word, fmt::join(accepted, ", "));
}

void read_rule(PolicyRules::Scope& scope, std::set<std::string>& seen, std::string_view name, std::string_view word,
               Vocabulary vocabulary, bool in_layer, const Place& place) {
  if (in_layer && find_word(kOpGroups, name)) return read_setting(scope, seen, name, word, vocabulary, place);
  const std::optional<Group> group = find_group(name);
  const std::vector<std::string_view> accepted = group_names(vocabulary, in_layer);
  if (!group || std::ranges::find(accepted, group_name(*group)) == accepted.end())
    fail(place.category, place.where, "no group is named '{}' here; expected one of {}{}", name,
         fmt::join(accepted, ", "), in_layer ? fmt::format(", {}", fmt::join(values(kOpGroups), ", ")) : "");
  once(seen, group_name(*group), place);
  const bool as_base =
      vocabulary == Vocabulary::kStack && group == Group::kActivation && (word == "mixed" || word == "MIXED");
  if (!as_base) scope.groups[*group] = read_format(word, vocabulary, place.within(name));
}

void read_setting(PolicyRules::Scope& scope, std::set<std::string>& seen, std::string_view name, std::string_view word,
                  Vocabulary vocabulary, const Place& place) {
  const bool ours = vocabulary == Vocabulary::kOurs;
  auto op_group = find_word(kOpGroups, name);
  if (ours && name == kHeadOpGroup) op_group = kHeadOpGroup;
  if (!op_group)
    fail(place.category, place.where, "no op group is named '{}'; expected one of {}{}", name,
         fmt::join(values(kOpGroups), ", "), ours ? fmt::format(", {}", kHeadOpGroup) : "");
  once(seen, *op_group, place);
  auto setting = find_word(kSettings, word);
  if (ours && word == kHostSetting) setting = kHostSetting;
  if (!setting)
    fail(place.category, place.within(name).where, "no kernel setting is named '{}'; expected one of {}{}", word,
         fmt::join(values(kSettings), ", "), ours ? fmt::format(", {}", kHostSetting) : "");
  scope.settings[std::string(*op_group)] = *setting;
}

int read_layer(std::string_view text, int layers, const Place& place) {
  int index = 0;
  const char* const last = text.data() + text.size();
  const auto [end, error] = std::from_chars(text.data(), last, index);
  const bool plain = error == std::errc() && end == last && index >= 0 && std::to_string(index) == text;
  if (!plain) fail(place.category, place.where, "'{}' is not a layer index; expected a decimal number from 0", text);
  if (layers > 0 && index >= layers)
    fail(place.category, place.where, "there is no layer {}; the model's layers are 0 to {}", index, layers - 1);
  return index;
}

const Json& expect_object(const Json& json, const Place& place) {
  if (!json.is_object()) fail(place.category, place.where, "expected an object, found {}", json.type_name());
  return json;
}

const std::string& expect_string(const Json& json, const Place& place) {
  if (!json.is_string()) fail(place.category, place.where, "expected a string, found {}", json.type_name());
  return json.get_ref<const std::string&>();
}

}  // namespace firstlight::run
