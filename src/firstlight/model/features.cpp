// Words and keys from the slots of a DecoderSpec.
#include "firstlight/model/features.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace firstlight::model {
namespace {

std::string attention_feature(const nn::AttentionSpec& attention) {
  if (attention.kv_heads == attention.heads) return "MHA";
  if (attention.kv_heads == 1) return fmt::format("MQA {}:1", attention.heads);
  return fmt::format("GQA {}:1", attention.heads / attention.kv_heads);
}

std::string rope_feature(const io::RopeConfig& rope) {
  switch (rope.type) {
    case io::RopeType::kDefault:
      return fmt::format("RoPE theta {}", rope.theta);
    case io::RopeType::kLongRope:
      return fmt::format("LongRoPE ({:.3g}x)", rope.factor);
    case io::RopeType::kYarn:
      return fmt::format("YaRN ({:.3g}x)", rope.factor);
    default:
      return fmt::format("RoPE {} ({:.3g}x)", io::rope_type_name(rope.type), rope.factor);
  }
}

bool has_bias(const nn::DecoderSpec& spec, bool attention) {
  const nn::AttentionSpec& a = spec.attention;
  const nn::MlpSpec& m = spec.mlp;
  if (attention) return a.q.bias || a.k.bias || a.v.bias || a.qkv.bias || a.o.bias;
  return m.gate.bias || m.up.bias || m.gate_up.bias || m.down.bias;
}

// Of the experts themselves only some run, and which ones depends on the text: what every call computes is listed.
void add_moe(const std::string& key, const nn::MoeSpec& spec, int layer, std::vector<Model::Component>& components) {
  components.push_back({key + "." + spec.router, "linear", layer});
  components.push_back({key + ".route", "routing", layer});
  components.push_back({key, "mlp", layer});
}

}  // namespace

std::vector<std::string> decoder_features(const nn::DecoderSpec& spec) {
  std::vector<std::string> features = {attention_feature(spec.attention)};
  const auto add = [&](bool present, std::string text) {
    if (present) features.push_back(std::move(text));
  };
  for (const nn::RopeSpec& rope : spec.ropes) {
    features.push_back(rope_feature(rope.config));
    add(rope.config.partial_rotary_factor < 1, fmt::format("partial rotary {}", rope.config.partial_rotary_factor));
  }
  std::set<std::int64_t> windows;
  for (const nn::LayerSpec& layer : spec.layers) windows.insert(layer.window);
  windows.erase(0);
  for (const std::int64_t window : windows) features.push_back(fmt::format("sliding window {}", window));
  add(spec.positions.has_value(), "learned positions");
  add(spec.attention.kind == nn::QkvKind::kFused, "fused QKV");
  add(spec.attention.kind == nn::QkvKind::kFusedByHead, "fused QKV, head by head");
  if (spec.moe) features.push_back(fmt::format("experts {} of {}", spec.moe->top, spec.moe->experts));
  add(!spec.moe && spec.mlp.kind == nn::MlpKind::kGatedFused, "fused gate-up");
  add(!spec.moe && spec.mlp.kind == nn::MlpKind::kPlain, "plain MLP");
  features.push_back(fmt::format("activation {}", op::unary_name(spec.mlp.activation)));
  add(spec.norm.kind == nn::NormKind::kLayer, "LayerNorm");
  add(spec.attention.head_norm.has_value(), "query and key norms");
  add(spec.residual != nn::ResidualKind::kSequential, "parallel residual");
  add(has_bias(spec, true), "attention biases");
  add(has_bias(spec, false), "MLP biases");
  add(spec.attention.softcap > 0, fmt::format("score softcap {}", spec.attention.softcap));
  add(spec.attention.heads * spec.attention.head_dim != spec.hidden_size,
      fmt::format("head_dim {} of its own", spec.attention.head_dim));
  add(spec.tied_head, "tied embeddings");
  return features;
}

std::vector<Model::Component> decoder_components(const nn::DecoderSpec& spec) {
  std::vector<Model::Component> components;
  if (spec.positions) {
    components.push_back({spec.prefix + spec.embedding, "table", -1});
    components.push_back({spec.prefix + spec.positions->name, "table", -1});
    components.push_back({spec.prefix + "add", "embedding", -1});
  } else {
    components.push_back({spec.prefix + spec.embedding, "embedding", -1});
  }
  for (std::size_t i = 0; i < spec.layers.size(); ++i) {
    const std::string key = spec.layer_key(i);
    const std::string attention = key + "." + spec.attention.name + ".";
    const std::string mlp = key + "." + spec.mlp.name + ".";
    const auto add = [&](std::string name, std::string module) {
      components.push_back({std::move(name), std::move(module), static_cast<int>(i)});
    };
    const bool parallel = spec.residual != nn::ResidualKind::kSequential;
    add(key + "." + spec.first_norm, "norm");
    if (spec.attention.kind != nn::QkvKind::kSeparate) {
      add(attention + spec.attention.qkv.name, "linear");
    } else {
      for (const auto* projection : {&spec.attention.q, &spec.attention.k, &spec.attention.v}) {
        add(attention + projection->name, "linear");
      }
    }
    if (spec.attention.head_norm) {
      add(attention + spec.attention.q_norm, "norm");
      add(attention + spec.attention.k_norm, "norm");
    }
    if (spec.layers[i].rope >= 0) {
      add(attention + "rope#0", "rope");
      add(attention + "rope#1", "rope");
    }
    add(attention + "sdpa", "sdpa");
    add(attention + spec.attention.o.name, "attention");
    if (!parallel) add(key + ".add", "residual");
    if (spec.residual != nn::ResidualKind::kParallel) add(key + "." + spec.second_norm, "norm");
    if (spec.moe) {
      add_moe(key + "." + spec.moe->name, *spec.moe, static_cast<int>(i), components);
    } else {
      if (spec.mlp.kind == nn::MlpKind::kGatedFused) add(mlp + spec.mlp.gate_up.name, "linear");
      if (spec.mlp.kind == nn::MlpKind::kGated) add(mlp + spec.mlp.gate.name, "linear");
      if (spec.mlp.kind != nn::MlpKind::kGatedFused) add(mlp + spec.mlp.up.name, "linear");
      add(mlp + (spec.mlp.kind == nn::MlpKind::kPlain ? "act" : "gated"), "activation");
      add(mlp + spec.mlp.down.name, "mlp");
    }
    if (parallel) add(key + ".add", "residual");
    add(key, "decoder");
  }
  components.push_back({spec.prefix + spec.final_norm, "norm", -1});
  components.push_back({spec.head.name, "lm_head", -1});
  return components;
}

}  // namespace firstlight::model
