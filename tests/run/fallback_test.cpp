// Composite ops made of primitives, held against the reference device's own kernels.
//
// Both round every stored f32 to nearest (u = 2^-24 of the value) and sum in double, so the difference is the number of
// roundings on the way: the reference rounds once, a fallback once an intermediate. Each tolerance below counts them.
#include <gmock/gmock.h>

#include <cmath>
#include <numeric>

#include "firstlight/op/all.h"
#include "run/run_testing.h"
#include "run/test_device.h"
#include "testing/testing.h"

namespace firstlight::run {
namespace {

using firstlight::testing::activations;
using firstlight::testing::expect_error;
using firstlight::testing::integers;
using firstlight::testing::is_primitive;
using firstlight::testing::random_tensor;
using firstlight::testing::random_values;
using firstlight::testing::rounded;
using firstlight::testing::TestDevice;
using op::Op;

constexpr double kU = 0x1p-24;

// The same call on the whole reference device and on one with primitives only.
class Fallback : public ::testing::Test {
 protected:
  template <typename Args>
  void run(Op op, const Args& args, const std::vector<HostTensor>& in) {
    const auto on = [&](Session& session) {
      std::vector<Tensor> operands;
      for (const HostTensor& tensor : in) operands.push_back(session.upload(tensor));
      return session.download(session.call(op, args, operands, "x", Format::f32)).values();
    };
    Session whole(whole_, Policy());
    Session primitive(primitive_, Policy());
    expected = on(whole);
    found = on(primitive);
    EXPECT_TRUE(whole.counters().fallbacks.empty());
    EXPECT_EQ(primitive.counters().fallbacks.at(std::string(op::row(op).name)), 1);
    EXPECT_EQ(primitive.counters().fallbacks.size(), 1u);
  }
  // bound(i): the largest difference of element i.
  template <typename Bound>
  void expect_close(const Bound& bound) const {
    ASSERT_EQ(found.size(), expected.size());
    bool differs = false;
    for (std::size_t i = 0; i < found.size(); ++i) {
      ASSERT_TRUE(std::isfinite(found[i]));
      ASSERT_LE(std::abs(double{found[i]} - double{expected[i]}), bound(i))
          << i << ": " << found[i] << " for " << expected[i];
      differs = differs || expected[i] != 0;
    }
    EXPECT_TRUE(differs || found.empty());
  }

  TestDevice whole_;
  TestDevice primitive_{{.has = is_primitive}};
  std::vector<float> expected;
  std::vector<float> found;
};

TEST_F(Fallback, RmsNorm) {
  for (const float offset : {0.0F, 1.0F}) {
    const HostTensor weight = random_tensor(2, {37});
    run(Op::rms_norm, op::RmsNorm{1e-6F, offset}, {random_tensor(1, {3, 5, 37}), weight});
    // square, mean, + eps: 3, halved by the root; root, scale, weight, (offset,) and the reference's own: at most 6.5.
    // The offset's rounding is relative to weight + offset, which the product has as a factor.
    expect_close([&](std::size_t i) { return 7 * kU * std::abs(expected[i]); });
  }
}

TEST_F(Fallback, LayerNorm) {
  const HostTensor x = random_tensor(1, {4, 50});
  const HostTensor weight = random_tensor(2, {50});
  const HostTensor bias = random_tensor(3, {50});
  for (const bool biased : {true, false}) {
    std::vector<HostTensor> in{x, weight};
    if (biased) in.push_back(bias);
    run(Op::layer_norm, op::LayerNorm{1e-5F}, in);
    expect_close([&](std::size_t i) {
      const std::size_t row = i / 50;
      const std::vector<float> values(x.f32().begin() + static_cast<std::ptrdiff_t>(row * 50),
                                      x.f32().begin() + static_cast<std::ptrdiff_t>(row * 50 + 50));
      double mean = 0;
      double largest = 0;
      for (const float v : values) mean += v / 50.0;
      double variance = 0;
      for (const float v : values) {
        variance += (v - mean) * (v - mean) / 50;
        largest = std::max(largest, std::abs(v - mean));
      }
      // x - mean is off by the mean's rounding and its own; a shift of all elements changes the root by as much again,
      // relative to sigma.
      const double shift = kU * (std::abs(mean) + largest);
      const double scaled = largest / std::sqrt(variance);
      const double error = shift / std::sqrt(variance) * (1 + scaled) + 7 * kU * scaled;
      return std::abs(weight.f32()[i % 50]) * error +
             kU * (std::abs(biased ? bias.f32()[i % 50] : 0.0F) + 2 * std::abs(expected[i]));
    });
  }
}

TEST_F(Fallback, Gated) {
  for (const op::UnaryKind kind : {op::UnaryKind::kSilu, op::UnaryKind::kGelu, op::UnaryKind::kRelu}) {
    run(Op::gated, op::Gated{kind}, {random_tensor(1, {3, 33}), random_tensor(2, {3, 33})});
    expect_close(
        [&](std::size_t i) { return 3 * kU * std::abs(expected[i]); });  // activation, product, the reference's
  }
}

TEST_F(Fallback, Rope) {
  const std::int64_t size = 12;
  for (const op::RopePairing pairing : {op::RopePairing::kHalfSplit, op::RopePairing::kInterleaved}) {
    for (const int rotary : {12, 8, 2, 0}) {
      const HostTensor x = random_tensor(1, {5, 3, size});
      std::vector<float> cos;
      std::vector<float> sin;
      for (int i = 0; i < 9 * rotary / 2; ++i) {
        cos.push_back(std::cos(0.37F * static_cast<float>(i)));
        sin.push_back(std::sin(0.37F * static_cast<float>(i)));
      }
      run(Op::rope, op::Rope{rotary, pairing},
          {x, HostTensor::from(cos, {9, rotary / 2}), HostTensor::from(sin, {9, rotary / 2}),
           integers({8, 0, 3, 3, 7}, {5})});
      // Two products and their sum, and the reference's rounding, of elements no larger than the largest.
      double largest = 0;
      for (const float v : x.values()) largest = std::max(largest, std::abs(double{v}));
      expect_close([&](std::size_t) { return 2 * largest * 4 * kU; });
    }
  }
}

TEST_F(Fallback, RopeTakesStridedAndBlockedRows) {
  Session session(primitive_, Policy());
  const HostTensor wide = random_tensor(1, {4, 40});
  const HostTensor cos = HostTensor::from(std::vector<float>{1, 0, 0.5F, 0.25F}, {1, 4});
  const Tensor positions = session.upload(integers({0, 0, 0, 0}, {4}));
  const Tensor tables = session.upload(cos);
  const std::vector<float> values = wide.values();
  std::vector<float> part;
  for (int r = 0; r < 4; ++r) part.insert(part.end(), values.begin() + r * 40 + 8, values.begin() + r * 40 + 24);
  const auto rotated = [&](const Tensor& x) {
    return session.download(rope(session, "x", x, tables, tables, positions, 8)).values();
  };
  const std::vector<float> whole = rotated(session.upload(HostTensor::from(part, {4, 2, 8})));
  EXPECT_EQ(rotated(session.upload(wide).columns(8, 24).reshaped({4, 2, 8})), whole);
  const std::vector<float> coarse = rounded(part, Format::bfp8, 8);
  HostTensor blocked(Format::bfp8, {4, 2, 8});
  copy_from_f32(part.data(), blocked.view());
  EXPECT_EQ(rotated(session.upload(blocked)), rotated(session.upload(HostTensor::from(coarse, {4, 2, 8}))));
}

struct AttentionCase {
  const char* name;
  std::int64_t q_heads, kv_heads, size, value_size;
  std::int64_t window;
  float softcap;
  std::vector<std::int32_t> sequences, positions;
};

TEST_F(Fallback, Attention) {
  const std::vector<AttentionCase> cases = {
      {"one row", 4, 4, 8, 8, 0, 0, {0}, {5}},
      {"prefill with groups", 6, 2, 16, 8, 0, 0, {1, 1, 1, 1, 1}, {0, 1, 2, 3, 4}},
      {"mixed batch, one KV head", 3, 1, 8, 24, 0, 0, {2, 0, 2, 1, 0}, {9, 3, 10, 0, 4}},
      {"window", 2, 2, 8, 8, 3, 0, {0, 0, 1, 1}, {1, 2, 10, 11}},
      {"softcap", 2, 1, 8, 8, 0, 5, {0, 1}, {7, 11}},
  };
  const std::int64_t pages = 9;
  const std::int64_t page_size = 4;
  const HostTensor table = integers({4, 0, 7, 2, 8, 1, 3, 5, 6}, {3, 3});
  for (const AttentionCase& c : cases) {
    SCOPED_TRACE(c.name);
    const auto rows = static_cast<std::int64_t>(c.sequences.size());
    const HostTensor q = random_tensor(1, {rows, c.q_heads, c.size});
    const HostTensor keys = random_tensor(2, {pages, c.kv_heads, page_size, c.size});
    const HostTensor values = random_tensor(3, {pages, c.kv_heads, page_size, c.value_size});
    const op::Attention args{.scale = 0.3F, .window = c.window, .softcap = c.softcap, .max_context = 12, .attended = 1};
    run(Op::attention, args, {q, keys, values, integers(c.sequences, {rows}), integers(c.positions, {rows}), table});
    // Scores are rounded once (softcap: three times more), off by u of the largest; a weight then by e to that, in
    // numerator and denominator; weights, product, reference: 3 more, of values no larger than the largest.
    const auto length = [](const HostTensor& t) {
      double largest = 0;
      const std::int64_t n = t.shape()[-1];
      for (std::int64_t r = 0; r < t.shape().rows(); ++r) {
        double sum = 0;
        for (std::int64_t i = 0; i < n; ++i)
          sum += double{t.f32()[static_cast<std::size_t>(r * n + i)]} * t.f32()[static_cast<std::size_t>(r * n + i)];
        largest = std::max(largest, std::sqrt(sum));
      }
      return largest;
    };
    const double score = 0.3 * length(q) * length(keys);
    double largest = 0;
    for (const float v : values.values()) largest = std::max(largest, std::abs(double{v}));
    expect_close([&](std::size_t) { return (2 * std::expm1(4 * kU * score) + 3 * kU) * largest; });
  }
}

TEST_F(Fallback, AttentionReadsCachesInTheirFormat) {
  TestDevice* const devices[] = {&whole_, &primitive_};
  std::vector<float> results[2];
  for (int i = 0; i < 2; ++i) {
    Session session(*devices[i], activations(Format::bf16));
    const Tensor cache = session.allocate(Format::bfp8, {2, 1, 4, 16});
    const Tensor sequences = session.upload(integers({0, 0, 0}, {3}));
    const Tensor positions = session.upload(integers({0, 1, 2}, {3}));
    const Tensor table = session.upload(integers({1}, {1, 1}));
    cache_append(session, "k", session.upload(random_tensor(1, {3, 1, 16})), cache, sequences, positions, table);
    const Tensor q = session.upload(random_tensor(2, {3, 2, 16}));
    const Tensor out = attention(session, "sdpa", {.scale = 0.25F, .max_context = 3, .attended = 6}, q, cache, cache,
                                 sequences, positions, table);
    EXPECT_EQ(out.format(), Format::bf16);
    results[i] = session.download(out).values();
  }
  // Differences of a few u may turn one rounding to bf16: a step of 2^-7 of the value.
  ASSERT_EQ(results[0].size(), results[1].size());
  for (std::size_t i = 0; i < results[0].size(); ++i)
    EXPECT_NEAR(results[0][i], results[1][i], std::abs(results[0][i]) * 0x1p-7);
}

TEST_F(Fallback, NothingIsAttendedToWithoutRows) {
  Session session(primitive_, Policy());
  const Tensor none = session.upload(integers({}, {0}));
  const Tensor cache = session.allocate(Format::f32, {1, 1, 4, 8});
  const Tensor q = session.upload(HostTensor(Format::f32, {0, 2, 8}));
  const Tensor out = attention(session, "sdpa", {}, q, cache, cache, none, none, session.upload(integers({0}, {1, 1})));
  EXPECT_EQ(out.shape(), Shape({0, 16}));
}

// Kernels that take nothing but contiguous f32: operands are brought into that form, results out of it.
TEST(PlainKernels, TakeAnyOperandThroughCopies) {
  TestDevice poor({.has = is_primitive, .plain_only = true});
  TestDevice whole;
  std::vector<float> results[2];
  TestDevice* const devices[] = {&whole, &poor};
  for (int i = 0; i < 2; ++i) {
    Session session(*devices[i], activations(Format::bf16));
    const Tensor x = session.upload(random_tensor(1, {3, 20}));
    const Tensor y = copy(session, "y", session.upload(random_tensor(2, {3, 10})), Format::bfp8);
    const Tensor z = multiply(session, "z", x.columns(5, 15), y);
    EXPECT_EQ(z.format(), Format::bf16);
    const Tensor cache = session.allocate(Format::f32, {1, 1, 4, 10});
    const Tensor zero = session.upload(integers({0, 0, 0}, {3}));
    const Tensor positions = session.upload(integers({0, 1, 2}, {3}));
    const Tensor table = session.upload(integers({0}, {1, 1}));
    cache_append(session, "k", z.reshaped({3, 1, 10}), cache, zero, positions, table);
    results[i] = session.download(cache).values();
    if (i == 1) {
      EXPECT_EQ(session.counters().fallbacks.at("binary"), 1);
      EXPECT_EQ(session.counters().fallbacks.at("cache_append"), 1);
    }
  }
  EXPECT_EQ(results[0], results[1]);
}

TEST(PlainKernels, UnsupportedOperandsAreNamed) {
  TestDevice device({.has = [](Op op) { return op != Op::copy; }, .plain_only = true});
  Session session(device, activations(Format::bf16));
  const Tensor x = session.upload(random_tensor(1, {3, 20}));
  const Error error = expect_error([&] { add(session, "layers.0", x.columns(0, 4), x.columns(4, 8)); });
  EXPECT_EQ(error.category(), Category::kUnsupported);
  EXPECT_THAT(error.what(), ::testing::AllOf(::testing::HasSubstr("layers.0"), ::testing::HasSubstr("'copy'")));
}

}  // namespace
}  // namespace firstlight::run
