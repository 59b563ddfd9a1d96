// The bound of the matrix unit's products: what truncation to the phases' slices takes away is computed from the
// operands themselves, and every alignment and rounding of the steps into Dst is bounded from their exponents.
#pragma once

#include <vector>

#include "firstlight/device/tensix/bounds/steps.h"

namespace firstlight::device::tensix {

// in1 as the multipliers read it, a panel of columns: [K, columns] row-major.
struct Panel {
  std::int64_t depth = 0;
  std::int64_t columns = 0;
  std::vector<float> value;     // as Src holds it
  std::vector<float> high;      // the 5 bits of phases 0 and 2
  std::vector<float> low;       // the next 5
  std::vector<float> exponent;  // 2^e of each, 0 of zeros
};
// at(k, n) is the value in L1.
template <typename At>
Panel make_panel(std::int64_t depth, std::int64_t columns, Format format, bool wide, const At& at);

// A row of in0. Where its values are known to the bit they are cut into slices; where they are not (`error` is not
// empty), the slices' loss is bounded.
struct Row {
  std::vector<double> value, high, low, exponent, error;
};
Row known_row(std::span<const float> l1, Format format, bool wide);
Row uncertain_row(std::span<const Near> src);

struct ProductBound {
  const Core& core;
  Fidelity fidelity;
  bool wide;
  std::int64_t width;  // K tiles of a block

  ProductBound(const Core& c, const Fidelity& f, bool f32_io, std::int64_t block)
      : core(c), fidelity(f), wide(f.wide || f32_io || c.fast), width(block) {}

  // Dst ahead of the last pack, a Near for each column; `value` is the product of the operands as L1 holds them: for a
  // known row `l1_row` and panel values, the exact sum.
  void run(const Row& in0, const Panel& in1, std::span<Near> out) const;
};

// fp32 or bf16 as Src holds a value of L1.
float as_source(float l1, Format format, bool wide);
// A value's leading bits: `mask` of its fp32 word; and 2^e.
float masked(float x, std::uint32_t mask);
inline float exponent_part(float x) { return masked(x, 0x7F800000U); }

template <typename At>
Panel make_panel(std::int64_t depth, std::int64_t columns, Format format, bool wide, const At& at) {
  const auto count = static_cast<std::size_t>(depth * columns);
  Panel panel{depth,
              columns,
              std::vector<float>(count),
              std::vector<float>(count),
              std::vector<float>(count),
              std::vector<float>(count)};
  for (std::int64_t k = 0; k < depth; ++k)
    for (std::int64_t n = 0; n < columns; ++n) {
      const auto i = static_cast<std::size_t>(k * columns + n);
      const float l1 = at(k, n);
      const float read = as_source(l1, format, wide);
      panel.value[i] = l1;
      panel.high[i] = masked(read, 0xFFF80000U);
      panel.low[i] = masked(read, 0xFFFFC000U) - panel.high[i];  // the lowest of 11 bits is never read
      panel.exponent[i] = exponent_part(read);
    }
  return panel;
}

}  // namespace firstlight::device::tensix
