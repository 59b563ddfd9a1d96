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
  return model::make_model(io::Config::parse(config.dump(), "config.json"));
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
  EXPECT_THAT(changed("llama", "model_type", "phi").message(), HasSubstr("nearest: phi3"));
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
      {"llama", "pretraining_tp", 2, Category::kUnsupported},
      {"phi3", "num_attention_heads", 5, Category::kBadInput,
       "hidden_size"},  // 48 has no fifth, and head_dim is absent
      {"phi3", "attention_bias", true, Category::kUnsupported},
      {"phi3", "sliding_window", -1, Category::kBadInput},
      {"phi3", "partial_rotary_factor", 0.5, Category::kBadInput, "short_factor"},  // its lists are for three quarters
      {"phi3", "rope_scaling", {{"type", "linear"}, {"factor", 2}}, Category::kUnsupported},
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
    config["rope_scaling"]["mrope_section"] = {1, 2};
    const io::Config parsed = io::Config::parse(config.dump(), "config.json");
    model::make_model(parsed);
    EXPECT_THAT(parsed.unread(), ::testing::UnorderedElementsAre("rope_scaling.mrope_section", "logits_soft_capping"));
  }
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
  std::vector<std::string> unread;
};

TEST(PublishedConfigs, AreReadWhole) {
  const Published all[] = {
      {"Llama-3.1-8B-Instruct", 8'030'261'248, 32 * 8 * 128 * 2 * 2.0, {}},
      {"Llama-3.2-1B-Instruct.mtk", 1'235'814'400, 16 * 8 * 64 * 2 * 2.0, {"tokenizer"}},
      {"phi-4", 14'659'507'200, 40 * 10 * 128 * 2 * 2.0, {}},
      {"phi3.5-mini-instruct.mtk", 3'821'079'552, 32 * 32 * 96 * 2 * 2.0, {}},
  };
  FL_SHARED_OR_SKIP(configs, "data/configs");
  for (const Published& published : all) {
    SCOPED_TRACE(published.folder);
    const io::Config config = io::Config::load(configs / published.folder / "config.json");
    const auto model = model::make_model(config);
    EXPECT_EQ(config.unread(), published.unread);
    run::WeightPlanSink plan;
    model->declare(plan);
    EXPECT_EQ(plan.parameters(), published.parameters);
    EXPECT_EQ(model->state_bytes_per_position(run::Policy::load("bf16")), published.kv_bytes);
  }
}

TEST(PublishedConfigs, OthersAreRefusedByName) {
  FL_SHARED_OR_SKIP(configs, "data/configs");
  const io::Config config = io::Config::load(configs / "Qwen3-32B" / "config.json");
  const Error error = expect_error([&] { model::make_model(config); });
  EXPECT_EQ(error.category(), Category::kUnsupported);
  EXPECT_THAT(error.message(), HasSubstr("'qwen3' is not a known architecture"));
}

}  // namespace
}  // namespace firstlight::testing
