// One weight under several names: other exports, prefixes left out, experts stacked in one tensor.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "firstlight/run/loader.h"
#include "firstlight/run/ops.h"
#include "run/checkpoint_testing.h"
#include "run/test_device.h"
#include "testing/testing.h"

namespace firstlight::run {
namespace {

using firstlight::testing::NamedTensor;
using firstlight::testing::stored;
using firstlight::testing::TestDevice;
using firstlight::testing::write_checkpoint;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

WeightExpr either(const std::string& name, const std::string& other) {
  WeightExpr expr(name);
  expr.otherwise.emplace_back(other);
  return expr;
}

TEST(Spelling, TheFirstCompleteOneIsTaken) {
  const io::Checkpoint both(write_checkpoint({{"a", stored(1, {2, 3})}, {"b", stored(2, {2, 3})}}));
  EXPECT_EQ(spelled_in(both, either("a", "b"), {}).str(), "a");
  EXPECT_EQ(spelled_in(both, either("c", "b"), {}).str(), "b");
  EXPECT_EQ(spelled_in(both, either("c", "d"), {}).str(), "c");  // the error will name the publisher's
  WeightExpr two = WeightExpr::rows("a", 0, 1);
  two.parts.push_back({"missing", 0, -1});
  two.otherwise.emplace_back("b");
  EXPECT_EQ(spelled_in(both, two, {}).str(), "b");
}

TEST(Spelling, APrefixMayBeLeftOut) {
  const io::Checkpoint bare(write_checkpoint({{"layer.w", stored(1, {2, 3})}, {"model.n", stored(2, {3})}}));
  const std::vector<std::string> prefixes = {"model."};
  EXPECT_EQ(name_in(bare, "model.layer.w", prefixes), "layer.w");
  EXPECT_EQ(name_in(bare, "model.n", prefixes), "model.n");
  EXPECT_EQ(name_in(bare, "model.absent", prefixes), "model.absent");
  EXPECT_EQ(name_in(bare, "n", prefixes), "n");  // it is left out, never added
}

TEST(Spelling, TheLoaderPlacesWhatItFinds) {
  const HostTensor w = stored(1, {4, 3});
  const io::Checkpoint checkpoint(
      write_checkpoint({{"layer.w", w}, {"head", w}, {"layer.mask", stored(2, {2})}, {"other", stored(3, {2, 3})}}));
  TestDevice device;
  Session session(device, Policy());
  Loader loader(session, checkpoint, {.cache_dir = "none", .waivers = {}});
  loader.optional_prefix("model.");
  loader.linear("w", Group::kWqkv, 3, 4, "model.layer.w");
  loader.linear("o", Group::kWo, 3, 2, either("published", "other"));
  loader.stored_copy("head", "model.layer.w");
  loader.ignore("model.*.mask", "a mask");
  const Ledger ledger = loader.finish();
  EXPECT_EQ(ledger.lines.size(), 4U);
  EXPECT_EQ(ledger.placed_bytes, (12 + 6) * 4);
}

TEST(Spelling, StackedMatricesAreCutByRows) {
  const HostTensor all = stored(1, {2, 4, 3});  // two matrices [4, 3]
  const auto part = [](std::int64_t begin, std::int64_t end) {
    WeightExpr expr = WeightExpr::rows("all", begin, end);
    expr.stacked = true;
    return expr;
  };
  EXPECT_EQ(part(4, 8).str(), "stacked(rows(all, 4, 8))");
  const io::Checkpoint checkpoint(write_checkpoint({{"all", all}}));
  TestDevice device;
  Session session(device, Policy());
  const auto load = [&](std::int64_t end, std::int64_t outputs, bool stacked) {
    Loader loader(session, checkpoint, {.cache_dir = "none", .waivers = {}});
    loader.linear("first", Group::kFf2, 3, 4, part(0, 4));
    WeightExpr second = part(4, end);
    second.stacked = stacked;
    const Weight weight = loader.linear("second", Group::kFf2, 3, outputs, second);
    const Ledger ledger = loader.finish();
    EXPECT_EQ(ledger.source_bytes, 2 * 4 * 3 * 2);
    const Tensor one = session.upload(HostTensor::from(std::vector<float>{1, 0, 0}, Shape{1, 3}));
    return session.download(linear(session, "x", one, weight)).values();
  };
  const std::vector<float> values = all.values();
  EXPECT_THAT(load(8, 4, true), ElementsAre(values[12], values[15], values[18], values[21]));
  EXPECT_THAT(firstlight::testing::expect_error([&] { load(7, 3, true); }).what(),
              HasSubstr("rows 7 to 8 are not used"));
  EXPECT_THAT(firstlight::testing::expect_error([&] { load(9, 5, true); }).what(), HasSubstr("needs the shape"));
  EXPECT_THAT(firstlight::testing::expect_error([&] { load(8, 4, false); }).what(), HasSubstr("needs the shape"));
}

TEST(Spelling, APlanKnowsWhatIsLeftOver) {
  WeightPlanSink plan;
  plan.optional_prefix("model.");
  plan.linear("w", Group::kWqkv, 3, 4, either("model.layer.w", "model.layer.v"));
  plan.ignore("model.*.mask", "a mask");
  const auto unplaced = [&](const std::vector<NamedTensor>& tensors) {
    return plan.unplaced(io::Checkpoint(write_checkpoint(tensors)));
  };
  const HostTensor w = stored(1, {4, 3});
  EXPECT_THAT(unplaced({{"layer.v", w}, {"a.mask", w}}), IsEmpty());
  EXPECT_THAT(unplaced({{"model.layer.w", w}, {"layer.v", w}}), ElementsAre("layer.v"));
}

}  // namespace
}  // namespace firstlight::run
