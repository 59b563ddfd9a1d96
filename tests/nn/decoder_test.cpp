// Every slot value of a DecoderSpec against a decoder in plain loops, on the device that defines the ops.
#include "firstlight/nn/decoder.h"

#include <gtest/gtest.h>

#include <functional>

#include "firstlight/device/contract.h"
#include "firstlight/io/checkpoint.h"
#include "firstlight/run/loader.h"
#include "nn/plain_decoder.h"
#include "testing/testing.h"

namespace firstlight::testing {
namespace {

nn::DecoderSpec base_spec() {
  nn::DecoderSpec spec;
  spec.vocab_size = 31;
  spec.hidden_size = 20;
  spec.attention.heads = 4;
  spec.attention.kv_heads = 2;
  spec.attention.head_dim = 6;
  spec.attention.scale = 0.4F;
  spec.mlp.intermediate_size = 23;
  spec.ropes.push_back({.config = {}, .head_dim = 6, .where = "spec"});
  spec.layers.resize(2);
  return spec;
}

struct Variation {
  std::string name;
  std::function<void(nn::DecoderSpec&)> change;
};

const Variation kVariations[] = {
    {"Base", [](nn::DecoderSpec&) {}},
    {"LayerNorm", [](nn::DecoderSpec& s) { s.norm = {.kind = nn::NormKind::kLayer, .eps = 1e-2F, .bias = true}; }},
    {"LayerNormWithoutBias", [](nn::DecoderSpec& s) { s.norm = {.kind = nn::NormKind::kLayer, .eps = 1e-5F}; }},
    {"NormOffset", [](nn::DecoderSpec& s) { s.norm.weight_offset = 1; }},
    {"HeadNorm", [](nn::DecoderSpec& s) { s.attention.head_norm = nn::NormSpec{.eps = 1e-3F}; }},
    {"FusedQkvWithBias",
     [](nn::DecoderSpec& s) {
       s.attention.kind = nn::QkvKind::kFused;
       s.attention.qkv.bias = true;
     }},
    {"SomeBiases", [](nn::DecoderSpec& s) { s.attention.q.bias = s.attention.v.bias = s.mlp.down.bias = true; }},
    {"OtherBiases",
     [](nn::DecoderSpec& s) { s.attention.k.bias = s.attention.o.bias = s.mlp.gate.bias = s.mlp.up.bias = true; }},
    {"PlainMlp",
     [](nn::DecoderSpec& s) {
       s.mlp = {.kind = nn::MlpKind::kPlain,
                .activation = op::UnaryKind::kGelu,
                .intermediate_size = 29,
                .up = {"fc1", true},
                .down = {"fc2", true}};
     }},
    {"FusedGateUp",
     [](nn::DecoderSpec& s) {
       s.mlp.kind = nn::MlpKind::kGatedFused;
       s.mlp.gate_up.bias = true;
     }},
    {"ParallelResidual", [](nn::DecoderSpec& s) { s.residual = nn::ResidualKind::kParallel; }},
    {"ParallelResidualTwoNorms", [](nn::DecoderSpec& s) { s.residual = nn::ResidualKind::kParallelTwoNorms; }},
    {"PartialRotaryInterleaved",
     [](nn::DecoderSpec& s) {
       s.ropes[0].config.partial_rotary_factor = 0.7;
       s.ropes[0].pairing = op::RopePairing::kInterleaved;
     }},
    {"LayersDiffer",  // one without rotation and with a window, one with a rotation of its own
     [](nn::DecoderSpec& s) {
       s.ropes.push_back(s.ropes[0]);
       s.ropes[1].config.theta = 100;
       s.layers[0] = {.window = 3, .rope = -1};
       s.layers[1] = {.window = 0, .rope = 1};
     }},
    {"Softcap", [](nn::DecoderSpec& s) { s.attention.softcap = 0.7F; }},
    {"TiedHead", [](nn::DecoderSpec& s) { s.tied_head = true; }},
    {"HeadBiasAndNames",
     [](nn::DecoderSpec& s) {
       s.head = {"output", true};
       s.prefix = "transformer.";
       s.layer_prefix = "h.";
       s.attention.name = "attn";
       s.attention.o.name = "dense";
     }},
};

// A decoder with random weights on a device.
struct Made {
  std::unique_ptr<device::Device> device = device::open_device("ref", {.threads = 1, .isa = ""});
  run::Session session;
  nn::Decoder decoder;
  RandomWeights weights;

  explicit Made(const nn::DecoderSpec& spec, const std::string& policy = "f32")
      : session(*device, run::Policy::load(policy)), decoder(spec) {
    run::WeightPlanSink plan;
    nn::Decoder(spec).declare(plan);
    weights = random_weights(plan.requests(), 11);
    const auto folder = scratch_dir("decoder");
    write_weights(folder, weights);
    const io::Checkpoint checkpoint(folder);
    run::Loader loader(session, checkpoint, {.cache_dir = "none", .waivers = {}});
    decoder.declare(loader);
    loader.finish();
  }

  // Feeds ids to a sequence; logits of all of them.
  std::vector<float> feed(nn::DecoderState& state, int sequence, std::span<const std::int32_t> ids) {
    nn::Batch batch;
    for (std::size_t i = 0; i < ids.size(); ++i) {
      batch.ids.push_back(ids[i]);
      batch.sequences.push_back(sequence);
      batch.positions.push_back(static_cast<std::int32_t>(state.length(sequence)) + static_cast<std::int32_t>(i));
      batch.logit_rows.push_back(static_cast<std::int32_t>(i));
    }
    return session.download(decoder.forward(session, batch, state)).values();
  }
};

const std::vector<std::int32_t> kIds = {3, 30, 0, 7, 7, 21, 12, 5, 29};

class DecoderSlots : public ::testing::TestWithParam<Variation> {};

TEST_P(DecoderSlots, EqualPlainLoops) {
  nn::DecoderSpec spec = base_spec();
  GetParam().change(spec);
  Made made(spec);
  const Rows want = PlainDecoder(spec, made.weights).logits(kIds);

  const auto state = made.decoder.new_state(made.session, {.max_length = 16, .page_size = 4});
  const std::vector<float> got = made.feed(*state, 0, kIds);
  ASSERT_EQ(got.size(), kIds.size() * static_cast<std::size_t>(spec.vocab_size));
  double error = 0;
  double power = 0;
  for (std::size_t i = 0; i < got.size(); ++i) {
    const double expected =
        want[i / static_cast<std::size_t>(spec.vocab_size)][i % static_cast<std::size_t>(spec.vocab_size)];
    error += (got[i] - expected) * (got[i] - expected);
    power += expected * expected;
  }
  // Values are stored as f32 between about 40 ops, each within 2^-24 of the exact one: 40 * 2^-48 = 1.4e-13 of the
  // power at most, were none amplified; attention is peaked and amplifies some.
  EXPECT_LE(error / power, 1e-12);
}

INSTANTIATE_TEST_SUITE_P(All, DecoderSlots, ::testing::ValuesIn(kVariations),
                         [](const auto& info) { return info.param.name; });

// -- State --

class StateFormats : public ::testing::TestWithParam<std::string> {};

TEST_P(StateFormats, CopiesAndTrimmedSequencesGoOnAsTheOriginal) {
  Made made(base_spec(), GetParam());
  const auto state =
      made.decoder.new_state(made.session, {.sequences = 3, .max_length = 16, .page_size = 4, .page_seed = 9});
  const std::span<const std::int32_t> ids = kIds;
  made.feed(*state, 1, ids.first(6));
  state->copy_sequence(1, 2);
  EXPECT_EQ(state->length(2), 6);
  const std::vector<float> want = made.feed(*state, 1, ids.subspan(6));
  EXPECT_EQ(made.feed(*state, 2, ids.subspan(6)), want);  // the copy did not see what the original got since
  state->trim(1, 6);
  EXPECT_EQ(state->length(1), 6);
  EXPECT_EQ(made.feed(*state, 1, ids.subspan(6)), want);
  state->trim(1, 2);
  made.feed(*state, 0, ids);  // takes the pages given back
  made.feed(*state, 1, ids.subspan(2, 4));
  EXPECT_EQ(made.feed(*state, 1, ids.subspan(6)), want);
}

INSTANTIATE_TEST_SUITE_P(All, StateFormats, ::testing::Values("f32", "bf16", "bfp8", "bfp4"),
                         [](const auto& info) { return info.param; });

TEST(DecoderState, SequencesDeclareLengthsOfTheirOwn) {
  nn::DecoderSpec spec = base_spec();
  io::RopeConfig& rope = spec.ropes[0].config;
  rope.type = io::RopeType::kLongRope;
  rope.factor = 4;
  rope.original_max_position = 12;
  rope.short_factor = {1, 1.1, 1.2};
  rope.long_factor = {1, 3, 9};
  Made made(spec);
  const auto alone = [&](std::int64_t declared) {
    const auto state = made.decoder.new_state(made.session, {.max_length = 16, .declared_length = declared});
    return made.feed(*state, 0, kIds);
  };
  const std::vector<float> as_short = alone(12);
  const std::vector<float> as_long = alone(13);
  EXPECT_NE(as_short, as_long);

  const auto state = made.decoder.new_state(made.session, {.sequences = 2, .max_length = 16, .declared_length = 12});
  state->declare_length(1, 13);
  EXPECT_EQ(state->declared_length(0), 12);
  EXPECT_EQ(state->declared_length(1), 13);
  nn::Batch batch;  // both sequences in one call
  for (std::int32_t sequence : {0, 1}) {
    for (std::size_t i = 0; i < kIds.size(); ++i) {
      batch.logit_rows.push_back(static_cast<std::int32_t>(batch.ids.size()));
      batch.ids.push_back(kIds[i]);
      batch.sequences.push_back(sequence);
      batch.positions.push_back(static_cast<std::int32_t>(i));
    }
  }
  std::vector<float> both = as_short;
  both.insert(both.end(), as_long.begin(), as_long.end());
  EXPECT_EQ(made.session.download(made.decoder.forward(made.session, batch, *state)).values(), both);
  EXPECT_EQ(expect_error([&] { state->declare_length(0, 13); }).category(), Category::kInternal);  // it is filled
}

TEST(DecoderState, RefusesWhatItHasNoRoomFor) {
  Made made(base_spec());
  const auto state = made.decoder.new_state(made.session, {.sequences = 2, .max_length = 8, .page_size = 3});
  made.feed(*state, 1, std::span(kIds).first(8));
  const Error error = expect_error([&] { made.feed(*state, 1, std::span(kIds).first(1)); });
  EXPECT_EQ(error.category(), Category::kUsage);
  EXPECT_NE(error.message().find("sequence 1 would reach 9 positions"), std::string::npos) << error.message();
  EXPECT_EQ(state->length(1), 8);
  for (const nn::StateOptions& options :
       {nn::StateOptions{.sequences = 0, .max_length = 8}, nn::StateOptions{.max_length = 0},
        nn::StateOptions{.max_length = 8, .declared_length = -1}, nn::StateOptions{.max_length = 8, .page_size = 0},
        nn::StateOptions{.max_length = std::int64_t{1} << 40}, nn::StateOptions{.sequences = 1000, .max_length = 8}}) {
    EXPECT_EQ(expect_error([&] { made.decoder.new_state(made.session, options); }).category(), Category::kUsage);
  }
}

TEST(DecoderState, CountsItsBytes) {
  Made made(base_spec(), "bf16");
  const auto state = made.decoder.new_state(made.session, {.sequences = 2, .max_length = 8, .page_size = 3});
  // 2 sequences of 3 pages of 3 positions; 2 layers, keys and values, 2 heads of 6 elements of 2 bytes; tables of 8
  // x 3.
  EXPECT_EQ(state->bytes(), 2U * 9 * 2 * 2 * 2 * 6 * 2 + 2 * 8 * 3 * 4);
}

TEST(Decoder, RowsMustContinueTheirSequence) {
  Made made(base_spec());
  const auto state = made.decoder.new_state(made.session, {.max_length = 8});
  nn::Batch batch{.ids = {1}, .sequences = {0}, .positions = {1}, .logit_rows = {}};
  EXPECT_EQ(expect_error([&] { made.decoder.forward(made.session, batch, *state); }).category(), Category::kInternal);
  batch.positions = {0};
  EXPECT_TRUE(made.decoder.forward(made.session, batch, *state).empty());
  EXPECT_EQ(state->length(0), 1);
  EXPECT_TRUE(made.decoder.forward(made.session, {}, *state).empty());
}

TEST(Decoder, GivesTheRowsThatAreAskedFor) {
  Made made(base_spec());
  const auto run = [&](std::vector<std::int32_t> rows) {
    const auto state = made.decoder.new_state(made.session, {.max_length = 8});
    const nn::Batch batch{
        .ids = {1, 2, 3}, .sequences = {0, 0, 0}, .positions = {0, 1, 2}, .logit_rows = std::move(rows)};
    return made.session.download(made.decoder.forward(made.session, batch, *state)).values();
  };
  const std::vector<float> all = run({0, 1, 2});
  std::vector<float> picked(all.end() - 31, all.end());
  picked.insert(picked.end(), all.begin(), all.begin() + 31);
  EXPECT_EQ(run({2, 0}), picked);
}

}  // namespace
}  // namespace firstlight::testing
