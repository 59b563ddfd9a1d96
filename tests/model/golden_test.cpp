// Random checkpoints of odd sizes, one a folder of tests/golden, against what the Hugging Face implementation computed
// on them in f64 (tools/make_goldens.py): hidden states layer by layer, then logits, then greedy tokens.
#include <gtest/gtest.h>

#include <cstring>
#include <map>
#include <optional>

#include "firstlight/base/file.h"
#include "firstlight/base/hash.h"
#include "firstlight/base/json.h"
#include "firstlight/io/safetensors.h"
#include "firstlight/run/observer.h"
#include "model/fixtures.h"

namespace firstlight::testing {
namespace {

// Keeps the outputs of the embedding, of each layer and of the final norm.
class HiddenStates : public run::Observer {
 public:
  explicit HiddenStates(const model::Model& model) {
    for (const auto& component : model.components()) {
      if (component.module == "embedding" || component.module == "decoder" ||
          (component.module == "norm" && component.layer < 0)) {
        keys_.push_back(component.key);
      }
    }
  }
  bool wants(std::string_view key) const override { return std::ranges::find(keys_, key) != keys_.end(); }
  run::Tensor tap(run::Session& session, std::string_view key, const run::Tensor& value) override {
    values_[std::string(key)] = session.download(value).values();
    return value;
  }
  const std::vector<std::string>& keys() const { return keys_; }  // in order of computation
  const std::vector<float>& at(const std::string& key) const { return values_.at(key); }

 private:
  std::vector<std::string> keys_;
  std::map<std::string, std::vector<float>> values_;
};

std::vector<float> floats(const io::SafetensorsFile& file, std::string_view name) {
  std::vector<float> values(static_cast<std::size_t>(file.info(name).shape.elements()));
  copy_to_f32(file.view(name), values.data());
  return values;
}

std::vector<std::int32_t> ids_of(const io::SafetensorsFile& file, std::string_view name) {
  std::vector<std::int32_t> ids(static_cast<std::size_t>(file.info(name).shape.elements()));
  std::memcpy(ids.data(), file.bytes(name).data(), ids.size() * sizeof(std::int32_t));
  return ids;
}

void check_layers(Loaded& loaded, const io::SafetensorsFile& golden, double bar) {
  const std::vector<std::int32_t> ids = ids_of(golden, "input_ids");
  HiddenStates states(*loaded.model);
  loaded.session->attach(states);
  const HostTensor logits = whole_logits(loaded, ids);
  loaded.session->detach(states);
  const std::vector<float> hidden = floats(golden, "hidden_states");  // [L + 1, T, H]
  ASSERT_EQ(states.keys().size(), static_cast<std::size_t>(golden.info("hidden_states").shape[0]) + 1);
  const std::size_t size = hidden.size() / (states.keys().size() - 1);
  for (std::size_t i = 0; i + 1 < states.keys().size(); ++i) {
    const std::string& key = states.keys()[i];
    ASSERT_LE(nmse(states.at(key), std::span(hidden).subspan(i * size, size)), bar) << "first difference after " << key;
  }
  ASSERT_LE(nmse(states.at(states.keys().back()), floats(golden, "final_norm")), bar);
  EXPECT_LE(nmse(logits.f32(), floats(golden, "logits")), bar);
}

void check_greedy(Loaded& loaded, const io::SafetensorsFile& golden, std::int64_t declared_length) {
  std::vector<std::int32_t> next = ids_of(golden, "input_ids");
  const std::vector<std::int32_t> want = ids_of(golden, "greedy_ids");
  const auto total = static_cast<std::int64_t>(next.size() + want.size());
  const auto state = loaded.model->new_state(*loaded.session,
                                             {.max_length = total, .declared_length = declared_length, .page_size = 8});
  const auto vocab = static_cast<std::size_t>(loaded.model->description().vocab_size);
  std::vector<std::int32_t> got;
  for (std::size_t i = 0; i < want.size(); ++i) {
    const HostTensor logits = feed(loaded, *state, 0, next);
    next = {largest(logits.f32().last(vocab))};
    got.push_back(next[0]);
  }
  EXPECT_EQ(got, want);
}

std::filesystem::path golden_dir() { return source_dir() / "tests" / "golden"; }

std::vector<std::string> golden_names() {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(golden_dir())) {
    if (std::filesystem::exists(entry.path() / "golden.json")) names.push_back(entry.path().filename().string());
  }
  std::ranges::sort(names);
  return names;
}

using Case = std::tuple<std::string, DeviceChoice>;
class Golden : public ::testing::TestWithParam<Case> {};

TEST_P(Golden, EqualsTransformers) {
  const auto& [name, choice] = GetParam();
  const auto folder = golden_dir() / name;
  const Json runs = read_json_file(folder / "golden.json").at("runs");
  for (const std::string config : {"config.json", "config.old_spelling.json"}) {
    if (!std::filesystem::exists(folder / config)) continue;
    Loaded loaded = load(folder, choice, "f32", 2, config);
    for (const Json& run : runs) {
      SCOPED_TRACE(config + ", run " + run.at("name").get<std::string>());
      const io::SafetensorsFile golden(folder / run.at("file").get<std::string>());
      check_layers(loaded, golden, choice.bar);
      check_greedy(loaded, golden, run.at("greedy_declared_length").get<std::int64_t>());
    }
  }
}

INSTANTIATE_TEST_SUITE_P(All, Golden,
                         ::testing::Combine(::testing::ValuesIn(golden_names()), ::testing::ValuesIn(exact_devices())),
                         [](const ::testing::TestParamInfo<Case>& info) {
                           return std::get<0>(info.param) + "_on_" + device_name({std::get<1>(info.param), info.index});
                         });

// Weights as a policy stores them and nothing else rounded: as far from the golden as the Hugging Face implementation
// on weights that tools/policy_rounding.py rounded.
std::string weights_only(const std::string& format) {
  Json groups = {{"embedding", "bf16"}};
  for (const char* group : {"wqkv", "wo", "ff1_3", "ff2", "lm_head"}) groups[group] = format;
  return json_text(Json{{"name", "weights only"}, {"groups", groups}});
}

// What activations add under the named policies, all bf16, is measured by a model that is bf16 throughout; both errors
// at once, rounded in other places, are within twice the sum of their amplitudes.
constexpr double kPolicyMargin = 4;

TEST_P(Golden, KeepsToItsBoundsUnderPolicies) {
  const auto& [name, choice] = GetParam();
  const auto folder = golden_dir() / name;
  const Json record = read_json_file(folder / "golden.json");
  for (const std::string format : {"bf16", "bfp8", "bfp4"}) {
    Loaded rounded = load(folder, choice, weights_only(format));
    Loaded named = load(folder, choice, format);
    for (const Json& run : record.at("runs")) {
      SCOPED_TRACE(format + ", run " + run.at("name").get<std::string>());
      const io::SafetensorsFile golden(folder / run.at("file").get<std::string>());
      const std::vector<std::int32_t> ids = ids_of(golden, "input_ids");
      const std::vector<float> want = floats(golden, "logits");
      const double weights = run.at("nmse_rounded_weights").at(format).get<double>();
      // Both are errors of the same roundings; f32 arithmetic moves them by the root of its own bar.
      const double slack = 0.01 * weights + 2 * std::sqrt(weights * choice.bar) + choice.bar;
      EXPECT_NEAR(nmse(whole_logits(rounded, ids).f32(), want), weights, slack);
      const double both = weights + run.at("nmse_bf16_model").get<double>();
      EXPECT_LE(nmse(whole_logits(named, ids).f32(), want), kPolicyMargin * both);
    }
  }
}

TEST(Goldens, AreTheFilesThatWereMade) {
  for (const std::string& name : golden_names()) {
    const auto folder = golden_dir() / name;
    std::map<std::string, std::string> hashes;
    for (const auto& entry : std::filesystem::directory_iterator(folder)) {
      const std::string file = entry.path().filename().string();
      if (file != "golden.json") hashes[file] = hash128_hex(read_text_file(entry.path()));
    }
    const Json files = read_json_file(folder / "golden.json").at("files");
    EXPECT_EQ(hashes, (files.get<std::map<std::string, std::string>>())) << name;
  }
}

TEST(Goldens, AreThere) { EXPECT_GE(golden_names().size(), 45U); }

}  // namespace
}  // namespace firstlight::testing
