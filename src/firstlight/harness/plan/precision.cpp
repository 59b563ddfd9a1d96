// Formats and fidelities of a plan.
#include "firstlight/harness/plan/precision.h"

#include "firstlight/base/error.h"

namespace firstlight::harness::plan {
namespace {

constexpr std::int64_t kTile = 32;

int phases_for_format(Format format) {
  switch (format) {
    case Format::bfp4:
    case Format::bfp2:
      return 1;
    case Format::bfp8:
      return 2;
    default:
      return 4;
  }
}

// The op group that the stack's configuration names for products of a group, as run/session does.
std::string_view product_setting(run::Group group, run::Phase phase) {
  const bool decode = phase == run::Phase::kDecode;
  switch (group) {
    case run::Group::kWqkv:
      return decode ? "li_qkv_decode" : "li_qkv_prefill";
    case run::Group::kWo:
      return decode ? "li_o_decode" : "li_o_prefill";
    case run::Group::kFf1_3:
      return "li_ff1_3";
    case run::Group::kFf2:
      return "li_ff2";
    case run::Group::kLmHead:
      return "li_lm_head";
    default:
      return "";
  }
}

// The fidelity that a policy asks for, "" for none: 8-bit inputs are asked of hosts only.
std::string_view fidelity(const run::Policy& policy, std::string_view key, std::string_view op_group) {
  const std::string_view setting = op_group.empty() ? "" : policy.setting(key, op_group);
  return setting == "int8" ? "" : setting;
}

}  // namespace

int phases_of_setting(std::string_view setting) {
  if (setting == "lofi") return 1;
  if (setting.starts_with("hifi") && setting.size() > 4 && setting[4] >= '2' && setting[4] <= '4')
    return setting[4] - '0';
  fail(Category::kUsage, "fidelity", "no fidelity is named '{}'; expected lofi, hifi2, hifi3 or hifi4", setting);
}

double tile_bytes(Format format) { return static_cast<double>(kTile * row_bytes(format, kTile)); }

double tiled_bytes(Format format, std::int64_t rows, std::int64_t columns) {
  return static_cast<double>(round_up(rows, kTile)) * static_cast<double>(row_bytes(format, round_up(columns, kTile)));
}

Precision Precision::with(run::Group group, Format format) const {
  Precision result = *this;
  result.formats_[group] = format;
  return result;
}

Precision Precision::with_phases(std::optional<run::Group> group, int phases) const {
  Precision result = *this;
  if (group)
    result.phases_[*group] = phases;
  else
    result.attention_phases_ = phases;
  return result;
}

Format Precision::of(std::string_view key, run::Group group) const {
  const auto changed = formats_.find(group);
  return changed != formats_.end() ? changed->second : policy_->format(key, group);
}

Format Precision::weight(const run::WeightRequest& request) const {
  return request.kind == run::WeightKind::kVector ? Format::f32 : of(request.key, request.group);
}

int Precision::phases(const run::WeightRequest& request, run::Phase phase) const {
  if (const auto changed = phases_.find(request.group); changed != phases_.end()) return changed->second;
  const std::string_view setting = fidelity(*policy_, request.key, product_setting(request.group, phase));
  if (!setting.empty()) return phases_of_setting(setting);
  const int needed = phases_for_format(weight(request));
  return request.group == run::Group::kLmHead ? std::min(needed, 2) : needed;
}

bool Precision::fp32_partials(const run::WeightRequest& request, run::Phase phase) const {
  const std::string_view setting = fidelity(*policy_, request.key, product_setting(request.group, phase));
  if (setting.empty()) return phases(request, phase) > 1;
  return setting != "lofi" && !setting.ends_with("fp16") && !setting.ends_with("na");
}

int Precision::attention_phases(std::string_view key, run::Phase phase) const {
  if (attention_phases_) return *attention_phases_;
  const std::string_view setting =
      fidelity(*policy_, key, phase == run::Phase::kDecode ? "sdpa_decode" : "sdpa_prefill");
  return setting.empty() ? (phase == run::Phase::kDecode ? 2 : 4) : phases_of_setting(setting);
}

}  // namespace firstlight::harness::plan
