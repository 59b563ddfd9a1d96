// Kernels of this machine's device at the sizes of a 1B model, beside the peaks measured in the same run:
//   bench_kernels [--isa=NAME] [--threads=N] [--weights=MiB] [--inputs=N] [--outputs=N] [Google Benchmark flags]
// The weights that few rows go through are 192 MiB, which no cache holds; with fewer, and fewer outputs than 8192, the
// kernel is seen without memory. Many rows go through one weight of that shape, which may stay in a cache, or through
// as many as were asked for.
// "share" is the rate over the measured read bandwidth (one row) or multiply-add peak (many rows).
#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <charconv>
#include <cstdio>
#include <cstring>
#include <numeric>

#include "firstlight/base/error.h"
#include "firstlight/base/rng.h"
#include "firstlight/device/contract.h"
#include "firstlight/op/all.h"
#include "firstlight/tensor/tensor.h"

namespace firstlight {
namespace {

using device::Device;
using device::KernelCall;

struct Bench {
  std::unique_ptr<Device> device;
  device::Peaks peaks;
  std::int64_t weights_mib = -1;  // of products; -1: the default
  std::int64_t inputs = 2048;
  std::int64_t outputs = 8192;
};

HostTensor random_tensor(Format format, const Shape& shape) {
  Rng rng(1);
  std::vector<float> values(static_cast<std::size_t>(shape.elements()));
  for (float& value : values) value = rng.normal();
  HostTensor tensor(format, shape);
  copy_from_f32(values.data(), tensor.view());
  return tensor;
}

// Normal weights; a row is repeated so that making them takes no time.
class RandomWeight : public device::WeightSource {
 public:
  explicit RandomWeight(std::int64_t depth) : row_(random_tensor(Format::f32, {depth})) {}
  void read(std::int64_t begin, std::int64_t end, float* dst) const override {
    for (std::int64_t n = begin; n < end; ++n) dst = std::ranges::copy(row_.f32(), dst).out;
  }

 private:
  HostTensor row_;
};

// Runs the kernel that takes the call once for every iteration.
template <typename Args>
void run(benchmark::State& state, Device& device, op::Op op, const Args& args, std::span<const View> in,
         const View& out, std::string_view setting = "") {
  KernelCall call{&args, sizeof(args), in, {&out, 1}, {}};
  call.context.executor = &device.executor();
  call.context.settings = device.settings(setting);
  for (const device::KernelRow& kernel : device.kernels()) {
    if (kernel.op != op || (kernel.accepts != nullptr && !kernel.accepts(call))) continue;
    const std::size_t bytes =
        kernel.scratch_bytes == nullptr ? 0 : kernel.scratch_bytes(call, device.executor().threads());
    const HostTensor scratch(Format::u8, {static_cast<std::int64_t>(bytes)});
    call.context.scratch = {scratch.view().data, bytes};
    for ([[maybe_unused]] auto _ : state) kernel.run(call);
    return;
  }
  state.SkipWithError("no kernel takes these operands");
}

void report(benchmark::State& state, const char* unit, double per_iteration, double peak) {
  const auto total = per_iteration * static_cast<double>(state.iterations());
  state.counters[unit] = benchmark::Counter(total * 1e-9, benchmark::Counter::kIsRate);
  if (peak > 0) state.counters["share"] = benchmark::Counter(total / peak, benchmark::Counter::kIsRate);
}

// Few rows go through as many weights as no cache holds: decode reads every byte from memory.
void linear(benchmark::State& state, Bench& bench, Format format, std::int64_t rows, std::string_view setting) {
  Device& device = *bench.device;
  const std::int64_t depth = bench.inputs;
  const std::int64_t outputs = bench.outputs;
  const device::WeightPlan plan = device.plan_weight({device::WeightRole::kLinear, format, {depth, outputs}});
  const std::int64_t mib = bench.weights_mib >= 0 ? bench.weights_mib : rows > 4 ? 0 : 192;
  const std::int64_t copies = std::max<std::int64_t>(1, (mib << 20) / static_cast<std::int64_t>(plan.bytes));
  // One wide weight stands for the copies: panels are independent.
  const device::WeightPlan wide = device.plan_weight({device::WeightRole::kLinear, format, {depth, outputs * copies}});
  const HostTensor packed(Format::u8, {static_cast<std::int64_t>(wide.bytes)});
  device.pack_weight(wide, RandomWeight(depth), {packed.view().data, wide.bytes}, device.executor(), {});
  const HostTensor x = random_tensor(Format::bf16, {rows, depth});
  const HostTensor out(Format::bf16, {rows, outputs * copies});
  const View in[] = {x.view(), device.weight_view(wide, packed.view().data)};
  run(state, device, op::Op::linear, op::Linear{}, in, out.view(), setting);
  if (rows <= 4) return report(state, "GB/s", static_cast<double>(wide.bytes), bench.peaks.read_bandwidth);
  report(state, "GFLOP/s", 2.0 * static_cast<double>(rows * depth * outputs * copies), bench.peaks.flops_f32);
}

// `rows` new positions of each of `users`, behind `depth` cached ones.
void attention(benchmark::State& state, Bench& bench, Format cache, std::int64_t users, std::int64_t rows,
               std::int64_t depth) {
  constexpr std::int64_t kHeads = 32;
  constexpr std::int64_t kKvHeads = 8;
  constexpr std::int64_t kDim = 64;
  constexpr std::int64_t kPage = 32;
  const std::int64_t pages = ceil_div(depth + rows, kPage);
  const HostTensor keys = random_tensor(cache, {users * pages, kKvHeads, kPage, kDim});
  const HostTensor values = random_tensor(cache, {users * pages, kKvHeads, kPage, kDim});
  const HostTensor q = random_tensor(Format::bf16, {users * rows, kHeads, kDim});
  std::vector<std::int32_t> sequences;
  std::vector<std::int32_t> positions;
  std::vector<std::int32_t> table(static_cast<std::size_t>(users * pages));
  std::iota(table.begin(), table.end(), 0);
  op::Attention args{.scale = 0.125F, .max_context = depth + rows};
  for (std::int64_t user = 0; user < users; ++user)
    for (std::int64_t r = 0; r < rows; ++r) {
      sequences.push_back(static_cast<std::int32_t>(user));
      positions.push_back(static_cast<std::int32_t>(depth + r));
      args.attended += depth + r + 1;
    }
  const HostTensor sequence_tensor = HostTensor::from(sequences, {users * rows});
  const HostTensor position_tensor = HostTensor::from(positions, {users * rows});
  const HostTensor table_tensor = HostTensor::from(table, {users, pages});
  const HostTensor out(Format::bf16, {users * rows, kHeads * kDim});
  const View in[] = {q.view(),           keys.view(), values.view(), sequence_tensor.view(), position_tensor.view(),
                     table_tensor.view()};
  run(state, *bench.device, op::Op::attention, args, in, out.view());
  if (rows == 1)
    return report(state, "GB/s", static_cast<double>(keys.size_bytes() + values.size_bytes()),
                  bench.peaks.read_bandwidth);
  report(state, "GFLOP/s", 4.0 * static_cast<double>(args.attended * kHeads * kDim), bench.peaks.flops_f32);
}

// The value of --name=VALUE, which is taken out of the arguments.
std::string take_flag(int& argc, char** argv, const std::string& name) {
  const std::string prefix = "--" + name + "=";
  for (int i = 1; i < argc; ++i) {
    if (std::strncmp(argv[i], prefix.c_str(), prefix.size()) != 0) continue;
    const std::string value = argv[i] + prefix.size();
    std::copy(argv + i + 1, argv + argc, argv + i);
    --argc;
    return value;
  }
  return "";
}

void register_all(Bench& bench) {
  const auto add = [](const std::string& name, auto body) {
    benchmark::RegisterBenchmark(name.c_str(), body)->Unit(benchmark::kMillisecond)->UseRealTime();
  };
  for (const std::string_view setting : {"", "int8"})
    for (const Format format : {Format::f32, Format::bf16, Format::bfp8, Format::bfp4}) {
      if (!setting.empty() && row(format).block_elements == 1) continue;
      for (const std::int64_t rows : {1, 4, 32, 512})
        add(fmt::format("linear/{}x{}x{}/{}{}{}", rows, bench.inputs, bench.outputs, format_name(format),
                        setting.empty() ? "" : "-", setting),
            [&bench, format, rows, setting](benchmark::State& state) { linear(state, bench, format, rows, setting); });
    }
  for (const Format cache : {Format::f32, Format::bf16, Format::bfp8}) {
    add(fmt::format("attention/decode/1x4096/{}", format_name(cache)),
        [&bench, cache](benchmark::State& state) { attention(state, bench, cache, 1, 1, 4096); });
    add(fmt::format("attention/decode/32x512/{}", format_name(cache)),
        [&bench, cache](benchmark::State& state) { attention(state, bench, cache, 32, 1, 512); });
    add(fmt::format("attention/prefill/512/{}", format_name(cache)),
        [&bench, cache](benchmark::State& state) { attention(state, bench, cache, 1, 512, 0); });
    add(fmt::format("attention/prefill/512at3584/{}", format_name(cache)),
        [&bench, cache](benchmark::State& state) { attention(state, bench, cache, 1, 512, 3584); });
  }
}

template <typename Number>
void take_number(int& argc, char** argv, const std::string& name, Number& number) {
  const std::string text = take_flag(argc, argv, name);
  if (text.empty()) return;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || number < 0)
    fail(Category::kUsage, "--" + name, "expected a number, found '{}'", text);
}

int main_checked(int argc, char** argv) {
  device::OpenOptions options{.threads = 0, .isa = take_flag(argc, argv, "isa")};
  take_number(argc, argv, "threads", options.threads);
  Bench bench;
  take_number(argc, argv, "weights", bench.weights_mib);
  take_number(argc, argv, "inputs", bench.inputs);
  take_number(argc, argv, "outputs", bench.outputs);
  if (bench.inputs < 1) fail(Category::kUsage, "--inputs", "expected at least 1");
  if (bench.outputs < 1) fail(Category::kUsage, "--outputs", "expected at least 1");
  bench.device = device::open_device("cpu", options);
  bench.peaks = bench.device->peaks(0.5);
  std::fprintf(stderr, "%s\n%.1f GB/s read, %.1f GFLOP/s f32, %.1f GFLOP/s bf16\n",
               bench.device->description().summary.c_str(), bench.peaks.read_bandwidth * 1e-9,
               bench.peaks.flops_f32 * 1e-9, bench.peaks.flops_bf16 * 1e-9);
  register_all(bench);
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return static_cast<int>(Category::kUsage);
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}

}  // namespace
}  // namespace firstlight

int main(int argc, char** argv) {
  try {
    return firstlight::main_checked(argc, argv);
  } catch (const firstlight::Error& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return static_cast<int>(error.category());
  }
}
