// Which generator makes the cases of which op.
#include "device/parity/cases.h"

#include "device/parity/generators.h"

namespace firstlight::parity {

std::vector<Case> cases(op::Op op) {
  switch (op) {
    case op::Op::embedding:
      return embedding_cases();
    case op::Op::linear:
      return linear_cases();
    case op::Op::matmul:
      return matmul_cases();
    case op::Op::binary:
      return binary_cases();
    case op::Op::unary:
      return unary_cases();
    case op::Op::affine:
      return affine_cases();
    case op::Op::reduce:
      return reduce_cases();
    case op::Op::softmax:
      return softmax_cases();
    case op::Op::copy:
      return copy_cases();
    case op::Op::concat:
      return concat_cases();
    case op::Op::gather_rows:
      return gather_rows_cases();
    case op::Op::cache_append:
      return cache_append_cases();
    case op::Op::cache_gather:
      return cache_gather_cases();
    case op::Op::rms_norm:
      return norm_cases(op);
    case op::Op::layer_norm:
      return norm_cases(op);
    case op::Op::rope:
      return rope_cases();
    case op::Op::gated:
      return gated_cases();
    case op::Op::attention:
      return attention_cases();
    case op::Op::route:
      return route_cases();
    case op::Op::add_gathered:
      return add_gathered_cases();
  }
  return {};
}

}  // namespace firstlight::parity
