// Sets by name. PCRE2's own Unicode is extended by the code points that only Oniguruma's newer Unicode knows.
#include "firstlight/text/regex_classes.h"

#include <fmt/format.h>

#include <algorithm>

#include "firstlight/base/error.h"
#include "firstlight/text/unicode_tables.h"

namespace firstlight::text {
namespace {

constexpr std::string_view kSpaceMembers =
    "\\t-\\r \\x{85}\\x{A0}\\x{1680}\\x{2000}-\\x{200A}\\x{2028}\\x{2029}\\x{202F}\\x{205F}\\x{3000}";

// The young code points whose category starts with `prefix`.
void add_young(CharacterSet& set, std::string_view prefix) {
  for (const CategoryRange& range : kYoung)
    if (range.category.starts_with(prefix)) set.add(range.first, range.last);
}

CharacterSet members(std::string_view text) { return {std::string(text), {}}; }

CharacterSet category(std::string_view name) {
  CharacterSet set = members(fmt::format("\\p{{{}}}", name));
  if (name[0] == 'C' && (name == "C" || name == "Cn")) {  // the young ones are assigned now
    CharacterSet young;
    for (const CategoryRange& range : kYoung)
      if (range.category.size() == 2) young.add(range.first, range.last);
    return {"", {fmt::format("(?:(?!{})\\p{{{}}})", young.expression(false), name)}};
  }
  add_young(set, name);
  return set;
}

CharacterSet united(std::initializer_list<std::string_view> categories) {
  CharacterSet set;
  for (const std::string_view name : categories) set.add(category(name));
  return set;
}

struct LongName {
  std::string_view name, category;
};
constexpr LongName kLongNames[] = {{"letter", "L"},
                                   {"uppercaseletter", "Lu"},
                                   {"lowercaseletter", "Ll"},
                                   {"titlecaseletter", "Lt"},
                                   {"modifierletter", "Lm"},
                                   {"otherletter", "Lo"},
                                   {"mark", "M"},
                                   {"combiningmark", "M"},
                                   {"nonspacingmark", "Mn"},
                                   {"spacingmark", "Mc"},
                                   {"enclosingmark", "Me"},
                                   {"number", "N"},
                                   {"decimalnumber", "Nd"},
                                   {"letternumber", "Nl"},
                                   {"othernumber", "No"},
                                   {"punctuation", "P"},
                                   {"connectorpunctuation", "Pc"},
                                   {"dashpunctuation", "Pd"},
                                   {"openpunctuation", "Ps"},
                                   {"closepunctuation", "Pe"},
                                   {"initialpunctuation", "Pi"},
                                   {"finalpunctuation", "Pf"},
                                   {"otherpunctuation", "Po"},
                                   {"symbol", "S"},
                                   {"mathsymbol", "Sm"},
                                   {"currencysymbol", "Sc"},
                                   {"modifiersymbol", "Sk"},
                                   {"othersymbol", "So"},
                                   {"separator", "Z"},
                                   {"spaceseparator", "Zs"},
                                   {"lineseparator", "Zl"},
                                   {"paragraphseparator", "Zp"},
                                   {"other", "C"},
                                   {"control", "Cc"},
                                   {"format", "Cf"},
                                   {"surrogate", "Cs"},
                                   {"privateuse", "Co"},
                                   {"unassigned", "Cn"}};
constexpr std::string_view kCategories[] = {
    "L",  "Lu", "Ll", "Lt", "Lm", "Lo", "M",  "Mn", "Mc", "Me", "N",  "Nd", "Nl", "No", "P",  "Pc", "Pd", "Ps", "Pe",
    "Pi", "Pf", "Po", "S",  "Sm", "Sc", "Sk", "So", "Z",  "Zs", "Zl", "Zp", "C",  "Cc", "Cf", "Cs", "Co", "Cn"};

}  // namespace

void CharacterSet::add(char32_t value) {
  const bool plain = (value >= '0' && value <= '9') || (value >= 'A' && value <= 'Z') || (value >= 'a' && value <= 'z');
  members += plain ? std::string(1, static_cast<char>(value)) : fmt::format("\\x{{{:X}}}", std::uint32_t{value});
}

void CharacterSet::add(char32_t first, char32_t last) {
  add(first);
  if (last == first) return;
  members += '-';
  add(last);
}

void CharacterSet::add(const CharacterSet& other) {
  members += other.members;
  atoms.insert(atoms.end(), other.atoms.begin(), other.atoms.end());
}

void CharacterSet::add_complement(const CharacterSet& other) { atoms.push_back(other.expression(true)); }

std::string CharacterSet::expression(bool negated) const {
  if (empty()) return negated ? "(?s:.)" : "(?!)";
  if (atoms.empty()) return fmt::format("[{}{}]", negated ? "^" : "", members);
  std::string any = members.empty() ? "" : fmt::format("[{}]", members);
  for (const std::string& atom : atoms) any += (any.empty() ? "" : "|") + atom;
  return negated ? fmt::format("(?:(?!{})(?s:.))", any) : fmt::format("(?:{})", any);
}

CharacterSet class_of_escape(char letter, bool in_class) {
  switch (letter) {
    case 's':
      return members(kSpaceMembers);
    case 'd':
      return category("Nd");
    case 'h':
      return members("0-9A-Fa-f");
    default: {  // w
      CharacterSet set = members("\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}");
      // Outside of a class Oniguruma takes the Latin-1 numbers for word characters (its old table for one-byte codes).
      for (const CategoryRange& range : kYoung)
        if (range.category == "word" && (!in_class || range.first > 0xFF)) set.add(range.first, range.last);
      return set;
    }
  }
}

CharacterSet class_of_property(std::string_view name, bool in_class, std::string_view where) {
  std::string folded;  // Unicode's loose matching: case, spaces, '_' and '-' do not count
  for (const char c : name)
    if (c != ' ' && c != '_' && c != '-') folded += static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c);
  for (const std::string_view known : kCategories)
    if (folded.size() == known.size() && folded[0] == (known[0] | 0x20) && folded.substr(1) == known.substr(1))
      return category(known);
  for (const LongName& known : kLongNames)
    if (folded == known.name) return category(known.category);
  if (folded == "space") return class_of_escape('s', in_class);
  if (folded == "digit") return class_of_escape('d', in_class);
  if (folded == "word") return class_of_escape('w', in_class);
  if (folded == "xdigit") return class_of_escape('h', in_class);
  if (folded == "blank") return members("\\t\\p{Zs}");
  if (folded == "punct") return category("P");
  if (folded == "punctandsymbol") return united({"P", "S"});
  if (folded == "alpha" || folded == "alphabetic" || folded == "alnum") {
    CharacterSet set = members("\\p{Alphabetic}");
    add_young(set, "alpha");
    if (folded == "alnum") set.add(category("Nd"));
    return set;
  }
  if (folded == "any") return members("\\x{0}-\\x{10FFFF}");
  constexpr std::string_view kScripts[] = {"arabic",    "armenian", "bengali",  "cyrillic", "devanagari", "georgian",
                                           "greek",     "gujarati", "gurmukhi", "han",      "hangul",     "hebrew",
                                           "hiragana",  "kannada",  "katakana", "khmer",    "lao",        "latin",
                                           "malayalam", "myanmar",  "tamil",    "telugu",   "thai",       "tibetan"};
  if (std::find(std::begin(kScripts), std::end(kScripts), folded) != std::end(kScripts)) {
    CharacterSet set = members(fmt::format("\\p{{sc:{}}}", folded));
    if (folded == "han") add_young(set, "Han");
    return set;
  }
  fail(Category::kUnsupported, where,
       "regular expression: property '{}'; accepted are general categories, POSIX names "
       "and the larger scripts",
       name);
}

}  // namespace firstlight::text
