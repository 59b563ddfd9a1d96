// The precision policy: which format each component's weight, cache and output is stored in, and which kernel setting
// a device is asked for. docs/policies.md is the guide for users.
//
// A policy file (policies/*.json):
//   {"name": "mine", "summary": "...", "base": "bf16",                 a named policy to start from; without one: all
//   f32
//    "groups":    {"wqkv": "bfp8", ..., "lm_head": "bfp8", "embedding": "bf16", "kv_cache": "bf16", "activation":
//    "bf16"}, "layers":    {"31": {"ff1_3": "bfp8", "li_ff1_3": "hifi2fp16"}},  layer index -> groups and op groups
//    "keys":      {"model.layers.*.self_attn.q_proj": "bf16",          component-key pattern -> format of weight or
//    cache
//                  "model.layers.0.mlp": {"output": "f32"}},           or {"stored": format, "output": format}
//    "settings":  {"li_ff1_3": "lofi", ...},                           op group -> a device's kernel setting
//    "checkpoints": [{"match": "*-mini*", "groups": {...}, ...}]}      exceptions by folder name; the first match
//    counts
// The most particular rule wins: keys, then layers, then groups; among key patterns the longest, then the later.
#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "firstlight/base/json.h"
#include "firstlight/format/format.h"
#include "firstlight/run/key.h"

namespace firstlight::run {

// What a policy says, once read.
struct PolicyRules {
  struct Scope {
    std::map<Group, Format> groups;
    std::map<std::string, std::string, std::less<>> settings;  // op group -> kernel setting
  };
  struct KeyRule {
    std::string pattern;
    std::optional<Format> stored;  // of the weight or cache under the key
    std::optional<Format> output;  // of the results of ops under the key
  };
  std::string name = "f32";
  std::string summary;
  Scope base;
  std::map<int, Scope> layers;
  std::vector<KeyRule> keys;
};

class Policy {
 public:
  // Everything f32.
  Policy() = default;
  explicit Policy(PolicyRules rules) : rules_(std::move(rules)) {}

  // `spec` is a name in policies/, a path of a JSON file (ours, the stack's decoder JSON, or {"decoder_0": {...}}),
  // such JSON itself, or the stack's string "precision_cfg = {ff1_3: bfp4, ...}, fidelity_cfg = {...}" (either section
  // may be absent). `checkpoint` is the folder's name, for exceptions; `layers` the model's decoder layers (0 =
  // unknown), which bounds layer indices. Throws kUsage (no such name, with the names there are; a wrong string) or
  // kBadInput (naming the place in the file). What a stack spelling leaves open is as in policies/stack.json.
  static Policy load(const std::string& spec, std::string_view checkpoint = "", int layers = 0);
  static Policy from_json(const Json& json, std::string_view where, std::string_view checkpoint = "", int layers = 0);

  const std::string& name() const { return rules_.name; }
  // The rules after exceptions, as a policy file again: what reports show and caches are independent of.
  Json describe() const;

  // The format of a component's weight or state (kKvCache), or of an op's output (kActivation). kVector is always f32.
  Format format(std::string_view key, Group group) const;
  // The kernel setting asked for an op group ("li_qkv_decode"), or "" when the policy names none.
  std::string_view setting(std::string_view key, std::string_view op_group) const;

  // Throws kUsage when a key pattern or a layer of the policy matches none of the model's component keys.
  void check_used(std::span<const std::string> keys) const;

 private:
  PolicyRules rules_;
};

// The names in policies/, sorted.
std::vector<std::string> policy_names();

}  // namespace firstlight::run
