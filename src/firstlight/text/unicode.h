// UTF-8 and Unicode as the rest of this room needs them: decoding, classes, lower case, normalisation forms.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace firstlight::text {

inline constexpr char32_t kReplacementCharacter = 0xFFFD;
inline constexpr std::string_view kReplacementUtf8 = "\xEF\xBF\xBD";

struct CodePoint {
  char32_t value;
  std::uint8_t bytes;  // 1 to 4
};

// The code point at `text[offset]`; `text` is valid UTF-8 and offset < text.size().
CodePoint code_point_at(std::string_view text, std::size_t offset);
// The code point that ends at `text[offset]`; 0 < offset <= text.size().
CodePoint code_point_before(std::string_view text, std::size_t offset);
void append_utf8(std::string& text, char32_t value);
std::string to_utf8(char32_t value);
std::size_t count_code_points(std::string_view text);

// What begins at `text[offset]`, which may be anything.
struct Utf8Step {
  bool valid;         // a whole code point
  bool incomplete;    // the text ends inside what could still become one
  std::size_t bytes;  // its bytes; of an invalid one, the maximal part that one U+FFFD replaces
};
Utf8Step utf8_step(std::string_view text, std::size_t offset);

bool is_valid_utf8(std::string_view text);
// Each maximal invalid part becomes one U+FFFD (Unicode 3.9, as Python's errors="replace" does).
std::string replace_invalid_utf8(std::string_view text);

bool is_whitespace(char32_t value);   // White_Space
bool is_word(char32_t value);         // \w of Rust's regex
bool is_numeric(char32_t value);      // N*
bool is_punctuation(char32_t value);  // P* and ASCII punctuation
bool is_mark(char32_t value);         // M*

bool is_nonspacing_mark(char32_t value);  // Mn of BertNormalizer
bool is_bert_removed(char32_t value);     // what BertNormalizer cleans away
// A script as the UnicodeScripts pre-tokenizer tells them apart: Hiragana and Katakana are Han; 0 is any script.
int script_of(char32_t value);
// The end of the extended grapheme cluster that begins at `text[offset]` (Unicode annex 29).
std::size_t grapheme_end(std::string_view text, std::size_t offset);

// Full mapping, context free: no final sigma.
std::string lower_case(std::string_view text);
std::string upper_case(std::string_view text);
// Title case of one code point (simple mapping).
char32_t title_case(char32_t value);
bool is_cased_letter(char32_t value);

enum class NormalForm { kNfc, kNfd, kNfkc, kNfkd };
std::string normal_form(std::string_view text, NormalForm form);

}  // namespace firstlight::text
