// Oniguruma's character sets, written as PCRE2: \s, \w, \p{...}, [:alpha:], nested and intersected classes.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace firstlight::text {

// A set of code points under construction. What PCRE2 can say inside [...] is in `members`; each of `atoms` is a
// stand-alone PCRE2 expression that matches one code point, for what it cannot.
struct CharacterSet {
  std::string members;
  std::vector<std::string> atoms;

  void add(char32_t value);
  void add(char32_t first, char32_t last);
  void add(const CharacterSet& other);
  void add_complement(const CharacterSet& other);
  bool empty() const { return members.empty() && atoms.empty(); }

  // A PCRE2 expression for one code point of the set, or of its complement.
  std::string expression(bool negated) const;
};

// The set of \s, \d, \w, \h by its letter (lower case). Oniguruma's \w differs inside and outside of [...].
CharacterSet class_of_escape(char letter, bool in_class);
// The set of a property name (\p{name}): general categories, POSIX names and scripts. Throws kUnsupported.
CharacterSet class_of_property(std::string_view name, bool in_class, std::string_view where);

}  // namespace firstlight::text
