// Golden cases and small tokenizers.
#include "text/cases.h"

#include "firstlight/text/stream_decoder.h"

namespace firstlight::text::testing {

void expect_case(const Tokenizer& tokenizer, const Json& entry) {
  const Ids ids = ids_of(entry["ids"]);
  const auto name = entry.contains("text") ? json_text(entry["text"]) : json_text(entry["ids"]);
  if (entry.contains("text")) {
    const std::string text = entry["text"];
    EXPECT_EQ(tokenizer.encode(text), ids) << name;
    const Ids plain = entry.contains("plain_ids") ? ids_of(entry["plain_ids"]) : ids;
    EXPECT_EQ(tokenizer.encode(text, {.add_special_tokens = false, .parse_special = false}), plain) << name;
  }
  if (!entry.contains("decoded")) return;
  const std::string decoded = entry["decoded"];
  EXPECT_EQ(tokenizer.decode(ids, false), decoded) << name;
  if (!entry.contains("text")) return;
  EXPECT_EQ(tokenizer.decode(ids, true), entry.value("decoded_without_special", decoded)) << name;
}

Json tokenizer_json(const std::vector<std::string>& vocabulary, const std::vector<std::string>& merges,
                    const Json& parts) {
  Json vocab = Json::object();
  for (std::size_t i = 0; i < vocabulary.size(); ++i) vocab[vocabulary[i]] = i;
  Json json = {{"version", "1.0"}, {"model", {{"type", "BPE"}, {"vocab", vocab}, {"merges", merges}}}};
  for (const auto& [key, value] : parts.items()) {
    if (key != "model") {
      json[key] = value;
      continue;
    }
    for (const auto& [name, field] : value.items()) json["model"][name] = field;
  }
  return json;
}

Tokenizer make_tokenizer(const Json& json) { return Tokenizer::from_json(json_text(json), "tokenizer.json"); }

}  // namespace firstlight::text::testing
