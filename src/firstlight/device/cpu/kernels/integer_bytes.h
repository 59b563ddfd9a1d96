// Inputs of 8 bits, for the product of integer.h. For each group of kIntegerGroup inputs x of a row:
//   scale = max |x| / 127;   X = round(x 256 / scale)                                  once a row, 16 bits
//   e = max E;               v = round(X 2^(E - e) / 256), halves up                   once a panel, 8 bits
// so that |v - its real value| < 0.502. Codes of four inputs of a column lie together. Text compiled once per ISA.
#pragma once

#include "firstlight/device/cpu/kernels/integer.h"

namespace firstlight::device::cpu::FL_ISA {
namespace {

// 64 inputs.
FL_INLINE float quantise_group(const float* x, int16_t* out) {
  const float largest = largest_of(x);
  if (!has_scale(largest)) {
    for (int i = 0; i < kIntegerGroup; ++i) out[i] = 0;
    return no_scale(largest);
  }
  const Vec factor = set1(32512.0F / largest);
  constexpr int kLanes = kMultiplierLanes;
  for (int i = 0; i < kSubgroups; ++i) {
    int16_t* block = out + i / kLanes * kLanes * kSubgroup + i % kLanes * 8;
    store_int16(block, block + kLanes * 8, mul(load(x + i * kSubgroup), factor));
  }
  return largest / 127.0F;
}

bool quantise(const float* x, int64_t k, int16_t* out, float* scales) {
  return for_groups(x, k, [&](const float* group, int64_t i) FL_STEP {
    return scales[i] = quantise_group(group, out + i * kIntegerGroup);
  });
}

template <typename W>
constexpr int kFields = 8 / W::kCodeBits;  // quads of codes in 64 bytes
template <typename W>
constexpr int kPackedQuads = kGroup / (4 * kFields<W>);  // of a group, 64 bytes each

// Inputs of some rows under a panel's exponents.
template <int kRows>
struct GroupInputs {
  alignas(64) int8_t values[kRows][kIntegerGroup];
  int32_t sums[kRows];
};

// acc += the group's products; quad(panel, subgroup, index<i>) gives the i-th of a subgroup's four quads of codes.
template <typename W, int kRows, int kPanels, typename Codes>
FL_INLINE void multiply_group(const Codes& quad, const GroupInputs<kRows>* x, const float* scales,
                              int64_t scales_stride, const float* weight_scales, Vec (*acc)[kRows]) {
  constexpr int kBits = W::kCodeBits;
  constexpr int kFold = kFoldQuads<kBits>;
  Totals totals[kPanels][kRows];
  Totals codes[kPanels];
  unrolled<kPanels>([&](auto p) FL_STEP {
    codes[p.value] = no_totals();
    unrolled<kRows>([&](auto r) FL_STEP { totals[p.value][r.value] = no_totals(); });
  });
  static_assert(kFold % 4 == 0, "sums are folded after whole subgroups");
  for (int part = 0; part < kSubgroups / (kFold / 4); ++part) {
    Sums<kBits> sums[kPanels][kRows];
    unrolled<kPanels>(
        [&](auto p) FL_STEP { unrolled<kRows>([&](auto r) FL_STEP { sums[p.value][r.value] = no_sums<kBits>(); }); });
    for (int of_part = 0; of_part < kFold / 4; ++of_part) {
      const int subgroup = part * (kFold / 4) + of_part;
      unrolled<4>([&](auto i) FL_STEP {
        unrolled<kPanels>([&](auto p) FL_STEP {
          const Quad w = quad(p, subgroup, i);
          codes[p.value] = add_codes<kBits>(codes[p.value], w);
          unrolled<kRows>([&](auto r) FL_STEP {
            sums[p.value][r.value] =
                step<kBits>(sums[p.value][r.value], w, x[p.value].values[r.value] + subgroup * kSubgroup + 4 * i.value);
          });
        });
      });
    }
    unrolled<kPanels>([&](auto p) FL_STEP {
      unrolled<kRows>([&](auto r) FL_STEP {
        totals[p.value][r.value] = fold<kBits>(totals[p.value][r.value], sums[p.value][r.value]);
      });
    });
  }
  unrolled<kPanels>([&](auto p) FL_STEP {
    unrolled<kRows>([&](auto r) FL_STEP {
      const Totals sum = corrected<kBits>(totals[p.value][r.value], codes[p.value], x[p.value].sums[r.value]);
      const Vec scale = set1(scales[r.value * scales_stride] * weight_scales[p.value]);
      acc[p.value][r.value] = fma(to_floats(sum), scale, acc[p.value][r.value]);
    });
  });
}

struct ByteInputs {
  static constexpr int kTileRows = kIntegerTileRows;
  static constexpr const int* kPanels = kIntegerPanels;            // of few rows, at a time
  static constexpr int64_t kSpreadBytes = kIntegerGroup * kPanel;  // of a group
  template <int kRows>
  using Inputs = GroupInputs<kRows>;

  // Of a group's exponents: the scale of a code, and by what each input is multiplied.
  template <typename W>
  FL_INLINE float scale_of_code(const uint8_t* exponents_of_group, int16_t* by) {
    return code_scale<W>(multipliers(exponents_of_group, by));
  }
  template <typename W, int kRows>
  FL_INLINE void scale(const int16_t* x, int64_t x_stride, const int16_t* by, Inputs<kRows>& out) {
    unrolled<kRows>([&](auto r) FL_STEP {
      out.sums[r.value] = inputs<W::kCodeBits>(x + r.value * x_stride, by, out.values[r.value]);
    });
  }

  // acc += the products of a group of some panels, codes as they are packed.
  template <typename W, int kRows, int kWide>
  FL_INLINE void multiply(const uint8_t* codes, int64_t word_stride, int64_t ahead, const Inputs<kRows>* x,
                          const float* scales, int64_t scales_stride, const float* weight_scales, Vec (*acc)[kRows]) {
    Quad packed[kWide];
    const auto quad = [&](auto p, int subgroup, auto i) FL_STEP {
      constexpr int kField = i.value % kFields<W>;
      if constexpr (kField == 0) {
        const uint8_t* word = codes + (subgroup * 4 + i.value) / kFields<W> * word_stride + p.value * kWordBytes;
        packed[p.value] = load_quad(word);
        prefetch(word + ahead);
      }
      return field<W::kCodeBits, kField>(packed[p.value]);
    };
    multiply_group<W, kRows, kWide>(quad, x, scales, scales_stride, weight_scales, acc);
  }

  template <typename W>
  FL_INLINE void spread(const uint8_t* word, uint8_t* out) {
    const Quad packed = load_quad(word);
    unrolled<kFields<W>>([&](auto j) FL_STEP { store_quad(out + j.value * 64, field<W::kCodeBits, j.value>(packed)); });
  }
  template <typename W, int kRows>
  FL_INLINE void multiply_spread(const uint8_t* codes, const Inputs<kRows>& x, const float* scales,
                                 int64_t scales_stride, float weight_scale, Vec (&acc)[kRows]) {
    const auto quad = [&](auto, int subgroup, auto i)
                          FL_STEP { return load_quad(codes + (subgroup * 4 + i.value) * 64); };
    multiply_group<W, kRows, 1>(quad, &x, scales, scales_stride, &weight_scale, &acc);
  }
};

}  // namespace
}  // namespace firstlight::device::cpu::FL_ISA
