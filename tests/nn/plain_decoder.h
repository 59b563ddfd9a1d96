// A decoder in plain loops of double over a whole text, written from the definitions: what nn::Decoder is held against.
#pragma once

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>
#include <vector>

#include "firstlight/nn/decoder_spec.h"
#include "firstlight/nn/rope_frequencies.h"
#include "nn/random_checkpoint.h"

namespace firstlight::testing {

using Vector = std::vector<double>;
using Rows = std::vector<Vector>;  // one a token

class PlainDecoder {
 public:
  PlainDecoder(const nn::DecoderSpec& spec, const RandomWeights& weights) : spec_(spec), weights_(weights) {}

  Rows logits(const std::vector<std::int32_t>& ids) const {
    Rows x;
    const auto& table = weights_.at(spec_.prefix + spec_.embedding + ".weight").values;
    for (const std::int32_t id : ids) {
      const auto begin = table.begin() + id * spec_.hidden_size;
      x.emplace_back(begin, begin + spec_.hidden_size);
    }
    for (std::size_t i = 0; i < spec_.layers.size(); ++i) x = layer(i, x);
    x = norm(spec_.prefix + spec_.final_norm, x, spec_.norm);
    const std::string head = spec_.tied_head ? spec_.prefix + spec_.embedding : spec_.head.name;
    return product(head, x, spec_.head.bias ? spec_.head.name : "");
  }

 private:
  // x W^T (+ bias), W as stored [N, K].
  Rows product(const std::string& name, const Rows& x, const std::string& bias_of) const {
    const NamedValues& weight = weights_.at(name + ".weight");
    const auto outputs = static_cast<std::size_t>(weight.shape[0]);
    const auto inputs = static_cast<std::size_t>(weight.shape[1]);
    Rows result;
    for (const Vector& row : x) {
      Vector out(outputs);
      for (std::size_t n = 0; n < outputs; ++n) {
        out[n] = bias_of.empty() ? 0 : weights_.at(bias_of + ".bias").values[n];
        for (std::size_t k = 0; k < inputs; ++k) out[n] += row[k] * weight.values[n * inputs + k];
      }
      result.push_back(out);
    }
    return result;
  }
  Rows project(const std::string& block, const nn::Projection& projection, const Rows& x) const {
    const std::string name = block + "." + projection.name;
    return product(name, x, projection.bias ? name : "");
  }

  Vector norm_row(const std::string& name, const Vector& x, const nn::NormSpec& norm) const {
    const auto size = static_cast<double>(x.size());
    const double mean = norm.kind == nn::NormKind::kLayer ? std::accumulate(x.begin(), x.end(), 0.0) / size : 0;
    double square = 0;
    for (const double value : x) square += (value - mean) * (value - mean);
    const double scale = 1 / std::sqrt(square / size + norm.eps);
    Vector result;
    for (std::size_t i = 0; i < x.size(); ++i) {
      const double weight = weights_.at(name + ".weight").values[i] + norm.weight_offset;
      const double bias = norm.bias ? weights_.at(name + ".bias").values[i] : 0;
      result.push_back((x[i] - mean) * scale * weight + bias);
    }
    return result;
  }
  Rows norm(const std::string& name, const Rows& x, const nn::NormSpec& norm) const {
    Rows result;
    for (const Vector& row : x) result.push_back(norm_row(name, row, norm));
    return result;
  }

  static Vector part(const Vector& row, std::int64_t begin, std::int64_t size) {
    return {row.begin() + begin, row.begin() + begin + size};
  }

  Vector rotate(const Vector& x, std::size_t position, const nn::RopeSpec& rope) const {
    const nn::RopeFrequencies frequencies = nn::rope_frequencies(rope.config, rope.head_dim, 0, "");
    const std::size_t pairs = frequencies.inv_freq.size();
    Vector result = x;
    for (std::size_t p = 0; p < pairs; ++p) {
      const bool half = rope.pairing == op::RopePairing::kHalfSplit;
      const std::size_t i = half ? p : 2 * p;
      const std::size_t j = half ? p + pairs : 2 * p + 1;
      const double angle = static_cast<double>(position) * frequencies.inv_freq[p];
      const double cos = std::cos(angle) * frequencies.attention_factor;
      const double sin = std::sin(angle) * frequencies.attention_factor;
      result[i] = x[i] * cos - x[j] * sin;
      result[j] = x[j] * cos + x[i] * sin;
    }
    return result;
  }

  // All heads of all tokens, normed and rotated: [T][heads] vectors of head_dim.
  std::vector<Rows> heads(const Rows& x, std::int64_t begin, std::int64_t count, const std::string& norm_name,
                          const nn::RopeSpec* rope) const {
    const nn::AttentionSpec& spec = spec_.attention;
    std::vector<Rows> result;
    for (std::size_t t = 0; t < x.size(); ++t) {
      Rows of_token;
      for (std::int64_t h = 0; h < count; ++h) {
        Vector head = part(x[t], begin + h * spec.head_dim, spec.head_dim);
        if (spec.head_norm && !norm_name.empty()) head = norm_row(norm_name, head, *spec.head_norm);
        of_token.push_back(rope != nullptr ? rotate(head, t, *rope) : head);
      }
      result.push_back(of_token);
    }
    return result;
  }

  Rows attention(std::size_t index, const Rows& x) const {
    const nn::AttentionSpec& spec = spec_.attention;
    const std::string block = spec_.layer_key(index) + "." + spec.name;
    const nn::LayerSpec& layer = spec_.layers[index];
    const nn::RopeSpec* rope = layer.rope < 0 ? nullptr : &spec_.ropes[static_cast<std::size_t>(layer.rope)];
    Rows q_rows;
    Rows k_rows;
    Rows v_rows;
    std::int64_t k_begin = 0;
    std::int64_t v_begin = 0;
    if (spec.kind == nn::QkvKind::kFused) {
      q_rows = k_rows = v_rows = project(block, spec.qkv, x);
      k_begin = spec.heads * spec.head_dim;
      v_begin = k_begin + spec.kv_heads * spec.head_dim;
    } else {
      q_rows = project(block, spec.q, x);
      k_rows = project(block, spec.k, x);
      v_rows = project(block, spec.v, x);
    }
    const auto q = heads(q_rows, 0, spec.heads, block + ".q_norm", rope);
    const auto k = heads(k_rows, k_begin, spec.kv_heads, block + ".k_norm", rope);
    const auto v = heads(v_rows, v_begin, spec.kv_heads, "", nullptr);
    const std::int64_t group = spec.heads / spec.kv_heads;
    Rows mixed;
    for (std::size_t t = 0; t < x.size(); ++t) {
      Vector row;
      for (std::int64_t h = 0; h < spec.heads; ++h) {
        const auto kv = static_cast<std::size_t>(h / group);
        const std::int64_t from =
            layer.window > 0 ? std::max<std::int64_t>(0, static_cast<std::int64_t>(t) + 1 - layer.window) : 0;
        Vector weights;
        for (auto s = static_cast<std::size_t>(from); s <= t; ++s) {
          const Vector& query = q[t][static_cast<std::size_t>(h)];
          double score = std::inner_product(query.begin(), query.end(), k[s][kv].begin(), 0.0) * spec.scale;
          if (spec.softcap > 0) score = spec.softcap * std::tanh(score / spec.softcap);
          weights.push_back(std::exp(score));
        }
        const double sum = std::accumulate(weights.begin(), weights.end(), 0.0);
        Vector out(static_cast<std::size_t>(spec.head_dim));
        for (std::size_t s = 0; s < weights.size(); ++s) {
          for (std::size_t d = 0; d < out.size(); ++d) {
            out[d] += weights[s] / sum * v[static_cast<std::size_t>(from) + s][kv][d];
          }
        }
        row.insert(row.end(), out.begin(), out.end());
      }
      mixed.push_back(row);
    }
    return project(block, spec.o, mixed);
  }

  Rows mlp(std::size_t index, const Rows& x) const {
    const nn::MlpSpec& spec = spec_.mlp;
    const std::string block = spec_.layer_key(index) + "." + spec.name;
    const auto size = static_cast<std::size_t>(spec.intermediate_size);
    const bool fused = spec.kind == nn::MlpKind::kGatedFused;
    Rows inner = project(block, fused ? spec.gate_up : spec.up, x);
    const Rows gate = spec.kind == nn::MlpKind::kGated ? project(block, spec.gate, x) : inner;
    for (std::size_t t = 0; t < x.size(); ++t) {
      Vector row(size);
      for (std::size_t i = 0; i < size; ++i) {
        const double activated = op::evaluate(spec.activation, gate[t][i]);
        row[i] = spec.kind == nn::MlpKind::kPlain ? activated : activated * inner[t][fused ? size + i : i];
      }
      inner[t] = row;
    }
    return project(block, spec.down, inner);
  }

  static Rows sum(const Rows& a, const Rows& b) {
    Rows result = a;
    for (std::size_t t = 0; t < a.size(); ++t) {
      for (std::size_t i = 0; i < a[t].size(); ++i) result[t][i] += b[t][i];
    }
    return result;
  }

  Rows layer(std::size_t index, const Rows& x) const {
    const std::string key = spec_.layer_key(index);
    const Rows first = norm(key + "." + spec_.first_norm, x, spec_.norm);
    const Rows attended = sum(x, attention(index, first));
    if (spec_.residual == nn::ResidualKind::kParallel) return sum(attended, mlp(index, first));
    const Rows& second = spec_.residual == nn::ResidualKind::kSequential ? attended : x;
    return sum(attended, mlp(index, norm(key + "." + spec_.second_norm, second, spec_.norm)));
  }

  const nn::DecoderSpec& spec_;
  const RandomWeights& weights_;
};

}  // namespace firstlight::testing
