// The stack's own spellings of a precision configuration:
//   string        precision_cfg = {ff1_3: bfp4, wqkv: bfp8}, fidelity_cfg = {li_ff1_3: lofi}
//   decoder JSON  {"decoders": {"31": {"precision_cfg": {"FF1_FF3": "BFP8"}, "fidelity_cfg": {"LI_FF1_FF3":
//   "HIFI2_FP16"}}}} tutorials     {"decoder_0": {"ff1_3": "bfp4", "wqkv": "bfp8"}}
// What they leave open is as in policies/stack.json, the stack's base.
#include <algorithm>
#include <cctype>
#include <filesystem>

#include "firstlight/run/policy_read.h"

namespace firstlight::run {
namespace {

constexpr std::string_view kBase = "stack";
constexpr std::string_view kDecoderPrefix = "decoder_";

bool is_space(char c) { return std::isspace(static_cast<unsigned char>(c)) != 0; }

// Words and punctuation of the string form.
class Scanner {
 public:
  Scanner(std::string_view text, const Place& place) : text_(text), place_(place) {}

  bool at_end() { return peek() == '\0'; }
  char peek() {
    while (at_ < text_.size() && is_space(text_[at_])) ++at_;
    return at_ < text_.size() ? text_[at_] : '\0';
  }
  bool take(char c) {
    if (peek() != c) return false;
    ++at_;
    return true;
  }
  void expect(char c, std::string_view after) {
    if (!take(c)) wrong(fmt::format("'{}' after {}", c, after));
  }
  std::string_view word(std::string_view what) {
    peek();
    const std::size_t begin = at_;
    while (at_ < text_.size() && (std::isalnum(static_cast<unsigned char>(text_[at_])) != 0 || text_[at_] == '_'))
      ++at_;
    if (at_ == begin) wrong(what);
    return text_.substr(begin, at_ - begin);
  }
  [[noreturn]] void wrong(std::string_view expected) {
    const std::string_view rest = text_.substr(std::min(at_, text_.size()), 20);
    fail(place_.category, place_.where, "expected {} at character {}, found {}", expected, at_ + 1,
         rest.empty() ? "the end" : fmt::format("'{}'", rest));
  }

 private:
  std::string_view text_;
  const Place& place_;
  std::size_t at_ = 0;
};

// A stack section reads into a layer's scope or the base; "precision_cfg" holds groups, "fidelity_cfg" op groups.
void read_line(bool precision, PolicyRules::Scope& scope, std::set<std::string>& seen, std::string_view name,
               std::string_view word, const Place& place) {
  if (precision)
    read_rule(scope, seen, name, word, Vocabulary::kStack, false, place);
  else
    read_setting(scope, seen, name, word, Vocabulary::kStack, place);
}

void read_decoder(const Json& decoder, PolicyRules::Scope& scope, const Place& place) {
  for (const auto& [section, lines] : expect_object(decoder, place).items()) {
    const Place at = place.within(section);
    if (section != "precision_cfg" && section != "fidelity_cfg")
      fail(place.category, place.where, "unknown section '{}'; expected precision_cfg, fidelity_cfg", section);
    std::set<std::string> seen;
    for (const auto& [name, value] : expect_object(lines, at).items())
      read_line(section == "precision_cfg", scope, seen, name, expect_string(value, at.within(name)), at);
  }
}

}  // namespace

bool is_stack_json(const Json& json) {
  for (const auto& [name, value] : json.items())
    if (name == "decoders" || name.starts_with(kDecoderPrefix)) return true;
  return false;
}

PolicyRules read_stack_json(const Json& json, std::string_view where, const PolicyContext& context) {
  const Place place{Category::kBadInput, std::string(where)};
  PolicyRules rules = read_named(kBase, context);
  rules.name = std::filesystem::path(where).stem().string();
  rules.summary = "the stack's decoder configuration";
  if (json.contains("decoders")) {
    for (const auto& [name, value] : json.items())
      if (name != "decoders") fail(place.category, place.where, "unknown field '{}' beside 'decoders'", name);
    const Place list = place.within("decoders");
    for (const auto& [index, decoder] : expect_object(json.at("decoders"), list).items())
      read_decoder(decoder, rules.layers[read_layer(index, context.layers, list)], list.within(index));
    return rules;
  }
  for (const auto& [name, decoder] : json.items()) {
    if (!name.starts_with(kDecoderPrefix))
      fail(place.category, place.where, "unknown field '{}'; expected decoder_0, decoder_1, ...", name);
    const Place at = place.within(name);
    PolicyRules::Scope& scope =
        rules.layers[read_layer(std::string_view(name).substr(kDecoderPrefix.size()), context.layers, at)];
    std::set<std::string> seen;
    for (const auto& [group, value] : expect_object(decoder, at).items())
      read_rule(scope, seen, group, expect_string(value, at.within(group)), Vocabulary::kStack, true, at);
  }
  return rules;
}

PolicyRules read_stack_string(std::string_view text, const PolicyContext& context) {
  const Place place{Category::kUsage, "--policy"};
  PolicyRules rules = read_named(kBase, context);
  rules.summary = "the stack's configuration string";
  rules.name.clear();
  std::ranges::unique_copy(text, std::back_inserter(rules.name),
                           [](char a, char b) { return is_space(a) && is_space(b); });

  Scanner scanner(text, place);
  std::set<std::string> sections;
  while (!scanner.at_end()) {
    const std::string section(scanner.word("precision_cfg or fidelity_cfg"));
    if (section != "precision_cfg" && section != "fidelity_cfg")
      fail(place.category, place.where, "unknown section '{}'; expected precision_cfg, fidelity_cfg", section);
    if (!sections.insert(section).second) fail(place.category, place.where, "section '{}' stands twice", section);
    scanner.expect('=', section);
    scanner.expect('{', "=");
    std::set<std::string> seen;
    while (!scanner.take('}')) {
      const std::string_view name = scanner.word("a name or '}'");
      scanner.expect(':', name);
      const std::string_view word = scanner.word(fmt::format("a value for {}", name));
      read_line(section == "precision_cfg", rules.base, seen, name, word, place.within(section));
      if (scanner.peek() != '}') scanner.expect(',', word);
    }
    if (!scanner.at_end()) scanner.expect(',', "}");
  }
  if (sections.empty()) scanner.wrong("precision_cfg or fidelity_cfg");
  return rules;
}

}  // namespace firstlight::run
