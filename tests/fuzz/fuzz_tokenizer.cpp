// Any bytes as a tokenizer.json, and as text for the tokenizer that it describes. What follows the first NUL byte is
// text; without one the input is text for a fixed tokenizer too.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "firstlight/text/stream_decoder.h"
#include "firstlight/text/tokenizer.h"
#include "firstlight/text/unicode.h"
#include "fuzz.h"

namespace {

using firstlight::fuzz::expect_error_or_success;
using firstlight::text::StreamDecoder;
using firstlight::text::Tokenizer;

constexpr std::string_view kFixed = R"({"added_tokens":[
  {"id":6,"content":"<s>","special":true,"rstrip":true},{"id":7,"content":"ab","normalized":true,"single_word":true,"lstrip":true}],
 "normalizer":{"type":"Sequence","normalizers":[{"type":"NFKC"},{"type":"Lowercase"},{"type":"Strip","strip_left":true,"strip_right":false}]},
 "pre_tokenizer":{"type":"Sequence","pretokenizers":[
  {"type":"Split","pattern":{"Regex":"\\p{N}{1,3}|\\s+(?!\\S)|\\s+|[^\\s\\p{L}\\p{N}]+"},"behavior":"MergedWithNext","invert":false},
  {"type":"Metaspace","replacement":"_","prepend_scheme":"first"},{"type":"Digits","individual_digits":true}]},
 "decoder":{"type":"Sequence","decoders":[{"type":"ByteFallback"},{"type":"Fuse"},{"type":"Strip","content":" ","start":1,"stop":1}]},
 "model":{"type":"BPE","unk_token":"?","byte_fallback":true,"vocab":{"?":0,"a":1,"b":2,"_":3,"_a":4,"<0xC3>":5},"merges":["_ a"]}})";

// Streams must add up to the whole, in whole characters.
void encode_and_decode(const Tokenizer& tokenizer, std::string_view text) {
  for (const bool special : {true, false}) {
    const std::vector<std::int32_t> ids =
        tokenizer.encode(text, {.add_special_tokens = special, .parse_special = special});
    const std::string whole = tokenizer.decode(ids, special);
    StreamDecoder stream(tokenizer, special);
    std::string joined;
    for (const std::int32_t id : ids) joined += stream.push(id);
    joined += stream.finish();
    if (joined != whole || !firstlight::text::is_valid_utf8(whole)) {
      std::fprintf(stderr, "finding: stream and whole differ\n");
      std::abort();
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const Tokenizer fixed = Tokenizer::from_json(kFixed, "fixed");
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const std::size_t end = std::min(input.find('\0'), size);
  const std::string_view text = end < size ? input.substr(end + 1) : input;
  expect_error_or_success([&] { encode_and_decode(fixed, text); });
  expect_error_or_success([&] { encode_and_decode(Tokenizer::from_json(input.substr(0, end), "fuzz"), text); });
  return 0;
}
