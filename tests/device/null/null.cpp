// The counting device: any size, no work.
#include "firstlight/device/null/null.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "device/ref/run.h"
#include "firstlight/op/elementwise.h"
#include "testing/testing.h"

namespace firstlight::device {
namespace {

TEST(Null, HasAKernelForEveryOp) {
  const auto device = open_null({});
  for (const op::OpRow& row : op::ops()) EXPECT_EQ(kernel_of(*device, row.id).op, row.id);
  EXPECT_FALSE(device->capabilities().computes);
}

TEST(Null, PromisesMoreThanTheMachineHas) {
  const auto device = open_null({});
  const std::size_t terabyte = std::size_t{1} << 40;
  EXPECT_GE(device->available_bytes(), terabyte);
  const std::unique_ptr<Memory> memory = device->allocate(terabyte);
  EXPECT_EQ(memory->size(), terabyte);
  EXPECT_EQ(memory->data()[terabyte - 1], std::byte{0});
  EXPECT_EQ(device->allocate(0)->size(), 0U);
}

TEST(Null, ComputesNothing) {
  const auto device = open_null({});
  HostTensor x = HostTensor::from(std::vector<float>{1, 2}, {2});
  HostTensor y(Format::f32, {2});
  const op::Affine args{2, 1};
  const std::vector<View> in{x.view()};
  const View out = y.view();
  device->new_stream()->launch(kernel_of(*device, op::Op::affine), {&args, sizeof(args), in, {&out, 1}, {}});
  EXPECT_EQ(y.values(), (std::vector<float>{0, 0}));
}

// A source that must not be read.
class Untouchable : public WeightSource {
 public:
  void read(std::int64_t, std::int64_t, float*) const override { ADD_FAILURE() << "the weight was read"; }
};

TEST(Null, SizesWeightsWithoutReadingThem) {
  const auto device = open_null({});
  const WeightPlan plan = device->plan_weight({WeightRole::kLinear, Format::bfp4, {4096, 32000}});
  EXPECT_EQ(plan.bytes, 4096U * 2000 * 9);
  std::int64_t advanced = 0;
  device->pack_weight(plan, Untouchable(), {}, device->executor(), [&](std::int64_t n) { advanced += n; });
  EXPECT_EQ(advanced, 32000);
  const WeightPlan small = device->plan_weight({WeightRole::kVector, Format::f32, {3}});
  std::vector<float> values(3, 1.0F);
  device->unpack_weight(small, {}, values.data());
  EXPECT_EQ(values, (std::vector<float>{0, 0, 0}));
}

}  // namespace
}  // namespace firstlight::device
