// Generating: ids on a random tiny model, text on the bundled checkpoint.
#include "firstlight/pipeline/generate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "firstlight/base/json.h"
#include "pipeline/made.h"

namespace firstlight::testing {
namespace {

using pipeline::GenerateOptions;
using pipeline::Generation;

GenerateOptions sampled(std::int64_t tokens) {
  GenerateOptions options;
  options.max_new_tokens = tokens;
  options.chunk = 5;
  options.sampling = {.temperature = 1.1, .top_k = 20, .top_p = 0.95, .seed = 77};
  return options;
}

TEST(Generate, AUsersTextDoesNotDependOnItsBatch) {
  Loaded made = tiny();
  std::vector<std::vector<std::int32_t>> prompts;  // around the length where positions change
  for (int user = 0; user < 6; ++user)
    prompts.push_back(random_ids(3 + user * 5, 97, 50 + static_cast<std::uint64_t>(user)));
  GenerateOptions options = sampled(12);
  options.stop_ids = {5, 6, 7, 8, 9, 10, 11, 12};  // users end at different times
  const Generation together = pipeline::generate_ids(*made.session, *made.model, prompts, options);
  std::size_t stopped = 0;
  for (std::size_t user = 0; user < prompts.size(); ++user) {
    options.first_user = user;
    options.page_seed = user;
    const Generation alone = pipeline::generate_ids(*made.session, *made.model, {prompts[user]}, options);
    EXPECT_EQ(alone.users[0].ids, together.users[user].ids) << "user " << user;
    EXPECT_EQ(alone.users[0].finish, together.users[user].finish);
    stopped += together.users[user].finish == pipeline::Finish::kStop ? 1 : 0;
  }
  EXPECT_GT(stopped, 0U);
  EXPECT_LT(stopped, prompts.size());
}

TEST(Generate, EqualsOneFullForwardAToken) {
  Loaded made = tiny();
  std::vector<std::int32_t> text = random_ids(20, 97, 3);
  const Generation got = pipeline::generate_ids(*made.session, *made.model, {text}, {.max_new_tokens = 9});
  ASSERT_EQ(got.users[0].ids.size(), 9U);
  EXPECT_EQ(got.users[0].prompt_tokens, 20);
  const std::int64_t declared = 29;
  for (const std::int32_t id : got.users[0].ids) {
    const auto state = made.model->new_state(*made.session, {.max_length = declared});
    EXPECT_EQ(largest(pipeline::prefill(*made.session, *made.model, *state, 0, text, 0, false).f32()), id);
    text.push_back(id);
  }
}

TEST(Generate, StopsBeforeAStopToken) {
  Loaded made = tiny();
  const std::vector<std::vector<std::int32_t>> prompts = {random_ids(4, 97, 4)};
  const Generation free = pipeline::generate_ids(*made.session, *made.model, prompts, sampled(10));
  EXPECT_EQ(free.users[0].finish, pipeline::Finish::kLength);
  EXPECT_EQ(free.steps.size(), 9U);  // the first token comes with the prompt
  GenerateOptions options = sampled(10);
  options.stop_ids = {free.users[0].ids[4]};
  const Generation stopped = pipeline::generate_ids(*made.session, *made.model, prompts, options);
  const auto first = std::ranges::find(free.users[0].ids, options.stop_ids[0]);
  EXPECT_EQ(stopped.users[0].ids, (std::vector<std::int32_t>(free.users[0].ids.begin(), first)));
  EXPECT_EQ(stopped.users[0].finish, pipeline::Finish::kStop);
  options.ignore_stops = true;
  EXPECT_EQ(pipeline::generate_ids(*made.session, *made.model, prompts, options).users[0].ids, free.users[0].ids);
}

TEST(Generate, CountsRebuildsAndTimes) {
  Loaded made = tiny();
  GenerateOptions options = sampled(20);
  options.context_size = 16;
  int drawn = 0;
  const Generation got =
      pipeline::generate_ids(*made.session, *made.model, {random_ids(10, 97, 5), random_ids(2, 97, 6)}, options,
                             [&](int, std::int32_t) { ++drawn; });
  EXPECT_EQ(drawn, 40);
  EXPECT_EQ(got.rebuilds, 2);  // both pass 16 positions, neither 32
  EXPECT_EQ(got.steps.size(), 19U);
  for (const auto& step : got.steps) {
    EXPECT_EQ(step.users, 2);
    EXPECT_GT(step.duration.count(), 0);
  }
  EXPECT_GT(got.users[0].prefill.count(), 0);
  EXPECT_GE(got.users[1].time_to_first_token, got.users[0].time_to_first_token);
}

TEST(Generate, RefusesWhatIsOutOfRange) {
  Loaded made = tiny();
  const auto category = [&](const std::vector<std::vector<std::int32_t>>& prompts, const GenerateOptions& options) {
    return expect_error([&] { pipeline::generate_ids(*made.session, *made.model, prompts, options); }).category();
  };
  EXPECT_EQ(category({}, {}), Category::kUsage);
  EXPECT_EQ(category(std::vector<std::vector<std::int32_t>>(33, {1}), {}), Category::kUsage);
  EXPECT_EQ(category({{1}}, {.max_new_tokens = 0}), Category::kUsage);
  EXPECT_EQ(category({{1}}, {.context_size = -1}), Category::kUsage);
  EXPECT_EQ(category({{1}}, {.sampling = {.top_p = 2}}), Category::kUsage);
  EXPECT_EQ(category({{1}, {}}, {}), Category::kBadInput);
  EXPECT_EQ(category({{97}}, {}), Category::kBadInput);
}

// -- Text: the bundled checkpoint --

TEST(GenerateText, GreedyTextsAreTheReferences) {
  const auto folder = source_dir() / "models" / "phi3-nano";
  const auto device = device::open_device("cpu", {.threads = 2, .isa = ""});
  pipeline::Engine engine(folder, *device, no_cache());
  const Json reference = read_json_file(folder / "reference.json");
  std::vector<std::string> prompts;
  std::vector<std::vector<std::int32_t>> want;
  std::size_t longest = 0;
  for (const Json& text : reference.at("greedy")) {
    prompts.push_back(text.at("prompt").get<std::string>());
    EXPECT_EQ(engine.tokenizer().encode(prompts.back()), text.at("prompt_ids").get<std::vector<std::int32_t>>());
    want.push_back(text.at("output_ids").get<std::vector<std::int32_t>>());
    longest = std::max(longest, want.back().size());
  }
  std::map<int, std::string> streamed;
  const Generation got = pipeline::generate(engine, prompts, {.max_new_tokens = static_cast<std::int64_t>(longest)},
                                            [&](int user, std::string_view piece) { streamed[user] += piece; });
  const std::vector<std::int32_t> stops = pipeline::stop_ids(engine);
  EXPECT_EQ(stops, (std::vector<std::int32_t>{2032, 2033, 2039}));
  for (std::size_t user = 0; user < want.size(); ++user) {
    std::vector<std::int32_t> ids = got.users[user].ids;
    std::vector<std::int32_t> expected = want[user];
    while (!expected.empty() && std::ranges::find(stops, expected.back()) != stops.end()) expected.pop_back();
    ASSERT_GE(ids.size(), expected.size());
    ids.resize(expected.size());  // the longest text sets the number of tokens of all
    EXPECT_EQ(ids, expected) << prompts[user];
    EXPECT_EQ(streamed[static_cast<int>(user)], got.users[user].text);
    std::vector<std::int32_t> whole = engine.tokenizer().encode(prompts[user]);
    const std::string prompt_text = engine.tokenizer().decode(whole, true);
    whole.insert(whole.end(), got.users[user].ids.begin(), got.users[user].ids.end());
    EXPECT_EQ(engine.tokenizer().decode(whole, true), prompt_text + got.users[user].text);
  }
}

}  // namespace
}  // namespace firstlight::testing
