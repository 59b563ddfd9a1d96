// The instruction sets that there are kernels for.
#pragma once

#include <span>
#include <string_view>

#include "firstlight/device/contract.h"
#include "firstlight/device/cpu/kernels.h"

namespace firstlight::device::cpu {

struct Isa {
  std::string_view name;
  bool (*usable)();  // the processor has it, and the operating system saves its registers
  const Kernels* kernels;
  std::span<const KernelRow> rows;
};

// Best first.
std::span<const Isa> isas();
// The one of this name, or the best usable one. Throws kUsage for an unknown name, kUnsupported for one that this
// machine lacks.
const Isa& choose_isa(std::string_view name);

// Bytes: how far ahead a product of few rows by whole numbers asks for its weights on this processor (LinearTask).
std::int64_t lines_ahead(WeightCode weight);

}  // namespace firstlight::device::cpu
