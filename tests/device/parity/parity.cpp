// The parity runner: every op on every device and kernel table against the reference, within the computed bound.
// One case alone: FIRSTLIGHT_PARITY_CASE=name test_device --gtest_filter='*Parity*cpu*linear*'. Other values:
// FIRSTLIGHT_PARITY_SEED=n.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>

#include "device/parity/cases.h"
#include "device/parity/devices.h"
#include "device/parity/runner.h"
#include "firstlight/base/error.h"

namespace firstlight::parity {
namespace {

struct Target {
  TestDevice device;
  op::Op op;
};

// gtest prints this in place of the parameter's bytes.
void PrintTo(const Target& target, std::ostream* stream) {
  *stream << target.device.name << ' ' << op::row(target.op).name;
}

std::vector<Target> targets() {
  std::vector<Target> result;
  for (const TestDevice& device : test_devices())
    for (const op::OpRow& row : op::ops()) result.push_back({device, row.id});
  return result;
}

std::string target_name(const ::testing::TestParamInfo<Target>& info) {
  return fmt::format("{}_{}", info.param.device.name, op::row(info.param.op).name);
}

bool selected(const Case& item) {
  const char* wanted = std::getenv("FIRSTLIGHT_PARITY_CASE");
  return wanted == nullptr || item.name == wanted;
}

bool has_kernel(const device::Device& device, op::Op op) {
  return std::ranges::any_of(device.kernels(), [op](const device::KernelRow& row) { return row.op == op; });
}

// Whether a case uses only formats that the device stores and weights that it plans: then a primitive must run it.
bool storable(const device::Device& device, const Case& item) {
  for (const Operand& operand : item.in) {
    if (operand.role == Role::kActivation && !device.stores(operand.format)) return false;
    if (operand.role != Role::kWeight) continue;
    try {
      device.plan_weight({operand.weight_role, operand.format, operand.shape});
    } catch (const Error&) {
      return false;
    }
  }
  return device.stores(item.out) && (!item.state || device.stores(item.state->format));
}

class Parity : public ::testing::TestWithParam<Target> {
 protected:
  // A case that run would carry out by the op's fallback, or in another format: listed, and wrong where there is none.
  void note_declined(const device::Device& device, const Case& item, const std::string& why) {
    const op::OpRow& row = op::row(GetParam().op);
    std::printf("[declined] %s %s: %s: %s\n", GetParam().device.name.c_str(), std::string(row.name).c_str(),
                item.name.c_str(), why.c_str());
    const bool must_run = row.traits.kind == op::Kind::kPrimitive && storable(device, item);
    EXPECT_FALSE(must_run) << "a primitive must take every format that the device stores";
  }
};

TEST_P(Parity, EqualsReference) {
  const auto& [test_device, op] = GetParam();
  const std::unique_ptr<device::Device> device = test_device.open(2);
  if (!has_kernel(*device, op)) {
    std::printf("[declined] %s %s: no kernel\n", test_device.name.c_str(), std::string(op::row(op).name).c_str());
    ASSERT_EQ(op::row(op).traits.kind, op::Kind::kComposite) << "a primitive is missing";
    return;
  }
  int ran = 0;
  for (const Case& item : cases(op)) {
    if (!selected(item)) continue;
    ++ran;
    SCOPED_TRACE(fmt::format("case {}, seed {}", item.name, seed()));
    const HostCase host = prepare(item);
    const Outcome outcome = run_case(*device, host);
    if (!outcome.declined.empty()) {
      note_declined(*device, item, outcome.declined);
      continue;
    }
    EXPECT_EQ(compare(expected(host, device.get()), outcome), "");
  }
  if (ran == 0) GTEST_SKIP() << "no case of that name";
}

// Every bit the same with one thread and two, alone and among other rows, in either phase.
TEST_P(Parity, KeepsBits) {
  const auto& [test_device, op] = GetParam();
  const std::unique_ptr<device::Device> one = test_device.open(1);
  const unsigned claimed = op::row(op).traits.invariances & one->capabilities().invariances;
  const std::unique_ptr<device::Device> two = test_device.open(2);
  if (!has_kernel(*one, op)) GTEST_SKIP() << "no kernel";
  for (const Case& item : row_cases(op)) {
    if (!selected(item)) continue;
    SCOPED_TRACE(fmt::format("case {}, seed {}", item.name, seed()));
    const HostCase host = prepare(item);
    const Outcome whole = run_case(*one, host);
    if (!whole.declined.empty()) {
      note_declined(*one, item, whole.declined);
      continue;
    }
    EXPECT_EQ(compare(expected(host, one.get()), whole), "");
    if ((claimed & op::kThreads) != 0) {
      EXPECT_EQ(run_case(*two, host).bytes, whole.bytes) << "2 threads";
    }
    if ((claimed & op::kPhase) != 0) {
      EXPECT_EQ(run_case(*one, host, {.phase = device::Phase::kDecode}).bytes, whole.bytes) << "decode phase";
    }
    if ((claimed & (op::kBatchMates | op::kChunk)) == 0) continue;
    for (const std::int64_t batch : {1, 2, 3, 7, 31, 32}) {
      const bool decodes = batch == 1 && (claimed & op::kPhase) != 0;
      const device::Phase phase = decodes ? device::Phase::kDecode : device::Phase::kPrefill;
      EXPECT_EQ(run_case(*two, host, {.phase = phase, .batch = batch}).bytes, whole.bytes) << "batches of " << batch;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Devices, Parity, ::testing::ValuesIn(targets()), target_name);

// The order of pages and sequence slots leaves every bit of attention as it was.
class Pages : public ::testing::TestWithParam<TestDevice> {};

TEST_P(Pages, KeepBits) {
  const std::unique_ptr<device::Device> device = GetParam().open(1);
  if (!has_kernel(*device, op::Op::attention)) GTEST_SKIP() << "no kernel";
  for (const Format cache : {Format::f32, Format::bf16, Format::bfp8}) {
    PagedCase paged{.heads = 4, .kv_heads = 2, .head_dim = 32, .value_dim = 32, .cache = cache};
    for (std::int32_t r = 0; r < 20; ++r) paged.rows.push_back({r % 3, 5 * r + 1});
    // One name, so one set of values.
    const Outcome first = run_case(*device, prepare(attention_case("pages", paged, 1)));
    if (!first.declined.empty()) {
      std::printf("[declined] %s attention: %s\n", GetParam().name.c_str(), first.declined.c_str());
      continue;
    }
    for (const std::uint64_t order : {2, 3}) {
      const Outcome other = run_case(*device, prepare(attention_case("pages", paged, order)));
      EXPECT_EQ(other.bytes, first.bytes) << format_name(cache) << ", order " << order;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Devices, Pages, ::testing::ValuesIn(test_devices()),
                         [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace firstlight::parity
