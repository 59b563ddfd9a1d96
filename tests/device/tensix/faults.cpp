// One rule wrong at a time: each fault must be seen by the committed case named beside it. This is a test of the
// vectors, and of the rules being read where they should be.
#include <functional>

#include "firstlight/device/tensix/vectors/run.h"
#include "testing/testing.h"

namespace firstlight::device::tensix {
namespace {

struct Fault {
  std::string name;
  std::string case_id;
  std::function<void(Rules&)> plant;
  Rules chip = kWormhole;
};

std::vector<Fault> faults() {
  return {
      {"phases 1 and 2 swapped", "matmul-phases-2-dst32", [](Rules& r) { std::swap(r.phases[1], r.phases[2]); }},
      {"phase order reversed", "matmul-phases-4-dst16",
       [](Rules& r) { std::reverse(r.phases.begin(), r.phases.end()); }},
      {"phase 1 without its exponent", "matmul-phases-2-dst32", [](Rules& r) { r.phases[1].extra = 4; }},
      {"operands in the other source", "matmul-phases-1-dst32", [](Rules& r) { r.weights_in_a = false; }},
      {"halves of K outside the phases", "matmul-loop-order-dst32", [](Rules& r) { r.phases_outside = false; }},
      {"halves outside, 16-bit Dst", "matmul-loop-order-dst16", [](Rules& r) { r.phases_outside = false; }},
      {"group split at 16", "matmul-group-of-8-dst32", [](Rules& r) { r.group = 16; }},
      {"group split at 4", "matmul-group-of-8-dst32", [](Rules& r) { r.group = 4; }},
      {"products to nearest even", "matmul-product-ties-dst32", [](Rules& r) { r.product = Rounding::kEven; }},
      {"products truncated", "matmul-wide-dst32", [](Rules& r) { r.product = Rounding::kTruncate; }},
      {"terms away from zero", "matmul-term-ties", [](Rules& r) { r.term = Rounding::kAway; }},
      {"Dst to nearest even", "matmul-dst-ties-dst32", [](Rules& r) { r.dst = Rounding::kEven; }},
      {"Dst toward +infinity", "matmul-dst-ties-dst32", [](Rules& r) { r.dst = Rounding::kUp; }},
      {"16-bit Dst with exact operands", "matmul-dst-ties-dst16", [](Rules& r) { r.coarse_operands = false; }},
      {"total to nearest even", "matmul-dst-ties-dst32", [](Rules& r) { r.normalise = Rounding::kEven; }},
      {"total truncated", "matmul-wide-dst16", [](Rules& r) { r.normalise = Rounding::kTruncate; }},
      {"zero slices skipped", "matmul-zero-slices", [](Rules& r) { r.zero_slices_keep_exponent = false; }},
      {"small products flushed", "matmul-underflow-dst32", [](Rules& r) { r.small_products_flush = true; }},
      {"the lost ulp of Wormhole repaired", "matmul-lost-ulp", [](Rules& r) { r.lost_ulp = false; }},
      {"the lost ulp on Blackhole", "matmul-lost-ulp", [](Rules& r) { r.lost_ulp = true; }, kBlackhole},
      {"sources with 10 bits each", "matmul-in0-fp32-bf16", [](Rules& r) { r.to_bf16 = Rounding::kAway; }},
      {"tf32 rounded", "matmul-in0-fp32-tf32", [](Rules& r) { r.to_tf32 = Rounding::kEven; }},
      {"block exponents do not wrap", "copy-exponent-wrap-bfp8_b", [](Rules& r) { r.exponent_wraps = false; }},
      {"minus zero is zero", "copy-elwadd0-bfp4_b-bfp4_b", [](Rules& r) { r.negative_zero_is_huge = false; }},
      {"ELWMUL keeps what underflows", "elwmul-underflow-dst32", [](Rules& r) { r.small_mul_flush = false; }},
      {"ELWADD to nearest even", "elwadd-gaps", [](Rules& r) { r.add_align = Rounding::kEven; }},
      {"ELWADD reaches 11", "elwadd-gaps", [](Rules& r) { r.add_reach = 11; }},
      {"ELWADD with guard bits", "elwsub-gaps", [](Rules& r) { r.add_three_extra_bits = true; }},
      {"bf16 packed to nearest even", "pack-ties-bf16_via_bf16-dst32", [](Rules& r) { r.pack_bf16 = Rounding::kEven; }},
      {"blocks to nearest even", "pack-ties-bfp8_b_via_bf16-dst16", [](Rules& r) { r.block = Rounding::kEven; }},
      {"blocks rounded once", "pack-ties-bfp8_b_via_bfp8_b-dst32", [](Rules& r) { r.block_early = false; }},
      {"the block's exponent is bumped", "pack-saturating-bfp8_b_via_bf16-dst16",
       [](Rules& r) { r.block_saturates = false; }},
      {"bfp4 rounded instead of cut", "pack-mixed-bfp4_b_via_bf16-dst16",
       [](Rules& r) { r.narrow_by_truncation = false; }},
      {"NaN stays NaN", "pack-specials-bf16_via_bf16-dst32", [](Rules& r) { r.nan_packs_as_inf = false; }},
      {"relu's threshold with all bits", "pack-relu-3-threshold-dst32",
       [](Rules& r) { r.threshold_keeps_low_bits = false; }},
      {"L1 adds subnormals", "pack-l1-acc-subnormals-dst32", [](Rules& r) { r.accumulate_flushes = false; }},
      {"L1 adds NaN", "pack-l1-acc-bf16-specials-dst16", [](Rules& r) { r.accumulate_nan_is_huge = false; }},
      {"MAD's sticky bit of nothing", "sfpmad-vanishing", [](Rules& r) { r.mad_vanished_is_sticky = true; }},
      {"Blackhole's shift of 2 on Wormhole", "sfpmad-carry", [](Rules& r) { r.mad_sticky_wide = true; }},
      {"Wormhole's shift of 2 on Blackhole", "sfpmad-carry", [](Rules& r) { r.mad_sticky_wide = false; }, kBlackhole},
      {"one NaN on Wormhole", "sfpmad-specials", [](Rules& r) { r.mad_canonical_nan = true; }},
      {"an overflowed product is infinite on Wormhole", "sfpmad-specials",
       [](Rules& r) { r.mad_overflow_is_inf = true; }},
      {"signs of underflow lost on Blackhole", "sfpmad-small", [](Rules& r) { r.mad_keeps_subnormal_sign = false; },
       kBlackhole},
      {"reciprocals at the interval's begin", "sfparecip", [](Rules& r) { r.reciprocal_offset = 0; }, kBlackhole},
      {"stores to nearest even", "sfp-fp32-to-bf16-rnd", [](Rules& r) { r.store = Rounding::kEven; }},
  };
}

TEST(TensixFaults, EachOneFailsItsCase) {
  const VectorFolder vectors = read_vectors(testing::source_dir() / "tests" / "data" / "tensix");
  for (const Fault& fault : faults()) {
    SCOPED_TRACE(fault.name);
    const auto item = std::ranges::find(vectors.cases, fault.case_id, &VectorCase::id);
    ASSERT_NE(item, vectors.cases.end()) << fault.case_id;
    EXPECT_TRUE(compare_case(*item, fault.chip).empty());
    Rules wrong = fault.chip;
    fault.plant(wrong);
    EXPECT_FALSE(compare_case(*item, wrong).empty()) << fault.case_id << " does not see it";
  }
}

}  // namespace
}  // namespace firstlight::device::tensix
