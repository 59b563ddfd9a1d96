// The stack's launches from the declared weights: fused QKV, gate and up apart, heads, rotation, cache update,
// attention, sums, and the collectives of one or two axes (tt_stack.md §1.2, §8.1, §8.2).
#include "firstlight/harness/plan/workload.h"

#include <algorithm>
#include <map>

#include "firstlight/base/error.h"
#include "firstlight/harness/roofline.h"

namespace firstlight::harness::plan {
namespace {

constexpr std::int64_t kTileRows = 32;
constexpr double kActivationBytes = 2;  // bf16 between ops

class StepBuilder {
 public:
  StepBuilder(const Subject& subject, const Precision& precision, const Split& split, const Load& load,
              run::Phase phase)
      : subject_(subject), precision_(precision), split_(split), load_(load), phase_(phase) {
    const std::int64_t users = ceil_div(load.batch, split.replicas);
    decode_ = phase == run::Phase::kDecode;
    rows_ = decode_ ? users : load.prompt;
    users_on_column_ = decode_ ? ceil_div(users, split.columns) : 1;
  }

  std::vector<Work> build() {
    for (const run::WeightRequest& request : subject_.requests) weight(request);
    attention();
    tail();
    return std::move(work_);
  }

 private:
  std::int64_t padded_rows() const { return round_up(rows_, kTileRows); }
  double activation_bytes(std::int64_t width) const {
    return kActivationBytes * static_cast<double>(padded_rows()) * static_cast<double>(round_up(width, kTileRows));
  }

  // Works that are alike are one line with more `times`.
  void add(Work work) {
    for (Work& other : work_) {
      if (other.name == work.name && other.kind == work.kind && other.m == work.m && other.k == work.k &&
          other.n == work.n && other.format == work.format && other.phases == work.phases &&
          other.positions == work.positions && other.window == work.window &&
          other.vector_elements == work.vector_elements && other.link_bytes == work.link_bytes &&
          other.axis_chips == work.axis_chips) {
        other.times += work.times;
        return;
      }
    }
    work_.push_back(std::move(work));
  }

  void vector_op(const std::string& name, std::int64_t width, double times = 1, double operands = 2) {
    Work work;
    work.name = name;
    work.kind = WorkKind::kVector;
    work.times = times;
    work.vector_elements = static_cast<double>(padded_rows()) * static_cast<double>(round_up(width, kTileRows));
    // In decode activations stay in L1 (width-sharded); in prefill they lie in DRAM.
    if (!decode_) work.dram_bytes = operands * activation_bytes(width);
    work.decode = decode_;
    add(std::move(work));
  }

  void product(const std::string& name, const run::WeightRequest& request, std::int64_t k, std::int64_t n,
               double times) {
    Work work;
    work.name = name;
    work.kind = WorkKind::kProduct;
    work.times = times;
    work.decode = decode_;
    // Of the head only the last token's tile is computed in prefill.
    work.m = !decode_ && request.group == run::Group::kLmHead ? kTileRows : padded_rows();
    work.k = k;
    work.n = n;
    work.format = precision_.weight(request);
    work.phases = precision_.phases(request, phase_);
    work.fp32_partials = precision_.fp32_partials(request, phase_);
    work.dram_bytes = tiled_bytes(work.format, k, n);
    if (!decode_) work.dram_bytes += activation_bytes(k) + activation_bytes(n);
    add(std::move(work));
  }

  void weight(const run::WeightRequest& request) {
    const model::Description& d = subject_.description;
    if (request.kind == run::WeightKind::kTable) {
      Work work;
      work.name = "embedding";
      work.kind = WorkKind::kLookup;
      work.dram_bytes = 2 * activation_bytes(ceil_div(request.shape[1], split_.chips()));
      work.decode = decode_;
      add(std::move(work));
      return;
    }
    if (request.kind == run::WeightKind::kVector) {
      if (request.key.ends_with(".bias")) return;  // added by the product
      if (request.shape.elements() == d.hidden_size) {
        vector_op("norm", d.hidden_size);
        if (split_.rows > 1) gather("norm", d.hidden_size);
      } else if (request.shape.elements() == d.head_dim) {
        vector_op("head norm", ceil_div(d.heads, split_.rows) * d.head_dim);
      } else if (d.heads == 0) {
        vector_op("mixer", request.shape.elements() / split_.rows);
      }
      return;
    }
    const Share share = share_of(subject_, request, split_);
    if (share.inputs == 0 || share.outputs == 0) return;
    const std::string name(run::group_name(request.group));
    if (request.group == run::Group::kWqkv && d.heads > 0) {
      // Query, key and value are one product in the stack whether or not the checkpoint fuses them.
      qkv_inputs_ = share.inputs;
      qkv_outputs_ += share.outputs;
      const std::int64_t whole = (d.heads + 2 * d.kv_heads) * d.head_dim;
      qkv_seen_ += request.shape[1];
      if (qkv_seen_ < whole) return;
      product(name, request, qkv_inputs_, qkv_outputs_, 1);
      qkv_outputs_ = qkv_seen_ = 0;
      return;
    }
    const bool fused_gate = request.group == run::Group::kFf1_3 && request.shape[1] == 2 * d.intermediate_size;
    const double parts = fused_gate ? 2 : 1;
    // Every expert on a chip is multiplied for every user (the stack weighs unused ones with zero).
    product(is_expert(request) ? "expert " + name : name, request, share.inputs,
            fused_gate ? ceil_div(share.outputs, 2) : share.outputs, share.copies * parts);
    if (request.group == run::Group::kFf2)
      vector_op("activation", ceil_div(request.shape[0], split_.rows), share.copies, 3);
    if (request.group == run::Group::kWo || request.group == run::Group::kFf2) {
      const bool last_expert =
          !is_expert(request) || ++experts_seen_ % std::max<std::int64_t>(1, subject_.experts) == 0;
      // Scores of the router, the best of them, their softmax, and a mask, a weight and a sum for each expert there.
      if (is_expert(request) && last_expert && request.group == run::Group::kFf2)
        vector_op("router", d.hidden_size, 4 + 2 * std::max(1.0, share.copies * static_cast<double>(subject_.experts)));
      if (last_expert) {
        vector_op("residual", d.hidden_size, 1, 3);
        if (split_.rows > 1) reduce(name, d.hidden_size);
      }
    }
  }

  // Bytes that cross each link of an axis when `chips` chips gather, or reduce and scatter, rows of `width`.
  void collective(const std::string& name, std::int64_t width, int chips, int links, double times) {
    if (chips <= 1 || times <= 0) return;
    Work work;
    work.name = name;
    work.kind = WorkKind::kCollective;
    work.times = times;
    work.axis_chips = chips;
    work.links = links;
    work.two_axes = split_.columns > 1;
    work.link_bytes = activation_bytes(width) * (chips - 1) / chips / links;
    work.decode = decode_;
    add(std::move(work));
  }

  // One axis: the residual stream is cut over the chips and gathered for the norm. Two axes: only the norm's sums are.
  void gather(const std::string& after, std::int64_t width) {
    if (split_.columns > 1)
      collective("gather of " + after + " sums", kTileRows, split_.columns, split_.links_columns, 1);
    else
      collective("gather for " + after, width, split_.rows, split_.links_rows, 1);
  }
  void reduce(const std::string& after, std::int64_t width) {
    const std::int64_t part = ceil_div(width, split_.columns);
    collective("reduce of " + after, part, split_.rows, split_.links_rows, 1);
    // Two axes: an all-reduce (reduce and gather) of the narrowing product, and of the widening one before it.
    if (split_.columns > 1) {
      collective("reduce of " + after, part, split_.rows, split_.links_rows, 1);
      const model::Description& d = subject_.description;
      const bool mlp = after == run::group_name(run::Group::kFf2);
      const std::int64_t wide =
          mlp ? d.intermediate_size / split_.rows : (d.heads + 2 * d.kv_heads) * d.head_dim / split_.rows;
      // Gate and up are reduced and scattered each, then gathered; QKV is all-reduced; users are gathered for O.
      collective("reduce of widening", wide, split_.columns, split_.links_columns, 2);
      collective("gather of users", wide, split_.columns, split_.links_columns, 1);
    }
  }

  void attention() {
    const model::Description& d = subject_.description;
    if (subject_.kv_layers.empty() || d.heads == 0) return;
    const std::int64_t kv_heads = ceil_div(d.kv_heads, split_.rows);
    const std::int64_t heads = ceil_div(d.heads, split_.rows);
    for (const auto& [key, window] : subject_.kv_layers) {
      Work work;
      work.name = "sdpa";
      work.kind = WorkKind::kAttention;
      work.format = precision_.of(key, run::Group::kKvCache);
      work.phases = precision_.attention_phases(key, phase_);
      work.head_dim = round_up(d.head_dim, kTileRows);
      work.positions = decode_ ? std::min(load_.context, kept_positions(load_.context, window)) : load_.prompt;
      if (!decode_ && window < load_.prompt) work.window = window;
      work.decode = decode_;
      work.pairs = decode_ ? users_on_column_ * kv_heads : heads;
      work.query_tiles = decode_ ? ceil_div(d.heads / d.kv_heads, kTileRows) : 1;
      const double position_bytes = 2 * static_cast<double>(kv_heads) * tile_bytes(work.format) / kTileRows *
                                    static_cast<double>(work.head_dim / kTileRows);
      work.dram_bytes = static_cast<double>(decode_ ? users_on_column_ : 1) *
                        static_cast<double>(round_up(work.positions, kTileRows)) * position_bytes;
      add(std::move(work));
      vector_op("heads", (heads + 2 * kv_heads) * d.head_dim, 2);  // split before, joined after
      vector_op("rotation", heads * d.head_dim, 2);                // queries, keys
      vector_op("cache update", 2 * kv_heads * d.head_dim);
    }
  }

  void tail() {
    if (decode_) vector_op("sampling", ceil_div(subject_.description.vocab_size, split_.chips()));
  }

  const Subject& subject_;
  const Precision& precision_;
  const Split& split_;
  const Load& load_;
  run::Phase phase_;
  bool decode_ = true;
  std::int64_t rows_ = 0;
  std::int64_t users_on_column_ = 0;
  std::int64_t qkv_inputs_ = 0;
  std::int64_t qkv_outputs_ = 0;
  std::int64_t qkv_seen_ = 0;
  std::int64_t experts_seen_ = 0;
  std::vector<Work> work_;
};

}  // namespace

std::vector<Work> step_work(const Subject& subject, const Precision& precision, const Split& split, const Load& load,
                            run::Phase phase) {
  return StepBuilder(subject, precision, split, load, phase).build();
}

double step_launches(const Subject& subject, const Split& split) {
  static const run::Policy kAnyPolicy;
  double launches = 0;
  for (const Work& work : step_work(subject, Precision(kAnyPolicy), split, {}, run::Phase::kDecode))
    launches += work.times * work.launches;
  return launches;
}

}  // namespace firstlight::harness::plan
