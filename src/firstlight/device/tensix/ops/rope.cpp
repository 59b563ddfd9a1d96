// RoPE: x cos + (x T) sin with the transformation matrix T of 0, 1 and -1, each product through L1 in the buffer's
// format, cos and sin in bf16.
//
// At HiFi4 into a 32-bit Dst, x T only moves and negates: one product of a row is not zero, its slices' products are
// exact, and zeros of other columns leave Dst as it is. So the product is written as that move (tests compare it with
// the matrix unit's).
#include "firstlight/op/rope.h"

#include "firstlight/device/tensix/ops/ops.h"

namespace firstlight::device::tensix {

void rope(const KernelCall& call) {
  const auto& args = call.as<op::Rope>();
  const View& x = call.in[0];
  const auto* positions = call.in[3].as<const std::int32_t>();
  const Rules& rules = core_of(call).rules;
  const std::int64_t heads = x.shape[1];
  const std::int64_t half = args.rotary_dim / 2;
  const bool interleaved = args.pairing == op::RopePairing::kInterleaved;
  const Lanes lanes(core_of(call), core_of(call).ops.rope, has_f32(call, x));
  const Format buffer = lanes.buffer();
  for_rows(call, row_count(x), [&](std::int64_t i, const RowBuffers& buffers) {
    std::uint32_t* const words = buffers.words[0];
    std::uint32_t* const out = buffers.words[1];
    read_row(x, i, rules, words);
    const std::int64_t position = positions[i / heads];
    const auto* cosines = reinterpret_cast<const float*>(row_at(call.in[1], {position}));
    const auto* sines = reinterpret_cast<const float*>(row_at(call.in[2], {position}));
    for (std::int64_t d = 0; d < row_length(x); ++d) out[d] = lanes.load(words[d], x.format);
    const auto rotated = [&](std::int64_t d, std::uint32_t partner, std::int64_t pair) {
      const std::uint32_t straight = lanes.store(lanes.mul(words[d], x.format, host_bf16(cosines[pair]), Format::bf16));
      const std::uint32_t turned =
          lanes.store(lanes.mul(lanes.store(partner), buffer, host_bf16(sines[pair]), Format::bf16));
      return lanes.add(straight, buffer, turned, buffer);
    };
    for (std::int64_t pair = 0; pair < half; ++pair) {
      const std::int64_t a = interleaved ? 2 * pair : pair;
      const std::int64_t b = interleaved ? 2 * pair + 1 : pair + half;
      const auto moved = [&](std::int64_t d) {
        return move_datum(to_source(words[d], x.format, source_of(x.format, lanes.accumulator()), rules));
      };
      const std::uint32_t first = moved(b);
      out[a] = rotated(a, first == 0 ? 0U : first ^ kSignBit, pair);
      out[b] = rotated(b, moved(a), pair);
    }
    write_row(call.out[0], i, out, lanes.accumulator(), rules);
  });
}

}  // namespace firstlight::device::tensix
