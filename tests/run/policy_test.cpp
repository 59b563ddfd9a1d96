// Policies: named ones, every spelling, precedence, exceptions, errors.
#include "firstlight/run/policy.h"

#include "firstlight/base/file.h"
#include "testing/testing.h"

namespace firstlight::run {
namespace {

using firstlight::testing::expect_error;
using firstlight::testing::scratch_dir;

constexpr const char* kQ = "model.layers.3.self_attn.q_proj";

Policy of(const std::string& json, std::string_view checkpoint = "", int layers = 0) {
  return Policy::from_json(parse_json(json, "test.json"), "test.json", checkpoint, layers);
}

std::string formats_of(const Policy& policy, std::string_view key) {
  std::string text;
  for (int id = 0; id < static_cast<int>(Group::kVector); ++id)
    text += std::string(id == 0 ? "" : " ") + std::string(format_name(policy.format(key, static_cast<Group>(id))));
  return text;
}

// Everything a message must say.
void expect_refused(Category category, const std::vector<std::string>& parts, const std::function<void()>& body) {
  const Error error = expect_error(body);
  EXPECT_EQ(error.category(), category) << error.what();
  for (const std::string& part : parts)
    EXPECT_NE(std::string(error.what()).find(part), std::string::npos) << part << " in " << error.what();
}

TEST(Policy, NothingSaidIsF32) { EXPECT_EQ(formats_of(Policy(), kQ), "f32 f32 f32 f32 f32 f32 f32 f32"); }

// wqkv wo ff1_3 ff2 kv_cache activation lm_head embedding, as docs/policies.md has them.
TEST(Policy, NamedOnesAreAsDefined) {
  const std::vector<std::pair<std::string, std::string>> expected = {
      {"f32", "f32 f32 f32 f32 f32 f32 f32 f32"},
      {"bf16", "bf16 bf16 bf16 bf16 bf16 bf16 bf16 bf16"},
      {"bfp8", "bfp8 bfp8 bfp8 bfp8 bf16 bf16 bfp8 bf16"},
      {"bfp4", "bfp4 bfp4 bfp4 bfp4 bf16 bf16 bfp4 bf16"},
      {"bfp8-int8", "bfp8 bfp8 bfp8 bfp8 bf16 bf16 bfp8 bf16"},
      {"bfp4-int8", "bfp4 bfp4 bfp4 bfp4 bf16 bf16 bfp4 bf16"},
      {"stack", "bfp8 bfp8 bfp8 bfp8 bfp8 bf16 bfp8 bf16"},
      {"performance", "bfp8 bfp8 bfp4 bfp8 bfp8 bf16 bfp8 bf16"},
      {"accuracy", "bf16 bf16 bfp8 bfp8 bf16 bf16 bfp8 bf16"},
  };
  for (const auto& [name, formats] : expected) {
    const Policy policy = Policy::load(name);
    EXPECT_EQ(policy.name(), name);
    EXPECT_EQ(formats_of(policy, kQ), formats) << name;
    EXPECT_EQ(policy.format("model.norm", Group::kVector), Format::f32);
  }
  EXPECT_EQ(policy_names().size(), expected.size());
}

TEST(Policy, EveryNamedOneReadsAndDescribesItself) {
  for (const std::string& name : policy_names()) {
    const Policy policy = Policy::load(name, "Llama-3.1-8B-Instruct", 32);
    const Policy again = Policy::from_json(policy.describe(), "again.json");
    EXPECT_EQ(policy.describe(), again.describe()) << name;
    EXPECT_EQ(again.name(), name);
    for (const char* key : {kQ, "model.layers.31.mlp.gate_proj", "lm_head"})
      EXPECT_EQ(formats_of(policy, key), formats_of(again, key));
  }
}

TEST(Policy, ProfilesHaveTheStacksSettingsAndExceptions) {
  const Policy performance = Policy::load("performance", "phi3-nano", 6);
  EXPECT_EQ(performance.setting(kQ, "li_ff1_3"), "lofi");
  EXPECT_EQ(performance.setting(kQ, "li_ff2"), "hifi2fp16");
  EXPECT_EQ(performance.setting(kQ, "sdpa_prefill"), "hifi4");
  EXPECT_EQ(Policy::load("f32").setting(kQ, "li_ff1_3"), "");

  const Policy llama = Policy::load("performance", "Llama-3.1-8B-Instruct", 32);
  EXPECT_EQ(llama.format("model.layers.31.mlp.up_proj", Group::kFf1_3), Format::bfp8);
  EXPECT_EQ(llama.setting("model.layers.31.mlp.up_proj", "li_ff1_3"), "hifi2fp16");
  EXPECT_EQ(llama.format("model.layers.30.mlp.up_proj", Group::kFf1_3), Format::bfp4);
  EXPECT_EQ(llama.setting("model.layers.30.mlp.up_proj", "li_ff1_3"), "lofi");

  EXPECT_EQ(formats_of(Policy::load("performance", "qwen2.5-7b-instruct"), kQ),
            "bf16 bf16 bfp8 bfp8 bf16 bf16 bfp8 bf16");
  EXPECT_EQ(Policy::load("performance", "Phi-3-mini-128k-instruct").setting(kQ, "li_qkv_prefill"), "hifi2fp16");

  EXPECT_EQ(formats_of(Policy::load("accuracy", "Llama-3.1-70B"), kQ), "bfp8 bfp8 bfp4 bfp8 bfp8 bf16 bfp8 bf16");
  EXPECT_EQ(formats_of(Policy::load("accuracy", "Llama-3.2-1B"), kQ), "bfp8 bfp8 bfp8 bfp8 bfp8 bf16 bfp8 bf16");
  EXPECT_EQ(Policy::load("accuracy", "Phi-3-mini-4k").setting(kQ, "li_qkv_prefill"), "hifi2fp16");
  EXPECT_EQ(Policy::load("accuracy", "Phi-3-mini-4k").setting(kQ, "li_qkv_decode"), "hifi2");
  EXPECT_EQ(Policy::load("accuracy", "Falcon3").setting(kQ, "sdpa_decode"), "hifi4");
}

// Words that the stack does not have stand in our files alone.
TEST(Policy, EightBitInputsAreAskedForInOurFiles) {
  const Policy named = Policy::load("bfp4-int8");
  for (const char* op_group :
       {"li_ff1_3", "li_ff2", "li_qkv_decode", "li_o_decode", "li_qkv_prefill", "li_o_prefill", "li_lm_head"})
    EXPECT_EQ(named.setting(kQ, op_group), "int8") << op_group;
  EXPECT_EQ(of(R"({"layers": {"1": {"li_ff2": "int8"}}})", "", 2).setting("model.layers.1.x", "li_ff2"), "int8");
  const auto refused = [](const std::string& text, Category category, const std::vector<std::string>& parts) {
    expect_refused(category, parts, [&] { Policy::load(text, "", 2); });
  };
  refused("fidelity_cfg = {li_ff2: int8}", Category::kUsage, {"'int8'"});
  refused("fidelity_cfg = {li_lm_head: lofi}", Category::kUsage, {"'li_lm_head'"});
  refused(R"({"decoders": {"0": {"fidelity_cfg": {"LI_FF2": "int8"}}}})", Category::kBadInput, {"'int8'"});
  refused(R"({"layers": {"1": {"li_lm_head": "int8"}}})", Category::kBadInput, {"'li_lm_head'"});
}

TEST(Policy, TheMostParticularRuleWins) {
  const Policy policy = of(R"({
    "base": "bfp8",
    "groups": {"wqkv": "bf16", "activation": "f32"},
    "layers": {"3": {"wqkv": "bfp4", "activation": "bf16", "li_qkv_decode": "lofi"}},
    "keys": {"model.layers.*.self_attn.*": "bfp2",
             "model.layers.3.self_attn.q_proj": {"stored": "f16", "output": "f32"},
             "model.layers.?.self_attn.q_proj": "bfp8",
             "model.layers.5.self_attn.v*": "bfp4", "model.layers.5.self_attn.*j": "f32"},
    "settings": {"li_qkv_decode": "hifi4"}})");
  EXPECT_EQ(policy.format("model.layers.2.x", Group::kWqkv), Format::bf16);               // group
  EXPECT_EQ(policy.format("model.layers.2.x", Group::kWo), Format::bfp8);                 // base
  EXPECT_EQ(policy.format("model.layers.3.x", Group::kWqkv), Format::bfp4);               // layer
  EXPECT_EQ(policy.format("model.layers.4.self_attn.o_proj", Group::kWo), Format::bfp2);  // pattern
  // Of patterns as long as each other the later; a longer one before a shorter one.
  EXPECT_EQ(policy.format(kQ, Group::kWqkv), Format::bfp8);
  EXPECT_EQ(policy.format("model.layers.5.self_attn.v_proj", Group::kWqkv), Format::f32);
  // A pattern speaks of what is stored, unless it says output.
  EXPECT_EQ(policy.format(kQ, Group::kActivation), Format::f32);
  EXPECT_EQ(policy.format("model.layers.3.self_attn.k_proj", Group::kActivation), Format::bf16);
  EXPECT_EQ(policy.format("model.layers.4.self_attn.k_proj", Group::kActivation), Format::f32);
  EXPECT_EQ(policy.format(kQ, Group::kVector), Format::f32);
  EXPECT_EQ(policy.setting(kQ, "li_qkv_decode"), "lofi");
  EXPECT_EQ(policy.setting("model.layers.2.x", "li_qkv_decode"), "hifi4");
}

TEST(Policy, ExceptionsGoByFolderNameAndTheFirstMatchCounts) {
  const std::string json = R"({
    "checkpoints": [{"match": ["*-mini*", "tiny"], "groups": {"wo": "bfp4"}, "keys": {"a.*": "bfp8"}},
                    {"match": "*", "groups": {"wo": "bf16"}, "layers": {"7": {"wo": "bfp2"}}}],
    "groups": {"wo": "bfp8"}})";
  EXPECT_EQ(of(json, "Phi-3-Mini-4k").format("x", Group::kWo), Format::bfp4);
  EXPECT_EQ(of(json, "TINY").format("a.b", Group::kWo), Format::bfp8);
  EXPECT_EQ(of(json, "other").format("x", Group::kWo), Format::bf16);
  EXPECT_EQ(of(json, "other").format("layers.7.x", Group::kWo), Format::bfp2);
  // An exception that does not apply is not held against the model's layers; one that applies is.
  EXPECT_EQ(of(json, "tiny", 4).format("layers.3.x", Group::kWo), Format::bfp4);
  expect_refused(Category::kBadInput, {"checkpoints: 1: layers", "there is no layer 7", "0 to 3"},
                 [&] { of(json, "other", 4); });
}

TEST(Policy, ReadsTheStacksString) {
  const Policy policy = Policy::load(
      "precision_cfg = {ff1_3: bfp4, ff2: bfp4, wqkv: bf16, wo: bfp8, kv_cache: bfp8, activation: mixed}, "
      "fidelity_cfg = {li_ff1_3: lofi, sdpa_decode: hifi2na}");
  EXPECT_EQ(formats_of(policy, kQ), "bf16 bfp8 bfp4 bfp4 bfp8 bf16 bfp8 bf16");
  EXPECT_EQ(policy.setting(kQ, "li_ff1_3"), "lofi");
  EXPECT_EQ(policy.setting(kQ, "sdpa_decode"), "hifi2na");
  EXPECT_EQ(policy.setting(kQ, "li_ff2"), "hifi2fp16");

  // One section only, loose spacing, empty sections.
  EXPECT_EQ(formats_of(Policy::load("precision_cfg={ff1_3:bfp4,ff2:bfp4,wqkv:bfp8,wo:bfp8}"), kQ),
            "bfp8 bfp8 bfp4 bfp4 bfp8 bf16 bfp8 bf16");
  EXPECT_EQ(Policy::load("fidelity_cfg = {li_o_prefill: hifi4}").setting(kQ, "li_o_prefill"), "hifi4");
  EXPECT_EQ(formats_of(Policy::load("  precision_cfg = { } , fidelity_cfg = {}"), kQ),
            formats_of(Policy::load("stack"), kQ));
  EXPECT_EQ(Policy::load("precision_cfg = {activation: bfp8}").format(kQ, Group::kActivation), Format::bfp8);
}

TEST(Policy, RefusesWrongStackStrings) {
  const auto refused = [](const std::string& text, const std::vector<std::string>& parts) {
    expect_refused(Category::kUsage, parts, [&] { Policy::load(text); });
  };
  refused("precision_cfg = {ff1_3: bfp5}", {"--policy", "precision_cfg: ff1_3", "bfp5", "bfp4, bfp8, bf16"});
  refused("precision_cfg = {ff3: bfp4}", {"'ff3'", "wqkv, wo, ff1_3, ff2, kv_cache, activation"});
  refused("precision_cfg = {lm_head: bfp4}", {"'lm_head'"});
  refused("precision_cfg = {wo: mixed}", {"'mixed'"});
  refused("fidelity_cfg = {li_ff1_3: hifi3}", {"hifi3", "hifi2fp16"});
  refused("fidelity_cfg = {ff1_3: lofi}", {"'ff1_3'", "li_ff1_3"});
  refused("precision_cfg = {wo: bfp8, WO: bfp4}", {"'wo' stands twice"});
  refused("precision_cfg = {wo: bfp8}, precision_cfg = {ff2: bfp4}", {"'precision_cfg' stands twice"});
  refused("precision = {wo: bfp8}", {"'precision'", "precision_cfg, fidelity_cfg"});
  refused("precision_cfg {wo: bfp8}", {"'=' after precision_cfg"});
  refused("precision_cfg = {wo: bfp8", {"',' after bfp8", "the end"});
  refused("precision_cfg = {wo bfp8}", {"':' after wo"});
  refused("precision_cfg = {wo: }", {"a value for wo"});
  refused("precision_cfg = {wo: bfp8} fidelity_cfg = {}", {"',' after }"});
  refused("=", {"precision_cfg or fidelity_cfg"});
}

TEST(Policy, ReadsDecoderJson) {
  const std::string json = R"({"decoders": {"31": {"precision_cfg": {"FF1_FF3": "BFP4", "ACTIVATION": "BFP8"},
                                                   "fidelity_cfg": {"LI_FF1_FF3": "HIFI2_FP16"}}, "2": {}}})";
  const Policy policy = of(json, "", 32);
  EXPECT_EQ(policy.name(), "test");
  EXPECT_EQ(policy.format("model.layers.31.mlp.up_proj", Group::kFf1_3), Format::bfp4);
  EXPECT_EQ(policy.format("model.layers.31.mlp.up_proj", Group::kActivation), Format::bfp8);
  EXPECT_EQ(policy.setting("model.layers.31.mlp.up_proj", "li_ff1_3"), "hifi2fp16");
  EXPECT_EQ(formats_of(policy, kQ), formats_of(Policy::load("stack"), kQ));  // layers not listed keep the base
  EXPECT_EQ(policy.format("lm_head", Group::kLmHead), Format::bfp8);
}

TEST(Policy, ReadsTheTutorialsSpelling) {
  const std::string json = R"({"decoder_0": {"ff1_3": "bfp4", "wqkv": "bf16"}, "decoder_10": {"li_ff2": "lofi"}})";
  for (const Policy& policy : {of(json, "", 11), Policy::load(json, "", 11)}) {
    EXPECT_EQ(formats_of(policy, "model.layers.0.x"), "bf16 bfp8 bfp4 bfp8 bfp8 bf16 bfp8 bf16");
    EXPECT_EQ(policy.setting("model.layers.10.x", "li_ff2"), "lofi");
    EXPECT_EQ(formats_of(policy, "model.layers.1.x"), formats_of(Policy::load("stack"), kQ));
  }
}

TEST(Policy, ReadsFilesOfAnySpelling) {
  const auto folder = scratch_dir("policy");
  write_text_file(folder / "mine.json", R"({"groups": {"wo": "bfp4"}})");
  write_text_file(folder / "decoder_config.json", R"({"decoders": {"0": {"precision_cfg": {"WO": "BFP4"}}}})");
  EXPECT_EQ(Policy::load((folder / "mine.json").string()).name(), "mine");
  EXPECT_EQ(Policy::load((folder / "mine.json").string()).format(kQ, Group::kWo), Format::bfp4);
  EXPECT_EQ(Policy::load((folder / "decoder_config.json").string()).format("layers.0.x", Group::kWo), Format::bfp4);
}

TEST(Policy, ReadsTheStacksOwnExamples) {
  FL_SHARED_OR_SKIP(folder, "data/tt-decoder-configs");
  const Policy mixed = Policy::load((folder / "config_16_decoders.json").string(), "", 16);
  EXPECT_EQ(formats_of(mixed, "model.layers.2.x"), "bf16 bfp8 bf16 bfp8 bfp8 bf16 bfp8 bf16");
  EXPECT_EQ(mixed.setting("model.layers.4.x", "li_o_prefill"), "hifi2fp16");
  const Policy llama =
      Policy::load((folder / "Llama-3.1-8B-Instruct/performance_decoder_config.json").string(), "", 32);
  EXPECT_EQ(llama.format("model.layers.31.x", Group::kFf1_3), Format::bfp8);
  const Policy qwen = Policy::load((folder / "Qwen2.5-7B-Instruct/accuracy_decoder_config.json").string(), "", 28);
  EXPECT_EQ(qwen.format(kQ, Group::kWqkv), Format::bf16);
  for (const auto& file : std::filesystem::recursive_directory_iterator(folder)) {
    if (file.path().extension() != ".json") continue;
    EXPECT_NO_THROW(Policy::load(file.path().string())) << file.path();
  }
  expect_refused(Category::kBadInput, {"there is no layer 31", "0 to 15"}, [&] {
    Policy::load((folder / "Llama-3.1-8B-Instruct/performance_decoder_config.json").string(), "", 16);
  });
}

TEST(Policy, RefusesWrongFiles) {
  const auto refused = [](const std::string& json, const std::vector<std::string>& parts) {
    expect_refused(Category::kBadInput, parts, [&] { of(json, "any", 4); });
  };
  refused("[]", {"test.json", "expected an object"});
  refused(R"({"group": {}})", {"'group'", "name, summary, base, groups"});
  refused(R"({"groups": {"wq": "bf16"}})", {"test.json: groups", "'wq'", "lm_head, embedding"});
  refused(R"({"groups": {"vector": "bf16"}})", {"'vector'"});
  refused(R"({"groups": {"wo": "int8"}})", {"groups: wo", "'int8'", "f32, f16, bf16, bfp8, bfp4, bfp2"});
  refused(R"({"groups": {"wo": "i32"}})", {"'i32'"});
  refused(R"({"groups": {"wo": 8}})", {"groups: wo", "expected a string, found number"});
  refused(R"({"groups": {"wo": "bf16", "WO": "bf16"}})", {"'wo' stands twice"});
  refused(R"({"groups": {"activation": "mixed"}})", {"'mixed'"});
  refused(R"({"layers": {"4": {"wo": "bf16"}}})", {"there is no layer 4", "0 to 3"});
  refused(R"({"layers": {"03": {}}})", {"'03' is not a layer index"});
  refused(R"({"layers": {"-1": {}}})", {"'-1' is not a layer index"});
  refused(R"({"layers": {"1": {"lm_head": "bf16"}}})", {"layers: 1", "'lm_head'", "li_ff1_3"});
  refused(R"({"keys": {"": "bf16"}})", {"empty pattern"});
  refused(R"({"keys": {"a": {"weight": "bf16"}}})", {"keys: a", "'weight'", "stored, output"});
  refused(R"({"keys": {"a": 1}})", {"keys: a"});
  refused(R"({"settings": {"li_ff1": "lofi"}})", {"'li_ff1'", "li_ff1_3, li_ff2"});
  refused(R"({"settings": {"li_ff2": "fast"}})", {"settings: li_ff2", "'fast'", "lofi, hifi2"});
  refused(R"({"base": "none"})", {"base", "'none'", "accuracy, bf16"});
  refused(R"({"checkpoints": {}})", {"checkpoints", "expected a list"});
  refused(R"({"checkpoints": [{"groups": {}}]})", {"checkpoints: 0", "'match'"});
  refused(R"({"checkpoints": [{"match": "no", "group": {}}]})", {"checkpoints: 0", "'group'"});
  refused(R"({"checkpoints": [{"match": "no", "groups": {"x": "bf16"}}]})", {"checkpoints: 0: groups", "'x'"});
  refused(R"({"decoders": {"4": {}}})", {"decoders", "there is no layer 4"});
  refused(R"({"decoders": {"0": {"precision": {}}}})", {"decoders: 0", "'precision'", "precision_cfg, fidelity_cfg"});
  refused(R"({"decoders": {"0": {"precision_cfg": {"FF1": "BFP8"}}}})", {"decoders: 0: precision_cfg", "'FF1'"});
  refused(R"({"decoders": {"0": {"precision_cfg": {"WO": "FP16"}}}})", {"precision_cfg: WO", "'FP16'"});
  refused(R"({"decoders": {"0": {"fidelity_cfg": {"LI_FF2": "HIFI3"}}}})", {"fidelity_cfg: LI_FF2", "'HIFI3'"});
  refused(R"({"decoders": {}, "name": "x"})", {"'name' beside 'decoders'"});
  refused(R"({"decoder_0": {}, "layers": {}})", {"'layers'", "decoder_0"});
  refused(R"({"decoder_x": {}})", {"decoder_x", "'x' is not a layer index"});
  refused(R"({"decoder_9": {}})", {"there is no layer 9"});
  expect_refused(Category::kUsage,
                 {"'fp16'", "accuracy, bf16, bfp4, bfp4-int8, bfp8, bfp8-int8, f32, performance, stack"},
                 [] { Policy::load("fp16"); });
  expect_refused(Category::kBadInput, {"/no/such.json", "no such file"}, [] { Policy::load("/no/such.json"); });
}

TEST(Policy, ChecksThatItsRulesAreUsed) {
  const std::vector<std::string> keys = {"model.embed_tokens", "model.layers.0.self_attn.q_proj",
                                         "model.layers.1.mlp.up_proj"};
  of(R"({"keys": {"model.layers.*.q_proj": "bf16"}, "layers": {"1": {"ff2": "bf16"}}})").check_used(keys);
  expect_refused(Category::kUsage, {"policy 'test'", "'model.layers.*.q'", "3 component keys"},
                 [&] { of(R"({"keys": {"model.layers.*.q": "bf16"}})").check_used(keys); });
  expect_refused(Category::kUsage, {"there is no layer 2", "0 to 1"},
                 [&] { of(R"({"layers": {"2": {"ff2": "bf16"}}})").check_used(keys); });
}

}  // namespace
}  // namespace firstlight::run
