// Running error analysis of the chip: a value as exact arithmetic gives it, and how far the chip's may be off. Each
// instruction adds what its own rounding, truncation and alignment can add to what its operands bring.
//
// The figures are consequences of the rules of arithmetic/, in units of the result unless said otherwise:
//   to bf16     nearest 2^-8, cut 2^-7          fp32 cut to tf32 in Src   2^-10
//   phases      of a b, LoFi drops 2^-4 + 2^-6; HiFi2 2^-6 (the low bits of SrcB); HiFi3 2^-10 (low times low) and, as
//               HiFi4, bit 0 of SrcA, 2^-10
//   Dst         a step into 32 bits 2^-21; into 16 bits 2^-8, and 2^-11 of the largest exponent for each operand cut to
//   10
//               fraction bits
//   ELWADD      the smaller operand is aligned on 10 fraction bits of the larger, or dropped: 2^-11 of the larger
//   functions   measured over their range, by test: exp 2^s 0.0067 with s squarings, and so on
#pragma once

#include <cmath>
#include <span>

#include "firstlight/device/tensix/settings.h"
#include "firstlight/op/elementwise.h"

namespace firstlight::device::tensix {

inline constexpr double kToBf16 = 0x1p-8;
inline constexpr double kCutToBf16 = 0x1p-7;
inline constexpr double kCutToTf32 = 0x1p-10;
inline constexpr double kSfpu = 0x1p-22;  // a multiply-add, in units of its largest term
inline constexpr double kWideStep = 0x1p-21;
inline constexpr double kAligned = 0x1p-11;   // half of the last of 10 fraction bits, in units of 2^exponent
inline constexpr double kFlushed = 0x1p-118;  // results below the range become 0, some steps in a row
inline constexpr double kUnbounded = 1e300;

struct Near {
  double value = 0;
  double error = 0;
  double top() const { return std::abs(value) + error; }
};

// One more relative rounding.
inline Near rounded(Near x, double relative) { return {x.value, x.error + relative * x.top() + kFlushed}; }

// Of |a| |b|: what the first `phases` phases leave out.
constexpr double phase_loss(int phases) {
  constexpr double kLoss[] = {0x1p-4 + 0x1p-6, 0x1p-6 + 0x1p-10, 0x1p-9, 0x1p-10};
  return kLoss[phases - 1];
}

class Steps {
 public:
  Steps(const Core& core, const Fidelity& fidelity, bool f32_io)
      : seeded_(core.rules.arch == kBlackhole.arch),
        lost_ulp_(core.rules.lost_ulp),
        phases_(fidelity.phases),
        approximate_(fidelity.approximate),
        wide_(fidelity.wide || f32_io) {}

  bool wide() const { return wide_; }
  Format buffer() const { return wide_ ? Format::f32 : Format::bf16; }

  // L1 -> Src, L1 -> Dst ahead of an SFPU kernel, Dst -> L1.
  Near source(Near x, Format l1) const;
  Near load(Near x, Format l1) const;
  Near to_l1(Near dst, Format l1) const;

  Near mul(Near a, Format a_format, Near b, Format b_format) const;
  Near add(Near a, Format a_format, Near b, Format b_format) const;
  // GAPOOL along a row times a scaler that Src holds. `positive`: the chip's values are never negative.
  Near reduce_sum(std::span<const Near> x, Format format, Near scaler, bool positive = false) const;

  Near mad(Near a, Near b, Near c) const;
  Near exp(Near x) const;
  Near reciprocal(Near x) const;
  Near rsqrt(Near x, double least = 0) const;  // `least`: what the chip's x cannot fall below
  Near unary(op::UnaryKind kind, Near x) const;
  Near sfpu_store(Near x) const;

  // The relative error of exp for arguments up to `magnitude`.
  double exp_loss(double magnitude) const;
  double reciprocal_loss() const;
  double rsqrt_loss() const;

 private:
  Near sigmoid(Near x) const;

  bool seeded_;
  bool lost_ulp_;
  int phases_;
  bool approximate_;
  bool wide_;
};

// A number that the host rounds to bf16 (nearest even).
Near host_constant(double exact);

}  // namespace firstlight::device::tensix
