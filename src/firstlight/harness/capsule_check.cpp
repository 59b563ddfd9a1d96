// Whether a reference file belongs to a model: by its vocabulary, and by its tokenizer.
#include <algorithm>

#include "firstlight/base/error.h"
#include "firstlight/base/json.h"
#include "firstlight/harness/capsule.h"

namespace firstlight::harness {
namespace {

// The text was cut after some token: the last ones may read differently without what followed.
constexpr std::size_t kCutTokens = 16;

std::string excerpt(std::string text) {
  constexpr std::size_t kCharacters = 60;
  if (text.size() > kCharacters) text.resize(kCharacters);
  return json_text(Json(text));
}

}  // namespace

void check_belongs(pipeline::Engine& engine, const Capsule& capsule) {
  const std::int64_t vocabulary = engine.model().description().vocab_size;
  const auto check_id = [&](std::int32_t id) {
    if (id < 0 || id >= vocabulary)
      fail(Category::kMismatch, capsule.origin,
           "does not belong to the model {}: it holds token id {}, and the model's vocabulary has {}", engine.name(),
           id, vocabulary);
  };
  std::ranges::for_each(capsule.ids, check_id);
  for (const auto& row : capsule.top5) std::ranges::for_each(row, check_id);
  if (!engine.has_tokenizer()) return;

  // A tokenizer's own ids are what it makes of the text that they decode to; another's decode to a jumble that it cuts
  // differently.
  const text::Tokenizer& tokenizer = engine.tokenizer();
  std::span<const std::int32_t> ids = capsule.ids;
  while (!ids.empty() && tokenizer.is_special(ids.front())) ids = ids.subspan(1);  // a BOS, say
  const std::string text = tokenizer.decode(ids, false);
  const std::vector<std::int32_t> again = tokenizer.encode(text, {.add_special_tokens = false});
  const auto same = static_cast<std::size_t>(std::ranges::mismatch(ids, again).in1 - ids.begin());
  if (same + kCutTokens < ids.size())
    fail(Category::kMismatch, capsule.origin,
         "does not belong to the tokenizer of {}: its tokens decode to {}, which that tokenizer cuts differently from "
         "token {} on",
         engine.name(), excerpt(text), same);
}

}  // namespace firstlight::harness
