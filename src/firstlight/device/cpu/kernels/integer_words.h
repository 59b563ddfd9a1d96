// Inputs of 16 bits, for the product of integer.h: activations of bf16 by codes, in whole numbers, of which an
// instruction multiplies twice as many as of floats. For each group of kIntegerGroup inputs x of a row:
//   scale = 2^(floor(log2 max |x|) - 14);   X = round(x / scale), |X| < 2^15           once a row
//   e = max E;                              v = round(-X 2^(E - e)), halves up         once a panel
// so that an input loses nothing where its binade and its E together lie at most seven below the largest of either, as
// bf16 has eight significant bits, and at most 3/4 of a step elsewhere. (-X, because 16 bits have -2^15 to multiply by
// and not 2^15.) Text compiled once per ISA.
#pragma once

#include "firstlight/device/cpu/kernels/integer.h"

namespace firstlight::device::cpu::FL_ISA {
namespace {

// 64 inputs.
FL_INLINE float quantise_word_group(const float* x, int16_t* out) {
  const float largest = largest_of(x);
  if (!has_scale(largest)) {
    for (int i = 0; i < kIntegerGroup; ++i) out[i] = 0;
    return no_scale(largest);
  }
  const int power = static_cast<int>(bits_of(largest) >> 23) - 14;  // biased
  const Vec factor = set1(float_of(static_cast<uint32_t>(254 - power) << 23));
  for (int i = 0; i < kIntegerGroup; i += kSubgroup)
    store_int16(out + i, out + i + kSubgroup / 2, mul(load(x + i), factor));
  return float_of(static_cast<uint32_t>(power) << 23);
}

bool quantise_words(const float* x, int64_t k, int16_t* out, float* scales) {
  return for_groups(x, k, [&](const float* group, int64_t i) FL_STEP {
    return scales[i] = quantise_word_group(group, out + i * kIntegerGroup);
  });
}

struct WordInputs {
  static constexpr int kTileRows = kWordTileRows;
  static constexpr const int* kPanels = kWordPanels;
  static constexpr int64_t kSpreadBytes = kIntegerGroup * kPanel * 2;  // of a group
  template <int kRows>
  struct Inputs {
    alignas(64) int16_t values[kRows][kIntegerGroup];
    int32_t start;  // of a sum, with kFromLeast: what makes up for codes that are too large
  };
  // Whether codes are taken as numbers from 0 on: one row then has less to do, but for the sum of its inputs; more rows
  // share the work of taking codes apart.
  template <typename W, int kRows>
  static constexpr bool kFromLeast = kRows == 1 && W::kCodeBits < 8;

  template <typename W>
  FL_INLINE float scale_of_code(const uint8_t* exponents_of_group, int16_t* by) {
    return -code_scale<W>(word_multipliers(exponents_of_group, by));
  }
  template <typename W, int kRows>
  FL_INLINE void scale(const int16_t* x, int64_t x_stride, const int16_t* by, Inputs<kRows>& out) {
    if constexpr (kFromLeast<W, kRows>)
      out.start = scale_words(x, by, out.values[0], -(1 << (W::kCodeBits - 1)));
    else
      unrolled<kRows>([&](auto r) FL_STEP { scale_words(x + r.value * x_stride, by, out.values[r.value]); });
  }

  template <typename W, int kRows, int kWide>
  FL_INLINE void multiply(const uint8_t* codes, int64_t word_stride, int64_t ahead, const Inputs<kRows>* x,
                          const float* scales, int64_t scales_stride, const float* weight_scales, Vec (*acc)[kRows]) {
    constexpr int kBits = W::kCodeBits;
    Totals sums[kWide][kRows];
    unrolled<kWide>([&](auto p) FL_STEP {
      unrolled<kRows>([&](auto r) FL_STEP {
        if constexpr (kFromLeast<W, kRows>)
          sums[p.value][r.value] = all_totals(x[p.value].start);
        else
          sums[p.value][r.value] = no_totals();
      });
    });
    for (int i = 0; i < kIntegerGroup; i += W::kUnit, codes += word_stride)
      unrolled<kWide>([&](auto p) FL_STEP {
        prefetch(codes + p.value * kWordBytes + ahead);
        Quad packed = load_quad(codes + p.value * kWordBytes);
        if constexpr (kFromLeast<W, kRows>) packed = offset_codes<kBits>(packed);
        unrolled<W::kUnit / 2>([&](auto j) FL_STEP {
          Quad pairs;
          if constexpr (kFromLeast<W, kRows>)
            pairs = offset_pairs<kBits, j.value>(packed);
          else
            pairs = code_pairs<kBits, j.value>(packed);
          unrolled<kRows>([&](auto r) FL_STEP {
            sums[p.value][r.value] =
                pair_step(sums[p.value][r.value], pairs, x[p.value].values[r.value] + i + 2 * j.value);
          });
        });
      });
    unrolled<kWide>(
        [&](auto p) FL_STEP { add_sums(sums[p.value], scales, scales_stride, weight_scales[p.value], acc[p.value]); });
  }

  template <typename W>
  FL_INLINE void spread(const uint8_t* word, uint8_t* out) {
    const Quad packed = load_quad(word);
    unrolled<W::kUnit / 2>([&](auto j)
                               FL_STEP { store_quad(out + j.value * 64, code_pairs<W::kCodeBits, j.value>(packed)); });
  }
  template <typename W, int kRows>
  FL_INLINE void multiply_spread(const uint8_t* codes, const Inputs<kRows>& x, const float* scales,
                                 int64_t scales_stride, float weight_scale, Vec (&acc)[kRows]) {
    Totals sums[kRows];
    unrolled<kRows>([&](auto r) FL_STEP { sums[r.value] = no_totals(); });
    for (int i = 0; i < kIntegerGroup; i += 2, codes += 64) {
      const Quad pairs = load_quad(codes);
      unrolled<kRows>([&](auto r) FL_STEP { sums[r.value] = pair_step(sums[r.value], pairs, x.values[r.value] + i); });
    }
    add_sums(sums, scales, scales_stride, weight_scale, acc);
  }

 private:
  // acc += sums times the scales of a group.
  template <int kRows>
  FL_INLINE void add_sums(const Totals (&sums)[kRows], const float* scales, int64_t scales_stride, float weight_scale,
                          Vec (&acc)[kRows]) {
    unrolled<kRows>([&](auto r) FL_STEP {
      acc[r.value] = fma(to_floats(sums[r.value]), set1(scales[r.value * scales_stride] * weight_scale), acc[r.value]);
    });
  }
};

}  // namespace
}  // namespace firstlight::device::cpu::FL_ISA
