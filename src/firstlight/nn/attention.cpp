// The ops of an attention block in order.
#include "firstlight/nn/attention.h"

#include "firstlight/base/error.h"

namespace firstlight::nn {
namespace {

// Outputs stored head by head (query, key, value of each), put into the order of kFused: the load permutes, the ops
// need not know.
run::WeightExpr by_part(const std::string& tensor, const AttentionSpec& spec) {
  run::WeightExpr expr;
  for (std::int64_t part = 0; part < 3; ++part)
    for (std::int64_t head = 0; head < spec.heads; ++head) {
      const std::int64_t begin = (3 * head + part) * spec.head_dim;
      expr.parts.push_back({tensor, begin, begin + spec.head_dim});
    }
  return expr;
}

}  // namespace

Attention::Attention(run::WeightSink& sink, const std::string& key, const DecoderSpec& spec, std::size_t layer)
    : spec_(spec.attention), layer_(spec.layers[layer]), index_(static_cast<int>(layer)) {
  const auto below = [&](const std::string& name) { return key + "." + name; };
  const std::int64_t q_size = spec_.heads * spec_.head_dim;
  const std::int64_t kv_size = spec_.kv_heads * spec_.head_dim;
  const auto input = [&](const Projection& projection, std::int64_t outputs, const Linear::Source& source = nullptr) {
    return Linear(sink, below(projection.name), run::Group::kWqkv, spec.hidden_size, outputs, projection, source);
  };
  if (spec_.kind == QkvKind::kFused) {
    qkv_ = input(spec_.qkv, q_size + 2 * kv_size);
  } else if (spec_.kind == QkvKind::kFusedByHead) {
    FL_CHECK(spec_.heads == spec_.kv_heads);
    qkv_ = input(spec_.qkv, 3 * q_size, [&](const std::string& tensor) { return by_part(tensor, spec_); });
  } else {
    q_ = input(spec_.q, q_size);
    k_ = input(spec_.k, kv_size);
    v_ = input(spec_.v, kv_size);
  }
  if (spec_.head_norm) {
    q_norm_ = Norm(sink, below(spec_.q_norm), spec_.head_dim, *spec_.head_norm);
    k_norm_ = Norm(sink, below(spec_.k_norm), spec_.head_dim, *spec_.head_norm);
  }
  o_ = Linear(sink, below(spec_.o.name), run::Group::kWo, q_size, spec.hidden_size, spec_.o);
  if (layer_.rope >= 0) pairing_ = spec.ropes[static_cast<std::size_t>(layer_.rope)].pairing;
  q_rope_key_ = below("rope#0");
  k_rope_key_ = below("rope#1");
  k_cache_key_ = below("cache_append#0");
  v_cache_key_ = below("cache_append#1");
  sdpa_key_ = below("sdpa");
}

Attention::Heads Attention::project(run::Session& session, const run::Tensor& x) const {
  const std::int64_t rows = x.shape()[0];
  const Shape q_shape{rows, spec_.heads, spec_.head_dim};
  const Shape kv_shape{rows, spec_.kv_heads, spec_.head_dim};
  if (spec_.kind != QkvKind::kSeparate) {
    const run::Tensor qkv = divisible(session, qkv_.key(), qkv_(session, x));  // [R, (Hq + 2 Hkv) * D]
    const std::int64_t q_end = spec_.heads * spec_.head_dim;
    const std::int64_t k_end = q_end + spec_.kv_heads * spec_.head_dim;
    return {qkv.columns(0, q_end).reshaped(q_shape), qkv.columns(q_end, k_end).reshaped(kv_shape),
            qkv.columns(k_end, qkv.shape()[-1]).reshaped(kv_shape)};
  }
  const auto heads = [&](const Linear& linear, const Shape& shape) {
    return divisible(session, linear.key(), linear(session, x)).reshaped(shape);
  };
  return {heads(q_, q_shape), heads(k_, kv_shape), heads(v_, kv_shape)};
}

void Attention::rotate(run::Session& session, Heads& heads, const BatchTensors& batch,
                       const DecoderState& state) const {
  const RopeTables& tables = state.rope(layer_.rope);
  const run::Tensor& positions = batch.rope_positions[static_cast<std::size_t>(layer_.rope)];
  const auto rotated = [&](const std::string& key, const run::Tensor& x) {
    return run::rope(session, key, x, tables.cos(), tables.sin(), positions, tables.rotary_dim(), pairing_);
  };
  heads.q = rotated(q_rope_key_, heads.q);
  heads.k = rotated(k_rope_key_, heads.k);
}

run::Tensor Attention::operator()(run::Session& session, const run::Tensor& x, const BatchTensors& batch,
                                  DecoderState& state) const {
  Heads heads = project(session, x);
  if (spec_.head_norm) {
    heads.q = q_norm_(session, heads.q);
    heads.k = k_norm_(session, heads.k);
  }
  if (layer_.rope >= 0) rotate(session, heads, batch, state);

  const run::Tensor& keys = state.cache().keys(index_);
  const run::Tensor& values = state.cache().values(index_);
  run::cache_append(session, k_cache_key_, heads.k, keys, batch.sequences, batch.positions, batch.table);
  run::cache_append(session, v_cache_key_, heads.v, values, batch.sequences, batch.positions, batch.table);
  const op::Attention args{.scale = spec_.scale * layer_.score_scale,
                           .window = layer_.window,
                           .softcap = spec_.softcap,
                           .max_context = batch.max_context,
                           .attended = batch.attended(layer_.window)};
  const run::Tensor mixed = run::attention(session, sdpa_key_, args, heads.q, keys, values, batch.sequences,
                                           batch.positions, batch.table);  // [R, Hq * D]
  return o_(session, mixed);
}

}  // namespace firstlight::nn
