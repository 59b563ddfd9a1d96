// A packed weight stands for the same values on every device, whatever its own order of bytes.
#include <gtest/gtest.h>

#include <atomic>
#include <cmath>

#include "device/parity/devices.h"
#include "firstlight/base/error.h"
#include "firstlight/base/rng.h"
#include "firstlight/device/ref/ref.h"

namespace firstlight::parity {
namespace {

using device::WeightRole;
using device::WeightSpec;

// Values by (row, column) of the source, so that any range can be read by itself.
class Synthetic : public device::WeightSource {
 public:
  explicit Synthetic(const WeightSpec& spec)
      : width_(spec.role == WeightRole::kLinear  ? spec.shape[0]
               : spec.role == WeightRole::kTable ? spec.shape[1]
                                                 : 1) {}
  void read(std::int64_t begin, std::int64_t end, float* dst) const override {
    for (std::int64_t r = begin; r < end; ++r) {
      Rng rng(7, static_cast<std::uint64_t>(r));
      for (std::int64_t i = 0; i < width_; ++i) *dst++ = std::ldexp(rng.normal(), static_cast<int>(rng.below(12)) - 6);
    }
  }

 private:
  std::int64_t width_;
};

std::vector<float> stored_values(device::Device& device, const WeightSpec& spec) {
  const device::WeightPlan plan = device.plan_weight(spec);
  std::vector<std::byte> packed(plan.bytes + 64);
  auto* aligned = reinterpret_cast<std::byte*>(round_up(reinterpret_cast<std::intptr_t>(packed.data()), 64));
  const std::span<std::byte> bytes(aligned, plan.bytes);
  std::atomic<std::int64_t> advanced = 0;
  device.pack_weight(plan, Synthetic(spec), bytes, device.executor(), [&](std::int64_t n) { advanced += n; });
  EXPECT_EQ(advanced, spec.shape[spec.role == WeightRole::kLinear ? 1 : 0]);
  std::vector<float> values(static_cast<std::size_t>(spec.shape.elements()));
  device.unpack_weight(plan, bytes, values.data());
  return values;
}

TEST(Weights, SameValuesOnEveryDevice) {
  const auto reference = device::open_ref({.threads = 1});
  std::vector<WeightSpec> specs{{WeightRole::kVector, Format::f32, {100}}};
  for (const Format format : {Format::f32, Format::bf16, Format::f16, Format::bfp8, Format::bfp4, Format::bfp2})
    for (const Shape& shape : {Shape{1, 1}, Shape{33, 17}, Shape{64, 300}, Shape{100, 31}, Shape{7, 1030}})
      for (const WeightRole role : {WeightRole::kLinear, WeightRole::kTable}) specs.push_back({role, format, shape});
  for (const TestDevice& test_device : test_devices()) {
    const auto device = test_device.open(2);
    for (const WeightSpec& spec : specs) {
      SCOPED_TRACE(fmt::format("{} {} {} role {}", test_device.name, format_name(spec.format), spec.shape.str(),
                               static_cast<int>(spec.role)));
      try {
        device->plan_weight(spec);
      } catch (const Error& error) {
        EXPECT_EQ(error.category(), Category::kUnsupported);
        continue;
      }
      EXPECT_EQ(stored_values(*device, spec), stored_values(*reference, spec));
    }
  }
}

}  // namespace
}  // namespace firstlight::parity
