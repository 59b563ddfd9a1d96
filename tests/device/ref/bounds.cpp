// The bounds hold for honest float32 arithmetic in an unlucky order, and are exceeded by the errors that bugs make.
#include "firstlight/device/ref/bounds.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "device/parity/cases.h"
#include "device/parity/runner.h"
#include "device/ref/run.h"
#include "firstlight/op/all.h"

namespace firstlight::parity {
namespace {

using op::Op;

// Values of the operands of a prepared case.
std::vector<float> operand(const HostCase& host, std::size_t i) {
  std::vector<float> values(static_cast<std::size_t>(host.in[i].view.shape.elements()));
  copy_to_f32(host.in[i].view, values.data());
  return values;
}

Outcome as_outcome(const Expected& expected, std::vector<float> values) {
  return {"", expected.shape, Format::f32, {}, std::move(values)};
}

HostCase linear_case() {
  return prepare(make_case("bounds", Op::linear, op::Linear{},
                           {activation({6, 300}), linear_weight(300, 40, Format::f32), vector_weight(40)}));
}

std::vector<float> linear_in_float(const HostCase& host, bool backwards) {
  const std::vector<float> x = operand(host, 0);
  const std::vector<float> w = operand(host, 1);
  const std::vector<float> bias = operand(host, 2);
  std::vector<float> result(6 * 40);
  for (std::size_t i = 0; i < result.size(); ++i) {
    float sum = backwards ? 0.0F : bias[i % 40];
    for (std::size_t k = 0; k < 300; ++k) {
      const std::size_t at = backwards ? 299 - k : k;
      sum += x[i / 40 * 300 + at] * w[at * 40 + i % 40];
    }
    result[i] = backwards ? sum + bias[i % 40] : sum;
  }
  return result;
}

TEST(Bounds, HoldForFloatSumsInAnyOrder) {
  const HostCase host = linear_case();
  const Expected want = expected(host);
  for (const bool backwards : {false, true})
    EXPECT_EQ(compare(want, as_outcome(want, linear_in_float(host, backwards))), "");
}

// The softmax of a running maximum, float throughout.
TEST(Bounds, HoldForOnlineSoftmax) {
  const HostCase host = prepare(make_case("online", Op::softmax, op::Softmax{8}, {activation({5, 400})}));
  const Expected want = expected(host);
  const std::vector<float> x = operand(host, 0);
  std::vector<float> got(x.size());
  for (std::size_t r = 0; r < 5; ++r) {
    float largest = -INFINITY;
    float sum = 0;
    for (std::size_t i = 0; i < 400; ++i) {
      const float score = x[r * 400 + i] * 8;
      const float raised = std::max(largest, score);
      sum = sum * std::exp(largest - raised) + std::exp(score - raised);
      largest = raised;
    }
    for (std::size_t i = 0; i < 400; ++i) got[r * 400 + i] = std::exp(x[r * 400 + i] * 8 - largest) / sum;
  }
  EXPECT_EQ(compare(want, as_outcome(want, got)), "");
}

// How many elements, moved by a relative 1e-3 one at a time, are caught.
double caught(const Expected& want) {
  std::size_t beyond = 0;
  for (std::size_t i = 0; i < want.values.size(); ++i)
    if (std::abs(want.values[i]) * 1e-3 > want.bound[i]) ++beyond;
  return static_cast<double>(beyond) / static_cast<double>(want.values.size());
}

TEST(Bounds, CatchARelativeErrorOfAThousandth) {
  const auto check = [](const HostCase& host, double share) {
    EXPECT_GE(caught(expected(host)), share) << op::row(host.description.op).name;
  };
  check(linear_case(), 0.85);  // a sum of 300 that cancels to a tenth of its usual size may hide it
  check(prepare(make_case("b", Op::matmul, op::Matmul{}, {activation({2, 9, 64}), activation({2, 64, 50})})), 0.95);
  check(prepare(make_case("b", Op::rms_norm, op::RmsNorm{}, {activation({5, 256}), vector_weight(256)})), 1);
  check(prepare(make_case("b", Op::layer_norm, op::LayerNorm{},
                          {activation({5, 256}), vector_weight(256), vector_weight(256)})),
        0.95);
  check(prepare(make_case("b", Op::softmax, op::Softmax{}, {activation({5, 256})})), 1);
  check(prepare(make_case("b", Op::gated, op::Gated{}, {activation({5, 256}), activation({5, 256})})), 1);
  for (const op::UnaryKind kind :
       {op::UnaryKind::kSilu, op::UnaryKind::kGelu, op::UnaryKind::kGeluTanh, op::UnaryKind::kSigmoid})
    check(prepare(make_case("b", Op::unary, op::Unary{kind}, {activation({5, 256})})), 0.98);
  check(prepare(make_case("b", Op::affine, op::Affine{2, 1}, {activation({5, 256})})), 0.98);
  check(prepare(make_case("b", Op::reduce, op::Reduce{}, {activation({50, 64})})), 0.9);
  PagedCase paged{.heads = 4, .kv_heads = 2, .head_dim = 64, .value_dim = 64};
  for (std::int32_t r = 0; r < 8; ++r) paged.rows.push_back({r % 2, 9 * r + 20});
  check(prepare(attention_case("b", paged, 1)), 0.85);
}

TEST(Bounds, CatchSwappedNeighbours) {
  const HostCase host = linear_case();
  const Expected want = expected(host);
  for (std::size_t i = 0; i + 1 < want.values.size(); ++i) {
    std::vector<float> swapped = want.values;
    std::swap(swapped[i], swapped[i + 1]);
    EXPECT_NE(compare(want, as_outcome(want, swapped)), "") << i;
  }
}

// A rope whose sine has the wrong sign, an attention that looks one position too far: what the runner is for.
TEST(Bounds, CatchWrongFormulas) {
  Operand cosine = activation({4, 4});
  cosine.values.assign(16, 0.8F);
  Operand sine = activation({4, 4});
  sine.values.assign(16, 0.6F);
  const std::vector<Operand> in{activation({3, 2, 8}), cosine, sine, index({3}, {0, 1, 2})};
  const Expected want = expected(prepare(make_case("rope", Op::rope, op::Rope{8}, in)));
  std::vector<Operand> wrong = in;
  wrong[2].values.assign(16, -0.6F);
  EXPECT_NE(compare(want, as_outcome(want, expected(prepare(make_case("rope", Op::rope, op::Rope{8}, wrong))).values)),
            "");

  PagedCase paged{.rows = {{0, 30}, {1, 12}}, .window = 8};
  const Expected windowed = expected(prepare(attention_case("window", paged, 1)));
  paged.window = 9;
  const Expected wider = expected(prepare(attention_case("window", paged, 1)));
  EXPECT_NE(compare(windowed, as_outcome(windowed, wider.values)), "");
}

TEST(Bounds, MovesAreExact) {
  const Expected want = expected(prepare(make_case("copy", Op::copy, op::Copy{}, {activation({3, 40})})));
  EXPECT_TRUE(std::ranges::all_of(want.bound, [](double bound) { return bound == 0; }));
  std::vector<float> moved = want.values;
  moved[7] = std::nextafter(moved[7], 10.0F);
  EXPECT_NE(compare(want, as_outcome(want, moved)), "");
}

TEST(Bounds, NanIsNamedFirst) {
  const Expected want = expected(prepare(make_case("copy", Op::copy, op::Copy{}, {activation({3, 40})})));
  std::vector<float> broken = want.values;
  broken[3] = NAN;
  broken[0] += 1;
  EXPECT_NE(compare(want, as_outcome(want, broken)).find("nan"), std::string::npos);
}

// Storing in bf16 adds half an ulp of the result, no more.
TEST(Bounds, CountTheStoredFormat) {
  Case item = make_case("stored", Op::affine, op::Affine{1, 0}, {activation({4, 64})}, Format::bf16);
  const Expected want = expected(prepare(item));
  for (std::size_t i = 0; i < want.values.size(); ++i) {
    EXPECT_GE(want.bound[i], 0);
    EXPECT_LE(want.bound[i], std::abs(want.values[i]) * 0x1p-8 * 1.01);
  }
}

}  // namespace
}  // namespace firstlight::parity
