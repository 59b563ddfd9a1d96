// The vector kernels of the matrix unit: a table of plain functions for each instruction set. Files compiled with an
// instruction set's flags see nothing else of the house (scripts/check_isa_symbols.py). Bits do not depend on the
// table.
#pragma once

#include <stdint.h>

namespace firstlight::device::tensix {

inline constexpr int kSide = 32;
inline constexpr int kTile = kSide * kSide;

// SrcA or SrcB split into the slices of the fidelity phases, row-major: a slice is a float of its own weight, so that
// the product of two is a product of the matrix unit.
struct alignas(64) SlicesA {  // [k, n]
  float high[kTile];          // M[10:6]
  float low[kTile];           // M[5:1]
  int16_t exponents[kTile];   // biased; kNoExponent for zeros
};
struct alignas(64) SlicesB {  // [row, k]
  float high[kTile];          // M[10:4] (1 + 2^-13): products never tie, and round as ties away from zero would
  float low[kTile];           // M[3:0] (1 + 2^-13)
  int32_t exponents[kTile];   // twice in 16 bits
};
inline constexpr int kNoExponent = -400;  // a product with a zero loses against every other

enum class TileCode : uint8_t { kF32, kBf16, kBfp8, kBfp4, kBfp2 };

// Bounds under which the kernels are exact; the datum by datum path serves what lies beyond.
inline constexpr int kLargestProduct = 200;  // e(a) + e(b) - 127
inline constexpr int kLargestOperand = 250;

struct MatrixTask {
  const SlicesB* in0;
  const SlicesA* in1;
  int rows;       // of 32
  int phases;     // 1 .. 4
  bool wide;      // 32-bit Dst
  bool lost_ulp;  // section 4.3
  uint32_t* dst;  // [32, 32] row-major words
};

struct Kernels {
  const char* isa;
  // A tile in L1 (face order, packed) as Src reads it; tf32: an fp32 tile keeps 10 mantissa bits. `rows` of 32 are
  // looked at. Return the largest biased exponent of a number that is not zero, 0 if there is none.
  int (*load_a)(TileCode code, const uint8_t* tile, bool tf32, SlicesA* out);
  int (*load_b)(TileCode code, const uint8_t* tile, bool tf32, int rows, SlicesB* out);
  // Dst += in0 in1 over one tile of K, phases outside halves.
  void (*multiply)(const MatrixTask& task);
  // The same of truncated operands: each cut to what the phases read of it, products summed in fp32 with k ascending.
  void (*multiply_fast)(const MatrixTask& task);
};

extern const Kernels kPortableKernels;
extern const Kernels kAvx2Kernels;
extern const Kernels kAvx512Kernels;

}  // namespace firstlight::device::tensix
