// Opening checkpoint folders, and what is refused before a first forward call.
#include "firstlight/pipeline/engine.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "firstlight/base/json.h"
#include "pipeline/made.h"

namespace firstlight::testing {
namespace {

TEST(Engine, OpensTheBundledCheckpoint) {
  const auto folder = source_dir() / "models" / "phi3-nano";
  const auto device = device::open_device("cpu", {.threads = 2, .isa = ""});
  pipeline::Engine engine(folder / "", *device, no_cache());
  EXPECT_EQ(engine.name(), "phi3-nano");
  EXPECT_TRUE(engine.has_tokenizer());
  EXPECT_THAT(engine.waived(), ::testing::IsEmpty());
  EXPECT_EQ(engine.model().description().layers, 6);
  EXPECT_EQ(engine.ledger().lines.size(), engine.checkpoint().names().size());
}

// A tiny checkpoint whose config has one field more.
std::filesystem::path with_unknown_field() {
  Json config = parse_json(model::models()[0].tiny_config, "tiny");
  config["attn_logit_softcapping"] = 50.0;
  return make_checkpoint(json_text(config), 1);
}

TEST(Engine, RefusesUnreadFieldsUnlessWaived) {
  const auto folder = with_unknown_field();
  const auto device = device::open_device("ref", {.threads = 1, .isa = ""});
  const Error error = expect_error([&] { pipeline::Engine(folder, *device, no_cache()); });
  EXPECT_EQ(error.category(), Category::kMismatch);
  EXPECT_THAT(error.where(), ::testing::HasSubstr("config.json"));
  EXPECT_THAT(error.message(), ::testing::HasSubstr("unread fields: attn_logit_softcapping"));
  pipeline::EngineOptions options = no_cache();
  options.waivers = {"attn_logit_softcapping", "something_else"};
  pipeline::Engine engine(folder, *device, options);
  EXPECT_THAT(engine.waived(), ::testing::ElementsAre("attn_logit_softcapping"));
  EXPECT_FALSE(engine.has_tokenizer());
  EXPECT_EQ(expect_error([&] { engine.tokenizer(); }).category(), Category::kBadInput);
}

TEST(Engine, RefusesPoliciesForOtherModels) {
  const auto folder = make_checkpoint(std::string(model::models()[0].tiny_config), 1);
  const auto device = device::open_device("ref", {.threads = 1, .isa = ""});
  const auto open = [&](const std::string& rules) {
    const auto file = folder / "policy.json";
    write_text_file(file, rules);
    pipeline::EngineOptions options = no_cache();
    options.policy = file.string();
    pipeline::Engine engine(folder, *device, options);
  };
  const auto rule = [](const std::string& key) {
    return R"({"name": "p", "groups": {"wqkv": "bfp8"}, "keys": {")" + key + R"(": "bf16"}})";
  };
  open(rule("model.layers.*.self_attn.q_proj"));
  open(rule("model.layers.1.self_attn.kv_cache"));
  EXPECT_EQ(expect_error([&] { open(rule("model.layers.*.attn.q_proj")); }).category(), Category::kUsage);
}

}  // namespace
}  // namespace firstlight::testing
