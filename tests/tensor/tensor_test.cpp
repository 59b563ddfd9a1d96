// HostTensor: aligned, zero-filled, shared between copies.
#include "firstlight/tensor/tensor.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <vector>

#include "testing/testing.h"

namespace firstlight {
namespace {

TEST(HostTensor, StartsAlignedAndZero) {
  for (const FormatRow& info : formats()) {
    const HostTensor tensor(info.id, {3, 21});
    EXPECT_FALSE(tensor.empty());
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(tensor.view().data) % 64, 0u);
    EXPECT_EQ(tensor.size_bytes(), static_cast<std::size_t>(3 * row_bytes(info.id, 21)));
    EXPECT_EQ(tensor.values(), std::vector<float>(63, 0.0f)) << info.name;
    EXPECT_TRUE(tensor.view().contiguous());
    EXPECT_EQ(tensor.format(), info.id);
    EXPECT_EQ(tensor.shape(), Shape({3, 21}));
  }
}

TEST(HostTensor, SharesItsBytesWithCopies) {
  HostTensor tensor = HostTensor::from(std::vector<float>{1, 2, 3, 4}, {2, 2});
  HostTensor copy = tensor;
  copy.f32()[3] = 40;
  EXPECT_EQ(tensor.values(), (std::vector<float>{1, 2, 3, 40}));
  tensor = HostTensor();
  EXPECT_TRUE(tensor.empty());
  EXPECT_EQ(copy.values()[3], 40.0f);
}

TEST(HostTensor, TakesValues) {
  const HostTensor ids = HostTensor::from(std::vector<std::int32_t>{7, -8}, {2});
  EXPECT_EQ(ids.format(), Format::i32);
  EXPECT_EQ(ids.view().as<std::int32_t>()[1], -8);
  EXPECT_EQ(ids.values(), (std::vector<float>{7, -8}));
  const std::vector<float> three = {1, 2, 3};
  EXPECT_EQ(testing::expect_error([&] { HostTensor::from(three, {2, 2}); }).category(), Category::kInternal);
  EXPECT_EQ(testing::expect_error([&] { HostTensor::from(std::vector<std::int32_t>{1}, {2}); }).category(),
            Category::kInternal);
}

TEST(HostTensor, HandlesNothingAndScalars) {
  const HostTensor none;
  EXPECT_TRUE(none.empty());
  EXPECT_EQ(none.size_bytes(), 0u);
  EXPECT_TRUE(none.values().empty());
  EXPECT_EQ(testing::expect_error([&] { none.f32(); }).category(), Category::kInternal);
  const HostTensor no_rows(Format::bf16, {0, 8});
  EXPECT_EQ(no_rows.size_bytes(), 0u);
  EXPECT_TRUE(no_rows.values().empty());
  EXPECT_TRUE(HostTensor::from(std::vector<float>{}, {0}).f32().empty());
  const HostTensor scalar = HostTensor::from(std::vector<float>{5}, {});
  EXPECT_EQ(scalar.size_bytes(), 4u);
  EXPECT_EQ(scalar.values(), std::vector<float>{5});
}

TEST(HostTensor, ShowsFloatsOnlyAsFloats) {
  HostTensor tensor(Format::bf16, {4});
  EXPECT_EQ(testing::expect_error([&] { tensor.f32(); }).category(), Category::kInternal);
  const HostTensor& constant = tensor;
  EXPECT_EQ(testing::expect_error([&] { constant.f32(); }).category(), Category::kInternal);
}

TEST(HostTensor, RefusesWhatNoMemoryHolds) {
  for (const Shape& shape :
       {Shape({std::int64_t{1} << 50, 256}), Shape({std::int64_t{1} << 62}), Shape({0, std::int64_t{1} << 62})}) {
    const Error error = testing::expect_error([&] { HostTensor(Format::bfp8, shape); });
    EXPECT_EQ(error.category(), Category::kResource) << shape.str();
    EXPECT_NE(error.message().find("no memory"), std::string::npos);
  }
}

}  // namespace
}  // namespace firstlight
