// Rows of a View under any strides.
#include "firstlight/device/cpu/ops/support.h"

namespace firstlight::device::cpu {

Rows::Rows(const View& view) : view_(view), stride_(view.row_stride_bytes()) {
  bool first = true;
  std::int64_t expected = 0;
  for (int axis = view.shape.rank() - 2; axis >= 0; --axis) {
    if (view.shape[axis] == 1) continue;  // a stride that is never taken
    if (first) {
      expected = stride_ = axis_bytes(view, axis);
      first = false;
    } else if (axis_bytes(view, axis) != expected) {
      uniform_ = false;
      return;
    }
    expected *= view.shape[axis];
  }
}

}  // namespace firstlight::device::cpu
