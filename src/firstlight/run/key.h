// Component keys and the policy groups they belong to.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace firstlight::run {

// What a policy speaks of: the stack's six groups, then ours. kVector (norms, biases, routers) is always f32.
enum class Group : std::uint8_t { kWqkv, kWo, kFf1_3, kFf2, kKvCache, kActivation, kLmHead, kEmbedding, kVector };
std::string_view group_name(Group group);                // "wqkv", ..., "lm_head", "embedding", "vector"
std::optional<Group> find_group(std::string_view name);  // also the stack's capitals: "FF1_FF3"

// "model.layers.3.self_attn.q_proj" -> 3: the number after a segment "layers", "h" or "blocks"; nullopt without one.
std::optional<int> layer_of(std::string_view key);

// Glob match: '*' any run of characters (dots included), '?' one: "model.layers.*.mlp.*". At most pattern x key steps.
bool matches(std::string_view pattern, std::string_view key);

}  // namespace firstlight::run
