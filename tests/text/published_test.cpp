// Published tokenizers against the ids that their other implementations agree on (../shared/data; skipped without it).
#include <cstring>

#include "firstlight/base/file.h"
#include "firstlight/io/refpt.h"
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

// What transformers does to decoded text where clean_up_tokenization_spaces is on.
std::string cleaned(std::string text) {
  for (const auto& [from, to] : {std::pair{" .", "."},
                                 {" ?", "?"},
                                 {" !", "!"},
                                 {" ,", ","},
                                 {" ' ", "'"},
                                 {" n't", "n't"},
                                 {" 'm", "'m"},
                                 {" 's", "'s"},
                                 {" 've", "'ve"},
                                 {" 're", "'re"}})
    for (std::size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += std::strlen(to))
      text.replace(at, std::strlen(from), to);
  return text;
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
  for (const auto& [folder, file] : {std::pair{"gpt2", "gpt2_encoded_tokens.json"},
                                     {"llama-2", "llama_encoded.json"},
                                     {"llama-3", "llama_3.2_encoded.json"},
                                     {"t5", "t5_base_encoded.json"}}) {
    const Json paragraph = read_json_file(root / folder / file);
    const Tokenizer tokenizer = Tokenizer::load(root / folder);
    const Ids ids = tokenizer.encode(paragraph["text"].get<std::string>());
    EXPECT_EQ(ids, ids_of(paragraph["token_ids"])) << file;
    EXPECT_EQ(tokenizer.decode(ids, false), paragraph["decoded_text"].get<std::string>()) << file;
  }
}

TEST(Published, Llama3VocabularyCases) {
  FL_SHARED_OR_SKIP(folder, "data/tokenizers/llama-3");
  expect_vocabulary_cases(folder, "ggml-vocab-llama-bpe.gguf");
}
TEST(Published, Qwen2VocabularyCases) {
  FL_SHARED_OR_SKIP(folder, "data/tokenizers/qwen2");
  expect_vocabulary_cases(folder, "ggml-vocab-qwen2.gguf");
}

// The same vocabulary as two files.
TEST(Published, SentencePieceModelEqualsTokenizerJson) {
  FL_SHARED_OR_SKIP(folder, "data/tokenizers/llama-2");
  const Tokenizer json = Tokenizer::load(folder), model = Tokenizer::load(folder / "tokenizer.model");
  for (const std::string& text :
       split(read_text_file(folder / "ggml-vocab-llama-spm.gguf.inp"), "\n__ggml_vocab_test__\n")) {
    const Ids ids = model.encode(text);
    EXPECT_EQ(ids, json.encode(text)) << text;
    EXPECT_EQ(model.decode(ids, true), json.decode(ids, true)) << text;
  }
}

// Each segment between control tokens is encoded alone, with a dummy prefix of its own.
TEST(Published, MistralSamples) {
  FL_SHARED_OR_SKIP(folder, "data/tokenizers/mistral-v3");
  const Tokenizer tokenizer = Tokenizer::load(folder / "tokenizer.model.v3");
  std::size_t checked = 0;
  for (const auto& sample : std::filesystem::directory_iterator(folder / "samples")) {
    std::string shown = read_text_file(sample.path() / "text_v3.txt");
    // The sample shows spaces as marks, each segment's prefix among them, and line breaks as byte pieces.
    for (std::size_t at; (at = shown.find("<0x0A>")) != std::string::npos;) shown.replace(at, 6, "\n");
    std::string text;
    for (std::size_t i = 0; i < shown.size();) {
      const bool mark = shown.compare(i, 3, "\u2581") == 0;
      const bool prefix = mark && (text.ends_with(']') || text.ends_with("<s>") || text.ends_with("</s>"));
      if (!mark) text += shown[i];
      if (mark && !prefix) text += ' ';
      i += mark ? 3 : 1;
    }
    const Json tokens = read_json_file(sample.path() / "tokens_v3.json");
    EXPECT_EQ(tokenizer.encode(text), ids_of(tokens.is_array() ? tokens : tokens["tokens"])) << sample.path();
    ++checked;
  }
  EXPECT_EQ(checked, 6u);
}

// What each reference file of the stack holds is the head of one text.
TEST(Published, ReferenceFilesDecodeToTheTale) {
  FL_SHARED_OR_SKIP(root, "data");
  const std::pair<const char*, const char*> files[] = {{"Llama-3.1-70B-Instruct", "llama-3"},
                                                       {"Llama-3.1-8B-Instruct", "llama-3"},
                                                       {"Llama-3.2-1B-Instruct", "llama-3"},
                                                       {"Mistral-7B-Instruct-v0.3", "mistral-v3"},
                                                       {"Phi-3-mini-128k-instruct", "phi-3"},
                                                       {"Qwen2.5-7B-Instruct", "qwen2"},
                                                       {"Qwen3-32B", "qwen2"}};
  std::vector<std::string> texts;
  for (const auto& [file, folder] : files) {
    SCOPED_TRACE(file);
    const Tokenizer tokenizer = Tokenizer::load(root / "tokenizers" / folder);
    const io::Refpt refpt = io::read_refpt(root / "reference" / "tt-refpt" / (std::string(file) + ".refpt"));
    std::span<const std::int32_t> ids = refpt.tokens;
    while (tokenizer.is_special(ids.front())) ids = ids.subspan(1);
    const std::string text = tokenizer.decode(ids, false);
    EXPECT_NE(text.find("The Project Gutenberg EBook of A Tale of Two Cities, by Charles Dickens\n"), std::string::npos)
        << text.substr(0, 100);
    EXPECT_GT(text.size(), 3000u);
    texts.push_back(text.substr(text.find("The Project")));
    Ids again = tokenizer.encode(text, {.add_special_tokens = false});
    again.resize(ids.size() - 8);  // the text was cut after some token
    EXPECT_EQ(again, Ids(ids.begin(), ids.end() - 8));
  }
  for (const std::string& text : texts) {
    const std::size_t common = std::min(text.size(), texts[0].size()) - 8;
    EXPECT_EQ(text.substr(0, common), texts[0].substr(0, common));
  }
}

TEST(Published, TransformersCases) {
  FL_SHARED_OR_SKIP(root, "data/tokenizers");
  const Json file = read_json_file(root / "hf-tokenizer-cases" / "tokenizer_tests.json");
  for (const auto& [folder, name] : {std::pair{"gpt2", "distilgpt2"},
                                     {"llama-2", "coreml-projects/Llama-2-7b-chat-coreml"},
                                     {"llama-3", "pcuenq/Llama-3.2-1B-Instruct-tokenizer"},
                                     {"t5", "t5-base"}}) {
    const Tokenizer tokenizer = Tokenizer::load(root / folder);
    ASSERT_EQ(file[name].size(), 18u);
    for (const Json& entry : file[name]) {
      const std::string text = entry["input"];
      const Ids ids = tokenizer.encode(text);
      EXPECT_EQ(ids, ids_of(entry["encoded"]["input_ids"])) << name << ": " << text;
      // For the others transformers cleans up English spacing, which is no part of a tokenizer's files.
      const bool clean = folder != std::string("llama-2");
      const auto shown = [&](bool skip) {
        return clean ? cleaned(tokenizer.decode(ids, skip)) : tokenizer.decode(ids, skip);
      };
      EXPECT_EQ(shown(false), entry["decoded_with_special"].get<std::string>());
      EXPECT_EQ(shown(true), entry["decoded_without_special"].get<std::string>());
    }
  }
}

}  // namespace
}  // namespace firstlight::text::testing
