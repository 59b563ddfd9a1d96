// What a policy answers, and which spelling a --policy argument is in.
#include "firstlight/run/policy.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <filesystem>
#include <set>

#include "firstlight/base/paths.h"
#include "firstlight/run/policy_read.h"

namespace firstlight::run {
namespace {

constexpr std::string_view kAssumptions = "-ops";  // of a device, beside the policies that it is used with

Json describe_scope(const PolicyRules::Scope& scope) {
  Json json = Json::object();
  for (const auto& [group, format] : scope.groups) json[std::string(group_name(group))] = format_name(format);
  return json;
}

}  // namespace

std::vector<std::string> policy_names() {
  std::vector<std::string> names = data_names("policies");
  std::erase_if(names, [](const std::string& name) { return name.ends_with(kAssumptions); });
  std::ranges::sort(names);  // the files' order has ".json" in it
  return names;
}

Policy Policy::load(const std::string& spec, std::string_view checkpoint, int layers) {
  const PolicyContext context{.checkpoint = checkpoint, .layers = layers};
  const std::vector<std::string> names = policy_names();
  if (std::ranges::find(names, spec) != names.end()) return Policy(read_named(spec, context));
  std::error_code ignored;
  if (spec.ends_with(".json") || std::filesystem::is_regular_file(spec, ignored))
    return Policy(read_json(read_json_file(spec), spec, context));
  const std::size_t first = spec.find_first_not_of(" \t\n");
  if (first != std::string::npos && spec[first] == '{')
    return Policy(read_json(parse_json(spec, "--policy"), "--policy", context));
  for (const char* mark : {"precision_cfg", "fidelity_cfg", "="})
    if (spec.find(mark) != std::string::npos) return Policy(read_stack_string(spec, context));
  fail(Category::kUsage, "--policy",
       "no policy is named '{}'; expected one of {}, a JSON file, or \"precision_cfg = {{...}}, fidelity_cfg = "
       "{{...}}\"",
       spec, fmt::join(names, ", "));
}

Policy Policy::from_json(const Json& json, std::string_view where, std::string_view checkpoint, int layers) {
  return Policy(read_json(json, where, {.checkpoint = checkpoint, .layers = layers}));
}

Json Policy::describe() const {
  Json json = {{"name", rules_.name}, {"summary", rules_.summary}};
  Json groups = Json::object();
  for (int id = 0; id < static_cast<int>(Group::kVector); ++id) {
    const auto found = rules_.base.groups.find(static_cast<Group>(id));
    groups[std::string(group_name(static_cast<Group>(id)))] =
        format_name(found == rules_.base.groups.end() ? Format::f32 : found->second);
  }
  json["groups"] = std::move(groups);
  for (const auto& [index, scope] : rules_.layers) {
    Json layer = describe_scope(scope);
    for (const auto& [op_group, setting] : scope.settings) layer[op_group] = setting;
    if (!layer.empty()) json["layers"][std::to_string(index)] = std::move(layer);
  }
  // A later rule for the same pattern stands in place of the earlier one, field by field.
  for (const PolicyRules::KeyRule& rule : rules_.keys) {
    Json& entry = json["keys"][rule.pattern];
    if (rule.stored) entry["stored"] = format_name(*rule.stored);
    if (rule.output) entry["output"] = format_name(*rule.output);
  }
  for (const auto& [op_group, setting] : rules_.base.settings) json["settings"][op_group] = setting;
  return json;
}

Format Policy::format(std::string_view key, Group group) const {
  if (group == Group::kVector) return Format::f32;
  const PolicyRules::KeyRule* best = nullptr;
  for (const PolicyRules::KeyRule& rule : rules_.keys) {
    const bool speaks = group == Group::kActivation ? rule.output.has_value() : rule.stored.has_value();
    if (speaks && (best == nullptr || rule.pattern.size() >= best->pattern.size()) && matches(rule.pattern, key))
      best = &rule;
  }
  if (best != nullptr) return group == Group::kActivation ? *best->output : *best->stored;
  if (!rules_.layers.empty()) {
    if (const std::optional<int> index = layer_of(key)) {
      if (const auto layer = rules_.layers.find(*index); layer != rules_.layers.end())
        if (const auto found = layer->second.groups.find(group); found != layer->second.groups.end())
          return found->second;
    }
  }
  const auto found = rules_.base.groups.find(group);
  return found == rules_.base.groups.end() ? Format::f32 : found->second;
}

std::string_view Policy::setting(std::string_view key, std::string_view op_group) const {
  if (const std::optional<int> index = rules_.layers.empty() ? std::nullopt : layer_of(key)) {
    if (const auto layer = rules_.layers.find(*index); layer != rules_.layers.end())
      if (const auto found = layer->second.settings.find(op_group); found != layer->second.settings.end())
        return found->second;
  }
  const auto found = rules_.base.settings.find(op_group);
  return found == rules_.base.settings.end() ? std::string_view() : found->second;
}

void Policy::check_used(std::span<const std::string> keys) const {
  const std::string where = fmt::format("policy '{}'", rules_.name);
  for (const PolicyRules::KeyRule& rule : rules_.keys)
    if (std::ranges::none_of(keys, [&](const std::string& key) { return matches(rule.pattern, key); }))
      fail(Category::kUsage, where, "key pattern '{}' matches none of the model's {} component keys{}", rule.pattern,
           keys.size(), keys.empty() ? "" : fmt::format(" (such as '{}')", keys[keys.size() / 2]));
  std::set<int> layers;
  for (const std::string& key : keys)
    if (const std::optional<int> index = layer_of(key)) layers.insert(*index);
  for (const auto& [index, scope] : rules_.layers)
    if (!layers.contains(index))
      fail(Category::kUsage, where, "there is no layer {}; {}", index,
           layers.empty() ? "the model's component keys name no layers"
                          : fmt::format("the model's layers are {} to {}", *layers.begin(), *layers.rbegin()));
}

}  // namespace firstlight::run
