// Loading: expressions, values, the ledger and what it refuses.
#include <gmock/gmock.h>

#include "firstlight/run/loader.h"
#include "run/checkpoint_testing.h"
#include "run/test_device.h"

namespace firstlight::run {
namespace {

using firstlight::testing::expect_error;
using firstlight::testing::integers;
using firstlight::testing::NamedTensor;
using firstlight::testing::random_tensor;
using firstlight::testing::rounded;
using firstlight::testing::stored;
using firstlight::testing::TestDevice;
using firstlight::testing::TestDeviceOptions;
using firstlight::testing::write_checkpoint;

using Declare = std::function<void(Loader&)>;

Ledger load(const std::vector<NamedTensor>& tensors, const Declare& declare, std::vector<std::string> waivers = {},
            TestDeviceOptions options = {}) {
  const io::Checkpoint checkpoint(write_checkpoint(tensors));
  TestDevice device(std::move(options));
  Session session(device, Policy());
  Loader loader(session, checkpoint, {.cache_dir = "none", .waivers = std::move(waivers)});
  declare(loader);
  return loader.finish();
}

void expect_refused(Category category, const std::vector<std::string>& parts, const std::vector<NamedTensor>& tensors,
                    const Declare& declare, TestDeviceOptions options = {}) {
  const Error error = expect_error([&] { load(tensors, declare, {}, std::move(options)); });
  EXPECT_EQ(error.category(), category) << error.what();
  for (const std::string& part : parts) EXPECT_THAT(error.what(), ::testing::HasSubstr(part));
}

TEST(WeightExpr, ReadsAsWritten) {
  EXPECT_EQ(WeightExpr("a").str(), "a");
  EXPECT_EQ(WeightExpr::rows("qkv", 0, 64).str(), "rows(qkv, 0, 64)");
  WeightExpr two = WeightExpr::rows("a", 0, 64);
  two.parts.push_back({"b", 0, -1});
  EXPECT_EQ(two.str(), "rows(a, 0, 64) + b");
  two.transposed = true;
  EXPECT_EQ(two.str(), "transposed(rows(a, 0, 64) + b)");
}

TEST(WeightPlan, CountsParametersOnce) {
  WeightPlanSink sink;
  sink.linear("q", Group::kWqkv, 8, 4, "q.weight");
  sink.table("embed", Group::kEmbedding, 10, 8, "embed.weight");
  const Weight bias = sink.vector("q.bias", 4, "q.bias");
  sink.stored_copy("lm_head.weight", "embed.weight");
  EXPECT_EQ(sink.parameters(), 32 + 80 + 4);
  EXPECT_EQ(sink.requests().size(), 3u);
  EXPECT_TRUE(bias.declared());
  EXPECT_FALSE(Weight().declared());
  EXPECT_EQ(expect_error([&] { bias.tensor(); }).category(), Category::kInternal);
}

// x W + b computed through the placed weight, against a plain product of the source's values.
TEST(Loader, PlacesWhatTheExpressionSays) {
  const std::int64_t k = 5;
  const HostTensor qkv = stored(1, {9, k});
  const HostTensor extra = stored(2, {4, k}, Format::f32);
  const HostTensor conv = stored(3, {k, 6}, Format::f16);
  const HostTensor bias = stored(4, {9}, Format::bf16);
  const io::Checkpoint checkpoint(write_checkpoint({{"qkv", qkv}, {"extra", extra}, {"conv", conv}, {"bias", bias}}));
  for (const bool foreign : {false, true}) {
    TestDevice device({.foreign_memory = foreign});
    Session session(device, Policy());
    Loader loader(session, checkpoint,
                  {.cache_dir = foreign ? std::filesystem::path("none") : firstlight::testing::scratch_dir("cache"),
                   .waivers = {}});
    WeightExpr sum = WeightExpr::rows("qkv", 3, 9);
    sum.parts.push_back({"extra", 0, -1});
    WeightExpr turned = "conv";
    turned.transposed = true;
    const Weight first = loader.linear("first", Group::kWqkv, k, 3, WeightExpr::rows("qkv", 0, 3));
    const Weight second = loader.linear("second", Group::kFf2, k, 10, sum);
    const Weight third = loader.linear("third", Group::kWo, k, 6, turned);
    const Weight b1 = loader.vector("b1", 4, WeightExpr::rows("bias", 0, 4));
    const Weight b2 = loader.vector("b2", 5, WeightExpr::rows("bias", 4, 9));
    EXPECT_EQ(expect_error([&] { first.tensor(); }).category(), Category::kInternal);
    const Ledger ledger = loader.finish();
    EXPECT_EQ(ledger.lines.size(), 6u);

    HostTensor identity(Format::f32, {k, k});
    for (std::int64_t i = 0; i < k; ++i) identity.f32()[static_cast<std::size_t>(i * k + i)] = 1;
    const Tensor x = session.upload(identity);
    const auto columns = [&](const Weight& weight) {
      return session.download(linear(session, "w", x, weight)).values();
    };
    const auto expect_rows = [&](const Weight& weight, std::int64_t at, const std::vector<float>& source,
                                 std::int64_t from, std::int64_t count) {
      const std::vector<float> found = columns(weight);
      const std::int64_t n = weight.tensor().shape()[1];
      for (std::int64_t r = 0; r < count; ++r)
        for (std::int64_t i = 0; i < k; ++i)
          EXPECT_EQ(found[static_cast<std::size_t>(i * n + at + r)],
                    source[static_cast<std::size_t>((from + r) * k + i)]);
    };
    expect_rows(first, 0, qkv.values(), 0, 3);
    expect_rows(second, 0, qkv.values(), 3, 6);
    expect_rows(second, 6, extra.values(), 0, 4);
    EXPECT_EQ(columns(third), conv.values());
    const std::vector<float> whole = bias.values();
    EXPECT_EQ(session.download(b1.tensor()).values(), std::vector<float>(whole.begin(), whole.begin() + 4));
    EXPECT_EQ(session.download(b2.tensor()).values(), std::vector<float>(whole.begin() + 4, whole.end()));
  }
}

TEST(Loader, WeightsTakeTheFormatOfTheirGroup) {
  const HostTensor table = stored(1, {20, 48}, Format::f32);
  const io::Checkpoint checkpoint(write_checkpoint({{"t", table}, {"w", stored(2, {32, 16})}, {"n", stored(3, {16})}}));
  TestDevice device;
  Session session(device, Policy::load("bfp4"));
  Loader loader(session, checkpoint, {.cache_dir = "none", .waivers = {}});
  const Weight embed = loader.table("embed", Group::kEmbedding, 20, 48, "t");
  const Weight w = loader.linear("w", Group::kFf2, 16, 32, "w");
  const Weight n = loader.vector("n", 16, "n");
  const Ledger ledger = loader.finish();
  EXPECT_EQ(embed.tensor().format(), Format::bf16);
  EXPECT_EQ(w.tensor().format(), Format::bfp4);
  EXPECT_EQ(n.tensor().format(), Format::f32);
  const Tensor ids = session.upload(integers({3, 19}, {2}));
  const std::vector<float> rows = session.download(embedding(session, "embed", embed, ids)).values();
  const std::vector<float> source = rounded(table.values(), Format::bf16, 48);
  EXPECT_TRUE(std::equal(rows.begin(), rows.begin() + 48, source.begin() + 3 * 48));
  EXPECT_EQ(ledger.placed_bytes, 20 * 48 * 2 + 16 * 2 * 9 + 16 * 4);
  EXPECT_EQ(ledger.source_bytes, 20 * 48 * 4 + 32 * 16 * 2 + 16 * 2);
}

TEST(Loader, TheLedgerShowsWhereEveryTensorWent) {
  const HostTensor head = stored(1, {6, 4});
  const Ledger ledger =
      load({{"head", head}, {"tied", head}, {"a.inv_freq", stored(2, {2})}, {"extra", stored(3, {2})}},
           [](Loader& loader) {
             loader.linear("q", Group::kWqkv, 4, 2, WeightExpr::rows("head", 0, 2));
             loader.linear("k", Group::kWqkv, 4, 4, WeightExpr::rows("head", 2, 6));
             loader.stored_copy("tied", "head");
             loader.stored_copy("absent", "head");
             loader.ignore("*.inv_freq", "computed from the config");
           },
           {"ext*"});
  ASSERT_EQ(ledger.lines.size(), 5u);
  const auto line = [&](std::string_view tensor, std::string_view component) {
    for (const LedgerLine& l : ledger.lines)
      if (l.tensor == tensor && l.component == component) return l;
    ADD_FAILURE() << tensor << ' ' << component;
    return LedgerLine{};
  };
  EXPECT_EQ(line("head", "q").use, "placed");
  EXPECT_EQ(line("head", "k").expression, "rows(head, 2, 6)");
  EXPECT_EQ(line("head", "k").source_bytes, 4 * 4 * 2);
  EXPECT_EQ(line("head", "q").hash.size(), 32u);
  EXPECT_EQ(line("tied", "").use, "copy of head");
  EXPECT_EQ(line("tied", "").hash, line("head", "q").hash);
  EXPECT_EQ(line("a.inv_freq", "").use, "ignored: computed from the config");
  EXPECT_EQ(line("extra", "").use, "waived");
  std::int64_t sum = 0;
  for (const LedgerLine& l : ledger.lines) sum += l.source_bytes;
  EXPECT_EQ(sum, ledger.source_bytes);
  EXPECT_EQ(sum, 2 * 48 + 4 + 4);  // every byte of the checkpoint once
}

TEST(Loader, SharesPlacedBytesAmongParts) {
  const Ledger ledger = load({{"a", stored(1, {3, 4})}, {"b", stored(2, {4, 4})}}, [](Loader& loader) {
    WeightExpr both = "a";
    both.parts.push_back({"b", 0, -1});
    loader.linear("w", Group::kFf2, 4, 7, both);
  });
  ASSERT_EQ(ledger.lines.size(), 2u);
  EXPECT_EQ(ledger.lines[0].placed_bytes, 3 * 4 * 4);
  EXPECT_EQ(ledger.lines[1].placed_bytes, 4 * 4 * 4);
}

// ---- What is refused -------------------------------------------------------------------------------------------

void linear_and_bias(Loader& loader) {
  loader.linear("layers.0.q_proj", Group::kWqkv, 4, 6, "layers.0.q_proj.weight");
  loader.vector("layers.0.q_proj.bias", 6, "layers.0.q_proj.bias");
}

TEST(LedgerRefuses, AMissingTensorWithTheNearestNames) {
  expect_refused(
      Category::kMismatch,
      {"'layers.0.q_proj.bias'", "is missing", "component 'layers.0.q_proj.bias'",
       "layers.0.v_proj.bias, layers.0.q_proj.weight"},
      {{"layers.0.q_proj.weight", stored(1, {6, 4})}, {"layers.0.v_proj.bias", stored(1, {6})}, {"z", stored(1, {1})}},
      linear_and_bias);
}

TEST(LedgerRefuses, TensorsLeftOver) {
  expect_refused(Category::kMismatch,
                 {"2 of the checkpoint's 4 tensors", "'k.bias' BF16 [6]", "'k.weight' BF16 [6, 4]", "waived"},
                 {{"layers.0.q_proj.weight", stored(1, {6, 4})},
                  {"layers.0.q_proj.bias", stored(2, {6})},
                  {"k.weight", stored(3, {6, 4})},
                  {"k.bias", stored(3, {6})}},
                 linear_and_bias);
}

TEST(LedgerRefuses, WrongShapes) {
  const auto refused = [](const Shape& weight, const Shape& bias, const std::vector<std::string>& parts) {
    expect_refused(Category::kMismatch, parts,
                   {{"layers.0.q_proj.weight", stored(1, weight)}, {"layers.0.q_proj.bias", stored(2, bias)}},
                   linear_and_bias);
  };
  refused({6, 5}, {6},
          {"'layers.0.q_proj.weight'", "component 'layers.0.q_proj'", "needs the shape [6, 4]", "found [6, 5]"});
  refused({4, 6}, {6}, {"needs the shape [6, 4]", "found [4, 6]"});
  refused({7, 4}, {6}, {"found [7, 4]"});
  refused({24}, {6}, {"found [24]"});
  refused({6, 4}, {5}, {"'layers.0.q_proj.bias'", "needs the shape [6]", "found [5]"});
  refused({6, 4}, {6, 1}, {"found [6, 1]"});
}

TEST(LedgerRefuses, RowsUsedTwiceOrNotAtAll) {
  const auto refused = [](std::int64_t end_of_first, std::int64_t begin_of_second, std::int64_t end_of_second,
                          const std::vector<std::string>& parts) {
    expect_refused(Category::kMismatch, parts, {{"qkv", stored(1, {9, 4})}}, [=](Loader& loader) {
      loader.linear("k", Group::kWqkv, 4, end_of_second - begin_of_second,
                    WeightExpr::rows("qkv", begin_of_second, end_of_second));
      loader.linear("q", Group::kWqkv, 4, end_of_first, WeightExpr::rows("qkv", 0, end_of_first));
    });
  };
  refused(5, 4, 9, {"'qkv'", "rows 4 to 5 are used twice", "by 'q' and by 'k'"});
  refused(4, 5, 9, {"'qkv'", "rows 4 to 5 of 9 are not used"});
  refused(4, 4, 8, {"'qkv'", "rows 8 to 9 are not used"});
  expect_refused(Category::kMismatch, {"'qkv'", "needs the shape", "found [9, 4]"}, {{"qkv", stored(1, {9, 4})}},
                 [](Loader& loader) { loader.linear("q", Group::kWqkv, 4, 6, WeightExpr::rows("qkv", 4, 10)); });
  expect_refused(Category::kMismatch, {"rows 0 to 9 are used twice", "'a'", "'b'"}, {{"w", stored(1, {9, 4})}},
                 [](Loader& loader) {
                   loader.linear("a", Group::kWqkv, 4, 9, "w");
                   loader.linear("b", Group::kWqkv, 4, 9, "w");
                 });
}

TEST(LedgerRefuses, ACopyThatIsNone) {
  const auto declare = [](Loader& loader) {
    loader.table("embed", Group::kEmbedding, 6, 4, "embed");
    loader.stored_copy("head", "embed");
  };
  HostTensor other = stored(1, {6, 4});
  other = HostTensor::from(other.values(), {6, 4});
  expect_refused(Category::kMismatch, {"'head'", "copy of 'embed'", "BF16 [6, 4] expected, found F32 [6, 4]"},
                 {{"embed", stored(1, {6, 4})}, {"head", other}}, declare);
  HostTensor changed = stored(1, {6, 4});
  changed.view().data[17] ^= std::byte{1};
  expect_refused(Category::kMismatch, {"'head'", "byte 17 differs"}, {{"embed", stored(1, {6, 4})}, {"head", changed}},
                 declare);
}

TEST(LedgerRefuses, DtypesThatNoWeightHas) {
  expect_refused(Category::kUnsupported, {"'n'", "dtype I32"}, {{"n", integers({1, 2}, {2})}},
                 [](Loader& loader) { loader.vector("n", 2, "n"); });
}

TEST(LedgerRefuses, WeightsThatDoNotFit) {
  expect_refused(Category::kResource, {"8192 bytes", "policy 'f32'", "'test' has 33562000 bytes"},
                 {{"w", stored(1, {32, 64})}}, [](Loader& loader) { loader.linear("w", Group::kFf2, 64, 32, "w"); },
                 {.available = 33562000});  // 32 MiB stay free
}

TEST(Loader, ADeviceThatDoesNotComputeReadsNoSources) {
  TestDevice device({.computes = false});
  const io::Checkpoint checkpoint(write_checkpoint({{"w", stored(1, {32, 64})}}));
  Session session(device, Policy());
  const auto cache = firstlight::testing::scratch_dir("cache");
  Loader loader(session, checkpoint, {.cache_dir = cache, .waivers = {}});
  const Weight w = loader.linear("w", Group::kFf2, 64, 32, "w");
  const Ledger ledger = loader.finish();
  EXPECT_EQ(w.tensor().shape(), Shape({64, 32}));
  EXPECT_EQ(ledger.lines.at(0).hash, "");
  EXPECT_TRUE(std::filesystem::is_empty(cache));
}

}  // namespace
}  // namespace firstlight::run
