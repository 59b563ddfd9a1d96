// Norms and rotary embedding, row by row.
#include "firstlight/op/norm.h"

#include "firstlight/device/cpu/ops/ops.h"
#include "firstlight/device/cpu/ops/support.h"
#include "firstlight/op/rope.h"

namespace firstlight::device::cpu {

void rms_norm(const KernelCall& call, const Kernels& kernels) {
  const auto& args = call.as<op::RmsNorm>();
  const Rows x(call.in[0]);
  const Rows out(call.out[0]);
  const auto* weight = call.in[1].as<const float>();
  const std::int64_t n = row_length(call.in[0]);
  for_rows(call, row_count(call.in[0]), n, [&](std::int64_t r, int) {
    kernels.rows.rms_norm(args.eps, args.weight_offset, x.source(r), weight, out.sink(r), n);
  });
}

void layer_norm(const KernelCall& call, const Kernels& kernels) {
  const float eps = call.as<op::LayerNorm>().eps;
  const Rows x(call.in[0]);
  const Rows out(call.out[0]);
  const auto* weight = call.in[1].as<const float>();
  const float* bias = call.in.size() > 2 ? call.in[2].as<const float>() : nullptr;
  const std::int64_t n = row_length(call.in[0]);
  for_rows(call, row_count(call.in[0]), n,
           [&](std::int64_t r, int) { kernels.rows.layer_norm(eps, x.source(r), weight, bias, out.sink(r), n); });
}

void rope(const KernelCall& call, const Kernels& kernels) {
  const auto& args = call.as<op::Rope>();
  const Rows x(call.in[0]);
  const Rows out(call.out[0]);
  const View& cos = call.in[1];
  const View& sin = call.in[2];
  const auto* positions = call.in[3].as<const std::int32_t>();
  const std::int64_t heads = call.in[0].shape[1];
  const std::int64_t n = row_length(call.in[0]);
  for_rows(call, row_count(call.in[0]), n, [&](std::int64_t r, int) {
    const std::int64_t position = positions[r / heads];
    kernels.rows.rope(args.pairing == op::RopePairing::kInterleaved, x.source(r),
                      cos.as<const float>() + position * cos.strides[0],
                      sin.as<const float>() + position * sin.strides[0], out.sink(r), args.rotary_dim, n);
  });
}

}  // namespace firstlight::device::cpu
