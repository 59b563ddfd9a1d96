// Rotary settings: both spellings, every type, contradictions.
#include "firstlight/io/rope_config.h"

#include "builders.h"
#include "firstlight/base/json.h"
#include "firstlight/io/config.h"

namespace firstlight::io {
namespace {

using testing::expect_refused;

Config parse(std::string_view text) { return Config::parse(text, "config.json"); }
RopeConfig rope(std::string_view text, const RopeDefaults& defaults = {}) {
  return parse_rope_config(parse(text), defaults);
}

TEST(RopeConfig, DefaultWithoutAnything) {
  const RopeConfig none = rope("{}");
  EXPECT_EQ(none.type, RopeType::kDefault);
  EXPECT_EQ(none.theta, 10000);
  EXPECT_EQ(none.partial_rotary_factor, 1);
  EXPECT_EQ(rope("{}", {.theta = 5e5, .partial_rotary_factor = 0.25}).theta, 5e5);
  const RopeConfig old =
      rope(R"({"rope_theta":1000000,"rope_scaling":null,"max_position_embeddings":64,"partial_rotary_factor":0.5})");
  EXPECT_EQ(old.theta, 1e6);
  EXPECT_EQ(old.partial_rotary_factor, 0.5);
  EXPECT_EQ(old.max_position, 64);
  EXPECT_EQ(old.original_max_position, 64);
}

TEST(RopeConfig, BothSpellingsGiveTheSame) {
  const char* old = R"({"max_position_embeddings":131072,"rope_theta":500000.0,"rope_scaling":{"factor":8.0,
    "low_freq_factor":1.0,"high_freq_factor":4.0,"original_max_position_embeddings":8192,"rope_type":"llama3"}})";
  const char* renewed = R"({"max_position_embeddings":131072,"rope_parameters":{"rope_theta":500000.0,"factor":8.0,
    "low_freq_factor":1.0,"high_freq_factor":4.0,"original_max_position_embeddings":8192,"rope_type":"llama3"}})";
  for (const char* text : {old, renewed}) {
    const Config config = parse(text);
    const RopeConfig banded = parse_rope_config(config);
    EXPECT_EQ(banded.type, RopeType::kBanded);
    EXPECT_EQ(rope_type_name(banded.type), "llama3");
    EXPECT_EQ(banded.theta, 5e5);
    EXPECT_EQ(banded.factor, 8);
    EXPECT_EQ(banded.low_freq_factor, 1);
    EXPECT_EQ(banded.high_freq_factor, 4);
    EXPECT_EQ(banded.original_max_position, 8192);
    EXPECT_TRUE(config.unread().empty());
  }
}

TEST(RopeConfig, LinearAndDynamic) {
  const RopeConfig linear = rope(R"({"rope_scaling":{"type":"linear","factor":2}})");
  EXPECT_EQ(linear.type, RopeType::kLinear);
  EXPECT_EQ(linear.factor, 2);
  const RopeConfig dynamic =
      rope(R"({"max_position_embeddings":2048,"rope_scaling":{"type":"dynamic","rope_type":"dynamic","factor":4.0}})");
  EXPECT_EQ(dynamic.type, RopeType::kDynamic);
  EXPECT_EQ(dynamic.max_position, 2048);
}

TEST(RopeConfig, Yarn) {
  const RopeConfig plain = rope(
      R"({"max_position_embeddings":131072,"rope_scaling":{"type":"yarn","factor":4.0,"original_max_position_embeddings":32768}})");
  EXPECT_EQ(plain.type, RopeType::kYarn);
  EXPECT_EQ(plain.factor, 4);
  EXPECT_EQ(plain.original_max_position, 32768);
  EXPECT_EQ(plain.attention_factor, std::nullopt);
  EXPECT_EQ(plain.beta_fast, 32);
  EXPECT_EQ(plain.beta_slow, 1);
  EXPECT_TRUE(plain.truncate);
  const RopeConfig full = rope(R"({"max_position_embeddings":4096,"rope_parameters":{"rope_type":"yarn","factor":null,
    "original_max_position_embeddings":1024,"attention_factor":1.2,"beta_fast":16,"beta_slow":0,"mscale":0.7,
    "mscale_all_dim":0,"truncate":false,"rope_theta":1e4,"partial_rotary_factor":0.5,"finetuned":true}})");
  EXPECT_EQ(full.factor, 4);  // null: the ratio of the lengths
  EXPECT_EQ(full.attention_factor, 1.2);
  EXPECT_EQ(full.beta_fast, 16);
  EXPECT_EQ(full.beta_slow, 1);  // 0 means the default
  EXPECT_EQ(full.mscale, 0.7);
  EXPECT_EQ(full.mscale_all_dim, std::nullopt);
  EXPECT_FALSE(full.truncate);
  EXPECT_EQ(full.partial_rotary_factor, 0.5);
}

TEST(RopeConfig, LongRope) {
  // The original length beside the settings, the factor from the ratio; "su" and an early "yarn" are old names.
  for (const char* type : {"longrope", "su", "yarn"}) {
    const RopeConfig config = rope(fmt::format(
        R"({{"max_position_embeddings":4096,"original_max_position_embeddings":512,"rope_theta":10000.0,
        "rope_scaling":{{"type":"{}","short_factor":[1.0,1.1],"long_factor":[1,8]}}}})",
        type));
    EXPECT_EQ(config.type, RopeType::kLongRope) << type;
    EXPECT_EQ(config.factor, 8);
    EXPECT_EQ(config.original_max_position, 512);
    EXPECT_EQ(config.short_factor, (std::vector<double>{1, 1.1}));
    EXPECT_EQ(config.long_factor, (std::vector<double>{1, 8}));
  }
  const RopeConfig inside = rope(R"({"max_position_embeddings":4096,"rope_parameters":{"rope_type":"longrope",
    "type":"su","short_factor":[1],"long_factor":[2],"factor":3,"attention_factor":1.5,
    "original_max_position_embeddings":1024}})");
  EXPECT_EQ(inside.factor, 3);
  EXPECT_EQ(inside.attention_factor, 1.5);
  EXPECT_EQ(inside.original_max_position, 1024);
  // A class default counts as given at the top level, and comes before the value among the settings.
  const char* bare = R"({"max_position_embeddings":8192,"rope_scaling":{"type":"longrope","short_factor":[1],
    "long_factor":[2],"original_max_position_embeddings":1024}})";
  EXPECT_EQ(rope(bare, {.original_max_position = 4096}).original_max_position, 4096);
  EXPECT_EQ(rope(bare).original_max_position, 1024);
  // Nothing says it: the whole length.
  EXPECT_EQ(rope(R"({"max_position_embeddings":8192,"rope_scaling":{"type":"longrope","short_factor":[1],
    "long_factor":[2]}})")
                .original_max_position,
            8192);
}

TEST(RopeConfig, SettingsByLayerType) {
  const Config config = parse(R"({"max_position_embeddings":1024,"rope_parameters":{
    "full_attention":{"rope_type":"yarn","factor":4,"rope_theta":1000000.0},
    "sliding_attention":{"rope_type":"default","rope_theta":10000.0},"none":null}})");
  const RopeConfigs configs = parse_rope_configs(config);
  ASSERT_EQ(configs.by_layer_type.size(), 3u);
  EXPECT_EQ(configs.by_layer_type[0].first, "full_attention");
  EXPECT_EQ(configs.by_layer_type[0].second->type, RopeType::kYarn);
  EXPECT_EQ(configs.by_layer_type[0].second->original_max_position, 1024);
  EXPECT_EQ(configs.by_layer_type[1].second->theta, 1e4);
  EXPECT_FALSE(configs.by_layer_type[2].second.has_value());
  EXPECT_TRUE(config.unread().empty());
  expect_refused(Category::kUnsupported, {"rope_parameters", "full_attention"}, [&] { parse_rope_config(config); });
}

TEST(RopeConfig, UnusedSettingsAreIgnoredUnknownOnesStayUnread) {
  const Config config =
      parse(R"({"rope_scaling":{"type":"linear","factor":2,"beta_fast":32,"mrope_section":[16,24,24]}})");
  parse_rope_config(config);
  ASSERT_EQ(config.ignored().size(), 1u);
  EXPECT_EQ(config.ignored()[0].name, "rope_scaling.beta_fast");
  EXPECT_EQ(config.unread(), (std::vector<std::string>{"rope_scaling.mrope_section"}));
}

TEST(RopeConfig, AgreeingSpellingsPass) {
  const RopeConfig both = rope(R"({"rope_theta":5e5,"max_position_embeddings":64,
    "rope_scaling":{"type":"linear","factor":2},"rope_parameters":{"rope_type":"linear","factor":2.0,"rope_theta":5e5}})");
  EXPECT_EQ(both.type, RopeType::kLinear);
}

TEST(RopeConfig, RefusesAndNames) {
  struct Bad {
    std::string text;
    Category category;
    std::vector<std::string> parts;
  };
  const std::vector<Bad> cases = {
      {R"({"rope_scaling":{"type":"spiral","factor":2}})",
       Category::kUnsupported,
       {"rope_scaling.type", "'spiral'", "yarn"}},
      {R"({"rope_scaling":{"rope_type":"mrope","type":"default"}})", Category::kUnsupported, {"rope_type", "mrope"}},
      {R"({"rope_scaling":{"rope_type":"yarn","type":"linear","factor":2}})",
       Category::kMismatch,
       {"rope_type", "yarn", "linear"}},
      {R"({"rope_scaling":5})", Category::kBadInput, {"'rope_scaling'", "an object", "5"}},
      {R"({"rope_scaling":{"type":7}})", Category::kBadInput, {"rope_scaling.type", "a string", "7"}},
      {R"({"rope_theta":0})", Category::kBadInput, {"'rope_theta'", "positive", "0"}},
      {R"({"rope_theta":"x"})", Category::kBadInput, {"'rope_theta'", "positive"}},
      {R"({"partial_rotary_factor":1.5})", Category::kBadInput, {"'partial_rotary_factor'", "1.5"}},
      {R"({"rope_parameters":{"partial_rotary_factor":1.5}})",
       Category::kBadInput,
       {"rope_parameters.partial_rotary_factor", "1.5"}},
      {R"({"rope_scaling":{"type":"linear"}})", Category::kBadInput, {"rope_scaling.factor", "missing"}},
      {R"({"rope_scaling":{"type":"linear","factor":-2}})", Category::kBadInput, {"rope_scaling.factor", "-2"}},
      {R"({"rope_scaling":{"type":"dynamic","factor":2}})",
       Category::kBadInput,
       {"'max_position_embeddings'", "missing", "dynamic"}},
      {R"({"max_position_embeddings":64,"rope_scaling":{"type":"yarn"}})",
       Category::kBadInput,
       {"rope_scaling.factor", "missing"}},
      {R"({"rope_scaling":{"type":"yarn","factor":2}})", Category::kBadInput, {"'max_position_embeddings'", "yarn"}},
      {R"({"max_position_embeddings":64,"rope_scaling":{"type":"yarn","factor":2,"beta_fast":1,"beta_slow":2}})",
       Category::kBadInput,
       {"rope_scaling.beta_fast", "1 and 2"}},
      {R"({"max_position_embeddings":64,"rope_scaling":{"type":"yarn","factor":2,"attention_factor":-1}})",
       Category::kBadInput,
       {"rope_scaling.attention_factor"}},
      {R"({"max_position_embeddings":64,"rope_scaling":{"type":"yarn","factor":2,"truncate":1}})",
       Category::kBadInput,
       {"rope_scaling.truncate", "true or false"}},
      {R"({"max_position_embeddings":64,"rope_scaling":{"type":"llama3","factor":2,"high_freq_factor":4}})",
       Category::kBadInput,
       {"rope_scaling.low_freq_factor", "missing"}},
      {R"({"max_position_embeddings":64,"rope_scaling":{"type":"llama3","factor":2,"low_freq_factor":4,"high_freq_factor":4}})",
       Category::kBadInput,
       {"rope_scaling.high_freq_factor", "more than"}},
      {R"({"max_position_embeddings":64,"rope_scaling":{"type":"longrope","long_factor":[1]}})",
       Category::kBadInput,
       {"rope_scaling.short_factor", "missing"}},
      {R"({"max_position_embeddings":64,"rope_scaling":{"type":"longrope","short_factor":[1],"long_factor":[1,0]}})",
       Category::kBadInput,
       {"rope_scaling.long_factor", "positive"}},
      {R"({"max_position_embeddings":64,"rope_scaling":{"type":"longrope","short_factor":"x","long_factor":[1]}})",
       Category::kBadInput,
       {"rope_scaling.short_factor", "a list of numbers"}},
      {R"({"max_position_embeddings":1,"rope_scaling":{"type":"longrope","short_factor":[1],"long_factor":[1]}})",
       Category::kBadInput,
       {"original_max_position_embeddings", "2 or more"}},
      {R"({"max_position_embeddings":64,"original_max_position_embeddings":16,"rope_scaling":{"type":"longrope",
          "short_factor":[1],"long_factor":[1],"original_max_position_embeddings":32}})",
       Category::kMismatch,
       {"rope_scaling.original_max_position_embeddings", "32", "16"}},
      {R"({"rope_theta":1e4,"rope_parameters":{"rope_theta":5e5}})",
       Category::kMismatch,
       {"rope_parameters.rope_theta", "500000", "10000"}},
      {R"({"rope_scaling":{"type":"linear","factor":2},"rope_parameters":{"rope_type":"linear","factor":4}})",
       Category::kMismatch,
       {"rope_parameters", "rope_scaling"}},
      {R"({"max_position_embeddings":"x"})", Category::kBadInput, {"'max_position_embeddings'"}},
  };
  for (const Bad& bad : cases) {
    SCOPED_TRACE(bad.text);
    expect_refused(bad.category, bad.parts, [&] { rope(bad.text); });
  }
}

TEST(RopeConfig, GoldenSettingsReadAlikeInBothSpellings) {
  const Json golden = read_json_file(firstlight::testing::source_dir() / "tests" / "golden" / "rope_frequencies.json");
  ASSERT_FALSE(golden["settings"].empty());
  for (const Json& setting : golden["settings"]) {
    SCOPED_TRACE(setting["name"]);
    EXPECT_EQ(rope(json_text(setting["config"])), rope(json_text(setting["config_old_spelling"])));
  }
}

TEST(RopeConfig, ReadsPublishedConfigs) {
  FL_SHARED_OR_SKIP(folder, "data/configs");
  const RopeConfig banded = parse_rope_config(Config::load(folder / "Llama-3.1-8B-Instruct" / "config.json"));
  EXPECT_EQ(banded.type, RopeType::kBanded);
  EXPECT_EQ(banded.original_max_position, 8192);
  const RopeConfig stretched = parse_rope_config(Config::load(folder / "phi3.5-mini-instruct.mtk" / "config.json"),
                                                 {.original_max_position = 4096});
  EXPECT_EQ(stretched.type, RopeType::kLongRope);
  EXPECT_EQ(stretched.long_factor.size(), 48u);
  EXPECT_EQ(stretched.factor, 1);
  EXPECT_EQ(parse_rope_config(Config::load(folder / "phi-4" / "config.json")).theta, 250000);
}

}  // namespace
}  // namespace firstlight::io
