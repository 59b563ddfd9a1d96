// Ids and texts against goldens made by Hugging Face `tokenizers` (tools/make_tokenizer_goldens.py) and those that come
// with the bundled checkpoint.
#include "firstlight/base/file.h"
#include "text/cases.h"

namespace firstlight::text::testing {
namespace {

TEST(Golden, ByteLevelTokenizer) {
  const auto folder = data_dir() / "tokenizers" / "byte_level";
  const Tokenizer tokenizer = Tokenizer::load(folder);
  const Json cases = read_json_file(folder / "cases.json");
  for (const Json& entry : cases["cases"]) expect_case(tokenizer, entry);
  EXPECT_EQ(cases["cases"].size(), 173u);
  EXPECT_EQ(tokenizer.bos_id(), 0);
  EXPECT_EQ(tokenizer.eos_id(), tokenizer.id_of("<|end|>"));
  EXPECT_EQ(tokenizer.pad_id(), std::nullopt);
}

TEST(Golden, EveryPartOfThePipeline) {
  const Json file = read_json_file(data_dir() / "tokenizers" / "pipelines.json");
  EXPECT_EQ(file["pipelines"].size(), 16u);
  for (const Json& pipeline : file["pipelines"]) {
    SCOPED_TRACE(pipeline["name"]);
    const Tokenizer tokenizer = make_tokenizer(pipeline["tokenizer"]);
    for (const Json& entry : pipeline["cases"]) expect_case(tokenizer, entry);
  }
}

TEST(Golden, BundledTokenizer) {
  const auto folder = source_dir() / "models" / "phi3-nano";
  const Tokenizer tokenizer = Tokenizer::load(folder);
  const Json cases = read_json_file(folder / "tokenizer_cases.json");
  EXPECT_EQ(cases.size(), 14u);
  for (const Json& entry : cases)
    EXPECT_EQ(tokenizer.encode(entry["text"].get<std::string>()), ids_of(entry["ids"])) << entry["text"];
  EXPECT_EQ(tokenizer.vocab_size(), 2043);
  EXPECT_EQ(tokenizer.bos_id(), 1);
  EXPECT_EQ(tokenizer.eos_id(), 2032);
  EXPECT_EQ(tokenizer.pad_id(), 2032);
  EXPECT_EQ(tokenizer.unk_id(), 0);
  EXPECT_TRUE(tokenizer.is_special(2042));
  EXPECT_FALSE(tokenizer.is_special(2));  // </s> is listed, but as an ordinary added token
  EXPECT_EQ(*tokenizer.piece(2042), "<|user|>");
  EXPECT_EQ(tokenizer.piece(2043), nullptr);
  EXPECT_EQ(tokenizer.piece(-1), nullptr);
}

TEST(Golden, EvaluationTextBeginsWithTheReferenceIds) {
  const Tokenizer tokenizer = Tokenizer::load(source_dir() / "models" / "phi3-nano");
  const Ids reference = ids_of(read_json_file(source_dir() / "models" / "phi3-nano" / "reference.json")["ids"]);
  const std::string text = read_text_file(source_dir() / "models" / "eval" / "tale-of-two-cities.txt");
  Ids ids = tokenizer.encode(text);
  EXPECT_EQ(ids.size(), 19272u);  // by the model's README
  EXPECT_EQ(tokenizer.decode(ids, true), text);
  ids.resize(reference.size());
  EXPECT_EQ(reference.size(), 1024u);
  EXPECT_EQ(ids, reference);
}

}  // namespace
}  // namespace firstlight::text::testing
