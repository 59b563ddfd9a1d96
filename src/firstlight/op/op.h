// The op vocabulary: names, shape rules, costs, and what each op promises. No data and no device here.
//
// An op is a struct of its arguments in op/<name>.h, with static members that this table reads:
//   static constexpr OpTraits kTraits;                              arity, invariances, whether it works in place
//   std::vector<Shape> infer(std::span<const TensorSpec> in) const; output shapes; throws kInternal on a wrong operand
//   Cost cost(std::span<const TensorSpec> in, std::span<const TensorSpec> out) const;
// Adding one: the header, a line in op/list.h, a kernel in device/ref, cases in tests/device/parity.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "firstlight/tensor/view.h"

namespace firstlight::op {

// Shape and format of an operand, without its memory.
struct TensorSpec {
  Shape shape;
  Format format = Format::f32;
};

// What a call reads, writes and computes under its formats, whatever device runs it.
struct Cost {
  double flops = 0;         // a multiply and an add are two
  double weight_bytes = 0;  // of placed weights
  double state_bytes = 0;   // of KV pages or recurrent state, read and written
  double activation_bytes = 0;

  Cost& operator+=(const Cost& other);
  double bytes() const { return weight_bytes + state_bytes + activation_bytes; }
};

// Which changes leave every bit of a row's result as it was (docs/definitions.md, "Same bits").
enum Invariance : unsigned {
  kThreads = 1,     // the number of threads
  kBatchMates = 2,  // which other rows share the call
  kChunk = 4,       // how the rows of a sequence are cut into calls
  kPhase = 8,       // prefill and decode
  kPages = 16,      // the order and place of state pages
  kAllInvariances = 31,
};

// The primitives are what a new device must have; a composite op has a fallback made of them (run/fallback).
enum class Kind : std::uint8_t { kPrimitive, kComposite };

struct OpTraits {
  int min_inputs = 1;
  int max_inputs = 1;
  int outputs = 1;
  Kind kind = Kind::kPrimitive;
  // Outputs are the caller's own tensors (a cache), updated in place; they are operands of the call, not allocated.
  bool in_place = false;
  // The operand at this index is a placed weight (a device may hold it in its own order), or -1.
  int weight_input = -1;
  unsigned invariances = kAllInvariances;
};

// One member for each line of op/list.h.
enum class Op : std::uint8_t {
#define FL_OP(name, Type, header_comment) name,
#include "firstlight/op/list.h"
#undef FL_OP
};

struct OpRow {
  Op id;
  std::string_view name;     // "rms_norm": also the op suffix of a component key
  std::string_view summary;  // one line for `list ops`
  OpTraits traits;
  std::vector<Shape> (*infer)(const void* args, std::span<const TensorSpec> in);
  Cost (*cost)(const void* args, std::span<const TensorSpec> in, std::span<const TensorSpec> out);
};

std::span<const OpRow> ops();
const OpRow& row(Op op);
std::optional<Op> find_op(std::string_view name);

// Bytes of a tensor in its format's row layout: the unit of Cost.
double spec_bytes(const TensorSpec& spec);

// Throws kInternal naming the op unless `ok`: shape rules are promises of the caller.
void require(bool ok, std::string_view op_name, std::string_view rule);

}  // namespace firstlight::op
