// A model: config in, weights declared, forward. One file per architecture registers a row in the model list.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "firstlight/io/config.h"
#include "firstlight/nn/state.h"
#include "firstlight/run/session.h"
#include "firstlight/run/weights.h"

namespace firstlight::model {

// What reports and plans ask of any language model.
struct Description {
  std::string model_type;    // config.json's
  std::string architecture;  // config.json's architectures[0], or the family's default
  std::int64_t vocab_size = 0;
  std::int64_t hidden_size = 0;
  std::int64_t layers = 0;
  std::int64_t heads = 0;
  std::int64_t kv_heads = 0;
  std::int64_t head_dim = 0;
  std::int64_t intermediate_size = 0;
  std::int64_t max_positions = 0;
  bool tied_embeddings = false;
  std::vector<std::string> features;  // "GQA 4:1", "LongRoPE (8x)", "sliding window 262144", "fused QKV"
  // Component keys of one layer in order of computation, with {} for the layer index; and the module each belongs to.
  std::string layer_prefix;  // "model.layers."
};

class Model {
 public:
  virtual ~Model() = default;
  virtual const Description& description() const = 0;
  // Declares every weight. The handles are kept in the model; call once per model object.
  virtual void declare(run::WeightSink& sink) = 0;
  virtual std::unique_ptr<nn::State> new_state(run::Session& session, const nn::StateOptions& options) const = 0;
  // Bytes of state that one position of one sequence takes under a policy (KV of all layers), page padding not counted.
  virtual double state_bytes_per_position(const run::Policy& policy) const = 0;
  // Bytes of state that a decode step of one sequence reads at a context: windows leave older positions out.
  virtual double state_bytes_read(const run::Policy& policy, std::int64_t context) const = 0;
  // Runs the batch, extends the state, and returns logits f32 [batch.logit_rows, vocab_size], which the next call with
  // this state may overwrite.
  virtual run::Tensor forward(run::Session& session, const nn::Batch& batch, nn::State& state) const = 0;
  // The component keys whose outputs are module results, in order of computation: the rows of a component check.
  struct Component {
    std::string key;     // as taps see it
    std::string module;  // "norm", "attention", "mlp", "decoder", "embedding", "lm_head", "linear", "rope"
    int layer = -1;      // -1: not in a layer
  };
  virtual std::vector<Component> components() const = 0;
  // The layers that cache keys and values: the key under which a policy is asked for the format, and the positions that
  // a row attends to (0 = all before it).
  struct StateLayer {
    std::string key;
    std::int64_t window = 0;
  };
  virtual std::vector<StateLayer> state_layers() const { return {}; }
};

struct ModelRow {
  std::string_view model_type;    // config.json's "model_type"
  std::string_view architecture;  // config.json's "architectures" entry
  std::string_view summary;
  std::unique_ptr<Model> (*make)(const io::Config& config);
  // A config.json of a few thousand parameters that exercises what is special about the family.
  std::string_view tiny_config;
};

std::span<const ModelRow> models();
// By model_type. Throws kUnsupported naming the type, the nearest known ones and the list.
std::unique_ptr<Model> make_model(const io::Config& config);
const ModelRow& find_model(const io::Config& config);

}  // namespace firstlight::model
