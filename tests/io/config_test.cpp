// Config: typed getters, the record of reads, bookkeeping fields; GenerationConfig.
#include "firstlight/io/config.h"

#include "builders.h"
#include "firstlight/base/file.h"
#include "firstlight/io/bookkeeping.h"
#include "firstlight/io/generation_config.h"

namespace firstlight::io {
namespace {

using testing::expect_refused;

Config parse(std::string_view text) { return Config::parse(text, "config.json"); }

TEST(Config, ReadsEachType) {
  const Config config = parse(
      R"({"i":4096,"n":-3,"x":1e-05,"whole":2,"b":true,"s":"silu","li":[1,2],"lx":[1,2.5],"ls":["A","B"],"one":7})");
  EXPECT_EQ(config.integer("i"), 4096);
  EXPECT_EQ(config.integer("n"), -3);
  EXPECT_EQ(config.positive("i"), 4096);
  EXPECT_EQ(config.number("x"), 1e-05);
  EXPECT_EQ(config.number("whole"), 2.0);
  EXPECT_EQ(config.positive_number("x"), 1e-05);
  EXPECT_TRUE(config.boolean("b"));
  EXPECT_EQ(config.string("s"), "silu");
  EXPECT_EQ(config.choice("s", {"gelu", "silu"}), "silu");
  EXPECT_EQ(config.integers("li"), (std::vector<std::int64_t>{1, 2}));
  EXPECT_EQ(config.numbers("lx"), (std::vector<double>{1, 2.5}));
  EXPECT_EQ(config.strings("ls"), (std::vector<std::string>{"A", "B"}));
  EXPECT_EQ(config.one_or_more_integers("one"), (std::vector<std::int64_t>{7}));
  EXPECT_EQ(config.one_or_more_integers("li"), (std::vector<std::int64_t>{1, 2}));
  EXPECT_TRUE(config.unread().empty());
}

TEST(Config, NullCountsAsAbsent) {
  const Config config = parse(R"({"n":null,"o":{"m":null}})");
  EXPECT_FALSE(config.has("n"));
  EXPECT_TRUE(config.is_null("n"));
  EXPECT_FALSE(config.is_null("absent"));
  EXPECT_EQ(config.integer_or("n", 5), 5);
  EXPECT_EQ(config.positive_or("absent", 6), 6);
  EXPECT_EQ(config.number_or("n", 0.5), 0.5);
  EXPECT_EQ(config.positive_number_or("n", 2), 2);
  EXPECT_TRUE(config.boolean_or("n", true));
  EXPECT_EQ(config.string_or("n", "x"), "x");
  EXPECT_EQ(config.choice_or("n", {"a"}, "b"), "b");
  EXPECT_EQ(config.object("o").integer_or("m", 1), 1);
}

TEST(Config, RefusesAndNames) {
  const Config config =
      parse(R"({"half":1.5,"round":4.0,"zero":0,"huge":2147483649,"beyond":18446744073709551615,"s":"x","n":null,)"
            R"("mixed":[1,"a"],"empty":[],"sub":{"deep":{"type":3}}})");
  struct Bad {
    std::function<void()> read;
    std::vector<std::string> parts;
  };
  const std::vector<Bad> cases = {
      {[&] { config.integer("half"); }, {"config.json", "'half'", "an integer", "1.5"}},
      {[&] { config.integer("round"); }, {"'round'", "an integer", "4.0"}},
      {[&] { config.integer("beyond"); }, {"'beyond'", "18446744073709551615"}},
      {[&] { config.integer("absent"); }, {"'absent'", "missing", "an integer"}},
      {[&] { config.integer("n"); }, {"'n'", "null"}},
      {[&] { config.integer_or("s", 1); }, {"'s'", "an integer", "\"x\""}},
      {[&] { config.positive("zero"); }, {"'zero'", "1 to 2^31", "0"}},
      {[&] { config.positive("huge"); }, {"'huge'", "2147483649"}},
      {[&] { config.number("s"); }, {"'s'", "a number"}},
      {[&] { config.positive_number("zero"); }, {"'zero'", "positive"}},
      {[&] { config.boolean("zero"); }, {"'zero'", "true or false"}},
      {[&] { config.string("half"); }, {"'half'", "a string"}},
      {[&] { config.integers("mixed"); }, {"'mixed'", "a list of integers", "[1,\"a\"]"}},
      {[&] { config.numbers("s"); }, {"'s'", "a list of numbers"}},
      {[&] { config.strings("mixed"); }, {"'mixed'", "a list of strings"}},
      {[&] { config.one_or_more_integers("empty"); }, {"'empty'", "[]"}},
      {[&] { config.object("s"); }, {"'s'", "an object"}},
      {[&] { config.object("absent"); }, {"'absent'", "missing"}},
      {[&] { config.object("sub").object("deep").string("type"); }, {"'sub.deep.type'", "a string", "3"}},
  };
  for (const Bad& bad : cases) expect_refused(Category::kBadInput, bad.parts, bad.read);
  expect_refused(Category::kUnsupported, {"'s'", "'x' is not supported", "silu, gelu"}, [&] {
    config.choice("s", {"silu", "gelu"});
  });
  expect_refused(Category::kBadInput, {"config.json", "object"}, [&] { parse("[]"); });
  expect_refused(Category::kBadInput, {"config.json", "'a'", "twice"}, [&] { parse(R"({"a":1,"a":1})"); });
  expect_refused(Category::kBadInput, {"nowhere.json"}, [&] { Config::load("nowhere.json"); });
}

TEST(Config, TracksWhatWasRead) {
  const Config config = parse(
      R"({"read":1,"forgotten":2,"off":null,"waived":{"a":1},"scaling":{"type":"x","factor":8},"whole":{"b":1},"a.b":3})");
  config.integer("read");
  config.ignore("waived", "a test");
  config.ignore("absent", "nothing happens");
  const Config scaling = config.object("scaling");
  scaling.string("type");
  EXPECT_TRUE(config.has("forgotten"));  // asking is not reading
  EXPECT_EQ(config.unread(), (std::vector<std::string>{"forgotten", "scaling.factor", "whole", "a.b"}));
  EXPECT_EQ(scaling.prefix(), "scaling");
  EXPECT_EQ(scaling.where("factor"), "config.json: field 'scaling.factor'");

  const auto read = config.fields_read();
  ASSERT_EQ(read.size(), 2u);
  EXPECT_EQ(read[0].name, "read");
  EXPECT_EQ(read[0].text, "1");
  EXPECT_EQ(read[1].name, "scaling.type");
  EXPECT_EQ(read[1].text, "\"x\"");
  const auto ignored = config.ignored();
  ASSERT_EQ(ignored.size(), 1u);
  EXPECT_EQ(ignored[0].name, "waived");
  EXPECT_EQ(ignored[0].text, "a test");
}

TEST(Config, AFieldOfTheWrongTypeStaysUnread) {
  const Config config = parse(R"({"n":"x"})");
  firstlight::testing::expect_error([&] { config.integer("n"); });
  EXPECT_EQ(config.unread(), (std::vector<std::string>{"n"}));
}

TEST(Config, KeepsAnInnerFieldApartFromADottedName) {
  const Config config = parse(R"({"a":{"b":1},"a.b":2})");
  config.object("a").integer("b");
  EXPECT_EQ(config.unread(), (std::vector<std::string>{"a.b"}));
}

TEST(Config, IgnoresBookkeepingOnly) {
  const Config config =
      parse(R"({"transformers_version":"4.41.2","torch_dtype":"bfloat16","attention_dropout":0.1,"embd_pdrop":0,)"
            R"("pad_token_id":2,"use_cache":true,"is_encoder_decoder":false,"pruned_heads":{},"hidden_size":64,)"
            R"("add_cross_attention":true,"quantization_config":{"bits":4}})");
  config.ignore_bookkeeping();
  // A field that could change the result is not waved through when it is switched on.
  EXPECT_EQ(config.unread(), (std::vector<std::string>{"hidden_size", "add_cross_attention", "quantization_config"}));
  EXPECT_EQ(config.ignored().size(), 8u);
  for (const BookkeepingField& field : ignored_bookkeeping_fields()) EXPECT_FALSE(field.reason.empty()) << field.name;
  EXPECT_EQ(find_bookkeeping_field("tie_word_embeddings"), nullptr);
}

TEST(GenerationConfig, ReadsOneOrMoreEnds) {
  const GenerationConfig several = parse_generation_config(
      R"({"_from_model_config":true,"bos_token_id":1,"eos_token_id":[2032,2033],"pad_token_id":null,)"
      R"("do_sample":true,"temperature":0.6,"top_k":50,"top_p":0.9,"num_beams":1,"transformers_version":"4"})",
      "g.json");
  EXPECT_EQ(several.eos_token_ids, (std::vector<std::int64_t>{2032, 2033}));
  EXPECT_EQ(several.bos_token_id, 1);
  EXPECT_EQ(several.pad_token_id, std::nullopt);
  EXPECT_EQ(several.do_sample, true);
  EXPECT_EQ(several.temperature, 0.6);
  EXPECT_EQ(several.top_k, 50);
  EXPECT_EQ(several.top_p, 0.9);
  EXPECT_EQ(several.unknown, (std::vector<std::string>{"num_beams"}));
  const GenerationConfig one = parse_generation_config(R"({"eos_token_id":2})", "g.json");
  EXPECT_EQ(one.eos_token_ids, (std::vector<std::int64_t>{2}));
  EXPECT_EQ(one.temperature, std::nullopt);
}

TEST(GenerationConfig, RefusesAndNames) {
  const std::vector<std::pair<const char*, const char*>> cases = {{R"({"eos_token_id":-1})", "eos_token_id"},
                                                                  {R"({"eos_token_id":[1,"x"]})", "eos_token_id"},
                                                                  {R"({"bos_token_id":1.5})", "bos_token_id"},
                                                                  {R"({"pad_token_id":4294967296})", "pad_token_id"},
                                                                  {R"({"temperature":-0.1})", "temperature"},
                                                                  {R"({"top_k":-1})", "top_k"},
                                                                  {R"({"top_p":1.5})", "top_p"},
                                                                  {R"({"do_sample":1})", "do_sample"}};
  for (const auto& [text, field] : cases)
    expect_refused(Category::kBadInput, {"g.json", field},
                   [&, &text = text] { parse_generation_config(text, "g.json"); });
}

}  // namespace
}  // namespace firstlight::io
