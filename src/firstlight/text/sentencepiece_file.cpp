// Field numbers are those of sentencepiece_model.proto.
#include <cmath>

#include "firstlight/base/error.h"
#include "firstlight/text/decoder.h"
#include "firstlight/text/protobuf.h"
#include "firstlight/text/sentencepiece.h"
#include "firstlight/text/tokenizer_parts.h"
#include "firstlight/text/unicode.h"

namespace firstlight::text {
namespace {

// Looking for the two halves of a piece costs the square of its length.
constexpr std::size_t kMaxPieceBytes = 512;
constexpr std::size_t kMaxPieces = 8'000'000;

SentencePieceFile::Entry read_piece(std::string_view message, const std::string& where) {
  SentencePieceFile::Entry entry;
  ProtobufReader reader(message, where);
  while (const auto field = reader.next()) {
    if (field->number == 1) entry.piece = field->text(where);
    if (field->number == 2) entry.score = field->real(where);
    if (field->number == 3) {
      const std::int64_t type = field->number_value(where);
      if (type < 1 || type > 6) fail(Category::kUnsupported, where, "piece type {}; accepted are 1 to 6", type);
      entry.type = static_cast<PieceType>(type);
    }
  }
  if (entry.piece.empty() || entry.piece.size() > kMaxPieceBytes || !is_valid_utf8(entry.piece))
    fail(Category::kBadInput, where, "expected 1 to {} bytes of UTF-8, found {}", kMaxPieceBytes, entry.piece.size());
  if (!std::isfinite(entry.score)) fail(Category::kBadInput, where, "'{}' has a score that is not finite", entry.piece);
  return entry;
}

void read_trainer(std::string_view message, const std::string& where, SentencePieceFile& file) {
  constexpr std::string_view kAlgorithms[] = {"unigram", "bpe", "word", "char"};
  ProtobufReader reader(message, where);
  while (const auto field = reader.next()) {
    if (field->number == 3) {
      const std::int64_t type = field->number_value(where);
      if (type != 1 && type != 2)
        fail(Category::kUnsupported, where, "model type {}; accepted are unigram and bpe",
             type >= 1 && type <= 4 ? kAlgorithms[type - 1] : std::to_string(type));
      file.algorithm = static_cast<SentencePieceFile::Algorithm>(type);
    }
    if (field->number == 24) file.space_is_suffix = field->number_value(where) != 0;
    if (field->number == 35) file.byte_fallback = field->number_value(where) != 0;
  }
}

void read_normalizer(std::string_view message, const std::string& where, SentencePieceFile& file) {
  ProtobufReader reader(message, where);
  while (const auto field = reader.next()) {
    if (field->number == 2) file.character_map = field->text(where);
    if (field->number == 3) file.add_dummy_prefix = field->number_value(where) != 0;
    if (field->number == 4) file.remove_extra_spaces = field->number_value(where) != 0;
    if (field->number == 5) file.escape_spaces = field->number_value(where) != 0;
  }
}

}  // namespace

bool looks_like_sentencepiece(std::string_view bytes) {
  // The first field is a piece: tag 0x0A, its size, then its text's tag 0x0A.
  return bytes.size() > 3 && bytes[0] == '\x0A' && bytes[2] == '\x0A';
}

SentencePieceFile parse_sentencepiece(std::string_view bytes, const std::string& where) {
  SentencePieceFile file;
  std::int32_t unknowns = 0;
  ProtobufReader reader(bytes, where);
  while (const auto field = reader.next()) {
    if (field->number == 1) {
      if (file.pieces.size() == kMaxPieces) fail(Category::kBadInput, where, "more than {} pieces", kMaxPieces);
      const std::string place = fmt::format("{}: piece {}", where, file.pieces.size());
      file.pieces.push_back(read_piece(field->text(where), place));
      if (file.pieces.back().type == PieceType::kUnused)
        fail(Category::kUnsupported, place, "an unused piece ('{}'), of a restricted vocabulary",
             file.pieces.back().piece);
      if (file.pieces.back().type != PieceType::kUnknown) continue;
      file.unknown_id = static_cast<std::int32_t>(file.pieces.size() - 1);
      ++unknowns;
    }
    if (field->number == 2) read_trainer(field->text(where), where + ": trainer_spec", file);
    if (field->number == 3) read_normalizer(field->text(where), where + ": normalizer_spec", file);
  }
  if (unknowns != 1) fail(Category::kBadInput, where, "expected one piece of type unknown, found {}", unknowns);
  return file;
}

TokenizerParts read_sentencepiece(std::string_view bytes, const std::string& where, bool prefix_everywhere) {
  const SentencePieceFile file = parse_sentencepiece(bytes, where);
  TokenizerParts parts;
  parts.normalizer = make_sentencepiece_normalizer(file, prefix_everywhere, where);
  parts.model = make_sentencepiece_model(file, where);
  for (std::size_t id = 0; id < file.pieces.size(); ++id) {
    const SentencePieceFile::Entry& entry = file.pieces[id];
    if (entry.type != PieceType::kControl && entry.type != PieceType::kUnknown) continue;
    AddedToken token;
    token.id = static_cast<std::int32_t>(id);
    token.content = entry.piece;
    token.special = true;
    parts.added.push_back(std::move(token));
  }
  // As transformers decodes it: marks are spaces, bytes are joined, the dummy prefix goes.
  Json steps = Json::array({{{"type", "Replace"}, {"pattern", {{"String", "\u2581"}}}, {"content", " "}},
                            {{"type", "ByteFallback"}},
                            {{"type", "Fuse"}}});
  if (file.add_dummy_prefix && file.space_is_suffix)
    steps.push_back({{"type", "Strip"}, {"content", " "}, {"start", 0}, {"stop", 1}});
  else if (file.add_dummy_prefix)
    steps.push_back({{"type", "Strip"}, {"content", " "}, {"start", 1}, {"stop", 0}});
  parts.decoder = make_decoder({{"type", "Sequence"}, {"decoders", steps}}, where);
  return parts;
}

}  // namespace firstlight::text
