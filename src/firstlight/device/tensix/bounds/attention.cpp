// The bound of attention, chunk of keys by chunk as ops/attention.cpp takes them.
//
// The chip's running maximum m may be any number: exp(-m scale) stands before every weight, the sum and the output
// alike, and goes when the output is divided by the sum. So weights are followed relative to the exact maximum, and a
// score's error counts, not the maximum's.
#include "firstlight/op/attention.h"

#include <algorithm>
#include <bit>

#include "firstlight/device/tensix/bounds/bounds.h"
#include "firstlight/device/tensix/bounds/product.h"
#include "firstlight/device/tensix/ops/ops.h"

namespace firstlight::device::tensix {
namespace {

// A row of one head: its chunks, output and sum.
class RowBound {
 public:
  RowBound(const BoundCall& call, const Fidelity& fidelity, bool f32_io, Format l1, std::int64_t dv)
      : core_(call.core),
        args_(call.call.as<op::Attention>()),
        steps_(core_, fidelity, f32_io),
        product_(core_, fidelity, f32_io, std::int64_t{1} << 40),
        l1_(l1),
        scale_(args_.softcap > 0 ? Near{1, 0} : host_constant(args_.scale)),
        out_(static_cast<std::size_t>(dv)) {}

  bool wide() const { return product_.wide; }

  // keys: [D, n] across; values: [before + n, Dv], whose first `before` rows share a tile with the others and are
  // masked.
  void take(const Row& q, const Panel& keys, const Panel& values, std::size_t before) {
    std::vector<Near> all(before + static_cast<std::size_t>(keys.columns));
    const std::span<Near> scores = std::span(all).subspan(before);
    product_.run(q, keys, scores);
    double largest = seen_ ? largest_ : -kUnbounded;
    for (Near& score : scores) {
      score = packed(score);
      if (args_.softcap > 0) score = capped(score);
      largest = std::max(largest, score.value);
      doubt_ = std::max(doubt_, score.error);
    }
    const Near rescale = seen_ ? weight({largest_, 0}, largest) : Near{};
    for (Near& score : scores) score = weight(score, largest);
    const Near sum = steps_.to_l1(steps_.reduce_sum(all, l1_, {1, 0}, true), l1_);
    for (Near& score : scores) score = steps_.source(score, l1_);
    std::vector<Near> fresh(out_.size());
    product_.run(uncertain_row(all), values, fresh);
    for (std::size_t i = 0; i < out_.size(); ++i) {
      fresh[i] = packed(fresh[i]);
      out_[i] = seen_ ? join(out_[i], rescale, fresh[i]) : fresh[i];
    }
    sum_ = seen_ ? join(sum_, rescale, sum) : sum;
    largest_ = largest;
    seen_ = true;
  }

  void finish(double* bound) const {
    const Near inverse = steps_.to_l1(steps_.sfpu_store(steps_.reciprocal(steps_.load(sum_, l1_))), l1_);
    for (std::size_t i = 0; i < out_.size(); ++i) bound[i] = steps_.mul(out_[i], l1_, inverse, l1_).error;
  }

 private:
  // From the product's Dst, which is as wide as it can be at the fast level.
  Near packed(Near dst) const { return product_.wide && l1_ != Format::f32 ? rounded(dst, kToBf16) : dst; }
  // exp((score - m) scale), relative to the exact maximum.
  Near weight(Near score, double largest) const {
    Near difference = steps_.add(score, l1_, {-largest, doubt_}, l1_);
    difference.error -= doubt_;  // the maximum's own error goes with the sum
    difference.error = std::max(difference.error, 0.0);
    const Near scaled = steps_.mad({difference.value, difference.error}, scale_, {});
    Near result = steps_.exp(scaled);
    // The function's own error is that at the chip's argument, which the maximum moves.
    const double moved = std::abs(scale_.value) * doubt_;
    result.error += result.value * std::max(0.0, steps_.exp_loss(scaled.top() + moved) - steps_.exp_loss(scaled.top()));
    return steps_.to_l1(steps_.sfpu_store(result), l1_);
  }
  Near join(Near old, Near rescale, Near fresh) const {
    const Near scaled = steps_.to_l1(steps_.mul(old, l1_, rescale, l1_), l1_);
    return steps_.to_l1(steps_.add(scaled, l1_, fresh, l1_), l1_);
  }
  Near capped(Near score) const {
    const double inner = double{args_.scale} / args_.softcap;
    const Near scaled = steps_.mad(steps_.load(score, l1_), {inner, 0x1p-23 * std::abs(inner)}, {});
    const Near tanh = steps_.unary(op::UnaryKind::kTanh, scaled);
    return steps_.to_l1(steps_.sfpu_store(steps_.mad(tanh, {args_.softcap, 0}, {})), l1_);
  }

  const Core& core_;
  const op::Attention& args_;
  Steps steps_;
  ProductBound product_;
  Format l1_;
  Near scale_;
  std::vector<Near> out_;
  Near sum_;
  double largest_ = 0;
  double doubt_ = 0;  // of any maximum so far
  bool seen_ = false;
};

}  // namespace

void bound_attention(const BoundCall& call) {
  const auto& args = call.call.as<op::Attention>();
  const Core& core = call.core;
  const Fidelity fidelity = settings_of(call.call).asked.value_or(core.ops.matmul);
  const bool f32_io = has_f32(call.call, call.in[0]);
  const Format l1 = f32_io ? Format::f32 : Format::bf16;
  const std::int64_t chunk = call.call.context.phase == Phase::kDecode ? core.ops.decode_chunk : core.ops.prefill_chunk;
  const std::vector<float> q = call.values(0);
  const std::vector<float> keys = call.values(1);
  const std::vector<float> values = call.values(2);
  const Shape& pages = call.in[1].shape;  // [pages, Hkv, page_size, D]
  const CachedRows rows(call, 3, pages);
  const std::int64_t heads = call.in[0].shape[1];
  const std::int64_t d = pages[3];
  const std::int64_t dv = call.in[2].shape[3];
  const std::int64_t count = call.in[0].shape[0] * heads;
  const auto one = [&](std::int64_t rh) {
    const auto r = static_cast<std::size_t>(rh / heads);
    const std::int64_t kv_head = rh % heads / (heads / pages[1]);
    const std::int64_t last = rows.position(r) + 1;
    const std::int64_t first = args.window > 0 ? std::max<std::int64_t>(0, last - args.window) : 0;
    RowBound row(call, fidelity, f32_io, l1, dv);
    const auto query = std::span(q).subspan(static_cast<std::size_t>(rh * d), static_cast<std::size_t>(d));
    const Row in0 = known_row(query, call.format(0), row.wide());
    for (std::int64_t begin = first / chunk * chunk; begin < last; begin += chunk) {
      const std::int64_t from = std::max(begin, first);
      const std::int64_t before = from % kTileSide;
      const std::int64_t n = std::min(last, begin + chunk) - from;
      const Panel across = make_panel(d, n, call.format(1), row.wide(), [&](std::int64_t k, std::int64_t t) {
        return keys[static_cast<std::size_t>(rows.index(r, kv_head, from + t) * d + k)];
      });
      const Panel along = make_panel(before + n, dv, call.format(2), row.wide(), [&](std::int64_t t, std::int64_t k) {
        return values[static_cast<std::size_t>(rows.index(r, kv_head, from - before + t) * dv + k)];
      });
      row.take(in0, across, along, static_cast<std::size_t>(before));
    }
    row.finish(call.bound.data() + rh * dv);
  };
  const auto range = [&](std::int64_t begin, std::int64_t end, int) {
    for (std::int64_t i = begin; i < end; ++i) one(i);
  };
  if (call.call.context.executor != nullptr)
    call.call.context.executor->parallel_for(count, 1, range);
  else
    range(0, count, 0);
}

}  // namespace firstlight::device::tensix
