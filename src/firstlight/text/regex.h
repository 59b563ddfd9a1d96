// Regular expressions of tokenizer.json: Oniguruma's (Ruby) syntax, translated to PCRE2 and compiled once.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace firstlight::text {

// Half-open byte range of a text.
struct Range {
  std::size_t begin, end;
  bool operator==(const Range&) const = default;
};

// Rewrites an Oniguruma pattern so that PCRE2 (UTF, UCP, MULTILINE) matches the same text: line anchors, \h, classes
// inside classes, Unicode properties of Oniguruma's newer Unicode, option groups. What it does not know it refuses:
// kUnsupported for constructs, kBadInput for a pattern that cannot be read.
std::string translate_regex(std::string_view pattern, std::string_view where);

class Regex {
 public:
  // `where` names the place in errors. Patterns that split_scanner.h knows are matched by hand unless `by_scanner` is
  // false.
  Regex(std::string_view pattern, std::string_view where, bool by_scanner = true);
  // Matches exactly `literal`.
  static Regex literal(std::string_view literal, std::string_view where);

  // All matches, left to right, none overlapping; empty ones included, as Oniguruma's find_iter gives them.
  // `text` must be valid UTF-8. Throws kResource when matching exceeds PCRE2's limits. Safe from several threads.
  std::vector<Range> find_all(std::string_view text) const;
  // The same, match by match.
  template <typename Body>
  void for_each(std::string_view text, const Body& body) const {
    for (const Range match : find_all(text)) body(match);
  }

 private:
  struct Code;
  explicit Regex(std::shared_ptr<const Code> code) : code_(std::move(code)) {}
  std::shared_ptr<const Code> code_;
};

}  // namespace firstlight::text
