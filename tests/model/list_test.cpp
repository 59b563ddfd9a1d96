// The model list: what is known, what is refused and how, what models say of themselves.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "firstlight/base/json.h"
#include "firstlight/run/observer.h"
#include "model/fixtures.h"

namespace firstlight::testing {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

Json tiny(std::string_view model_type) {
  for (const model::ModelRow& row : model::models()) {
    if (row.model_type == model_type) return parse_json(row.tiny_config, "tiny");
  }
  return {};
}

std::unique_ptr<model::Model> make(const Json& config) {
  return model::make_model(io::Config::parse(json_text(config), "config.json"));
}

// The error for a tiny config with one field changed (null: removed).
Error changed(std::string_view model_type, const std::string& field, const Json& value) {
  Json config = tiny(model_type);
  config[field] = value;
  if (value.is_null()) config.erase(field);
  return expect_error([&] { make(config); });
}

TEST(ModelList, RowsAreWhatTheirTinyConfigsSay) {
  for (const model::ModelRow& row : model::models()) {
    const io::Config config = io::Config::parse(row.tiny_config, row.model_type);
    const auto model = model::make_model(config);
    EXPECT_EQ(&model::find_model(config), &row);
    EXPECT_EQ(model->description().model_type, row.model_type);
    EXPECT_EQ(model->description().architecture, row.architecture);
    EXPECT_THAT(config.unread(), IsEmpty());
    run::WeightPlanSink plan;
    model->declare(plan);
    EXPECT_LT(plan.parameters(), 60'000) << "tiny";
  }
}

TEST(ModelList, UnknownTypesNameTheNearest) {
  const Error error = changed("llama", "model_type", "lama");
  EXPECT_EQ(error.category(), Category::kUnsupported);
  EXPECT_THAT(error.what(), HasSubstr("model_type"));
  EXPECT_THAT(error.message(), HasSubstr("'lama' is not a known architecture; nearest: llama"));
  EXPECT_THAT(changed("llama", "model_type", "phi4").message(), HasSubstr("nearest: phi"));
  EXPECT_EQ(changed("llama", "model_type", nullptr).category(), Category::kBadInput);
  const Error other = changed("llama", "architectures", {"LlamaForSequenceClassification"});
  EXPECT_EQ(other.category(), Category::kUnsupported);
  EXPECT_THAT(other.message(), HasSubstr("known: LlamaForCausalLM"));
}

TEST(ModelList, FieldsAreCheckedByName) {
  struct Row {
    const char* model_type;
    const char* field;
    Json value;
    Category category;
    const char* named = field;
  };
  const Row rows[] = {
      {"llama", "hidden_size", "40", Category::kBadInput},
      {"llama", "hidden_size", nullptr, Category::kBadInput},
      {"llama", "vocab_size", 0, Category::kBadInput},
      {"llama", "vocab_size", std::int64_t{1} << 30, Category::kUnsupported},
      {"llama", "num_hidden_layers", 1 << 20, Category::kUnsupported},
      {"llama", "num_key_value_heads", 3, Category::kBadInput},
      {"llama", "hidden_act", "mish", Category::kUnsupported},
      {"llama", "attention_bias", 1, Category::kBadInput},
      {"llama", "rms_norm_eps", -1e-5, Category::kBadInput},
      {"phi3", "num_attention_heads", 5, Category::kBadInput,
       "hidden_size"},  // 48 has no fifth, and head_dim is absent
      {"phi3", "attention_bias", true, Category::kUnsupported},
      {"phi3", "sliding_window", -1, Category::kBadInput},
      {"phi3", "partial_rotary_factor", 0.5, Category::kBadInput, "short_factor"},  // its lists are for three quarters
      {"phi3", "rope_scaling", {{"type", "linear"}, {"factor", 2}}, Category::kUnsupported},
      {"llama", "partial_rotary_factor", 0.5, Category::kUnsupported},
      {"mistral", "attention_bias", true, Category::kUnsupported},
      {"mistral", "sliding_window", 0, Category::kBadInput},
      {"ministral", "layer_types", {"full_attention"}, Category::kBadInput},
      {"ministral", "layer_types", {"full_attention", "chunked_attention", "full_attention"}, Category::kUnsupported},
      {"mixtral", "num_experts_per_tok", 5, Category::kBadInput},
      {"mixtral", "num_local_experts", 1 << 20, Category::kUnsupported},
      {"qwen2", "use_mrope", true, Category::kUnsupported},
      {"qwen2", "max_window_layers", -1, Category::kBadInput},
      {"qwen3", "layer_types", {"sliding_attention", "full_attention"}, Category::kBadInput},  // without a window
      {"phi", "hidden_act", "gelu_10", Category::kUnsupported},
      {"starcoder2", "mlp_type", "gated", Category::kUnsupported},
      {"starcoder2", "norm_type", "rms_norm", Category::kUnsupported},
      {"gpt_bigcode", "n_head", 5, Category::kBadInput, "n_embd"},
      {"gpt_bigcode", "add_cross_attention", true, Category::kUnsupported},
      {"gpt2", "n_positions", nullptr, Category::kBadInput},
      {"gpt2", "n_special", 2, Category::kUnsupported},
      {"gpt2", "activation_function", "mish", Category::kUnsupported},
  };
  for (const Row& row : rows) {
    const Error error = changed(row.model_type, row.field, row.value);
    EXPECT_EQ(error.category(), row.category) << error.what();
    EXPECT_THAT(error.what(), HasSubstr(row.named));
  }
}

TEST(ModelList, FieldsThatNobodyKnowsStayUnread) {
  for (const model::ModelRow& row : model::models()) {
    Json config = parse_json(row.tiny_config, "tiny");
    config["logits_soft_capping"] = 30.0;
    std::vector<std::string> unknown = {"logits_soft_capping"};
    if (config.contains("rope_scaling")) {
      config["rope_scaling"]["mrope_section"] = {1, 2};
      unknown.emplace_back("rope_scaling.mrope_section");
    }
    const io::Config parsed = io::Config::parse(json_text(config), "config.json");
    model::make_model(parsed);
    EXPECT_THAT(parsed.unread(), ::testing::UnorderedElementsAreArray(unknown));
  }
}

// Fields that published files of a family carry beside those that its config class writes.
TEST(ModelList, PublishedFieldsAreKnown) {
  const std::pair<const char*, const char*> published[] = {
      {"llama",
       R"({"pretraining_tp": 2, "max_sequence_length": 2048, "is_llama_config": true, "rope_interleaved": false,
            "tokenizer": "pretrained_fast", "mask_value": -10000, "unsloth_fixed": true})"},
      {"mixtral", R"({"output_router_logits": false, "router_aux_loss_coef": 0.02, "router_jitter_noise": 0.0})"},
      {"qwen2", R"({"use_mrope": false})"},
      {"phi", R"({"embd_pdrop": 0.0, "resid_pdrop": 0.1})"},
      {"phi3", R"({"full_attn_mod": 1, "interpolate_factor": 1, "lm_head_bias": false, "mlp_bias": false,
                   "embd_pdrop": 0.0, "auto_map": {"AutoConfig": "configuration_phi3.Phi3Config"}})"},
      {"starcoder2", R"({"attention_softmax_in_fp32": true, "layer_norm_epsilon": 1e-05, "mlp_type": "default",
                         "norm_type": "layer_norm", "scale_attn_weights": true, "embedding_dropout": 0.1})"},
      {"gpt_bigcode", R"({"attention_softmax_in_fp32": true, "inference_runner": 0, "validate_runner_input": true,
                          "pre_allocate_kv_cache": false, "max_sequence_length": null, "summary_type": "cls_index"})"},
      {"gpt2", R"({"n_ctx": 1024, "summary_use_proj": true, "task_specific_params": {"text-generation": {}},
                   "n_special": 0, "predict_special_tokens": true, "output_past": true})"},
  };
  for (const auto& [model_type, fields] : published) {
    SCOPED_TRACE(model_type);
    Json config = tiny(model_type);
    config.update(parse_json(fields, model_type));
    const io::Config parsed = io::Config::parse(json_text(config), "config.json");
    model::make_model(parsed);
    EXPECT_THAT(parsed.unread(), IsEmpty());
  }
  EXPECT_EQ(changed("phi3", "full_attn_mod", 2).category(), Category::kUnsupported);
  EXPECT_EQ(changed("phi3", "lm_head_bias", true).category(), Category::kUnsupported);
  EXPECT_EQ(changed("llama", "rope_interleaved", true).category(), Category::kUnsupported);
}

TEST(ModelList, LearnedPositionsEnd) {
  Json config = tiny("gpt2");
  config["n_positions"] = 5;
  Loaded loaded = load(make_checkpoint(json_text(config), 1), {"ref", "", 0}, "f32");
  const auto state = loaded.model->new_state(*loaded.session, {.max_length = 32});
  feed(loaded, *state, 0, std::vector<std::int32_t>{1, 2, 3, 4, 5});
  const Error error = expect_error([&] { feed(loaded, *state, 0, std::vector<std::int32_t>{6}); });
  EXPECT_EQ(error.category(), Category::kUsage);
  EXPECT_THAT(error.message(), HasSubstr("6 positions, and this model has learned 5"));
}

TEST(ModelList, FeaturesSayWhatIsSpecial) {
  const auto llama = make(tiny("llama"))->description();
  EXPECT_THAT(llama.features, Contains("GQA 2:1"));
  EXPECT_THAT(llama.features, Contains("RoPE llama3 (8x)"));
  EXPECT_THAT(llama.features, Contains("tied embeddings"));
  const auto phi3 = make(tiny("phi3"))->description();
  EXPECT_THAT(phi3.features, Contains("LongRoPE (4x)"));
  EXPECT_THAT(phi3.features, Contains("sliding window 40"));
  EXPECT_THAT(phi3.features, Contains("fused QKV"));
}

// Sees every output there is.
class Taps : public run::Observer {
 public:
  bool wants(std::string_view) const override { return true; }
  run::Tensor tap(run::Session&, std::string_view key, const run::Tensor& value) override {
    keys.emplace_back(key);
    return value;
  }
  std::vector<std::string> keys;
};

TEST(ModelList, ComponentsAreWhatTapsSeeInOrder) {
  for (const model::ModelRow& row : model::models()) {
    Loaded loaded = load(make_checkpoint(std::string(row.tiny_config), 1), {"ref", "", 0}, "f32");
    Taps taps;
    loaded.session->attach(taps);
    whole_logits(loaded, std::vector<std::int32_t>{1, 2, 3});
    loaded.session->detach(taps);
    std::vector<std::string> named;
    for (const auto& component : loaded.model->components()) named.push_back(component.key);
    // Which experts run depends on the text, so they are not listed.
    std::erase_if(taps.keys, [](const std::string& key) { return key.find(".experts.") != std::string::npos; });
    EXPECT_EQ(taps.keys, named);
  }
}

TEST(ModelList, RunsOnEveryDevice) {
  for (const device::DeviceRow& device : device::devices()) {
    for (const model::ModelRow& row : model::models()) {
      Loaded loaded = load(make_checkpoint(std::string(row.tiny_config), 1), {std::string(device.name), "", 0}, "bfp8");
      const HostTensor logits = whole_logits(loaded, std::vector<std::int32_t>{1, 2, 3});
      EXPECT_EQ(logits.shape(), (Shape{3, loaded.model->description().vocab_size})) << device.name;
      EXPECT_GT(loaded.session->counters().cost.flops, 0) << device.name;
    }
  }
}

TEST(ModelList, KeepsBlockActivations) {
  // Outputs stored in blocks cannot be cut where they lie: fused products are cut all the same.
  for (const model::ModelRow& row : model::models()) {
    const auto folder = make_checkpoint(std::string(row.tiny_config), 1);
    const auto logits = [&](const std::string& policy) {
      Loaded loaded = load(folder, {"ref", "", 0}, "f32");
      run::Session session(*loaded.device, run::Policy::from_json(parse_json(policy, "policy"), "policy"));
      const io::Checkpoint checkpoint(folder);
      run::Loader loader(session, checkpoint, {.cache_dir = "none", .waivers = {}});
      const auto model = model::make_model(io::Config::load(folder / "config.json"));
      model->declare(loader);
      loader.finish();
      const auto state = model->new_state(session, {.max_length = 8});
      const nn::Batch batch{.ids = {1, 2}, .sequences = {0, 0}, .positions = {0, 1}, .logit_rows = {0, 1}};
      return session.download(model->forward(session, batch, *state)).values();
    };
    const std::vector<float> exact = logits(R"({"name": "a", "groups": {}})");
    const std::vector<float> blocks = logits(R"({"name": "a", "groups": {"activation": "bfp8"}})");
    const double difference = nmse(blocks, exact);
    EXPECT_GT(difference, 0);
    EXPECT_LT(difference, 1e-2);  // 7 bits of magnitude: about 1e-4 an op
  }
}

// -- Published configs --

struct Published {
  const char* folder;
  std::int64_t parameters;
  double kv_bytes;  // of one position in bf16
};

TEST(PublishedConfigs, AreReadWhole) {
  const Published all[] = {
      {"Llama-3.1-8B-Instruct", 8'030'261'248, 32 * 8 * 128 * 2 * 2.0},
      {"Llama-3.2-1B-Instruct.mtk", 1'235'814'400, 16 * 8 * 64 * 2 * 2.0},
      {"phi-4", 14'659'507'200, 40 * 10 * 128 * 2 * 2.0},
      {"phi3.5-mini-instruct.mtk", 3'821'079'552, 32 * 32 * 96 * 2 * 2.0},
      {"Mistral-7B-Instruct-v0.3", 7'248'023'552, 32 * 8 * 128 * 2 * 2.0},
      {"Qwen2-1.5B-Instruct.mtk", 1'543'714'304, 28 * 2 * 128 * 2 * 2.0},
      {"Qwen2-7B-Instruct.mtk", 7'615'616'512, 28 * 4 * 128 * 2 * 2.0},
      {"Qwen2.5-0.5B-Instruct.mtk", 494'032'768, 24 * 2 * 64 * 2 * 2.0},
      {"Qwen2.5-7B-Instruct", 7'615'616'512, 28 * 4 * 128 * 2 * 2.0},
      {"Qwen3-1.7B.mtk", 1'720'574'976, 28 * 8 * 128 * 2 * 2.0},
      {"Qwen3-32B", 32'762'123'264, 64 * 8 * 128 * 2 * 2.0},
      {"starcoderbase", 7'327'263'232, 42 * 128 * 2 * 2.0},
  };
  FL_SHARED_OR_SKIP(configs, "data/configs");
  for (const Published& published : all) {
    SCOPED_TRACE(published.folder);
    const io::Config config = io::Config::load(configs / published.folder / "config.json");
    const auto model = model::make_model(config);
    EXPECT_THAT(config.unread(), IsEmpty());
    run::WeightPlanSink plan;
    model->declare(plan);
    EXPECT_EQ(plan.parameters(), published.parameters);
    EXPECT_EQ(model->state_bytes_per_position(run::Policy::load("bf16")), published.kv_bytes);
  }
}

// Dimensions of published models and the parameter counts that their publishers name.
TEST(PublishedConfigs, ParametersAreThePublishedCounts) {
  FL_SHARED_OR_SKIP(file, "data/configs/dims.json");
  int checked = 0;
  const Json all = read_json_file(file);
  for (const auto& [name, dimensions] : all.items()) {
    SCOPED_TRACE(name);
    const auto row = std::ranges::find(model::models(), dimensions.at("architecture").get<std::string>(),
                                       [](const model::ModelRow& r) { return std::string(r.architecture); });
    if (row == model::models().end()) {
      EXPECT_EQ(name, "Mamba-2.8B");  // no decoder
      continue;
    }
    Json config = {{"model_type", row->model_type}};
    for (const auto& [field, value] : dimensions.items()) config[field] = value;
    // Notes of that file, not fields of config.json.
    for (const char* note :
         {"architecture", "parameters_published", "also", "note", "qkv_bias", "qk_norm", "gated_mlp", "biases"})
      config.erase(note);
    const io::Config parsed = io::Config::parse(json_text(config), name);
    const auto model = model::make_model(parsed);
    EXPECT_THAT(parsed.unread(), IsEmpty());
    run::WeightPlanSink plan;
    model->declare(plan);
    const double published = dimensions.at("parameters_published").get<double>();
    EXPECT_NEAR(static_cast<double>(plan.parameters()), published, 0.01 * published);
    ++checked;
  }
  EXPECT_GE(checked, 19);
}

TEST(PublishedConfigs, OthersAreRefusedByName) {
  FL_SHARED_OR_SKIP(configs, "data/configs");
  const io::Config config = io::Config::load(configs / "retnet-3b" / "config.json");
  const Error error = expect_error([&] { model::make_model(config); });
  EXPECT_EQ(error.category(), Category::kUnsupported);
  EXPECT_THAT(error.message(), HasSubstr("'retnet' is not a known architecture"));
}

}  // namespace
}  // namespace firstlight::testing
