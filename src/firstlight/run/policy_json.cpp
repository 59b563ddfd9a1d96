// Our own policy files.
#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>
#include <filesystem>

#include "firstlight/base/paths.h"
#include "firstlight/run/policy_read.h"

namespace firstlight::run {
namespace {

constexpr int kMaxDepth = 8;  // of bases on bases: a cycle ends here

std::string lower(std::string_view text) {
  std::string result(text);
  std::ranges::transform(result, result.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return result;
}

void read_groups(const Json& json, PolicyRules& rules, const Place& place) {
  std::set<std::string> seen;
  for (const auto& [name, value] : expect_object(json, place).items())
    read_rule(rules.base, seen, name, expect_string(value, place.within(name)), Vocabulary::kOurs, false, place);
}

void read_settings(const Json& json, PolicyRules& rules, const Place& place) {
  std::set<std::string> seen;
  for (const auto& [name, value] : expect_object(json, place).items())
    read_setting(rules.base, seen, name, expect_string(value, place.within(name)), Vocabulary::kOurs, place);
}

void read_layers(const Json& json, PolicyRules& rules, int layers, const Place& place) {
  for (const auto& [index, scope] : expect_object(json, place).items()) {
    const Place layer = place.within(index);
    PolicyRules::Scope& target = rules.layers[read_layer(index, layers, place)];
    std::set<std::string> seen;
    for (const auto& [name, value] : expect_object(scope, layer).items())
      read_rule(target, seen, name, expect_string(value, layer.within(name)), Vocabulary::kOurs, true, layer);
  }
}

void read_keys(const Json& json, PolicyRules& rules, const Place& place) {
  for (const auto& [pattern, value] : expect_object(json, place).items()) {
    const Place at = place.within(pattern);
    PolicyRules::KeyRule rule{.pattern = pattern, .stored = {}, .output = {}};
    if (pattern.empty()) fail(place.category, place.where, "an empty pattern matches no component");
    if (value.is_string()) {
      rule.stored = read_format(value.get_ref<const std::string&>(), Vocabulary::kOurs, at);
    } else {
      if (!value.is_object() || value.empty())
        fail(at.category, at.where, "expected a format, or an object with \"stored\" and \"output\"");
      for (const auto& [part, format] : value.items()) {
        if (part != "stored" && part != "output")
          fail(at.category, at.where, "unknown field '{}'; expected stored, output", part);
        const Place field = at.within(part);
        (part == "stored" ? rule.stored : rule.output) =
            read_format(expect_string(format, field), Vocabulary::kOurs, field);
      }
    }
    rules.keys.push_back(std::move(rule));
  }
}

// The rule sections, which a file and its exceptions share. False when `name` is none of them.
bool read_section(std::string_view name, const Json& value, PolicyRules& rules, int layers, const Place& place) {
  if (name == "groups")
    read_groups(value, rules, place);
  else if (name == "settings")
    read_settings(value, rules, place);
  else if (name == "layers")
    read_layers(value, rules, layers, place);
  else if (name == "keys")
    read_keys(value, rules, place);
  else
    return false;
  return true;
}

bool checkpoint_matches(const Json& match, std::string_view checkpoint, const Place& place) {
  const auto one = [&](const Json& pattern) {
    return matches(lower(expect_string(pattern, place)), lower(checkpoint));
  };
  if (!match.is_array()) return one(match);
  // All are looked at, so that a wrong one is found whatever the checkpoint.
  return std::ranges::count_if(match, one) > 0;
}

// Every exception is read; the first that matches is applied.
void read_exceptions(const Json& json, PolicyRules& rules, const PolicyContext& context, const Place& place) {
  if (!json.is_array()) fail(place.category, place.where, "expected a list, found {}", json.type_name());
  bool applied = false;
  std::size_t number = 0;
  for (const Json& exception : json) {
    const Place at = place.within(std::to_string(number++));
    if (!expect_object(exception, at).contains("match")) fail(at.category, at.where, "has no field 'match'");
    const bool applies = checkpoint_matches(exception.at("match"), context.checkpoint, at.within("match")) && !applied;
    PolicyRules unused;
    // The layers of an exception for another model are not held against this one's.
    const int layers = applies ? context.layers : 0;
    for (const auto& [name, value] : exception.items()) {
      if (name == "match") continue;
      if (name == "reason")
        expect_string(value, at.within(name));
      else if (!read_section(name, value, applies ? rules : unused, layers, at.within(name)))
        fail(at.category, at.where, "unknown field '{}'; expected match, reason, groups, layers, keys, settings", name);
    }
    applied = applied || applies;
  }
}

}  // namespace

PolicyRules read_named(std::string_view name, const PolicyContext& context) {
  const std::filesystem::path file = data_home() / "policies" / (std::string(name) + ".json");
  return read_json(read_json_file(file), file.string(), context);
}

PolicyRules read_json(const Json& json, std::string_view where, const PolicyContext& context) {
  const Place place{Category::kBadInput, std::string(where)};
  if (context.depth > kMaxDepth)
    fail(place.category, place.where, "more than {} policies on top of each other", kMaxDepth);
  expect_object(json, place);
  if (is_stack_json(json)) return read_stack_json(json, where, context);

  PolicyRules rules;
  if (const auto base = json.find("base"); base != json.end()) {
    const Place at = place.within("base");
    const std::string& name = expect_string(*base, at);
    const std::vector<std::string> names = policy_names();
    if (std::ranges::find(names, name) == names.end())
      fail(at.category, at.where, "no policy is named '{}'; there are: {}", name, fmt::join(names, ", "));
    PolicyContext inner = context;
    ++inner.depth;
    rules = read_named(name, inner);
  }
  rules.name = std::filesystem::path(where).stem().string();
  rules.summary.clear();
  for (const auto& [name, value] : json.items()) {
    const Place at = place.within(name);
    if (name == "name")
      rules.name = expect_string(value, at);
    else if (name == "summary")
      rules.summary = expect_string(value, at);
    else if (name != "base" && name != "checkpoints" && !read_section(name, value, rules, context.layers, at))
      fail(place.category, place.where,
           "unknown field '{}'; expected name, summary, base, groups, layers, keys, settings, checkpoints, or decoders "
           "alone as in the stack's files",
           name);
  }
  // Last, whatever their place in the file: an exception overrides the rules it is an exception to.
  if (const auto exceptions = json.find("checkpoints"); exceptions != json.end())
    read_exceptions(*exceptions, rules, context, place.within("checkpoints"));
  return rules;
}

}  // namespace firstlight::run
