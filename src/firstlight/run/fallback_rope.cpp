// rope as primitives: the two halves of each pair are cut out, rotated as whole tensors and put side by side again.
#include "firstlight/run/fallback.h"

namespace firstlight::run {

using op::BinaryKind;

// out_a = a cos - b sin, out_b = b cos + a sin, (a, b) the two elements of a pair.
Tensor fallback_rope(Session& session, const void* args, std::span<const Tensor> in, std::string_view key,
                     Format format) {
  const auto& rope = *static_cast<const op::Rope*>(args);
  const Primitives p(session, key);
  const Tensor& x = in[0];
  const std::int64_t rows = x.shape()[0];
  const std::int64_t heads = x.shape()[1];
  const std::int64_t size = x.shape()[2];
  const std::int64_t rotary = rope.rotary_dim;
  const std::int64_t half = rotary / 2;
  if (rotary == 0) return p.copy(x, format);

  const Tensor whole = p.plain(x, "rope");
  Tensor a = whole.columns(0, half);       // [R, H, rotary/2]
  Tensor b = whole.columns(half, rotary);  // [R, H, rotary/2]
  Shape angles{rows, 1, half};
  const bool interleaved = rope.pairing == op::RopePairing::kInterleaved;
  if (interleaved) {
    const Tensor front = p.plain(whole.columns(0, rotary), "rope");
    const Tensor pairs = front.reshaped({rows, heads, half, 2});
    a = pairs.columns(0, 1);  // [R, H, rotary/2, 1]
    b = pairs.columns(1, 2);
    angles = {rows, 1, half, 1};
  }
  const Tensor cos = p.plain(p.gather_rows(in[1], in[3]), "rope").reshaped(angles);
  const Tensor sin = p.plain(p.gather_rows(in[2], in[3]), "rope").reshaped(angles);

  const auto times = [&](const Tensor& t, const Tensor& by) { return p.binary(BinaryKind::kMultiply, t, by); };
  const Tensor out_a = p.binary(BinaryKind::kSubtract, times(a, cos), times(b, sin));
  const Tensor out_b = p.binary(BinaryKind::kAdd, times(b, cos), times(a, sin));
  if (rotary == size && !interleaved) return p.concat(out_a, out_b, format);
  const Tensor rotated = p.plain(p.concat(out_a, out_b), "rope").reshaped({rows, heads, rotary});
  return rotary == size ? p.copy(rotated, format) : p.concat(rotated, whole.columns(rotary, size), format);
}

}  // namespace firstlight::run
