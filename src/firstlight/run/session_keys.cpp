// What is resolved once for a component key: the format of its results and its kernel settings.
#include "firstlight/run/session_impl.h"

namespace firstlight::run {
namespace {

// The op group of a linear op, as policies name it; "" where they have none.
std::string_view linear_op_group(std::optional<Group> group, Phase phase) {
  const bool decode = phase == Phase::kDecode;
  if (!group) return "";
  switch (*group) {
    case Group::kFf1_3:
      return "li_ff1_3";
    case Group::kFf2:
      return "li_ff2";
    case Group::kWqkv:
      return decode ? "li_qkv_decode" : "li_qkv_prefill";
    case Group::kWo:
      return decode ? "li_o_decode" : "li_o_prefill";
    case Group::kLmHead:
      return "li_lm_head";
    default:
      return "";
  }
}

}  // namespace

void Session::Impl::resolve(std::string_view key, KeyEntry& entry) const {
  const Policy& policy = session.policy_;
  entry.activation = policy.format(key, Group::kActivation);
  const auto setting = [&](std::string_view op_group) -> const void* {
    return device.settings(op_group.empty() ? "" : policy.setting(key, op_group));
  };
  for (const Phase phase : {Phase::kPrefill, Phase::kDecode}) {
    const auto slot = static_cast<std::size_t>(phase);
    entry.linear[slot] = setting(linear_op_group(entry.group, phase));
    entry.attention[slot] = setting(phase == Phase::kDecode ? "sdpa_decode" : "sdpa_prefill");
  }
}

KeyEntry& Session::Impl::entry(std::string_view key) {
  if (const auto found = keys_.find(key); found != keys_.end()) return found->second;
  KeyEntry& fresh = keys_.emplace(key, KeyEntry{}).first->second;
  resolve(key, fresh);
  return fresh;
}

void Session::Impl::note_group(std::string_view key, Group group) {
  KeyEntry& known = entry(key);
  known.group = group;
  resolve(key, known);
}

}  // namespace firstlight::run
