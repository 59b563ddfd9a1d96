// tokenizer.json: each field is one part.
#include <fmt/format.h>

#include "firstlight/base/error.h"
#include "firstlight/text/fields.h"
#include "firstlight/text/tokenizer_parts.h"

namespace firstlight::text {

TokenizerParts read_tokenizer_json(std::string_view text, const std::string& where) {
  return make_parts(parse_tokenizer_file(text, where), where);
}

TokenizerParts make_parts(TokenizerFile file, const std::string& where) {
  Fields fields(file.root, where);
  if (const auto version = fields.optional_text("version"); version && *version != "1.0")
    fail(Category::kUnsupported, fields.where("version"), "'{}'; accepted is 1.0", *version);
  fields.ignore({"truncation", "padding", "model"});

  TokenizerParts parts;
  const auto place = [&](std::string_view key) { return fmt::format("{}: {}", where, key); };
  if (const Json* json = fields.find("normalizer")) parts.normalizer = make_normalizer(*json, place("normalizer"));
  if (const Json* json = fields.find("pre_tokenizer"))
    parts.pre_tokenizer = make_pre_tokenizer(*json, place("pre_tokenizer"));
  if (const Json* json = fields.find("post_processor"))
    parts.post_processor = make_post_processor(*json, place("post_processor"));
  const Json* decoder = fields.find("decoder");
  parts.decoder = decoder != nullptr ? make_decoder(*decoder, place("decoder")) : make_joining_decoder();
  parts.model = make_model(file, place("model"));
  if (fields.find("added_tokens") != nullptr) {
    const Json& list = fields.array("added_tokens");
    for (std::size_t i = 0; i < list.size(); ++i)
      parts.added.push_back(parse_added_token(list[i], fmt::format("{}[{}]", place("added_tokens"), i)));
  }
  fields.done();
  return parts;
}

}  // namespace firstlight::text
