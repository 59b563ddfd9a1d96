// out[r, :] = table[ids[r], :]; tied: column ids[r] of a linear weight [H, V].
#include "firstlight/device/ref/kernels.h"
#include "firstlight/device/ref/rows.h"
#include "firstlight/op/linear.h"

namespace firstlight::device::ref {
namespace {

// Element n of a stored row: its block is decoded alone.
float read_element(const View& table, std::int64_t stored_row, std::int64_t n) {
  const std::int64_t length = table.shape[1];
  const std::int64_t first = n / kPartMultiple * kPartMultiple;
  float block[kPartMultiple];
  std::byte encoded[kPartMultiple * kMaxElementBytes];
  read_part(table.format, table.data + stored_row * row_bytes(table.format, length), length, first,
            std::min(kPartMultiple, length - first), block, encoded);
  return block[n - first];
}

}  // namespace

void embedding(const KernelCall& call) {
  const View& table = call.in[0];
  const auto* ids = call.in[1].as<const std::int32_t>();
  const View& out = call.out[0];
  const bool tied = call.as<op::Embedding>().tied;
  for_rows(call, row_count(out), [&](std::int64_t r, const RowBuffers& buffers) {
    if (tied) {
      for (std::int64_t h = 0; h < out.shape[1]; ++h) buffers.out[h] = read_element(table, h, ids[r]);
    } else {
      row(table.format)
          .decode(table.data + ids[r] * row_bytes(table.format, table.shape[1]), out.shape[1], buffers.out);
    }
    write_row(out, r, buffers.out);
  });
}

}  // namespace firstlight::device::ref
