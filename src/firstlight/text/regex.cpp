// PCRE2 behind Regex. A literal pattern never reaches PCRE2.
#include "firstlight/text/regex.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "firstlight/base/error.h"
#include "firstlight/text/split_scanner.h"
#include "firstlight/text/unicode.h"

namespace firstlight::text {
namespace {

// A pattern longer than this is no tokenizer's; compiled code must stay small.
constexpr std::size_t kMaxPatternBytes = 64 << 10;
// Backtracking steps for one match. Real patterns need a few per character; the limit stops exponential ones.
constexpr std::uint32_t kMatchLimit = 5'000'000;
constexpr std::uint32_t kHeapLimitKib = 64 << 10;

std::string message_of(int code) {
  PCRE2_UCHAR buffer[256];
  pcre2_get_error_message(code, buffer, sizeof(buffer));
  return reinterpret_cast<const char*>(buffer);
}

struct MatchContext {
  pcre2_match_context* context = pcre2_match_context_create(nullptr);
  pcre2_match_data* data = pcre2_match_data_create(1, nullptr);
  MatchContext() {
    if (context == nullptr || data == nullptr) fail(Category::kResource, "", "no memory for a regular expression");
    pcre2_set_match_limit(context, kMatchLimit);
    pcre2_set_heap_limit(context, kHeapLimitKib);
  }
  MatchContext(const MatchContext&) = delete;
  MatchContext& operator=(const MatchContext&) = delete;
  ~MatchContext() {
    pcre2_match_data_free(data);
    pcre2_match_context_free(context);
  }
};

}  // namespace

struct Regex::Code {
  pcre2_code* compiled = nullptr;
  SplitScanner scanner = nullptr;
  std::string literal;
  std::string where;
  ~Code() { pcre2_code_free(compiled); }
};

Regex::Regex(std::string_view pattern, std::string_view where, bool by_scanner) {
  auto code = std::make_shared<Code>();
  code->where = where;
  if (by_scanner) code->scanner = find_split_scanner(pattern);
  if (pattern.size() > kMaxPatternBytes)
    fail(Category::kBadInput, where, "a regular expression of {} bytes; at most {}", pattern.size(), kMaxPatternBytes);
  const std::string translated = translate_regex(pattern, where);
  int error = 0;
  PCRE2_SIZE offset = 0;
  code->compiled =
      pcre2_compile(reinterpret_cast<PCRE2_SPTR>(translated.data()), translated.size(),
                    PCRE2_UTF | PCRE2_UCP | PCRE2_MULTILINE | PCRE2_NEVER_BACKSLASH_C, &error, &offset, nullptr);
  if (code->compiled == nullptr)
    fail(Category::kBadInput, where, "regular expression '{}': {} (at byte {} of its PCRE2 form '{}')", pattern,
         message_of(error), offset, translated);
  // Without a JIT for this machine the interpreter gives the same matches.
  pcre2_jit_compile(code->compiled, PCRE2_JIT_COMPLETE);
  code_ = std::move(code);
}

Regex Regex::literal(std::string_view literal, std::string_view where) {
  auto code = std::make_shared<Code>();
  code->literal = literal;
  code->where = where;
  return Regex(std::move(code));
}

std::vector<Range> Regex::find_all(std::string_view text) const {
  std::vector<Range> matches;
  if (code_->scanner != nullptr) {
    matches.reserve(text.size() / 4);
    code_->scanner(text, matches);
    return matches;
  }
  if (code_->compiled == nullptr) {
    const std::string& literal = code_->literal;
    for (std::size_t at = text.find(literal); !literal.empty() && at != std::string_view::npos;
         at = text.find(literal, at + literal.size()))
      matches.push_back({at, at + literal.size()});
    return matches;
  }
  const MatchContext match;
  const auto subject = reinterpret_cast<PCRE2_SPTR>(text.data());
  std::size_t start = 0;
  while (start <= text.size()) {
    int result =
        pcre2_match(code_->compiled, subject, text.size(), start, PCRE2_NO_UTF_CHECK, match.data, match.context);
    if (result == PCRE2_ERROR_JIT_STACKLIMIT)
      result = pcre2_match(code_->compiled, subject, text.size(), start, PCRE2_NO_UTF_CHECK | PCRE2_NO_JIT, match.data,
                           match.context);
    if (result == PCRE2_ERROR_NOMATCH) break;
    if (result < 0) fail(Category::kResource, code_->where, "matching a regular expression: {}", message_of(result));
    const PCRE2_SIZE* bounds = pcre2_get_ovector_pointer(match.data);
    const Range found{bounds[0], bounds[1]};
    const bool empty = found.begin >= found.end;
    // An empty match where the last match ended is not a match of its own.
    if (!empty || matches.empty() || matches.back().end != found.begin) matches.push_back({found.begin, found.end});
    if (!empty)
      start = found.end;
    else if (found.end < text.size())
      start = found.end + code_point_at(text, found.end).bytes;
    else
      break;
  }
  return matches;
}

}  // namespace firstlight::text
