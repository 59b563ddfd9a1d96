// Host memory, streams, traces, and what is left of the machine's memory.
#include "firstlight/device/host.h"

#include <gtest/gtest.h>

#include <cstring>

#include "device/ref/run.h"
#include "firstlight/base/file.h"
#include "firstlight/op/elementwise.h"
#include "testing/testing.h"

namespace firstlight::device {
namespace {

using testing::expect_error;

TEST(HostMemory, IsAlignedAndSized) {
  const auto device = open_ref({.threads = 1});
  for (const std::size_t bytes : {0, 1, 63, 1000}) {
    const std::unique_ptr<Memory> memory = device->allocate(bytes);
    EXPECT_EQ(memory->size(), bytes);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(memory->data()) % 64, 0U);
    std::memset(memory->data(), 1, bytes);
  }
}

TEST(HostMemory, TooMuchIsAResourceError) {
  const auto device = open_ref({.threads = 1});
  for (const std::size_t bytes : {std::size_t{1} << 55, ~std::size_t{0}})
    EXPECT_EQ(expect_error([&] { device->allocate(bytes); }).category(), Category::kResource);
}

TEST(HostMemory, FormsAreRowsOfTheFormat) {
  const auto device = open_ref({.threads = 1});
  const PhysicalForm form = device->physical_form({{3, 20}, Format::bfp8});
  EXPECT_EQ(form.layout, Layout::kRowMajor);
  EXPECT_EQ(form.padded, (Shape{3, 20}));
  EXPECT_EQ(form.bytes, 3U * 2 * 17);
  EXPECT_EQ(device->physical_form({{}, Format::f32}).bytes, 4U);
  const Shape huge{std::int64_t{1} << 40, std::int64_t{1} << 20};
  EXPECT_EQ(expect_error([&] {
              device->physical_form({{huge[0], huge[0], 4}, Format::f32});
            }).category(),
            Category::kResource);
}

// A trace holds its arguments and Views, runs on what the buffers hold at replay, and needs nothing of the first call.
TEST(HostStream, TraceReplaysOnTheSameBuffers) {
  const auto device = open_ref({.threads = 2});
  const KernelRow& kernel = kernel_of(*device, op::Op::affine);
  HostTensor x = HostTensor::from(std::vector<float>{1, 2, 3}, {3});
  HostTensor y(Format::f32, {3});
  HostTensor z(Format::f32, {3});
  const std::unique_ptr<Stream> stream = device->new_stream();
  stream->begin_capture();
  for (const bool second : {false, true}) {
    const op::Affine args{second ? 10.0F : 2.0F, 1};
    const std::vector<View> in{second ? y.view() : x.view()};
    const View out = second ? z.view() : y.view();
    KernelCall call{&args, sizeof(args), in, {&out, 1}, {}};
    call.context.executor = &device->executor();
    std::string key = "a key that goes away";
    call.context.key = key;
    std::vector<std::byte> scratch(kernel.scratch_bytes(call, 2) + 64);
    auto* aligned = reinterpret_cast<std::byte*>(round_up(reinterpret_cast<std::intptr_t>(scratch.data()), 64));
    call.context.scratch = {aligned, kernel.scratch_bytes(call, 2)};
    stream->launch(kernel, call);
  }
  const std::unique_ptr<Trace> trace = stream->end_capture();
  EXPECT_EQ(trace->launches(), 2U);
  EXPECT_EQ(z.values(), (std::vector<float>{31, 51, 71}));  // capturing runs, too
  x.f32()[0] = -1;
  trace->replay(*stream);
  EXPECT_EQ(z.values(), (std::vector<float>{-9, 51, 71}));
  EXPECT_EQ(expect_error([&] { stream->end_capture(); }).category(), Category::kInternal);
}

TEST(HostStream, CopiesBytes) {
  const auto device = open_ref({.threads = 1});
  const std::unique_ptr<Memory> memory = device->allocate(4);
  const std::unique_ptr<Stream> stream = device->new_stream();
  const std::uint32_t value = 0x12345678;
  std::uint32_t back = 0;
  stream->upload(&value, memory->data(), 4);
  stream->wait(*stream->record());
  stream->download(memory->data(), &back, 4);
  stream->synchronize();
  EXPECT_EQ(back, value);
}

// Folders that look like /proc and /sys/fs/cgroup.
class AvailableMemory : public ::testing::Test {
 protected:
  AvailableMemory() : root_(testing::scratch_dir("memory")) {
    write("proc/meminfo", "MemTotal: 100 kB\nMemAvailable:     64 kB\n");
  }
  void write(const std::string& path, const std::string& text) {
    std::filesystem::create_directories((root_ / path).parent_path());
    write_text_file(root_ / path, text);
  }
  std::filesystem::path root_;
};

TEST_F(AvailableMemory, IsWhatTheMachineHas) { EXPECT_EQ(host_available_bytes(root_), 64U << 10); }

TEST_F(AvailableMemory, IsBoundedByTheTightestGroup) {
  write("proc/self/cgroup", "0::/a/b\n");
  write("sys/fs/cgroup/a/memory.max", "30000\n");
  write("sys/fs/cgroup/a/memory.current", "10000\n");
  write("sys/fs/cgroup/a/memory.stat", "anon 5\ninactive_file 4000\n");
  write("sys/fs/cgroup/a/b/memory.max", "max\n");
  write("sys/fs/cgroup/a/b/memory.current", "10\n");
  EXPECT_EQ(host_available_bytes(root_), 24000U);
  write("sys/fs/cgroup/a/b/memory.max", "15\n");
  EXPECT_EQ(host_available_bytes(root_), 5U);
  write("sys/fs/cgroup/a/b/memory.current", "20\n");
  EXPECT_EQ(host_available_bytes(root_), 0U);
}

TEST_F(AvailableMemory, KnowsTheFirstVersionOfGroups) {
  write("proc/self/cgroup", "7:cpu,cpuacct:/x\n4:memory:/docker/1\n");
  write("sys/fs/cgroup/memory/memory.limit_in_bytes", "9000\n");
  write("sys/fs/cgroup/memory/memory.usage_in_bytes", "5000\n");
  write("sys/fs/cgroup/memory/memory.stat", "inactive_file 1\ntotal_inactive_file 1500\n");
  EXPECT_EQ(host_available_bytes(root_), 5500U);
}

TEST(Available, ThisMachineHasSome) { EXPECT_GT(host_available_bytes(), 0U); }

TEST(Weights, WrongRolesAreNamed) {
  const auto device = open_ref({.threads = 1});
  const auto message = [&](const WeightSpec& spec) {
    const Error error = expect_error([&] { device->plan_weight(spec); });
    EXPECT_EQ(error.category(), Category::kUnsupported);
    return error.message();
  };
  EXPECT_NE(message({WeightRole::kLinear, Format::i32, {2, 3}}).find("linear weight cannot be stored in i32"),
            std::string::npos);
  EXPECT_NE(message({WeightRole::kTable, Format::f32, {2}}).find("table"), std::string::npos);
  EXPECT_NE(message({WeightRole::kVector, Format::bf16, {2}}).find("vector"), std::string::npos);
}

TEST(Open, AnUnknownTableIsUnsupported) {
  EXPECT_EQ(expect_error([] { open_ref({.threads = 1, .isa = "avx2"}); }).category(), Category::kUnsupported);
}

}  // namespace
}  // namespace firstlight::device
