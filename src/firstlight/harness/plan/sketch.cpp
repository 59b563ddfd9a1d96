// Subjects from a table of dimensions: the weights that layers of such properties have.
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <optional>

#include "firstlight/base/error.h"
#include "firstlight/base/json.h"
#include "firstlight/harness/plan/subject.h"

namespace firstlight::harness::plan {
namespace {

constexpr double kLargestDimension = 0x1p24;

// One entry, with every field accounted for.
class DimensionEntry {
 public:
  DimensionEntry(const Json& json, std::string where) : json_(json), where_(std::move(where)) {}

  std::int64_t count(const char* name, std::optional<std::int64_t> otherwise = std::nullopt, double least = 0) {
    const Json* value = find(name);
    if (value == nullptr && otherwise) return *otherwise;
    if (value == nullptr) fail(Category::kBadInput, where_, "field '{}' is missing", name);
    const double number = value->is_number() ? value->get<double>() : -1;
    if (!(number >= least && number <= kLargestDimension) || number != std::floor(number))
      fail(Category::kBadInput, where_, "field '{}': expected a whole number from {} to 2^24, found {}", name, least,
           value->dump());
    return static_cast<std::int64_t>(number);
  }
  double number(const char* name) {
    const Json* value = find(name);
    if (value == nullptr) return 0;
    if (!value->is_number() || !(value->get<double>() >= 0))
      fail(Category::kBadInput, where_, "field '{}': expected a number, found {}", name, value->dump());
    return value->get<double>();
  }
  bool flag(const char* name, bool otherwise) {
    const Json* value = find(name);
    if (value == nullptr) return otherwise;
    if (!value->is_boolean())
      fail(Category::kBadInput, where_, "field '{}': expected true or false, found {}", name, value->dump());
    return value->get<bool>();
  }
  std::string text(const char* name, const char* otherwise) {
    const Json* value = find(name);
    if (value == nullptr) return otherwise;
    if (!value->is_string()) fail(Category::kBadInput, where_, "field '{}': expected a text", name);
    return value->get<std::string>();
  }
  std::vector<std::string> texts(const char* name) {
    std::vector<std::string> list;
    const Json* value = find(name);
    if (value == nullptr) return list;
    if (!value->is_array()) fail(Category::kBadInput, where_, "field '{}': expected a list of texts", name);
    for (const Json& item : *value) {
      if (!item.is_string()) fail(Category::kBadInput, where_, "field '{}': expected a list of texts", name);
      list.push_back(item.get<std::string>());
    }
    return list;
  }
  void finish() const {
    for (const auto& [name, value] : json_.items())
      if (std::ranges::find(read_, name) == read_.end())
        fail(Category::kBadInput, where_, "unknown field '{}'; known: {}", name, fmt::join(read_, ", "));
  }
  const std::string& where() const { return where_; }

 private:
  const Json* find(const char* name) {
    read_.emplace_back(name);
    const auto found = json_.find(name);
    return found == json_.end() || found->is_null() ? nullptr : &*found;
  }
  const Json& json_;
  std::string where_;
  std::vector<std::string> read_;
};

// A mixer whose state does not grow: in, x, dt and out projections, a short convolution, a diagonal recurrence.
struct StateSpace {
  std::int64_t inner = 0;
  std::int64_t state = 0;
  std::int64_t convolution = 0;
  std::int64_t step_rank = 0;
};

struct LayerShape {
  bool gated = true;
  bool biases = false;
  bool qkv_bias = false;
  bool head_norm = false;
  StateSpace mixer;
};

void declare_attention(run::WeightSink& sink, const std::string& key, const model::Description& d,
                       const LayerShape& shape) {
  const auto linear = [&](const char* name, run::Group group, std::int64_t inputs, std::int64_t outputs, bool bias) {
    const std::string full = key + ".self_attn." + name;
    sink.linear(full, group, inputs, outputs, full + ".weight");
    if (bias) sink.vector(full + ".bias", outputs, full + ".bias");
  };
  const std::int64_t q = d.heads * d.head_dim;
  const std::int64_t kv = d.kv_heads * d.head_dim;
  const bool bias = shape.biases || shape.qkv_bias;
  linear("q_proj", run::Group::kWqkv, d.hidden_size, q, bias);
  linear("k_proj", run::Group::kWqkv, d.hidden_size, kv, bias);
  linear("v_proj", run::Group::kWqkv, d.hidden_size, kv, bias);
  linear("o_proj", run::Group::kWo, q, d.hidden_size, shape.biases);
  if (shape.head_norm)
    for (const char* name : {".self_attn.q_norm", ".self_attn.k_norm"})
      sink.vector(key + name, d.head_dim, key + name + ".weight");
}

void declare_mixer(run::WeightSink& sink, const std::string& key, const model::Description& d, const StateSpace& m) {
  const auto linear = [&](const char* name, run::Group group, std::int64_t inputs, std::int64_t outputs) {
    const std::string full = key + ".mixer." + name;
    sink.linear(full, group, inputs, outputs, full + ".weight");
  };
  const auto vector = [&](const char* name, std::int64_t size) {
    const std::string full = key + ".mixer." + name;
    sink.vector(full, size, full);
  };
  linear("in_proj", run::Group::kWqkv, d.hidden_size, 2 * m.inner);
  linear("x_proj", run::Group::kWqkv, m.inner, m.step_rank + 2 * m.state);
  linear("dt_proj", run::Group::kWqkv, m.step_rank, m.inner);
  linear("out_proj", run::Group::kWo, m.inner, d.hidden_size);
  vector("dt_proj.bias", m.inner);
  vector("conv1d.weight", m.inner * m.convolution);
  vector("conv1d.bias", m.inner);
  vector("A_log", m.inner * m.state);
  vector("D", m.inner);
}

void declare_mlp(run::WeightSink& sink, const std::string& key, const model::Description& d, const LayerShape& shape) {
  const auto linear = [&](const char* name, run::Group group, std::int64_t inputs, std::int64_t outputs) {
    const std::string full = key + "." + name;
    sink.linear(full, group, inputs, outputs, full + ".weight");
    if (shape.biases) sink.vector(full + ".bias", outputs, full + ".bias");
  };
  if (shape.gated) linear("gate_proj", run::Group::kFf1_3, d.hidden_size, d.intermediate_size);
  linear("up_proj", run::Group::kFf1_3, d.hidden_size, d.intermediate_size);
  linear("down_proj", run::Group::kFf2, d.intermediate_size, d.hidden_size);
}

Subject sketch(const std::string& name, DimensionEntry entry) {
  Subject subject;
  subject.name = name;
  model::Description& d = subject.description;
  d.architecture = entry.text("architecture", "");
  d.layers = entry.count("num_hidden_layers", {}, 1);
  d.hidden_size = entry.count("hidden_size", {}, 1);
  d.heads = entry.count("num_attention_heads");
  d.kv_heads = entry.count("num_key_value_heads", d.heads);
  d.head_dim = entry.count("head_dim", d.heads > 0 ? d.hidden_size / d.heads : 0);
  d.intermediate_size = entry.count("intermediate_size");
  d.vocab_size = entry.count("vocab_size", {}, 1);
  d.max_positions = entry.count("max_position_embeddings", 0);
  d.tied_embeddings = entry.flag("tie_word_embeddings", false);
  d.layer_prefix = "model.layers.";
  subject.published_parameters = entry.number("parameters_published");
  subject.experts = entry.count("num_local_experts", 0);
  subject.experts_per_token = std::min(subject.experts, entry.count("num_experts_per_tok", subject.experts));
  subject.also = entry.texts("also");
  LayerShape shape;
  shape.gated = entry.flag("gated_mlp", true);
  shape.biases = entry.flag("biases", false);
  shape.qkv_bias = entry.flag("qkv_bias", false);
  shape.head_norm = entry.flag("qk_norm", false);
  shape.mixer.state = entry.count("state_size", 0);
  shape.mixer.convolution = entry.count("conv_kernel", 0);
  shape.mixer.inner = entry.count("expand", 0) * d.hidden_size;
  shape.mixer.step_rank = entry.count("time_step_rank", 0);
  const std::int64_t window = entry.count("sliding_window", 0);
  const std::int64_t window_every =
      entry.count("sliding_window_pattern", 0);  // every so many layers one attends to all
  // Known and without effect on sizes or speed.
  entry.number("partial_rotary_factor");
  entry.count("original_max_position_embeddings", 0);
  entry.text("note", "");
  entry.finish();
  if (d.heads > 0 && (d.kv_heads < 1 || d.heads % d.kv_heads != 0))
    fail(Category::kBadInput, entry.where(), "{} heads are not a multiple of {} KV heads", d.heads, d.kv_heads);
  if (d.heads > 0 && d.intermediate_size < 1)
    fail(Category::kBadInput, entry.where(), "field 'intermediate_size': expected at least 1");
  if (d.heads == 0 && (shape.mixer.state < 1 || shape.mixer.inner < 1 || shape.mixer.step_rank < 1))
    fail(Category::kBadInput, entry.where(), "neither attention heads nor a state-space mixer (state_size, expand)");

  run::WeightPlanSink sink;
  if (!d.tied_embeddings)
    sink.table("model.embed_tokens", run::Group::kEmbedding, d.vocab_size, d.hidden_size, "model.embed_tokens.weight");
  const auto norm = [&](const std::string& key) {
    sink.vector(key, d.hidden_size, key + ".weight");
    if (shape.biases) sink.vector(key + ".bias", d.hidden_size, key + ".bias");
  };
  for (std::int64_t layer = 0; layer < d.layers; ++layer) {
    const std::string key = d.layer_prefix + std::to_string(layer);
    norm(key + ".input_layernorm");
    if (d.heads == 0) {
      declare_mixer(sink, key, d, shape.mixer);
      continue;
    }
    declare_attention(sink, key, d, shape);
    const bool whole = window_every > 0 && (layer + 1) % window_every == 0;
    subject.kv_layers.push_back({key + ".self_attn", whole ? 0 : window});
    // A plain MLP with biases stands beside attention, under the same norm.
    if (shape.gated || !shape.biases) norm(key + ".post_attention_layernorm");
    if (subject.experts == 0) {
      declare_mlp(sink, key + ".mlp", d, shape);
      continue;
    }
    sink.vector(key + ".mlp.gate", d.hidden_size * subject.experts, key + ".mlp.gate.weight");
    for (std::int64_t expert = 0; expert < subject.experts; ++expert)
      declare_mlp(sink, fmt::format("{}.mlp.experts.{}", key, expert), d, shape);
  }
  norm("model.norm");
  sink.linear("lm_head", run::Group::kLmHead, d.hidden_size, d.vocab_size, "lm_head.weight");
  if (shape.biases) sink.vector("lm_head.bias", d.vocab_size, "lm_head.bias");
  if (d.heads == 0)  // bf16, as the step reads and writes it
    subject.recurrent_bytes = 2.0 * static_cast<double>(d.layers * shape.mixer.inner) *
                              static_cast<double>(shape.mixer.state + shape.mixer.convolution);
  subject.requests = sink.requests();
  subject.parameters = sink.parameters();
  return subject;
}

}  // namespace

bool is_dimension_table(const Json& json) {
  if (!json.is_object() || json.empty()) return false;
  for (const auto& [name, entry] : json.items())
    if (!entry.is_object() || !entry.contains("num_hidden_layers") || !entry.contains("hidden_size")) return false;
  return true;
}

std::vector<Subject> subjects_from_table(const Json& json, std::string_view where) {
  std::vector<Subject> subjects;
  for (const auto& [name, entry] : json.items())
    subjects.push_back(sketch(name, DimensionEntry(entry, fmt::format("{}: {}", where, name))));
  return subjects;
}

}  // namespace firstlight::harness::plan
