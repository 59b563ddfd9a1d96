// The chip's error bounds: the functions' losses cover both chips over their range, wrong settings exceed the bound of
// the right ones, and long contexts stay within it.
#include "firstlight/device/tensix/bounds/bounds.h"

#include <gtest/gtest.h>

#include <bit>

#include "device/parity/cases.h"
#include "device/parity/runner.h"
#include "firstlight/base/rng.h"
#include "firstlight/device/tensix/functions.h"
#include "firstlight/device/tensix/tensix.h"
#include "firstlight/op/all.h"

namespace firstlight::device::tensix {
namespace {

float value_of(std::uint32_t word) { return std::bit_cast<float>(word); }
std::uint32_t word_of(float x) { return std::bit_cast<std::uint32_t>(x); }

TEST(TensixBounds, FunctionsStayWithinTheirLoss) {
  for (const Rules& rules : {kWormhole, kBlackhole})
    for (const bool approximate : {false, true})
      for (const bool wide : {false, true}) {
        Core core;
        core.rules = rules;
        const Fidelity fidelity{.approximate = approximate, .wide = wide};
        const Steps steps(core, fidelity, false);
        const Sfpu sfpu(core, approximate, wide);
        const auto within = [&](const char* what, double got, Near bound, float x) {
          ASSERT_LE(std::abs(got - bound.value), bound.error)
              << what << "(" << x << ") on " << rules.chip << (approximate ? " approximate" : "")
              << (wide ? " wide" : "");
        };
        Rng rng(11);
        for (int i = 0; i < 200000; ++i) {
          const float x = std::ldexp(rng.uniform(1.0F, 2.0F), static_cast<int>(rng.below(14)) - 8);
          const float signed_x = rng.below(2) != 0 ? -x : x;
          within("reciprocal", value_of(sfpu.reciprocal(word_of(signed_x))), steps.reciprocal({signed_x, 0}), signed_x);
          within("rsqrt", value_of(sfpu.rsqrt(word_of(x))), steps.rsqrt({x, 0}), x);
          if (std::abs(signed_x) < 40)
            within("exp", value_of(sfpu.exp(word_of(signed_x))), steps.exp({signed_x, 0}), signed_x);
          for (const op::UnaryKind kind : {op::UnaryKind::kSilu, op::UnaryKind::kGelu, op::UnaryKind::kGeluTanh,
                                           op::UnaryKind::kQuickGelu, op::UnaryKind::kTanh, op::UnaryKind::kSigmoid})
            if (std::abs(signed_x) < 20)
              within("unary", value_of(sfpu.unary(kind, word_of(signed_x))), steps.unary(kind, {signed_x, 0}),
                     signed_x);
        }
      }
}

// A loss of 10 times what the chip shows would hide faults: the bounds are near what random arguments reach.
TEST(TensixBounds, LossesAreNotLoose) {
  Core core;
  core.rules = kWormhole;
  const Steps steps(core, {.approximate = false, .wide = true}, false);
  const Sfpu sfpu(core, false, true);
  double worst[3] = {0, 0, 0};
  for (int i = 0; i < 100000; ++i) {
    const float x = 0.25F + static_cast<float>(i) * 1e-5F;
    const auto share = [](double got, Near bound) { return std::abs(got - bound.value) / bound.error; };
    worst[0] = std::max(worst[0], share(value_of(sfpu.reciprocal(word_of(x))), steps.reciprocal({x, 0})));
    worst[1] = std::max(worst[1], share(value_of(sfpu.rsqrt(word_of(x))), steps.rsqrt({x, 0})));
    worst[2] = std::max(worst[2], share(value_of(sfpu.exp(word_of(x))), steps.exp({x, 0})));
  }
  for (const double share : worst) EXPECT_GT(share, 0.5);
}

parity::Case linear_case(std::int64_t depth) {
  return parity::make_case(
      "bounds", op::Op::linear, op::Linear{},
      {parity::activation({8, depth}, Format::bf16), parity::linear_weight(depth, 64, Format::bfp8)}, Format::bf16);
}

// The bound of one setting, and the chip's results under another.
std::string judged(const parity::Case& item, const char* bound_setting, const char* run_setting) {
  const std::unique_ptr<Device> chip = open_tensix({.threads = 1});
  const parity::HostCase host = parity::prepare(item);
  return parity::compare(parity::expected(host, chip.get(), bound_setting),
                         parity::run_case(*chip, host, {.setting = run_setting}));
}

TEST(TensixBounds, AWrongFidelityExceedsTheRightOnesBound) {
  for (const char* setting : {"lofi", "hifi2", "hifi2na", "hifi2fp16", "hifi4"})
    for (const std::int64_t depth : {64, 512, 640})
      EXPECT_EQ(judged(linear_case(depth), setting, setting), "") << setting;
  EXPECT_NE(judged(linear_case(512), "hifi4", "lofi"), "");
  EXPECT_NE(judged(linear_case(512), "hifi2", "lofi"), "");
  // One bit of the activations is less than random signs hide; with one sign truncation adds up.
  const auto positive = [](const parity::Operand& operand) { return operand.filled(parity::Fill::kPositive); };
  const parity::Case one_sign = parity::make_case(
      "one sign", op::Op::linear, op::Linear{},
      {positive(parity::activation({8, 512}, Format::bf16)), positive(parity::linear_weight(512, 64, Format::bfp8))});
  EXPECT_EQ(judged(one_sign, "hifi4", "hifi4"), "");
  EXPECT_NE(judged(one_sign, "hifi4", "hifi2"), "");
}

TEST(TensixBounds, HoldOverChunksOfKeysInEverySetting) {
  for (const std::int64_t window : {0, 45}) {
    parity::PagedCase paged{.heads = 4,
                            .kv_heads = 2,
                            .head_dim = 32,
                            .value_dim = 32,
                            .window = window,
                            .activations = Format::bf16,
                            .cache = Format::bfp8};
    for (std::int32_t r = 0; r < 6; ++r) paged.rows.push_back({r % 2, 211 * r + 3});
    for (const char* setting : {"lofi", "hifi2", "hifi2fp16", "hifi4"})
      EXPECT_EQ(judged(parity::attention_case("chunks", paged, 1), setting, setting), "") << setting << " " << window;
  }
}

}  // namespace
}  // namespace firstlight::device::tensix
