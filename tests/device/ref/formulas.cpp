// The reference against hand values and against formulas written another way, in long double.
#include <gtest/gtest.h>

#include <cmath>
#include <complex>

#include "device/ref/run.h"
#include "firstlight/base/rng.h"
#include "firstlight/op/all.h"

namespace firstlight::device {
namespace {

using op::Op;
using Real = long double;

HostTensor random(const Shape& shape, std::uint64_t stream) {
  HostTensor tensor(Format::f32, shape);
  Rng rng(1, stream);
  for (float& value : tensor.f32()) value = rng.normal();
  return tensor;
}

// Storing in f32 is the only rounding that shows: half an ulp, and a little for double.
void expect_close(float got, Real want) {
  EXPECT_NEAR(got, static_cast<double>(want), 6.1e-8 * std::abs(static_cast<double>(want)) + 1e-14);
}

TEST(Formulas, LinearByHand) {
  const HostTensor x = HostTensor::from(std::vector<float>{1, 2, -3, 0.5F, 0, 4}, {2, 3});
  const HostTensor w = HostTensor::from(std::vector<float>{1, 2, 3, 4, 5, 6}, {3, 2});
  const HostTensor bias = HostTensor::from(std::vector<float>{10, 20}, {2});
  EXPECT_EQ(run_op(Op::linear, op::Linear{}, {x.view(), packed(w), bias.view()}).values(),
            (std::vector<float>{2, 12, 30.5F, 45}));
  EXPECT_EQ(run_op(Op::linear, op::Linear{}, {x.view(), packed(w)}).values(), (std::vector<float>{-8, -8, 20.5F, 25}));
}

// A sum that float32 would lose: 2^30 + 1 - 2^30.
TEST(Formulas, LinearSumsInDouble) {
  const HostTensor x = HostTensor::from(std::vector<float>{0x1p30F, 1, -0x1p30F}, {1, 3});
  const HostTensor w = HostTensor::from(std::vector<float>{1, 1, 1}, {3, 1});
  EXPECT_EQ(run_op(Op::linear, op::Linear{}, {x.view(), packed(w)}).values(), std::vector<float>{1});
}

TEST(Formulas, LinearOfPanels) {
  const HostTensor x = random({35, 70}, 1);
  const HostTensor w = random({70, 290}, 2);
  const std::vector<float> got = run_op(Op::linear, op::Linear{}, {x.view(), packed(w)}).values();
  for (std::size_t i = 0; i < got.size(); ++i) {
    Real sum = 0;
    for (std::size_t k = 70; k-- > 0;) sum += static_cast<Real>(x.f32()[i / 290 * 70 + k]) * w.f32()[k * 290 + i % 290];
    EXPECT_NEAR(got[i], static_cast<double>(sum), 1e-6 * std::abs(static_cast<double>(sum)) + 1e-12);
  }
}

// Weights in every format stand for their rounded values along N.
TEST(Formulas, LinearDecodesItsWeight) {
  const HostTensor x = random({3, 20}, 1);
  const HostTensor w = random({20, 45}, 2);
  for (const Format format : {Format::f16, Format::bf16, Format::bfp8, Format::bfp4, Format::bfp2}) {
    HostTensor stored(format, {20, 45});
    copy_from_f32(w.f32().data(), stored.view());
    const HostTensor widened = HostTensor::from(stored.values(), {20, 45});
    EXPECT_EQ(run_op(Op::linear, op::Linear{}, {x.view(), packed(stored)}).values(),
              run_op(Op::linear, op::Linear{}, {x.view(), packed(widened)}).values());
  }
}

TEST(Formulas, MatmulIsLinearPerBatch) {
  const HostTensor a = random({4, 5, 18}, 1);
  const HostTensor b = random({2, 18, 33}, 2);
  const std::vector<float> got = run_op(Op::matmul, op::Matmul{}, {a.view(), b.view()}).values();
  for (std::int64_t batch = 0; batch < 4; ++batch) {
    HostTensor weight(Format::f32, {18, 33});
    copy_to_f32(slice_first(b.view(), batch / 2, batch / 2 + 1), weight.f32().data());
    const View x = reshape(slice_first(a.view(), batch, batch + 1), {5, 18});
    const std::vector<float> want = run_op(Op::linear, op::Linear{}, {x, packed(weight)}).values();
    EXPECT_TRUE(std::equal(want.begin(), want.end(), got.begin() + batch * 5 * 33));
  }
}

TEST(Formulas, MatmulTransposed) {
  const HostTensor a = random({2, 3, 18}, 1);
  const HostTensor b = random({2, 18, 21}, 2);
  HostTensor turned(Format::f32, {2, 21, 18});
  for (std::size_t i = 0; i < 2 * 18 * 21; ++i)
    turned.f32()[i / (18 * 21) * (18 * 21) + i % 21 * 18 + i / 21 % 18] = b.f32()[i];
  EXPECT_EQ(run_op(Op::matmul, op::Matmul{.transpose_b = true}, {a.view(), turned.view()}).values(),
            run_op(Op::matmul, op::Matmul{}, {a.view(), b.view()}).values());
}

TEST(Formulas, Embedding) {
  const HostTensor table = random({5, 20}, 1);
  HostTensor turned(Format::f32, {20, 5});
  for (std::size_t i = 0; i < 100; ++i) turned.f32()[i % 20 * 5 + i / 20] = table.f32()[i];
  const HostTensor ids = HostTensor::from(std::vector<std::int32_t>{4, 0, 4}, {3});
  const std::vector<float> got = run_op(Op::embedding, op::Embedding{}, {packed(table), ids.view()}).values();
  for (std::size_t i = 0; i < 60; ++i) EXPECT_EQ(got[i], table.f32()[(i / 20 == 1 ? 0 : 80) + i % 20]);
  EXPECT_EQ(run_op(Op::embedding, op::Embedding{.tied = true}, {packed(turned), ids.view()}).values(), got);
}

// A tied table in a block format: the column of the stored [H, V] weight, blocks along V.
TEST(Formulas, TiedEmbeddingReadsTheStoredColumn) {
  const HostTensor weight = random({12, 40}, 1);
  for (const Format format : {Format::bfp8, Format::bfp4, Format::bfp2}) {
    HostTensor stored(format, {12, 40});
    copy_from_f32(weight.f32().data(), stored.view());
    const std::vector<std::int32_t> columns{0, 17, 39};
    const HostTensor ids = HostTensor::from(columns, {3});
    const std::vector<float> got =
        run_op(Op::embedding, op::Embedding{.tied = true}, {packed(stored), ids.view()}).values();
    const std::vector<float> values = stored.values();
    for (std::size_t i = 0; i < 36; ++i)
      EXPECT_EQ(got[i], values[i % 12 * 40 + static_cast<std::size_t>(columns[i / 12])]);
  }
}

TEST(Formulas, UnaryByHand) {
  using Kind = op::UnaryKind;
  EXPECT_NEAR(op::evaluate(Kind::kSilu, 1), 0.731058578630005, 1e-14);
  EXPECT_NEAR(op::evaluate(Kind::kSigmoid, -2), 0.119202922022118, 1e-14);
  EXPECT_NEAR(op::evaluate(Kind::kGelu, 1), 0.841344746068543, 1e-14);      // Phi(1)
  EXPECT_NEAR(op::evaluate(Kind::kGelu, -3), -0.00404969409489031, 1e-16);  // -3 Phi(-3)
  EXPECT_NEAR(op::evaluate(Kind::kGeluTanh, 1), 0.841191990608306, 1e-12);
  EXPECT_NEAR(op::evaluate(Kind::kQuickGelu, 1), 0.845795765932821, 1e-12);
  EXPECT_EQ(op::evaluate(Kind::kRelu, -2), 0);
  EXPECT_EQ(op::evaluate(Kind::kRelu, 2), 2);
  EXPECT_NEAR(op::evaluate(Kind::kTanh, 0.5), 0.46211715726001, 1e-14);
  EXPECT_NEAR(op::evaluate(Kind::kExp, 1), 2.718281828459045, 1e-14);
  EXPECT_EQ(op::evaluate(Kind::kSquare, -3), 9);
  EXPECT_EQ(op::evaluate(Kind::kRsqrt, 4), 0.5);
  const HostTensor x = random({3, 7}, 1);
  const HostTensor up = random({3, 7}, 2);
  const std::vector<float> silu = run_op(Op::unary, op::Unary{Kind::kSilu}, {x.view()}).values();
  const std::vector<float> gated = run_op(Op::gated, op::Gated{Kind::kSilu}, {x.view(), up.view()}).values();
  for (std::size_t i = 0; i < 21; ++i) {
    const Real half = static_cast<Real>(x.f32()[i]) / 2;
    const Real want = half + half * std::tanh(half);  // x sigmoid(x) by tanh
    expect_close(silu[i], want);
    expect_close(gated[i], want * up.f32()[i]);
  }
}

TEST(Formulas, BinaryAndAffine) {
  const HostTensor a = HostTensor::from(std::vector<float>{1, 2, 3, 4, 5, 6}, {2, 3});
  const HostTensor row = HostTensor::from(std::vector<float>{10, 20, 30}, {3});
  const HostTensor column = HostTensor::from(std::vector<float>{2, -1}, {2, 1});
  const auto binary = [&](op::BinaryKind kind, const HostTensor& b) {
    return run_op(Op::binary, op::Binary{kind}, {a.view(), b.view()}).values();
  };
  EXPECT_EQ(binary(op::BinaryKind::kAdd, row), (std::vector<float>{11, 22, 33, 14, 25, 36}));
  EXPECT_EQ(binary(op::BinaryKind::kSubtract, row), (std::vector<float>{-9, -18, -27, -6, -15, -24}));
  EXPECT_EQ(binary(op::BinaryKind::kMultiply, column), (std::vector<float>{2, 4, 6, -4, -5, -6}));
  EXPECT_EQ(run_op(Op::affine, op::Affine{2, 1}, {a.view()}).values(), (std::vector<float>{3, 5, 7, 9, 11, 13}));
}

TEST(Formulas, Reduce) {
  const HostTensor x = HostTensor::from(std::vector<float>{1, -2, 7, -1, -5, -3}, {2, 3});
  const auto reduce = [&](op::ReduceKind kind) { return run_op(Op::reduce, op::Reduce{kind}, {x.view()}).values(); };
  EXPECT_EQ(reduce(op::ReduceKind::kSum), (std::vector<float>{6, -9}));
  EXPECT_EQ(reduce(op::ReduceKind::kMean), (std::vector<float>{2, -3}));
  EXPECT_EQ(reduce(op::ReduceKind::kMax), (std::vector<float>{7, -1}));
  const HostTensor none(Format::f32, {2, 0});
  EXPECT_EQ(run_op(Op::reduce, op::Reduce{}, {none.view()}).values(), (std::vector<float>{0, 0}));
}

TEST(Formulas, Softmax) {
  const HostTensor x = random({4, 50}, 1);
  const std::vector<float> got = run_op(Op::softmax, op::Softmax{3}, {x.view()}).values();
  for (std::size_t r = 0; r < 4; ++r) {
    double sum = 0;
    for (std::size_t i = 0; i < 50; ++i) {
      Real inverse = 0;  // 1 / sum_j exp(s_j - s_i)
      for (std::size_t j = 0; j < 50; ++j)
        inverse += std::exp(3 * (static_cast<Real>(x.f32()[r * 50 + j]) - x.f32()[r * 50 + i]));
      expect_close(got[r * 50 + i], 1 / inverse);
      sum += got[r * 50 + i];
    }
    EXPECT_NEAR(sum, 1, 50 * 3e-8);
  }
}

TEST(Formulas, SoftmaxOfValidColumns) {
  const HostTensor x = HostTensor::from(std::vector<float>{5, 1, 1, 9, 5, 1, 1, 9, 5, 1, 1, 9}, {3, 4});
  const HostTensor valid = HostTensor::from(std::vector<std::int32_t>{1, 3, 2, 2, 3, 9}, {3, 2});
  EXPECT_EQ(run_op(Op::softmax, op::Softmax{}, {x.view(), valid.view()}).values(),
            (std::vector<float>{0, 0.5F, 0.5F, 0, 0, 0, 0, 0, 0, 0, 0, 1}));
}

TEST(Formulas, RmsNorm) {
  const HostTensor x = random({3, 40}, 1);
  const HostTensor weight = random({40}, 2);
  const std::vector<float> got = run_op(Op::rms_norm, op::RmsNorm{1e-3F, 1}, {x.view(), weight.view()}).values();
  for (std::size_t r = 0; r < 3; ++r) {
    Real length2 = 0;
    for (std::size_t i = 0; i < 40; ++i) length2 += std::pow(static_cast<Real>(x.f32()[r * 40 + i]), 2);
    for (std::size_t i = 0; i < 40; ++i)
      expect_close(got[r * 40 + i], x.f32()[r * 40 + i] * std::sqrt(40 / (length2 + 40 * static_cast<Real>(1e-3F))) *
                                        (1 + static_cast<Real>(weight.f32()[i])));
  }
}

TEST(Formulas, LayerNorm) {
  const HostTensor x = random({3, 40}, 1);
  const HostTensor weight = random({40}, 2);
  const HostTensor bias = random({40}, 3);
  const std::vector<float> got =
      run_op(Op::layer_norm, op::LayerNorm{1e-3F}, {x.view(), weight.view(), bias.view()}).values();
  const std::vector<float> plain = run_op(Op::layer_norm, op::LayerNorm{1e-3F}, {x.view(), weight.view()}).values();
  for (std::size_t r = 0; r < 3; ++r) {
    Real sum = 0;
    Real squares = 0;
    for (std::size_t i = 0; i < 40; ++i) {
      const Real value = x.f32()[r * 40 + i];
      sum += value;
      squares += value * value;
    }
    const Real variance = (squares - sum * sum / 40) / 40;
    for (std::size_t i = 0; i < 40; ++i) {
      const Real scaled =
          (x.f32()[r * 40 + i] - sum / 40) / std::sqrt(variance + static_cast<Real>(1e-3F)) * weight.f32()[i];
      expect_close(plain[r * 40 + i], scaled);
      EXPECT_NEAR(got[r * 40 + i], static_cast<double>(scaled + bias.f32()[i]), 3e-7);
    }
  }
}

// A pair as a complex number, turned by exp(i angle).
TEST(Formulas, RopeTurnsPairs) {
  constexpr std::int64_t kPairs = 6;
  const HostTensor x = random({4, 2, 16}, 1);
  HostTensor cosines(Format::f32, {9, kPairs});
  HostTensor sines(Format::f32, {9, kPairs});
  for (std::size_t i = 0; i < 54; ++i) {
    cosines.f32()[i] = static_cast<float>(std::cos(0.1 * static_cast<double>(i)));
    sines.f32()[i] = static_cast<float>(std::sin(0.1 * static_cast<double>(i)));
  }
  const std::vector<std::int32_t> positions{8, 0, 3, 3};
  const HostTensor at = HostTensor::from(positions, {4});
  for (const op::RopePairing pairing : {op::RopePairing::kHalfSplit, op::RopePairing::kInterleaved}) {
    const bool interleaved = pairing == op::RopePairing::kInterleaved;
    const std::vector<float> got =
        run_op(Op::rope, op::Rope{2 * kPairs, pairing}, {x.view(), cosines.view(), sines.view(), at.view()}).values();
    for (std::size_t row = 0; row < 8; ++row) {
      const float* in = x.f32().data() + row * 16;
      const float* out = got.data() + row * 16;
      for (std::size_t p = 0; p < kPairs; ++p) {
        const std::size_t i = interleaved ? 2 * p : p;
        const std::size_t j = interleaved ? 2 * p + 1 : p + kPairs;
        const std::size_t entry = static_cast<std::size_t>(positions[row / 2]) * kPairs + p;
        const std::complex<Real> turned =
            std::complex<Real>(in[i], in[j]) * std::complex<Real>(cosines.f32()[entry], sines.f32()[entry]);
        EXPECT_NEAR(out[i], static_cast<double>(turned.real()), 2e-7);
        EXPECT_NEAR(out[j], static_cast<double>(turned.imag()), 2e-7);
        EXPECT_NEAR(std::hypot(out[i], out[j]), std::hypot(in[i], in[j]), 5e-7);  // a rotation keeps lengths
      }
      for (std::size_t i = 2 * kPairs; i < 16; ++i) EXPECT_EQ(out[i], in[i]);
    }
  }
}

TEST(Formulas, Moves) {
  const HostTensor a = HostTensor::from(std::vector<float>{1, 2, 3, 4}, {2, 2});
  const HostTensor b = HostTensor::from(std::vector<float>{5, 6}, {2, 1});
  EXPECT_EQ(run_op(Op::concat, op::Concat{}, {a.view(), b.view()}).values(), (std::vector<float>{1, 2, 5, 3, 4, 6}));
  const HostTensor index = HostTensor::from(std::vector<std::int32_t>{1, 1, 0}, {3});
  EXPECT_EQ(run_op(Op::gather_rows, op::GatherRows{}, {a.view(), index.view()}).values(),
            (std::vector<float>{3, 4, 3, 4, 1, 2}));
  const View column = slice_last(a.view(), 1, 2);
  EXPECT_EQ(run_op(Op::copy, op::Copy{}, {column}).values(), (std::vector<float>{2, 4}));
  const HostTensor fine = HostTensor::from(std::vector<float>{1 + 0x1p-9F, -(1 + 3 * 0x1p-8F)}, {2});
  EXPECT_EQ(run_op(Op::copy, op::Copy{}, {fine.view()}, Format::bf16).values(),
            (std::vector<float>{1, -(1 + 2 * 0x1p-7F)}));
}

}  // namespace
}  // namespace firstlight::device
