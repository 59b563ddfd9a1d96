// How policies are read: the words they use, and the spellings. Internal to run.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "firstlight/base/error.h"
#include "firstlight/run/policy.h"

namespace firstlight::run {

// What a policy is read for.
struct PolicyContext {
  std::string_view checkpoint;  // folder name
  int layers = 0;               // 0 = unknown
  int depth = 0;                // of "base"
};

// Where a word stands, for errors.
struct Place {
  Category category = Category::kBadInput;
  std::string where;
  Place within(std::string_view name) const { return {category, where + ": " + std::string(name)}; }
};

// The words. All throw at `place`, naming the accepted ones. Spellings of the stack's enumerators ("FF1_FF3", "BFP8",
// "HIFI2_FP16") are read as the values they stand for.
// Which formats: all that a weight may have, or the stack's three; and whether words of ours alone are read.
enum class Vocabulary { kOurs, kStack };
Format read_format(std::string_view word, Vocabulary vocabulary, const Place& place);
// One line of a scope: a group and its format, or an op group and its setting. Throws when the name stands twice.
// `in_layer` refuses groups that belong to no layer. "mixed" for activations leaves the scope as it is.
void read_rule(PolicyRules::Scope& scope, std::set<std::string>& seen, std::string_view name, std::string_view word,
               Vocabulary vocabulary, bool in_layer, const Place& place);
// The same, for op groups only.
void read_setting(PolicyRules::Scope& scope, std::set<std::string>& seen, std::string_view name, std::string_view word,
                  Vocabulary vocabulary, const Place& place);
// A decimal layer index within the model.
int read_layer(std::string_view text, int layers, const Place& place);

// JSON helpers: throw at `place` unless the value is an object / a string.
const Json& expect_object(const Json& json, const Place& place);
const std::string& expect_string(const Json& json, const Place& place);

// The spellings.
PolicyRules read_named(std::string_view name, const PolicyContext& context);
PolicyRules read_json(const Json& json, std::string_view where, const PolicyContext& context);  // any of the three
bool is_stack_json(const Json& json);
PolicyRules read_stack_json(const Json& json, std::string_view where, const PolicyContext& context);
PolicyRules read_stack_string(std::string_view text, const PolicyContext& context);

}  // namespace firstlight::run
