// "Same bits" (docs/definitions.md): what a token gets does not depend on threads, chunks, phase, batch-mates, slot or
// page order. Bit for bit, on every device that computes, for every model's tiny config and four policies.
#include <gtest/gtest.h>

#include <map>

#include "model/fixtures.h"

namespace firstlight::testing {
namespace {

using Case = std::tuple<std::string, DeviceChoice, std::string>;  // model_type, device, policy

constexpr std::int64_t kLength = 45;    // longer than the windows and original lengths of the tiny configs
constexpr std::int64_t kDeclared = 64;  // of every sequence here
constexpr int kUsers = 32;

std::string tiny_config(std::string_view model_type) {
  for (const model::ModelRow& row : model::models()) {
    if (row.model_type == model_type) return std::string(row.tiny_config);
  }
  return "";
}

std::vector<std::string> model_types() {
  std::vector<std::string> types;
  for (const model::ModelRow& row : model::models()) types.emplace_back(row.model_type);
  return types;
}

class SameBits : public ::testing::TestWithParam<Case> {
 protected:
  void SetUp() override {
    folder_ = make_checkpoint(tiny_config(std::get<0>(GetParam())), 3);
    loaded_ = open(2);
    vocab_ = loaded_.model->description().vocab_size;
    ids_ = random_ids(kLength, vocab_, 5);
    const auto state = new_state(loaded_, 1, 0);
    want_ = feed(loaded_, *state, 0, ids_).values();
    for (const float value : want_) ASSERT_TRUE(std::isfinite(value));
  }

  Loaded open(int threads) const { return load(folder_, std::get<1>(GetParam()), std::get<2>(GetParam()), threads); }
  static std::unique_ptr<nn::State> new_state(Loaded& loaded, int sequences, std::uint64_t page_seed) {
    return loaded.model->new_state(*loaded.session, {.sequences = sequences,
                                                     .max_length = kLength,
                                                     .declared_length = kDeclared,
                                                     .page_size = 8,
                                                     .page_seed = page_seed});
  }
  std::vector<float> in_chunks(std::size_t chunk) {
    const auto state = new_state(loaded_, 1, 0);
    std::vector<float> all;
    for (std::size_t begin = 0; begin < ids_.size(); begin += chunk) {
      const auto part = std::span(ids_).subspan(begin, std::min(chunk, ids_.size() - begin));
      const std::vector<float> logits = feed(loaded_, *state, 0, part).values();
      all.insert(all.end(), logits.begin(), logits.end());
    }
    return all;
  }

  std::filesystem::path folder_;
  Loaded loaded_;
  std::int64_t vocab_ = 0;
  std::vector<std::int32_t> ids_;
  std::vector<float> want_;  // [kLength, V]: fed at once, alone, with two threads, pages in order
};

TEST_P(SameBits, AnyThreads) {
  Loaded one = open(1);
  const auto state = new_state(one, 1, 0);
  EXPECT_EQ(feed(one, *state, 0, ids_).values(), want_);
}

TEST_P(SameBits, TokenByTokenAndAnyChunk) {
  for (const std::size_t chunk : {1, 7, 33, 512}) EXPECT_EQ(in_chunks(chunk), want_) << "chunks of " << chunk;
}

TEST_P(SameBits, AnyPageOrder) {
  for (const std::uint64_t seed : {1, 2}) {
    const auto state = new_state(loaded_, 3, seed);
    feed(loaded_, *state, 0, std::span(ids_).first(11));  // takes some pages
    EXPECT_EQ(feed(loaded_, *state, 2, ids_).values(), want_) << "page seed " << seed;
  }
}

// Users with texts of their own lengths: the first half of each is fed in one mixed call, then all go on together, one
// token a call, each until its text ends.
TEST_P(SameBits, AnyBatch) {
  std::vector<std::vector<std::int32_t>> texts;
  std::vector<std::vector<float>> singles;
  for (int user = 0; user < kUsers; ++user) {
    texts.push_back(random_ids(2 + (user * 5) % 13, vocab_, 100 + static_cast<std::uint64_t>(user)));
    const auto state = new_state(loaded_, 1, 0);
    singles.push_back(feed(loaded_, *state, 0, texts.back()).values());
  }
  const auto vocab = static_cast<std::size_t>(vocab_);
  for (const int users : {1, 2, 3, 7, 31, 32}) {
    SCOPED_TRACE(std::to_string(users) + " users");
    const auto state = new_state(loaded_, kUsers, 0);
    for (std::size_t step = 0;; ++step) {
      nn::Batch batch;
      for (int user = users - 1; user >= 0; --user) {  // slots in another order than the users
        const auto& text = texts[static_cast<std::size_t>(user)];
        const int slot = (user * 5 + 3) % kUsers;
        const std::size_t half = text.size() / 2;
        const std::size_t begin = step == 0 ? 0 : half + step - 1;
        const std::size_t end = step == 0 ? half : std::min(begin + 1, text.size());
        for (std::size_t i = begin; i < end; ++i) {
          batch.logit_rows.push_back(static_cast<std::int32_t>(batch.ids.size()));
          batch.ids.push_back(text[i]);
          batch.sequences.push_back(slot);
          batch.positions.push_back(static_cast<std::int32_t>(i));
        }
      }
      if (batch.ids.empty()) break;
      loaded_.session->set_phase(step == 0 ? run::Phase::kPrefill : run::Phase::kDecode);
      const HostTensor logits = loaded_.session->download(loaded_.model->forward(*loaded_.session, batch, *state));
      for (std::size_t row = 0; row < batch.ids.size(); ++row) {
        const int user = (batch.sequences[row] - 3 + kUsers) * 13 % kUsers;  // 13 is the inverse of 5 modulo 32
        const auto want = std::span(singles[static_cast<std::size_t>(user)])
                              .subspan(static_cast<std::size_t>(batch.positions[row]) * vocab, vocab);
        ASSERT_TRUE(std::ranges::equal(logits.f32().subspan(row * vocab, vocab), want))
            << "user " << user << ", position " << batch.positions[row];
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(All, SameBits,
                         ::testing::Combine(::testing::ValuesIn(model_types()), ::testing::ValuesIn(exact_devices()),
                                            ::testing::Values("f32", "bf16", "bfp8", "bfp4")),
                         [](const ::testing::TestParamInfo<Case>& info) {
                           return std::get<0>(info.param) + "_" + device_name({std::get<1>(info.param), info.index}) +
                                  "_" + std::get<2>(info.param);
                         });

}  // namespace
}  // namespace firstlight::testing
