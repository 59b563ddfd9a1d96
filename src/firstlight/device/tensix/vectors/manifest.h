// A folder of vectors: manifest.json, and the .bin files that it names. Everything in it is checked here, so that
// running a case needs no checks.
//
//   {"version": 1, "cases": [{"id": 4, "op": "matmul", ..., "in": {"in0_0": [offset, bytes], ...},
//                             "out": {"dst": [offset, bytes] or {"wh": [...], "bh": [...]}}, "file": "vectors.bin"}]}
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "firstlight/base/mmap.h"
#include "firstlight/device/tensix/arithmetic/pack.h"
#include "firstlight/device/tensix/arithmetic/tile_ops.h"

namespace firstlight::device::tensix {

enum class VectorOp : std::uint8_t { kMatmul, kElwmul, kElwadd, kElwsub, kCopy, kPack, kMad, kReciprocal, kRound };
enum class CopyVia : std::uint8_t { kMove, kAddZero, kUnpackToDst };

using Blob = std::span<const std::byte>;

// An operand: its format in L1 and what Src holds.
struct VectorOperand {
  Format format = Format::bf16;
  Source source = Source::kBf16;
};

struct VectorOutput {
  std::string name;
  bool is_dst = false;                                // else packed
  PackSettings pack;                                  // of a packed one
  Blob l1;                                            // L1's contents before, where it accumulates
  std::map<std::string, Blob, std::less<>> expected;  // by chip: "wh", "bh"
};

struct VectorCase {
  std::string id;
  VectorOp op = VectorOp::kMatmul;
  std::string op_name;
  VectorOperand in0;
  VectorOperand in1;
  int phases = 1;
  Accumulator accumulator = Accumulator::kBf16;
  int k_tiles = 1;
  Broadcast broadcast = Broadcast::kNone;
  bool accumulating = false;
  CopyVia via = CopyVia::kMove;
  std::string arch_only;  // a chip, or empty for both
  std::map<std::string, Blob, std::less<>> in;
  std::vector<VectorOutput> out;
};

struct VectorFolder {
  std::map<std::string, MappedFile> files;  // what the blobs point into
  std::vector<VectorCase> cases;
};

// Throws kBadInput naming manifest, case and field; kUnsupported for a packer path that no chip is known to have.
VectorFolder read_vectors(const std::filesystem::path& folder);

}  // namespace firstlight::device::tensix
