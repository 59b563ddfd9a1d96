// What a kernel is told beside its operands: the fidelity of its op, and the chip that it runs on.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "firstlight/device/tensix/arithmetic/fpu.h"
#include "firstlight/device/tensix/kernels/kernels.h"

namespace firstlight::device::tensix {

// A row of the stack's kernel settings (docs/tensix.md).
struct Fidelity {
  int phases = 4;            // LoFi 1, HiFi2 2, HiFi3 3, HiFi4 4
  bool approximate = false;  // SFPU functions in fewer steps
  bool wide = true;          // fp32_dest_acc_en: Dst holds fp32
  bool packer_l1 = true;     // blocks of K are added up by the packer in L1
};
// By the stack's name ("hifi2fp16"); none for a name that it has not.
std::optional<Fidelity> find_fidelity(std::string_view name);

// What the stack leaves to its tuner: policies/tensix-ops.json.
struct OpAssumptions {
  std::int64_t block_tiles = 8;      // in0_block_w: the largest divisor of the K tiles up to this
  std::int64_t prefill_chunk = 512;  // keys that attention takes at a time
  std::int64_t decode_chunk = 256;
  Fidelity linear;  // linear ops that no op group of the policy names: the LM head
  Fidelity matmul;  // products of two activations outside attention
  Fidelity norm;
  Fidelity elementwise;  // add, multiply, reduce, softmax, the gate
  Fidelity rope;
};
// Throws kBadInput naming file and field.
OpAssumptions read_assumptions();
// One line each, for reports.
std::vector<std::string> describe(const OpAssumptions& assumptions);

// The chip as kernels see it.
struct Core {
  Rules rules;
  const Kernels* kernels = nullptr;
  bool fast = false;  // matrix products as truncated operands summed in fp32, instead of bit by bit
  OpAssumptions ops;
};

struct KernelSettings {
  std::optional<Fidelity> asked;  // by the policy for this component
  const Core* core = nullptr;
};

// in0_block_w of a product over this many K tiles.
constexpr std::int64_t block_width(std::int64_t k_tiles, std::int64_t most) {
  for (std::int64_t width = most; width > 1; --width)
    if (k_tiles % width == 0) return width;
  return 1;
}

}  // namespace firstlight::device::tensix
