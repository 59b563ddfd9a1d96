// The search space and its spellings.
#include "firstlight/harness/tune/choices.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>
#include <map>

#include "firstlight/base/error.h"

namespace firstlight::harness::tune {
namespace {

constexpr std::string_view kSearchBase = "stack";
constexpr run::Group kLayered[] = {run::Group::kWqkv, run::Group::kWo, run::Group::kFf1_3, run::Group::kFf2};

// Op groups of a group's products in both phases, with the stack's enumerators.
struct OpGroups {
  run::Group group;
  std::vector<std::pair<std::string_view, std::string_view>> names;
};
const std::vector<std::pair<std::string_view, std::string_view>>& op_groups(run::Group group) {
  static const std::vector<OpGroups> kRows = {
      {run::Group::kWqkv, {{"li_qkv_decode", "LI_QKV_DECODE"}, {"li_qkv_prefill", "LI_QKV_PREFILL"}}},
      {run::Group::kWo, {{"li_o_decode", "LI_O_DECODE"}, {"li_o_prefill", "LI_O_PREFILL"}}},
      {run::Group::kFf1_3, {{"li_ff1_3", "LI_FF1_FF3"}}},
      {run::Group::kFf2, {{"li_ff2", "LI_FF2"}}},
  };
  for (const OpGroups& row : kRows)
    if (row.group == group) return row.names;
  fail(Category::kInternal, "tune", "a group without op groups");
}

std::string stack_group(run::Group group) {
  switch (group) {
    case run::Group::kWqkv:
      return "WQKV";
    case run::Group::kWo:
      return "WO";
    case run::Group::kFf1_3:
      return "FF1_FF3";
    case run::Group::kFf2:
      return "FF2";
    default:
      return "KV_CACHE";
  }
}

// "hifi2fp16" -> "HIFI2_FP16", "lofi" -> "LOFI"
std::string stack_setting(std::string_view setting) {
  std::string upper(setting);
  std::ranges::transform(upper, upper.begin(), [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  for (const std::string_view tail : {"FP16", "FP32", "NA"})
    if (upper.ends_with(tail)) upper.insert(upper.size() - tail.size(), "_");
  return upper;
}

std::string upper_format(std::string_view format) { return stack_setting(format); }

const Option& option_of(const Space& space, const Choice& choice, std::size_t knob) {
  return space.knobs[knob].options[static_cast<std::size_t>(choice[knob])];
}

int band_of(const Space& space, std::int64_t layer, std::int64_t layers) {
  return static_cast<int>(layer * space.bands / layers);
}

}  // namespace

std::string Knob::name(int bands) const {
  const std::string group_text(run::group_name(group));
  return band < 0 ? group_text : fmt::format("{}, layers {}/{}", group_text, band + 1, bands);
}

Space make_space(int bands, bool fidelities) {
  Space space;
  space.bands = bands;
  for (const run::Group group : kLayered) {
    const bool attention = group == run::Group::kWqkv || group == run::Group::kWo;
    std::vector<Option> options = {{"bfp8", attention ? "hifi2" : "hifi2fp16"}};
    if (fidelities) options.push_back({"bfp8", "lofi"});
    options.push_back({"bfp4", "lofi"});
    for (int band = 0; band < bands; ++band) space.knobs.push_back({group, band, options});
  }
  space.knobs.push_back({run::Group::kLmHead, -1, {{"bfp8", ""}, {"bfp4", ""}}});
  space.knobs.push_back({run::Group::kKvCache, -1, {{"bfp8", ""}, {"bfp4", ""}}});
  return space;
}

Json policy_json(const Space& space, const Choice& choice, std::int64_t layers, std::string_view name) {
  Json json = {{"name", name}, {"summary", "chosen by a search over formats and fidelities"}, {"base", kSearchBase}};
  Json groups = Json::object();
  Json by_layer = Json::object();
  for (std::size_t i = 0; i < space.knobs.size(); ++i) {
    const Knob& knob = space.knobs[i];
    const Option& option = option_of(space, choice, i);
    if (knob.band < 0) {
      groups[std::string(run::group_name(knob.group))] = option.format;
      continue;
    }
    for (std::int64_t layer = 0; layer < layers; ++layer) {
      if (band_of(space, layer, layers) != knob.band) continue;
      Json& entry = by_layer[std::to_string(layer)];
      entry[std::string(run::group_name(knob.group))] = option.format;
      for (const auto& [op_group, stack_name] : op_groups(knob.group)) entry[std::string(op_group)] = option.fidelity;
    }
  }
  json["groups"] = std::move(groups);
  json["layers"] = std::move(by_layer);
  return json;
}

Json decoder_json(const Space& space, const Choice& choice, std::int64_t layers) {
  Json decoders = Json::object();
  for (std::int64_t layer = 0; layer < layers; ++layer) {
    Json precision = Json::object();
    Json fidelity = Json::object();
    for (std::size_t i = 0; i < space.knobs.size(); ++i) {
      const Knob& knob = space.knobs[i];
      const Option& option = option_of(space, choice, i);
      if (knob.group == run::Group::kKvCache) precision[stack_group(knob.group)] = upper_format(option.format);
      if (knob.band < 0 || band_of(space, layer, layers) != knob.band) continue;
      precision[stack_group(knob.group)] = upper_format(option.format);
      for (const auto& [op_group, stack_name] : op_groups(knob.group))
        fidelity[std::string(stack_name)] = stack_setting(option.fidelity);
    }
    decoders[std::to_string(layer)] = {{"precision_cfg", std::move(precision)}, {"fidelity_cfg", std::move(fidelity)}};
  }
  return {{"decoders", std::move(decoders)}};
}

std::string stack_string(const Space& space, const Choice& choice) {
  std::map<run::Group, Option> of_group;
  std::vector<std::string> precision;
  std::vector<std::string> fidelity;
  for (std::size_t i = 0; i < space.knobs.size(); ++i) {
    const Knob& knob = space.knobs[i];
    const Option& option = option_of(space, choice, i);
    if (knob.group == run::Group::kLmHead) continue;  // has no word in the string
    const auto [found, first] = of_group.emplace(knob.group, option);
    if (!first && found->second.str() != option.str()) return "";
    if (!first) continue;
    precision.push_back(fmt::format("{}: {}", run::group_name(knob.group), option.format));
    if (option.fidelity.empty()) continue;
    for (const auto& [op_group, stack_name] : op_groups(knob.group))
      fidelity.push_back(fmt::format("{}: {}", op_group, option.fidelity));
  }
  return fmt::format("precision_cfg = {{{}}}, fidelity_cfg = {{{}}}", fmt::join(precision, ", "),
                     fmt::join(fidelity, ", "));
}

}  // namespace firstlight::harness::tune
