// Operands to f32 and back.
#include "firstlight/device/cpu/ops/widen.h"

#include "firstlight/device/cpu/ops/support.h"

namespace firstlight::device::cpu {
namespace {

bool needs_widening(const View& view) { return row(view.format).is_float && !is_activation(view); }

}  // namespace

WidenedCall::WidenedCall(const KernelCall& call, unsigned keep) : original_(call), call_(call) {
  for (std::size_t i = 0; i < call.in.size(); ++i)
    in_[i] = (keep >> i & 1U) == 0 && needs_widening(call.in[i]) ? widened(call.in[i]) : call.in[i];
  for (std::size_t i = 0; i < call.out.size(); ++i)
    out_[i] = needs_widening(call.out[i]) ? widened(call.out[i]) : call.out[i];
  call_.in = {in_.data(), call.in.size()};
  call_.out = {out_.data(), call.out.size()};
  if (bytes_ <= call.context.scratch.size()) call_.context.scratch = call.context.scratch.subspan(bytes_);
}

View WidenedCall::widened(const View& view) {
  // Nothing is read or written through a view that is made to ask for the size of the scratch.
  std::byte* data = original_.context.scratch.empty() ? nullptr : original_.context.scratch.data() + bytes_;
  bytes_ += static_cast<std::size_t>(round_up(view.shape.elements() * std::int64_t{sizeof(float)}, 64));
  return make_view(static_cast<void*>(data), Format::f32, view.shape);
}

void WidenedCall::read() const {
  for (std::size_t i = 0; i < call_.in.size(); ++i) {
    const View& from = original_.in[i];
    if (from.data == in_[i].data) continue;
    const Rows rows(from);
    const std::int64_t n = row_length(from);
    for_rows(original_, row_count(from), n,
             [&](std::int64_t r, int) { row(from.format).decode(rows.at(r), n, in_[i].as<float>() + r * n); });
  }
}

void WidenedCall::write() const {
  for (std::size_t i = 0; i < call_.out.size(); ++i) {
    const View& to = original_.out[i];
    if (to.data == out_[i].data) continue;
    const Rows rows(to);
    const std::int64_t n = row_length(to);
    for_rows(original_, row_count(to), n,
             [&](std::int64_t r, int) { row(to.format).encode(out_[i].as<const float>() + r * n, n, rows.at(r)); });
  }
}

}  // namespace firstlight::device::cpu
