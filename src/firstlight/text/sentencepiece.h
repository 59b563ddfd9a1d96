// A sentencepiece model file (sentencepiece_model.proto of https://github.com/google/sentencepiece), as read, and the
// parts that are made of it.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "firstlight/text/model.h"
#include "firstlight/text/normalizer.h"

namespace firstlight::text {

enum class PieceType { kNormal = 1, kUnknown = 2, kControl = 3, kUserDefined = 4, kUnused = 5, kByte = 6 };

struct SentencePieceFile {
  struct Entry {
    std::string piece;
    float score = 0;
    PieceType type = PieceType::kNormal;
  };
  std::vector<Entry> pieces;  // by id
  enum class Algorithm { kUnigram = 1, kBpe = 2 };
  Algorithm algorithm = Algorithm::kUnigram;
  bool byte_fallback = false;
  bool space_is_suffix = false;  // the dummy space stands at the text's end
  std::int32_t unknown_id = 0;
  // The normaliser.
  std::string character_map;  // empty: characters stay
  bool add_dummy_prefix = true;
  bool remove_extra_spaces = true;
  bool escape_spaces = true;  // a space becomes U+2581
};

SentencePieceFile parse_sentencepiece(std::string_view bytes, const std::string& where);
std::unique_ptr<Normalizer> make_sentencepiece_normalizer(const SentencePieceFile& file, bool prefix_everywhere,
                                                          const std::string& where);
std::unique_ptr<Model> make_sentencepiece_model(const SentencePieceFile& file, const std::string& where);

}  // namespace firstlight::text
