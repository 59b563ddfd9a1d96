// Values of tokenizer_class in tokenizer_config.json, without "Fast" at the end: the classes of transformers whose
// pipeline stands in no file.
#pragma once

#include <string_view>

namespace firstlight::text {

inline constexpr std::string_view kFirstByteLevelClasses[] = {"GPT2Tokenizer", "CodeGenTokenizer"};
inline constexpr std::string_view kSingleDigitClass = "Qwen2Tokenizer";
inline constexpr std::string_view kCaptionClass = "CLIPTokenizer";
// Sentencepiece models: with a BOS in front, with an EOS at the end.
inline constexpr std::string_view kBeginningClasses[] = {"LlamaTokenizer", "CodeLlamaTokenizer"};
inline constexpr std::string_view kEndingClass = "T5Tokenizer";

}  // namespace firstlight::text
