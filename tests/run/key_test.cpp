// Groups, layer indices, glob patterns.
#include "firstlight/run/key.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace firstlight::run {
namespace {

TEST(Key, GroupsGoByTheirNamesAndTheStacks) {
  for (int id = 0; id <= static_cast<int>(Group::kVector); ++id) {
    const auto group = static_cast<Group>(id);
    EXPECT_EQ(find_group(group_name(group)), group);
  }
  EXPECT_EQ(find_group("FF1_FF3"), Group::kFf1_3);
  EXPECT_EQ(find_group("KV_CACHE"), Group::kKvCache);
  EXPECT_EQ(find_group("FF1_3"), std::nullopt);
  EXPECT_EQ(find_group(""), std::nullopt);
}

TEST(Key, LayerIsTheNumberAfterAListOfLayers) {
  EXPECT_EQ(layer_of("model.layers.3.self_attn.q_proj"), 3);
  EXPECT_EQ(layer_of("model.layers.31"), 31);
  EXPECT_EQ(layer_of("h.0.attn.c_attn"), 0);
  EXPECT_EQ(layer_of("vision.blocks.12.norm1"), 12);
  EXPECT_EQ(layer_of("layers.layers.2.x"), 2);
  EXPECT_EQ(layer_of("model.norm"), std::nullopt);
  EXPECT_EQ(layer_of("model.layers"), std::nullopt);
  EXPECT_EQ(layer_of("model.layers.x.1"), std::nullopt);
  EXPECT_EQ(layer_of("model.layers.-1.x"), std::nullopt);
  EXPECT_EQ(layer_of("model.layers.99999999999.x"), std::nullopt);
  EXPECT_EQ(layer_of("model.layers..x"), std::nullopt);
  EXPECT_EQ(layer_of(""), std::nullopt);
}

TEST(Key, PatternsMatchWholeKeys) {
  EXPECT_TRUE(matches("model.layers.*.mlp.*", "model.layers.3.mlp.gate_proj"));
  EXPECT_FALSE(matches("model.layers.*.mlp", "model.layers.3.mlp.gate_proj"));
  EXPECT_TRUE(matches("*", ""));
  EXPECT_TRUE(matches("", ""));
  EXPECT_FALSE(matches("", "x"));
  EXPECT_TRUE(matches("**a*", "bca"));
  EXPECT_TRUE(matches("a?c", "abc"));
  EXPECT_FALSE(matches("a?c", "ac"));
  EXPECT_TRUE(matches("*.inv_freq", "a.b.inv_freq.inv_freq"));
  EXPECT_FALSE(matches("a*b", "ac"));
}

// Held against the plain recursive definition on every pattern and key of up to five letters.
bool meaning(std::string_view pattern, std::string_view key) {
  if (pattern.empty()) return key.empty();
  if (pattern[0] == '*') return meaning(pattern.substr(1), key) || (!key.empty() && meaning(pattern, key.substr(1)));
  return !key.empty() && (pattern[0] == '?' || pattern[0] == key[0]) && meaning(pattern.substr(1), key.substr(1));
}

std::vector<std::string> words(std::string_view letters, int length) {
  std::vector<std::string> all{""};
  for (std::size_t begin = 0, n = 0; static_cast<int>(n) < length; ++n) {
    const std::size_t end = all.size();
    for (; begin < end; ++begin)
      for (const char letter : letters) all.push_back(all[begin] + letter);
  }
  return all;
}

TEST(Key, PatternsMeanWhatTheDefinitionSays) {
  const std::vector<std::string> keys = words("ab", 5);
  for (const std::string& pattern : words("a*?b", 4))
    for (const std::string& key : keys)
      ASSERT_EQ(matches(pattern, key), meaning(pattern, key)) << pattern << " on " << key;
}

TEST(Key, PatternsDoNotExplode) {
  std::string pattern;
  for (int i = 0; i < 2000; ++i) pattern += "a*";
  EXPECT_FALSE(matches(pattern + "b", std::string(5000, 'a')));
}

}  // namespace
}  // namespace firstlight::run
