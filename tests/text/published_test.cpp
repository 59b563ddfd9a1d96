// Published tokenizers against the ids that their other implementations agree on (../shared/data; skipped without it).
#include "firstlight/base/file.h"
#include "text/cases.h"

namespace firstlight::text::testing {
namespace {

std::vector<std::string> split(const std::string& text, const std::string& separator) {
  std::vector<std::string> parts;
  std::size_t begin = 0;
  for (std::size_t at; (at = text.find(separator, begin)) != std::string::npos; begin = at + separator.size())
    parts.push_back(text.substr(begin, at - begin));
  parts.push_back(text.substr(begin));
  return parts;
}

// A file of texts and a file of their ids, one line a text.
void expect_vocabulary_cases(const std::filesystem::path& folder, const std::string& stem) {
  const Tokenizer tokenizer = Tokenizer::load(folder);
  const auto texts = split(read_text_file(folder / (stem + ".inp")), "\n__ggml_vocab_test__\n");
  const auto lines = split(read_text_file(folder / (stem + ".out")), "\n");
  ASSERT_GE(lines.size(), texts.size());
  ASSERT_GT(texts.size(), 40u);
  std::size_t checked = 0;
  for (std::size_t i = 0; i < texts.size(); ++i) {
    Ids expected;
    for (const std::string& number : split(lines[i], " "))
      if (!number.empty()) expected.push_back(std::stoi(number));
    EXPECT_EQ(tokenizer.encode(texts[i], {.add_special_tokens = false}), expected) << "case " << i << ": " << texts[i];
    ++checked;
  }
  EXPECT_EQ(checked, texts.size());
}

TEST(Published, Phi3VocabularyCases) {
  FL_SHARED_OR_SKIP(folder, "data/tokenizers/phi-3");
  expect_vocabulary_cases(folder, "ggml-vocab-phi-3.gguf");
}
TEST(Published, Llama2VocabularyCases) {
  FL_SHARED_OR_SKIP(folder, "data/tokenizers/llama-2");
  expect_vocabulary_cases(folder, "ggml-vocab-llama-spm.gguf");
}
TEST(Published, Gpt2VocabularyCases) {
  FL_SHARED_OR_SKIP(folder, "data/tokenizers/gpt2");
  expect_vocabulary_cases(folder, "ggml-vocab-gpt-2.gguf");
}

TEST(Published, Paragraphs) {
  FL_SHARED_OR_SKIP(root, "data/tokenizers");
  for (const auto& [folder, file] :
       {std::pair{"gpt2", "gpt2_encoded_tokens.json"}, {"llama-2", "llama_encoded.json"}}) {
    const Json paragraph = read_json_file(root / folder / file);
    const Tokenizer tokenizer = Tokenizer::load(root / folder);
    const Ids ids = tokenizer.encode(paragraph["text"].get<std::string>());
    EXPECT_EQ(ids, ids_of(paragraph["token_ids"])) << file;
    EXPECT_EQ(tokenizer.decode(ids, false), paragraph["decoded_text"].get<std::string>()) << file;
  }
}

TEST(Published, TransformersCases) {
  FL_SHARED_OR_SKIP(root, "data/tokenizers");
  const Json file = read_json_file(root / "hf-tokenizer-cases" / "tokenizer_tests.json");
  for (const auto& [folder, name] :
       {std::pair{"gpt2", "distilgpt2"}, {"llama-2", "coreml-projects/Llama-2-7b-chat-coreml"}}) {
    const Tokenizer tokenizer = Tokenizer::load(root / folder);
    ASSERT_EQ(file[name].size(), 18u);
    for (const Json& entry : file[name]) {
      const std::string text = entry["input"];
      const Ids ids = tokenizer.encode(text);
      EXPECT_EQ(ids, ids_of(entry["encoded"]["input_ids"])) << name << ": " << text;
      // transformers cleans up spaces before punctuation for one of them, which is no part of tokenizer.json.
      if (name == std::string("distilgpt2")) {
        EXPECT_EQ(tokenizer.decode(ids, false), text);
      } else {
        EXPECT_EQ(tokenizer.decode(ids, false), entry["decoded_with_special"].get<std::string>());
        EXPECT_EQ(tokenizer.decode(ids, true), entry["decoded_without_special"].get<std::string>());
      }
    }
  }
}

}  // namespace
}  // namespace firstlight::text::testing
