// The linear product. Every output is one chain over the inputs in order,
//   acc = 0;  acc = fma(x[k], w[k][n], acc) for k = 0, 1, ...;  out = acc + bias,
// with lanes over the outputs, so that one row, few rows and many rows agree to the bit. Text compiled once per ISA.
#pragma once

#include "firstlight/device/cpu/kernels/math.h"

namespace firstlight::device::cpu::FL_ISA {
namespace {

// Calls body(Index<0>), body(Index<1>), ...: a loop whose counter is a constant.
template <int kIndex>
struct Index {
  static constexpr int value = kIndex;
};
template <int kCount, int kFirst = 0, typename Body>
FL_INLINE void unrolled(const Body& body) {
  if constexpr (kFirst < kCount) {
    body(Index<kFirst>{});
    unrolled<kCount, kFirst + 1>(body);
  }
}
#define FL_STEP __attribute__((always_inline))  // of the lambdas that unrolled() calls

// ---- Weights as they are decoded -----------------------------------------------------------------------------------
// A decoder reads groups of kGroup inputs of one panel. open() prepares the scales of a group; codes() loads kStep
// inputs of it, from the i-th on; row<j>() is the j-th of them.

template <int kBytes>
struct Plain {  // [K][16] elements
  static constexpr int kGroup = 1;
  static constexpr int kStep = 1;
  static constexpr int64_t kGroupBytes = 16 * kBytes;
  struct Scales {};
  FL_INLINE void open(const uint8_t*, Scales&) {}
  FL_INLINE const uint8_t* codes(const uint8_t* group, int) { return group; }
};
struct F32Weight : Plain<4> {
  template <int>
  FL_INLINE Vec row(const uint8_t* codes, const Scales&, int) {
    return load(reinterpret_cast<const float*>(codes));
  }
};
struct Bf16Weight : Plain<2> {
  template <int>
  FL_INLINE Vec row(const uint8_t* codes, const Scales&, int) {
    return load_bf16(reinterpret_cast<const uint16_t*>(codes));
  }
};
struct F16Weight : Plain<2> {
  template <int>
  FL_INLINE Vec row(const uint8_t* codes, const Scales&, int) {
    return load_f16(reinterpret_cast<const uint16_t*>(codes));
  }
};

// 16 exponents, then the codes of 16 inputs, kInputBytes each; value = code 2^(E - 127 - (m - 1)), exact.
template <int kMagnitudeBits, int kInputBytes>
struct Blocks {
  static constexpr int kGroup = 16;
  static constexpr int kStep = 16 / kInputBytes;
  static constexpr int64_t kGroupBytes = 16 + 16 * kInputBytes;
  struct Scales {
    float of[16];
  };
  FL_INLINE void open(const uint8_t* group, Scales& scales) {
    store(scales.of, mul(exponents(load_bytes(group)), set1(1.0F / static_cast<float>(1 << (kMagnitudeBits - 1)))));
  }
  FL_INLINE Bytes codes(const uint8_t* group, int i) { return load_bytes(group + 16 + kInputBytes * i); }
};
struct Bfp8Weight : Blocks<7, 16> {
  template <int>
  FL_INLINE Vec row(Bytes codes, const Scales& scales, int i) {
    return mul(to_float(codes), set1(scales.of[i]));
  }
};
struct Bfp4Weight : Blocks<3, 8> {
  template <int kJ>
  FL_INLINE Vec row(Bytes codes, const Scales& scales, int i) {
    return mul(to_float(field<4 * kJ, 15, 8>(codes)), set1(scales.of[i + kJ]));
  }
};
struct Bfp2Weight : Blocks<1, 4> {
  template <int kJ>
  FL_INLINE Vec row(Bytes codes, const Scales& scales, int i) {
    return mul(to_float(field<2 * kJ, 3, 2>(codes)), set1(scales.of[i + kJ]));
  }
};

template <typename Body>
FL_INLINE void with_weight(WeightCode code, Body body) {
  switch (code) {
    case WeightCode::kF32:
      return body(F32Weight{});
    case WeightCode::kF16:
      return body(F16Weight{});
    case WeightCode::kBf16:
      return body(Bf16Weight{});
    case WeightCode::kBfp8:
      return body(Bfp8Weight{});
    case WeightCode::kBfp4:
      return body(Bfp4Weight{});
    case WeightCode::kBfp2:
      return body(Bfp2Weight{});
  }
}

// ---- Results -------------------------------------------------------------------------------------------------------

FL_INLINE void finish(const LinearTask& task, int64_t row, int64_t panel, Vec acc) {
  const int64_t column = panel * kPanel;
  const int64_t count = smaller(kPanel, task.weight.n - column);
  if (task.bias != nullptr) {
    float buffer[kPart];
    acc = add(acc, load(read(source(task.bias), column, count, 0, buffer)));
  }
  float result[kPanel];
  store(result, acc);
  write({task.out + row * task.out_stride, task.out_element}, column, count, result);
}

// ---- Few rows: weights go from memory into the product
// ---------------------------------------------------------------

template <typename W, int kRows, int kPanels>
void direct_block(const LinearTask& task, int64_t panel) {
  const uint8_t* data[kPanels];
  for (int p = 0; p < kPanels; ++p) data[p] = task.weight.data + (panel + p) * task.weight.panel_bytes;
  const float* x[kRows];
  for (int r = 0; r < kRows; ++r) x[r] = task.x + r * task.x_stride;
  Vec acc[kRows][kPanels];
  unrolled<kRows>([&](auto r) FL_STEP { unrolled<kPanels>([&](auto p) FL_STEP { acc[r.value][p.value] = zero(); }); });
  typename W::Scales scales[kPanels];
  const int64_t depth = task.weight.k;
  for (int64_t k = 0; k < depth; k += W::kGroup) {
    unrolled<kPanels>([&](auto p) FL_STEP { W::open(data[p.value], scales[p.value]); });
    // Inputs k + i .. k + i + kStep - 1, of which the first `count` exist. A panel is used before the next is decoded:
    // there are no registers for both.
    const auto step = [&](int i, int count) FL_STEP {
      unrolled<kPanels>([&](auto p) FL_STEP {
        const auto codes = W::codes(data[p.value], i);
        unrolled<W::kStep>([&](auto j) FL_STEP {
          if (j.value >= count) return;
          const Vec w = W::template row<j.value>(codes, scales[p.value], i);
          unrolled<kRows>([&](auto r) FL_STEP {
            acc[r.value][p.value] = fma(set1(x[r.value][k + i + j.value]), w, acc[r.value][p.value]);
          });
        });
      });
    };
    const int64_t rest = depth - k;
    if (rest >= W::kGroup) {
      for (int i = 0; i < W::kGroup; i += W::kStep) step(i, W::kStep);
    } else {
      for (int i = 0; i < rest; i += W::kStep) step(i, static_cast<int>(rest) - i);
    }
    for (int p = 0; p < kPanels; ++p) data[p] += W::kGroupBytes;
  }
  for (int r = 0; r < kRows; ++r)
    for (int p = 0; p < kPanels; ++p) finish(task, r, panel + p, acc[r][p]);
}

template <typename W, int kRows>
void direct_rows(const LinearTask& task, int64_t begin, int64_t end) {
  constexpr int kPanels = kDirectPanels[kRows];
  int64_t panel = begin;
  for (; panel + kPanels <= end; panel += kPanels) direct_block<W, kRows, kPanels>(task, panel);
  for (; panel < end; ++panel) direct_block<W, kRows, 1>(task, panel);
}

void linear_direct(const LinearTask& task, int64_t begin, int64_t end) {
  with_weight(task.weight.code, [&](auto weight) {
    using W = decltype(weight);
    switch (task.rows) {
      case 1:
        return direct_rows<W, 1>(task, begin, end);
      case 2:
        return direct_rows<W, 2>(task, begin, end);
      case 3:
        return direct_rows<W, 3>(task, begin, end);
      case 4:
        return direct_rows<W, 4>(task, begin, end);
      default:
        return;
    }
  });
}

// ---- f32 product in register blocks
// ----------------------------------------------------------------------------------

template <int kRows, int kPanels>
FL_INLINE void multiply_block(const MultiplyTask& task, int64_t row, int64_t column) {
  const float* x = task.x + row * task.x_stride;
  const float* w = task.w + column;
  float* out = task.out + row * task.out_stride + column;
  Vec acc[kRows][kPanels];
  FL_UNROLL
  for (int r = 0; r < kRows; ++r) {
    FL_UNROLL
    for (int p = 0; p < kPanels; ++p) acc[r][p] = load(out + r * task.out_stride + p * kPanel);
  }
  for (int64_t k = 0; k < task.k; ++k) {
    Vec values[kPanels];
    FL_UNROLL
    for (int p = 0; p < kPanels; ++p) values[p] = load(w + k * task.w_stride + p * kPanel);
    FL_UNROLL
    for (int r = 0; r < kRows; ++r) {
      const Vec value = set1(x[r * task.x_stride + k]);
      FL_UNROLL
      for (int p = 0; p < kPanels; ++p) acc[r][p] = fma(value, values[p], acc[r][p]);
    }
  }
  FL_UNROLL
  for (int r = 0; r < kRows; ++r) {
    FL_UNROLL
    for (int p = 0; p < kPanels; ++p) store(out + r * task.out_stride + p * kPanel, acc[r][p]);
  }
}

template <int kRows, int kPanels>
void multiply_columns(const MultiplyTask& task, int64_t row) {
  int64_t column = 0;
  for (; column + kPanels * kPanel <= task.n; column += kPanels * kPanel)
    multiply_block<kRows, kPanels>(task, row, column);
  if constexpr (kPanels > 1)
    for (; column < task.n; column += kPanel) multiply_block<kRows, 1>(task, row, column);
}

template <int kBlock>
void multiply_rows(const MultiplyTask& task, int64_t row) {
  constexpr Block block = kBlocks[kBlock];
  for (; row + block.rows <= task.rows; row += block.rows) multiply_columns<block.rows, block.panels>(task, row);
  if constexpr (block.rows > 1) multiply_rows<kBlock + 1>(task, row);
}

void multiply(const MultiplyTask& task) { multiply_rows<0>(task, 0); }

// ---- Many rows: a part of a weight is decoded once for a block of rows
// -------------------------------------------------

// The inputs [k, k + depth) of one panel to out [depth][out_stride]; k starts a group.
template <typename W>
void decode_panel(const PanelWeight& weight, int64_t panel, int64_t k, int64_t depth, float* out, int64_t out_stride) {
  const uint8_t* data = weight.data + panel * weight.panel_bytes + k / W::kGroup * W::kGroupBytes;
  typename W::Scales scales;
  for (int64_t first = 0; first < depth; first += W::kGroup, data += W::kGroupBytes) {
    W::open(data, scales);
    for (int i = 0; i < W::kGroup && first + i < depth; i += W::kStep) {
      const auto codes = W::codes(data, i);
      unrolled<W::kStep>([&](auto j) FL_STEP {
        if (first + i + j.value < depth)
          store(out + (first + i + j.value) * out_stride, W::template row<j.value>(codes, scales, i));
      });
    }
  }
}

void linear_blocked(const LinearTask& task, int64_t begin, int64_t end, float* scratch) {
  static_assert(kDepthBlock % 16 == 0, "a depth block holds whole groups");
  float* decoded = scratch;                                       // [kDepthBlock][columns]
  float* results = scratch + kDepthBlock * kPanelGroup * kPanel;  // [kRowBlock][columns]
  for (int64_t panel = begin; panel < end; panel += kPanelGroup) {
    const int64_t panels = smaller(kPanelGroup, end - panel);
    const int64_t columns = panels * kPanel;
    for (int64_t row = 0; row < task.rows; row += kRowBlock) {
      const int64_t rows = smaller(kRowBlock, task.rows - row);
      for (int64_t i = 0; i < rows * columns; i += kPanel) store(results + i, zero());
      for (int64_t k = 0; k < task.weight.k; k += kDepthBlock) {
        const int64_t depth = smaller(kDepthBlock, task.weight.k - k);
        with_weight(task.weight.code, [&](auto weight) {
          for (int64_t p = 0; p < panels; ++p)
            decode_panel<decltype(weight)>(task.weight, panel + p, k, depth, decoded + p * kPanel, columns);
        });
        multiply({.x = task.x + row * task.x_stride + k,
                  .x_stride = task.x_stride,
                  .rows = rows,
                  .w = decoded,
                  .w_stride = columns,
                  .k = depth,
                  .n = columns,
                  .out = results,
                  .out_stride = columns});
      }
      for (int64_t r = 0; r < rows; ++r)
        for (int64_t p = 0; p < panels; ++p) finish(task, row + r, panel + p, load(results + r * columns + p * kPanel));
    }
  }
}

}  // namespace
}  // namespace firstlight::device::cpu::FL_ISA
