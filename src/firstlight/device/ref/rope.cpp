// out[i] = x[i] cos - x[j] sin, out[j] = x[j] cos + x[i] sin for each pair (i, j) of the first rotary_dim elements.
#include "firstlight/op/rope.h"

#include "firstlight/device/ref/kernels.h"
#include "firstlight/device/ref/rows.h"

namespace firstlight::device::ref {

void rope(const KernelCall& call) {
  const auto& args = call.as<op::Rope>();
  const View& x = call.in[0];
  const auto* positions = call.in[3].as<const std::int32_t>();
  const std::int64_t heads = x.shape[1];
  const std::int64_t pairs = args.rotary_dim / 2;
  const bool interleaved = args.pairing == op::RopePairing::kInterleaved;
  for_rows(call, row_count(x), [&](std::int64_t index, const RowBuffers& buffers) {
    const std::int64_t position = positions[index / heads];
    const auto* cosines = reinterpret_cast<const float*>(row_at(call.in[1], position));
    const auto* sines = reinterpret_cast<const float*>(row_at(call.in[2], position));
    read_row(x, index, buffers.in[0]);
    std::copy_n(buffers.in[0], x.shape[2], buffers.out);
    for (std::int64_t p = 0; p < pairs; ++p) {
      const std::int64_t i = interleaved ? 2 * p : p;
      const std::int64_t j = interleaved ? 2 * p + 1 : p + pairs;
      const double a = buffers.in[0][i];
      const double b = buffers.in[0][j];
      buffers.out[i] = static_cast<float>(a * cosines[p] - b * sines[p]);
      buffers.out[j] = static_cast<float>(b * cosines[p] + a * sines[p]);
    }
    write_row(call.out[0], index, buffers.out);
  });
}

}  // namespace firstlight::device::ref
