// vocab.json and merges.txt: the model alone; what goes around it is known by the tokenizer's class.
#include <fmt/ranges.h>

#include <algorithm>

#include "firstlight/base/error.h"
#include "firstlight/base/json.h"
#include "firstlight/text/byte_level_parts.h"
#include "firstlight/text/lines.h"
#include "firstlight/text/tokenizer_classes.h"
#include "firstlight/text/tokenizer_parts.h"

namespace firstlight::text {
namespace {

std::string text_field(const Json& config, const char* key, const std::string& otherwise) {
  const auto found = config.find(key);
  if (found == config.end()) return otherwise;
  if (found->is_string()) return found->get<std::string>();
  if (found->is_object() && found->contains("content") && (*found)["content"].is_string())
    return (*found)["content"].get<std::string>();
  return otherwise;
}

// The classes of transformers that read vocab.json and merges.txt, without "Fast" at the end.
Json pipeline_of_class(const Json& config, const std::string& config_where) {
  std::string name = text_field(config, "tokenizer_class", std::string(kFirstByteLevelClasses[0]));
  if (name.ends_with("Fast")) name.resize(name.size() - 4);
  const auto prefix = config.find("add_prefix_space");
  const bool add_prefix_space = prefix != config.end() && prefix->is_boolean() && prefix->get<bool>();
  if (std::ranges::find(kFirstByteLevelClasses, name) != std::end(kFirstByteLevelClasses))
    return byte_level_json({.add_prefix_space = add_prefix_space});
  if (name == kSingleDigitClass)
    return byte_level_json({.split = kSingleDigitSplit, .add_prefix_space = add_prefix_space, .compose = true});
  if (name == kCaptionClass) {
    constexpr std::string_view kSplit =
        R"(<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+)";
    Json root = byte_level_json({});
    root["normalizer"] = {{"type", "Sequence"},
                          {"normalizers",
                           {{{"type", "NFC"}},
                            {{"type", "Replace"}, {"pattern", {{"Regex", R"(\s+)"}}}, {"content", " "}},
                            {{"type", "Lowercase"}}}}};
    root["pre_tokenizer"] = {
        {"type", "Sequence"},
        {"pretokenizers",
         {{{"type", "Split"}, {"pattern", {{"Regex", kSplit}}}, {"behavior", "Removed"}, {"invert", true}},
          root["pre_tokenizer"]}}};
    root["model"]["end_of_word_suffix"] = "</w>";
    // Words' ends are spaces; white space around the text goes, too.
    root["decoder"] = {
        {"type", "Sequence"},
        {"decoders",
         {{{"type", "ByteLevel"}}, {{"type", "Replace"}, {"pattern", {{"String", "</w>"}}}, {"content", " "}}}}};
    root["model"]["unk_token"] = text_field(config, "unk_token", "<|endoftext|>");
    root["around"] = {text_field(config, "bos_token", "<|startoftext|>"),
                      text_field(config, "eos_token", "<|endoftext|>")};
    return root;
  }
  fail(Category::kUnsupported, config_where,
       "tokenizer_class '{}' with vocab.json and merges.txt; accepted are {}, {}, {}", name,
       fmt::join(kFirstByteLevelClasses, ", "), kSingleDigitClass, kCaptionClass);
}

std::vector<std::pair<std::string, std::string>> read_merges(std::string_view text, const std::string& where) {
  std::vector<std::pair<std::string, std::string>> merges;
  for_each_line(text, [&](std::size_t number, std::string_view line) {
    if (line.empty() || line.starts_with("#version")) return;
    const std::size_t space = line.find(' ');
    if (space == 0 || space == std::string_view::npos || space + 1 == line.size() ||
        line.find(' ', space + 1) != std::string_view::npos)
      fail(Category::kBadInput, where, "line {}: expected two pieces with a space between", number);
    merges.emplace_back(line.substr(0, space), line.substr(space + 1));
  });
  return merges;
}

}  // namespace

Json byte_level_json(const ByteLevelStyle& style) {
  Json byte_level = {
      {"type", "ByteLevel"}, {"add_prefix_space", style.add_prefix_space}, {"use_regex", style.split.empty()}};
  Json root = {{"model", {{"type", "BPE"}}}, {"decoder", {{"type", "ByteLevel"}}}};
  root["pre_tokenizer"] = byte_level;
  if (!style.split.empty())
    root["pre_tokenizer"] = {
        {"type", "Sequence"},
        {"pretokenizers",
         {{{"type", "Split"}, {"pattern", {{"Regex", style.split}}}, {"behavior", "Isolated"}, {"invert", false}},
          byte_level}}};
  if (style.compose) root["normalizer"] = {{"type", "NFC"}};
  return root;
}

TokenizerParts read_vocab_and_merges(std::string_view vocab, const std::string& vocab_where, std::string_view merges,
                                     const std::string& merges_where, const Json& config,
                                     const std::string& config_where) {
  TokenizerFile file;
  file.root = pipeline_of_class(config, config_where);
  // The reader of tokenizer.json takes the vocabulary without building a tree of it.
  TokenizerFile read = parse_tokenizer_file(fmt::format(R"({{"model":{{"vocab":{}}}}})", vocab), vocab_where);
  if (!read.has_vocab) fail(Category::kBadInput, vocab_where, "expected an object of piece: id");
  file.vocab = std::move(read.vocab);
  file.has_vocab = file.has_merges = true;
  file.merges = read_merges(merges, merges_where);
  Json around = Json::array();
  if (file.root.contains("around")) {
    around = file.root["around"];
    file.root.erase("around");
  }
  TokenizerParts parts = make_parts(std::move(file), vocab_where);
  if (!around.empty()) {
    const auto id = [&](const Json& piece) {
      const auto found = parts.model->vocabulary().id_of(piece.get<std::string>());
      if (!found) fail(Category::kMismatch, config_where, "{} is not in {}", json_text(piece), vocab_where);
      return *found;
    };
    parts.post_processor = {{id(around[0])}, {id(around[1])}};
    parts.decoder = make_stripping_decoder(std::move(parts.decoder));
  }
  return parts;
}

}  // namespace firstlight::text
