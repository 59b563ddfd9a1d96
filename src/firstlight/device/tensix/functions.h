// SFPU functions as the stack's kernels compute them (section 8.2): algorithm level, since the order of their
// instructions is the compiler's. Each step is the SFPU's own multiply-add.
#pragma once

#include "firstlight/device/tensix/arithmetic/sfpu.h"
#include "firstlight/device/tensix/settings.h"
#include "firstlight/op/elementwise.h"

namespace firstlight::device::tensix {

class Sfpu {
 public:
  Sfpu(const Core& core, bool approximate, bool wide)
      : rules_(core.rules), seeded_(core.rules.arch == kBlackhole.arch), approximate_(approximate), wide_(wide) {}

  std::uint32_t mad(std::uint32_t a, std::uint32_t b, std::uint32_t c) const { return sfpu_mad(a, b, c, rules_); }
  std::uint32_t add(std::uint32_t a, std::uint32_t b) const;
  std::uint32_t mul(std::uint32_t a, std::uint32_t b) const { return mad(a, b, 0); }

  std::uint32_t exp(std::uint32_t x) const;
  std::uint32_t reciprocal(std::uint32_t x) const;
  std::uint32_t rsqrt(std::uint32_t x) const;
  std::uint32_t unary(op::UnaryKind kind, std::uint32_t x) const;

  // What Dst holds after the kernel's store: rounded first unless approximate, else cut.
  std::uint32_t store(std::uint32_t x) const;

 private:
  std::uint32_t exp_accurate(std::uint32_t x) const;
  std::uint32_t exp_approximate(std::uint32_t x) const;
  std::uint32_t reciprocal_by_mantissa(std::uint32_t x) const;
  std::uint32_t gelu_approximate(std::uint32_t x) const;
  std::uint32_t sigmoid(std::uint32_t x) const;

  const Rules& rules_;
  bool seeded_;  // has SFPARECIP
  bool approximate_;
  bool wide_;
};

}  // namespace firstlight::device::tensix
