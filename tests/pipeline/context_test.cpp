// Ids into a model: whole, in chunks, step by step, and beyond the length that was declared.
#include "firstlight/pipeline/context.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pipeline/made.h"

namespace firstlight::testing {
namespace {

std::vector<float> values(const HostTensor& tensor) { return tensor.values(); }

TEST(Feed, ChunksAndStepsAreTheWhole) {
  Loaded made = tiny();
  const std::vector<std::int32_t> ids = random_ids(40, 97, 1);
  const std::vector<float> want = values(pipeline::logits(*made.session, *made.model, ids));
  EXPECT_EQ(values(pipeline::logits(*made.session, *made.model, ids, 7)), want);

  const auto state = made.model->new_state(*made.session, {.sequences = 2, .max_length = 40});
  const auto row = [&](std::size_t i) {
    return std::vector<float>(want.begin() + i * 97, want.begin() + (i + 1) * 97);
  };
  EXPECT_EQ(values(pipeline::prefill(*made.session, *made.model, *state, 1, std::span(ids).first(30), 8, false)),
            row(29));
  const std::vector<std::int32_t> sequences = {1};
  EXPECT_EQ(values(pipeline::decode(*made.session, *made.model, *state, sequences, std::span(ids).subspan(30, 1))),
            row(30));
  EXPECT_EQ(state->length(1), 31);
  EXPECT_EQ(state->length(0), 0);
  EXPECT_EQ(pipeline::decode(*made.session, *made.model, *state, {}, {}).shape(), (Shape{0, 97}));
}

TEST(Feed, RefusesIdsOutsideTheVocabulary) {
  Loaded made = tiny();
  for (const std::int32_t wrong : {-1, 97}) {
    const std::vector<std::int32_t> ids = {1, 2, wrong};
    const Error error = expect_error([&] { pipeline::logits(*made.session, *made.model, ids); });
    EXPECT_EQ(error.category(), Category::kBadInput);
    EXPECT_THAT(error.message(), ::testing::HasSubstr("at index 2 is not in the vocabulary: 0 ... 96"));
  }
  EXPECT_EQ(expect_error([&] { pipeline::logits(*made.session, *made.model, {}); }).category(), Category::kBadInput);
}

TEST(Context, OutgrowingTheDeclaredLengthRebuilds) {
  Loaded made = tiny();
  const std::vector<std::int32_t> ids = random_ids(50, 97, 2);
  const std::span<const std::int32_t> all = ids;
  // What the last row is under a declared length.
  const auto under = [&](std::size_t count, std::int64_t declared) {
    const auto state = made.model->new_state(*made.session, {.max_length = 64, .declared_length = declared});
    return values(pipeline::prefill(*made.session, *made.model, *state, 0, all.first(count), 0, false));
  };
  EXPECT_NE(under(30, 32), under(30, 33));  // the declared length matters, or this test would see nothing

  pipeline::Context context(*made.session, *made.model, {.sequences = 2, .max_length = 48, .declared_length = 24}, 16);
  EXPECT_EQ(values(context.feed(0, all.first(20))), under(20, 24));
  context.feed(1, all.subspan(40));
  EXPECT_EQ(context.rebuilds(), 0);
  EXPECT_EQ(values(context.feed(0, all.subspan(20, 10))), under(30, 48));  // declared anew, within the state
  EXPECT_EQ(context.rebuilds(), 1);
  EXPECT_EQ(context.state().declared_length(1), 24);
  EXPECT_EQ(values(context.feed(0, all.subspan(30))), under(50, 96));  // a larger state: both are made anew
  EXPECT_EQ(context.rebuilds(), 3);
  EXPECT_EQ(context.state().declared_length(0), 96);
  EXPECT_EQ(context.ids(0), ids);
  context.trim(0, 30);
  const std::vector<std::int32_t> sequences = {0};
  EXPECT_EQ(values(context.step(sequences, all.subspan(30, 1))), under(31, 96));
}

}  // namespace
}  // namespace firstlight::testing
