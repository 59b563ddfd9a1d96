// Element-wise instructions over arrays of words, for one op's setting: the FPU's by datum, reductions along a row.
#pragma once

#include <array>

#include "firstlight/device/tensix/functions.h"
#include "firstlight/device/tensix/rows.h"

namespace firstlight::device::tensix {

class Lanes {
 public:
  // `f32_io`: an operand or the result is fp32 in L1, for which the stack turns the 32-bit Dst on.
  Lanes(const Core& core, const Fidelity& fidelity, bool f32_io)
      : rules_(core.rules),
        phases_(fidelity.phases),
        accumulator_(fidelity.wide || f32_io ? Accumulator::kF32 : Accumulator::kBf16),
        buffer_(accumulator_ == Accumulator::kF32 ? Format::f32 : Format::bf16),
        sfpu_(core, fidelity.approximate, accumulator_ == Accumulator::kF32) {}

  Accumulator accumulator() const { return accumulator_; }
  const Sfpu& sfpu() const { return sfpu_; }
  // Of a buffer between two kernels of the op: as wide as Dst.
  Format buffer() const { return buffer_; }

  // An operand in Src.
  Datum datum(std::uint32_t l1, Format format) const {
    const Source source = source_of(format, accumulator_);
    return read_datum(to_source(l1, format, source, rules_), source, rules_);
  }
  std::uint32_t mul(std::uint32_t a, Format a_format, std::uint32_t b, Format b_format) const {
    return elwmul_datum(datum(a, a_format), datum(b, b_format), phases_, 0, accumulator_, rules_);
  }
  std::uint32_t add(std::uint32_t a, Format a_format, std::uint32_t b, Format b_format, bool subtract = false) const {
    Datum right = datum(b, b_format);
    right.sign = right.sign != subtract;
    return elwadd_datum(datum(a, a_format), right, 0, accumulator_, rules_);
  }
  // L1 -> Dst ahead of an SFPU kernel: fp32 straight, else moved.
  std::uint32_t load(std::uint32_t l1, Format format) const {
    if (format == Format::f32 && accumulator_ == Accumulator::kF32) return l1;
    return move_datum(to_source(l1, format, Source::kBf16, rules_));
  }
  // Dst -> a buffer in L1.
  std::uint32_t store(std::uint32_t dst) const { return to_l1(dst, buffer_, accumulator_, rules_); }

  // The sum of a row times a scaler (a bf16 word): GAPOOL over faces of 16, each in its phases, then the move of the
  // result back through SrcB.
  std::uint32_t reduce_sum(const std::uint32_t* words, std::int64_t n, Format format, std::uint32_t scaler) const {
    const Datum factor = read_datum(scaler, Source::kBf16, rules_);
    std::uint32_t dst = 0;
    for (std::int64_t begin = 0; begin < n; begin += 16) {
      std::array<Datum, 16> data{};
      for (std::int64_t i = 0; i < std::min<std::int64_t>(16, n - begin); ++i)
        data[static_cast<std::size_t>(i)] = datum(words[begin + i], format);
      for (int p = 0; p < phases_; ++p) {
        std::array<Product, 16> products;
        for (std::size_t i = 0; i < 16; ++i)
          products[i] = multiply(data[i], factor, rules_.phases[static_cast<std::size_t>(p)], false, rules_);
        dst = mvmul_datum(products, dst, accumulator_, rules_);
      }
    }
    const Source source = source_of(format, accumulator_);
    const std::uint32_t moved = dst & (source == Source::kTf32 ? 0xFFFFE000U : 0xFFFF0000U);
    return elwadd_datum(read_datum(moved, source, rules_), {}, 0, accumulator_, rules_);
  }

  // The largest of a row: order of sign and magnitude, subnormals and -0 as +0. n > 0.
  std::uint32_t reduce_max(const std::uint32_t* words, std::int64_t n, Format format) const {
    const Source source = source_of(format, accumulator_);
    const auto ordered = [](std::uint32_t word) {
      return negative(word) ? -static_cast<std::int64_t>(word & ~kSignBit) : static_cast<std::int64_t>(word);
    };
    std::uint32_t best = move_datum(to_source(words[0], format, source, rules_));
    for (std::int64_t i = 1; i < n; ++i) {
      const std::uint32_t word = move_datum(to_source(words[i], format, source, rules_));
      if (ordered(word) > ordered(best)) best = word;
    }
    return best;
  }

 private:
  const Rules& rules_;
  int phases_;
  Accumulator accumulator_;
  Format buffer_;
  Sfpu sfpu_;
};

}  // namespace firstlight::device::tensix
