// The op table, made from the list.
#include "firstlight/op/op.h"

#include <algorithm>

#include "firstlight/base/error.h"
#include "firstlight/op/all.h"

namespace firstlight::op {
namespace {

template <typename Args>
std::vector<Shape> infer(const void* args, std::span<const TensorSpec> in) {
  return static_cast<const Args*>(args)->infer(in);
}

template <typename Args>
Cost cost(const void* args, std::span<const TensorSpec> in, std::span<const TensorSpec> out) {
  return static_cast<const Args*>(args)->cost(in, out);
}

constexpr OpRow kOps[] = {
#define FL_OP(name, Type, summary) {Op::name, #name, summary, Type::kTraits, infer<Type>, cost<Type>},
#include "firstlight/op/list.h"
#undef FL_OP
};

}  // namespace

Cost& Cost::operator+=(const Cost& other) {
  flops += other.flops;
  weight_bytes += other.weight_bytes;
  state_bytes += other.state_bytes;
  activation_bytes += other.activation_bytes;
  return *this;
}

std::span<const OpRow> ops() { return kOps; }

const OpRow& row(Op op) { return kOps[static_cast<std::size_t>(op)]; }

std::optional<Op> find_op(std::string_view name) {
  const auto found = std::ranges::find(kOps, name, &OpRow::name);
  if (found == std::end(kOps)) return std::nullopt;
  return found->id;
}

double spec_bytes(const TensorSpec& spec) {
  const std::int64_t last = spec.shape.rank() == 0 ? 1 : spec.shape[-1];
  return static_cast<double>(spec.shape.rows()) * static_cast<double>(row_bytes(spec.format, last));
}

void require(bool ok, std::string_view op_name, std::string_view rule) {
  if (!ok) fail(Category::kInternal, op_name, "wrong operands: expected {}", rule);
}

}  // namespace firstlight::op
