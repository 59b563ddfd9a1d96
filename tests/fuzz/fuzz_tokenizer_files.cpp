// Any bytes as the files of a tokenizer other than tokenizer.json. The first byte picks the reader; what follows the
// last 0x1E byte is text for the tokenizer that the rest describes.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "firstlight/text/tokenizer_parts.h"
#include "firstlight/text/unicode.h"
#include "firstlight/text/words.h"
#include "fuzz.h"

namespace {

namespace fuzz = firstlight::fuzz;
namespace text = firstlight::text;
using firstlight::Json;

constexpr char kSeparator = '\x1E';

text::TokenizerParts read(char kind, std::string_view file) {
  switch (kind) {
    case 's':
      return text::read_sentencepiece(file, "fuzz", true);
    case 't':
      return text::read_tiktoken(file, "fuzz");
    case 'w':
      return text::read_rwkv_vocabulary(file, "fuzz");
    default: {  // vocab.json, merges.txt, tokenizer_config.json
      const std::size_t first = std::min(file.find(kSeparator), file.size());
      const std::string_view rest = file.substr(std::min(first + 1, file.size()));
      const std::size_t second = std::min(rest.find(kSeparator), rest.size());
      const Json config =
          second < rest.size() ? firstlight::parse_json(rest.substr(second + 1), "config") : Json::object();
      return text::read_vocab_and_merges(file.substr(0, first), "vocab", rest.substr(0, second), "merges", config,
                                         "config");
    }
  }
}

void encode(const text::TokenizerParts& parts, std::string_view input) {
  text::Piece piece{text::replace_invalid_utf8(input), true};
  if (parts.normalizer) parts.normalizer->apply(piece);
  text::Words words;
  words.assign(piece.text, true);
  if (parts.pre_tokenizer) parts.pre_tokenizer->apply(words);
  words.write_bytes();
  std::vector<text::Range> ranges;
  for (const text::Range range : words.ranges) parts.model->cut(words.text, range, ranges);
  std::vector<std::int32_t> ids;
  for (const text::Range range : ranges) parts.model->encode(words.word(range), ids);
  for (const std::int32_t id : ids)
    if (parts.model->vocabulary().piece(id) == nullptr) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const std::size_t end = std::min(input.rfind(kSeparator), size);
  const std::string_view sample = end < size ? input.substr(end + 1) : "The text, 1234 \xE2\x96\x81 \xC3\xA9";
  fuzz::expect_error_or_success(
      [&] { encode(read(input[0], end < 1 ? std::string_view() : input.substr(1, end - 1)), sample); });
  return 0;
}
