// What a decoder is made of: every variation is a slot value here. A model file fills it in; the blocks read it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "firstlight/nn/rope_tables.h"
#include "firstlight/op/elementwise.h"

namespace firstlight::nn {

enum class NormKind : std::uint8_t { kRms, kLayer };

struct NormSpec {
  NormKind kind = NormKind::kRms;
  float eps = 1e-6F;
  float weight_offset = 0;  // kRms: 1 where the checkpoint stores weight - 1
  bool bias = false;        // kLayer
};

// A linear layer as the checkpoint names it below its block.
struct Projection {
  std::string name;
  bool bias = false;
};

enum class QkvKind : std::uint8_t {
  kSeparate,  // q, k, v
  kFused,     // qkv: outputs are all query heads, then all key heads, then all value heads
};

struct AttentionSpec {
  std::string name = "self_attn";
  QkvKind kind = QkvKind::kSeparate;
  std::int64_t heads = 0;
  std::int64_t kv_heads = 0;
  std::int64_t head_dim = 0;
  float scale = 1;    // of q . k
  float softcap = 0;  // of the scores; 0 = none
  Projection q{"q_proj"};
  Projection k{"k_proj"};
  Projection v{"v_proj"};
  Projection qkv{"qkv_proj"};
  Projection o{"o_proj"};
  // Norms over each head of queries and keys, before rotation: weights "q_norm", "k_norm".
  std::optional<NormSpec> head_norm;
};

enum class MlpKind : std::uint8_t {
  kGated,       // down(activation(gate(x)) * up(x))
  kGatedFused,  // the same, gate and up the halves of one product
  kPlain,       // down(activation(up(x)))
};

struct MlpSpec {
  std::string name = "mlp";
  MlpKind kind = MlpKind::kGated;
  op::UnaryKind activation = op::UnaryKind::kSilu;
  std::int64_t intermediate_size = 0;
  Projection gate{"gate_proj"};
  Projection up{"up_proj"};
  Projection gate_up{"gate_up_proj"};
  Projection down{"down_proj"};
};

enum class ResidualKind : std::uint8_t {
  kSequential,        // y = x + attention(norm(x)); y + mlp(second norm(y))
  kParallel,          // x + attention(n) + mlp(n), n = norm(x)
  kParallelTwoNorms,  // x + attention(norm(x)) + mlp(second norm(x))
};

struct LayerSpec {
  std::int64_t window = 0;  // positions a row attends to, its own included; 0 = all before it
  int rope = 0;             // index into DecoderSpec::ropes; -1 = no rotation
};

struct DecoderSpec {
  std::int64_t vocab_size = 0;
  std::int64_t hidden_size = 0;
  std::string prefix = "model.";
  std::string embedding = "embed_tokens";
  std::string layer_prefix = "layers.";
  std::string first_norm = "input_layernorm";
  std::string second_norm = "post_attention_layernorm";
  std::string final_norm = "norm";
  Projection head{"lm_head"};  // without `prefix`
  bool tied_head = false;      // the head's weight is the embedding's

  NormSpec norm;
  AttentionSpec attention;
  MlpSpec mlp;
  ResidualKind residual = ResidualKind::kSequential;
  std::vector<RopeSpec> ropes;
  std::vector<LayerSpec> layers;

  // "model.layers.3"
  std::string layer_key(std::size_t layer) const { return prefix + layer_prefix + std::to_string(layer); }
};

}  // namespace firstlight::nn
