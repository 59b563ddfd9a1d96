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
  bool transposed = false;  // stored [inputs, outputs]
};

enum class QkvKind : std::uint8_t {
  kSeparate,     // q, k, v
  kFused,        // qkv: outputs are all query heads, then all key heads, then all value heads
  kFusedByHead,  // qkv, stored head by head: its query, its key, its value; as many KV heads as heads
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
  // Norms over each head of queries and keys, before rotation.
  std::optional<NormSpec> head_norm;
  std::string q_norm = "q_norm";
  std::string k_norm = "k_norm";
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

// A feed-forward block of which each row uses some: out = sum of weight[e] * expert[e](x) over the chosen experts.
struct MoeSpec {
  std::string name = "mlp";
  std::int64_t experts = 0;
  std::int32_t top = 1;   // experts that a row uses
  bool normalise = true;  // the weights of the chosen ones add up to 1
  std::string router = "gate";
  MlpSpec expert;  // kGated
  // Where exports keep all experts in one tensor each, below the block: gate and up [E, 2 I, H], down [E, H, I].
  std::string stacked_gate_up = "experts.gate_up_proj";
  std::string stacked_down = "experts.down_proj";
  std::string other_name;  // of the block in such exports; empty: the same
};

// A table of vectors that are added to the embeddings by position.
struct LearnedPositions {
  std::string name;
  std::int64_t count = 0;  // positions that there are vectors for
};

enum class ResidualKind : std::uint8_t {
  kSequential,        // y = x + attention(norm(x)); y + mlp(second norm(y))
  kParallel,          // x + attention(n) + mlp(n), n = norm(x)
  kParallelTwoNorms,  // x + attention(norm(x)) + mlp(second norm(x))
};

struct LayerSpec {
  std::int64_t window = 0;  // positions a row attends to, its own included; 0 = all before it
  int rope = 0;             // index into DecoderSpec::ropes; -1 = no rotation
  float score_scale = 1;    // of this layer's scores, beside AttentionSpec::scale
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
  std::optional<MoeSpec> moe;  // in place of `mlp`
  std::optional<LearnedPositions> positions;
  ResidualKind residual = ResidualKind::kSequential;
  std::vector<RopeSpec> ropes;
  std::vector<LayerSpec> layers;

  // "model.layers.3"
  std::string layer_key(std::size_t layer) const { return prefix + layer_prefix + std::to_string(layer); }
};

}  // namespace firstlight::nn
