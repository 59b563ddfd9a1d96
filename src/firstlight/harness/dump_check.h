// Three columns for each component: the reference device, an emulated device, and tensors that a user recorded on a
// real board. Says of each whether the board is exact, within precision, or has a bug.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "firstlight/harness/metrics.h"
#include "firstlight/harness/verdict.h"
#include "firstlight/pipeline/engine.h"

namespace firstlight::harness {

// A folder of *.safetensors whose tensors are named by component keys, each [T, width] for the same T prefilled tokens
// (leading axes of 1 are dropped). A tensor "ids" [T] (I32 or I64) says which tokens; without it they are the reference
// text's first T.
struct Dump {
  std::int64_t tokens = 0;
  std::vector<std::int32_t> ids;              // empty: not said
  std::map<std::string, HostTensor> tensors;  // f32
};

// Throws kBadInput for a folder without such files, a key that stands twice, or rows that do not agree.
Dump load_dump(const std::filesystem::path& folder);

enum class DumpVerdict : std::uint8_t {
  kExact,      // bit-equal to the emulated device
  kPrecision,  // no farther from the reference than the emulated device's numbers explain
  kBug,
};
std::string_view dump_verdict_name(DumpVerdict verdict);

struct DumpRow {
  std::string key;
  std::string module;
  Metrics emulated;  // device against reference
  Metrics recorded;  // dump against reference
  double bound = 0;  // of the recorded NMSE: above it is a bug
  DumpVerdict verdict = DumpVerdict::kBug;
  bool inherited = false;  // a bug came before it in order of computation
};

struct DumpCheck {
  std::vector<DumpRow> rows;  // in order of computation
  std::int64_t tokens = 0;
  Json json() const;
};

// Prefills the tokens on both engines, which hold the same checkpoint. `ids` are the reference text's. Throws kBadInput
// for a key that is no component (naming the nearest), kMismatch for a shape that is not the component's.
DumpCheck check_dump(pipeline::Engine& reference, pipeline::Engine& device, const Dump& dump,
                     std::span<const std::int32_t> ids);

// One verdict: no component has a bug; the note names the first that has one of its own.
std::vector<Verdict> verdicts(const DumpCheck& check);

}  // namespace firstlight::harness
