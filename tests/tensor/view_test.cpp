// Views: strides, slices, reshapes, and host copies of every format through them.
#include "firstlight/tensor/view.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <numeric>
#include <vector>

#include "firstlight/base/rng.h"
#include "testing/testing.h"

namespace firstlight {
namespace {

std::vector<float> counting(std::int64_t n) {
  std::vector<float> x(static_cast<std::size_t>(n));
  std::iota(x.begin(), x.end(), 0.0f);
  return x;
}

std::vector<float> values_of(const View& view) {
  std::vector<float> result(static_cast<std::size_t>(view.shape.elements()));
  copy_to_f32(view, result.data());
  return result;
}

void expect_refused(const std::function<void()>& body) {
  EXPECT_EQ(testing::expect_error(body).category(), Category::kInternal);
}

TEST(View, IsContiguousWhenMade) {
  std::vector<float> x = counting(24);
  const View view = make_view(x.data(), Format::f32, {2, 3, 4});
  EXPECT_TRUE(view.contiguous());
  EXPECT_EQ(view.strides[0], 12);
  EXPECT_EQ(view.strides[1], 4);
  EXPECT_EQ(view.strides[2], 1);
  EXPECT_EQ(view.row_stride_bytes(), 16);
  EXPECT_EQ(view.padded, view.shape);
  EXPECT_EQ(view.as<float>()[5], 5.0f);
  EXPECT_EQ(values_of(view), x);
  EXPECT_EQ(values_of(make_view(x.data() + 7, Format::f32, {})), std::vector<float>{7});
  EXPECT_TRUE(values_of(make_view(x.data(), Format::f32, {2, 0, 4})).empty());
  EXPECT_TRUE(values_of(make_view(x.data(), Format::f32, {2, 0})).empty());
}

TEST(View, OfABlockFormatStridesWholeRows) {
  std::vector<std::byte> bytes(6 * 2 * 17);
  const View view = make_view(bytes.data(), Format::bfp8, {2, 3, 20});  // rows of 2 blocks
  EXPECT_TRUE(view.contiguous());
  EXPECT_EQ(view.strides[1], 32);
  EXPECT_EQ(view.strides[0], 96);
  EXPECT_EQ(view.row_stride_bytes(), 34);
  EXPECT_EQ(make_view(bytes.data(), Format::bfp8, {20}).row_stride_bytes(), 34);
}

TEST(View, SlicesRowsAndColumns) {
  std::vector<float> x = counting(24);
  const View view = make_view(x.data(), Format::f32, {2, 3, 4});
  const View columns = slice_last(view, 1, 3);
  EXPECT_EQ(columns.shape, Shape({2, 3, 2}));
  EXPECT_FALSE(columns.contiguous());
  EXPECT_EQ(columns.row_stride_bytes(), 16);
  EXPECT_EQ(values_of(columns), (std::vector<float>{1, 2, 5, 6, 9, 10, 13, 14, 17, 18, 21, 22}));
  const View second = slice_first(view, 1, 2);
  EXPECT_EQ(second.shape, Shape({1, 3, 4}));
  EXPECT_TRUE(second.contiguous());
  EXPECT_EQ(values_of(slice_last(second, 3, 4)), (std::vector<float>{15, 19, 23}));
  EXPECT_EQ(values_of(slice_first(make_view(x.data(), Format::f32, {24}), 5, 7)), (std::vector<float>{5, 6}));
  EXPECT_TRUE(values_of(slice_last(view, 2, 2)).empty());
  EXPECT_TRUE(values_of(slice_first(view, 2, 2)).empty());
}

TEST(View, RefusesSlicesOutsideTheShapeOrThroughABlockRow) {
  std::vector<float> x = counting(24);
  const View view = make_view(x.data(), Format::f32, {2, 12});
  expect_refused([&] { slice_last(view, 0, 13); });
  expect_refused([&] { slice_last(view, 5, 4); });
  expect_refused([&] { slice_last(view, -1, 4); });
  expect_refused([&] { slice_first(view, 0, 3); });
  expect_refused([&] { slice_first(make_view(x.data(), Format::f32, {}), 0, 1); });
  const View block = make_view(x.data(), Format::bfp4, {2, 64});
  expect_refused([&] { slice_last(block, 0, 16); });
  expect_refused([&] { slice_first(make_view(x.data(), Format::bfp4, {64}), 0, 16); });
  View tiled = view;
  tiled.layout = Layout::kTiled;
  expect_refused([&] { slice_last(tiled, 0, 4); });
  expect_refused([&] { slice_first(tiled, 0, 1); });
  expect_refused([&] { reshape(tiled, {12, 2}); });
  expect_refused([&] { values_of(tiled); });
}

TEST(View, SlicesRowsOfABlockFormat) {
  Rng rng(1);
  std::vector<float> x(4 * 40);
  for (float& value : x) value = rng.normal();
  std::vector<std::byte> bytes(4 * 3 * 9);
  const View view = make_view(bytes.data(), Format::bfp4, {4, 40});
  copy_from_f32(x.data(), view);
  std::vector<float> expected(2 * 40);
  round_row(Format::bfp4, x.data() + 40, 40, expected.data());
  round_row(Format::bfp4, x.data() + 80, 40, expected.data() + 40);
  EXPECT_EQ(values_of(slice_first(view, 1, 3)), expected);
}

TEST(View, ReshapesWhatIsContiguous) {
  std::vector<float> x = counting(24);
  const View view = make_view(x.data(), Format::f32, {2, 3, 4});
  for (const Shape& shape : {Shape({24}), Shape({6, 4}), Shape({4, 6}), Shape({1, 2, 2, 6, 1}), Shape({24, 1})}) {
    const View again = reshape(view, shape);
    EXPECT_EQ(again.shape, shape);
    EXPECT_TRUE(again.contiguous()) << shape.str();
    EXPECT_EQ(values_of(again), x);
  }
  EXPECT_EQ(values_of(reshape(slice_first(view, 1, 2), {12})), std::vector<float>(x.begin() + 12, x.end()));
  const View scalar = reshape(make_view(x.data() + 3, Format::f32, {1}), {});
  EXPECT_EQ(values_of(scalar), std::vector<float>{3});
  EXPECT_EQ(values_of(reshape(scalar, {1, 1})), std::vector<float>{3});
  expect_refused([&] { reshape(view, {5, 5}); });
}

// A fused projection holds q, k and v of every head side by side: [R, 3 * H * D]. Each is cut out and seen as heads.
TEST(View, CutsHeadsOutOfAFusedProjection) {
  const std::int64_t R = 5, H = 4, D = 6;
  for (const Format format : {Format::f32, Format::bf16, Format::f64}) {
    const std::vector<float> x = [&] {
      std::vector<float> values(static_cast<std::size_t>(R * 3 * H * D));
      for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i % 256);  // exact in bf16
      return values;
    }();
    std::vector<std::byte> bytes(static_cast<std::size_t>(R * row_bytes(format, 3 * H * D)));
    const View fused = make_view(bytes.data(), format, {R, 3 * H * D});
    copy_from_f32(x.data(), fused);
    for (std::int64_t part = 0; part < 3; ++part) {
      const View heads = reshape(slice_last(fused, part * H * D, (part + 1) * H * D), {R, H, D});
      EXPECT_EQ(heads.strides[0], 3 * H * D);
      EXPECT_EQ(heads.strides[1], D);
      std::vector<float> expected;
      for (std::int64_t r = 0; r < R; ++r)
        for (std::int64_t i = 0; i < H * D; ++i)
          expected.push_back(x[static_cast<std::size_t>((r * 3 + part) * H * D + i)]);
      EXPECT_EQ(values_of(heads), expected) << format_name(format) << " part " << part;
      // And back, and through unit axes.
      EXPECT_EQ(values_of(reshape(heads, {R, H * D})), expected);
      EXPECT_EQ(values_of(reshape(heads, {1, R, 1, H, D, 1})), expected);
      EXPECT_EQ(values_of(reshape(reshape(heads, {1, R, 1, H, D, 1}), {R, H * D})), expected);
      EXPECT_EQ(values_of(reshape(heads, {R, 2, H / 2 * D})), expected);
      // Writing through the heads reaches the fused row and nothing beside it.
      std::vector<float> minus(expected.size(), -1.0f);
      copy_from_f32(minus.data(), heads);
      std::vector<float> whole = values_of(fused);
      EXPECT_EQ(std::count(whole.begin(), whole.end(), -1.0f), R * H * D);
      copy_from_f32(expected.data(), heads);
      EXPECT_EQ(values_of(fused), x);
    }
  }
}

TEST(View, RefusesReshapesThatNoStridesDescribe) {
  std::vector<float> x = counting(60);
  const View columns = slice_last(make_view(x.data(), Format::f32, {4, 15}), 0, 6);
  expect_refused([&] { reshape(columns, {24}); });       // rows do not follow each other
  expect_refused([&] { reshape(columns, {3, 8}); });     // a row would end inside another
  expect_refused([&] { reshape(columns, {8, 2, 1}); });  // 16 of 24 elements
  EXPECT_EQ(reshape(columns, {2, 2, 6}).strides[0], 30);
  EXPECT_EQ(reshape(columns, {4, 3, 2}).strides[1], 2);
  // A single column: neighbours of the last axis would be 15 apart.
  const View column = slice_last(make_view(x.data(), Format::f32, {4, 15}), 2, 3);
  expect_refused([&] { reshape(column, {4}); });
  expect_refused([&] { reshape(column, {2, 2}); });
  EXPECT_EQ(values_of(reshape(column, {2, 2, 1})), (std::vector<float>{2, 17, 32, 47}));
  // A unit axis between two axes hides no gap.
  const View gap = slice_last(make_view(x.data(), Format::f32, {4, 1, 15}), 0, 6);
  expect_refused([&] { reshape(gap, {24}); });
  EXPECT_EQ(values_of(reshape(gap, {4, 6})), values_of(columns));
  // An empty view has no gaps.
  EXPECT_EQ(reshape(slice_last(make_view(x.data(), Format::f32, {4, 15}), 3, 3), {0, 7}).shape, Shape({0, 7}));
}

TEST(View, ReshapesABlockFormatOnlyByWholeRows) {
  std::vector<std::byte> bytes(6 * 2 * 17);
  const View view = make_view(bytes.data(), Format::bfp8, {6, 20});
  EXPECT_EQ(reshape(view, {2, 3, 20}).strides[0], 96);
  expect_refused([&] { reshape(view, {12, 10}); });
  expect_refused([&] { reshape(view, {120}); });
  EXPECT_EQ(values_of(reshape(make_view(bytes.data(), Format::bfp8, {1}), {})).size(), 1u);
}

// Every format, contiguous and with gaps between the rows, against the row codec; the gaps stay untouched.
TEST(View, CopiesEveryFormatWithStrides) {
  Rng rng(2);
  for (const FormatRow& info : formats()) {
    for (const std::int64_t cols : {1, 16, 37}) {
      const std::int64_t outer = 3, inner = 2,
                         padded_cols = round_up(cols, info.block_elements) + 2 * info.block_elements;
      std::vector<float> x(static_cast<std::size_t>(outer * inner * cols));
      for (float& value : x) value = 50.0f * rng.normal();
      View view;
      view.format = info.id;
      view.shape = view.padded = {outer, inner, cols};
      view.strides = {padded_cols * inner + info.block_elements, padded_cols, 1};
      const auto offset_bytes = [&](std::int64_t elements) {
        return elements / info.block_elements * info.block_bytes;
      };
      std::vector<std::byte> bytes(static_cast<std::size_t>(offset_bytes(view.strides[0] * outer)), std::byte{0xC3});
      view.data = bytes.data();
      EXPECT_FALSE(view.contiguous());
      copy_from_f32(x.data(), view);
      std::size_t touched = 0;
      std::vector<float> expected(x.size());
      for (std::int64_t o = 0; o < outer; ++o)
        for (std::int64_t i = 0; i < inner; ++i) {
          const float* src = x.data() + (o * inner + i) * cols;
          std::vector<std::byte> one(static_cast<std::size_t>(row_bytes(info.id, cols)));
          info.encode(src, cols, one.data());
          const auto at = bytes.begin() + offset_bytes(o * view.strides[0] + i * view.strides[1]);
          EXPECT_TRUE(std::equal(one.begin(), one.end(), at)) << info.name << " " << cols;
          std::fill(at, at + static_cast<std::ptrdiff_t>(one.size()), std::byte{0xC3});
          touched += one.size();
          round_row(info.id, src, cols, expected.data() + (o * inner + i) * cols);
        }
      EXPECT_TRUE(std::all_of(bytes.begin(), bytes.end(), [](std::byte b) { return b == std::byte{0xC3}; }))
          << info.name << ": a copy wrote between the rows";
      EXPECT_EQ(touched, static_cast<std::size_t>(outer * inner * row_bytes(info.id, cols)));
      copy_from_f32(x.data(), view);
      EXPECT_EQ(values_of(view), expected) << info.name << " " << cols;
    }
  }
}

}  // namespace
}  // namespace firstlight
