// The device's kernels against the instructions that they stand for, to the bit.
#include "firstlight/device/tensix/ops/ops.h"

#include <gtest/gtest.h>

#include <bit>
#include <cstring>

#include "device/parity/runner.h"
#include "firstlight/base/error.h"
#include "firstlight/base/rng.h"
#include "firstlight/device/tensix/functions.h"
#include "firstlight/device/tensix/tensix.h"
#include "firstlight/op/all.h"
#include "testing/testing.h"

namespace firstlight::device::tensix {
namespace {

class Rows : public WeightSource {
 public:
  Rows(const std::vector<float>& values, std::int64_t depth) : values_(values), depth_(depth) {}
  void read(std::int64_t begin, std::int64_t end, float* dst) const override {  // outputs of a [K, N] weight
    const auto columns = static_cast<std::int64_t>(values_.size()) / depth_;
    for (std::int64_t n = begin; n < end; ++n)
      for (std::int64_t k = 0; k < depth_; ++k) *dst++ = values_[static_cast<std::size_t>(k * columns + n)];
  }

 private:
  const std::vector<float>& values_;
  std::int64_t depth_;
};

struct LinearCase {
  std::string setting;
  Format weight;
  std::int64_t rows, depth, columns;
  Format activation = Format::bf16;
  Format out = Format::bf16;
  std::string arch = "wormhole";
};

std::vector<float> normals(std::int64_t count, std::uint64_t stream) {
  Rng rng(5, stream);
  std::vector<float> values(static_cast<std::size_t>(count));
  for (float& value : values) value = rng.normal();
  return values;
}

// The device's bytes of x W.
std::vector<std::byte> run_linear(const LinearCase& c, int threads, const std::string& isa = "") {
  const auto device = open_tensix({.threads = threads, .isa = isa, .arch = c.arch});
  const std::vector<float> weights = normals(c.depth * c.columns, 1);
  HostTensor x(c.activation, {c.rows, c.depth});
  copy_from_f32(normals(c.rows * c.depth, 2).data(), x.view());
  const WeightPlan plan = device->plan_weight({WeightRole::kLinear, c.weight, {c.depth, c.columns}});
  const HostTensor packed(Format::u8, {static_cast<std::int64_t>(plan.bytes)});
  device->pack_weight(plan, Rows(weights, c.depth), {packed.view().data, plan.bytes}, device->executor(), {});
  const HostTensor out(c.out, {c.rows, c.columns});
  const View in[] = {x.view(), device->weight_view(plan, packed.view().data)};
  const View result = out.view();
  const op::Linear args;
  KernelCall call{&args, sizeof(args), in, {&result, 1}, {}};
  call.context.executor = &device->executor();
  call.context.settings = device->settings(c.setting);
  const auto memory = device->allocate(linear_scratch(call, threads));
  call.context.scratch = {memory->data(), memory->size()};
  linear(call);
  return {out.view().data, out.view().data + out.size_bytes()};
}

// The same from the instructions: unpack, MVMUL tile by tile, blocks of K through the packer, pack.
std::vector<std::byte> linear_by_instructions(const LinearCase& c) {
  const Rules& rules = c.arch == kWormhole.arch ? kWormhole : kBlackhole;
  const Fidelity fidelity = *find_fidelity(c.setting);
  const bool f32_io = c.activation == Format::f32 || c.out == Format::f32;
  const auto accumulator = fidelity.wide || f32_io ? Accumulator::kF32 : Accumulator::kBf16;
  const Format partial_format = accumulator == Accumulator::kF32 ? Format::f32 : Format::bf16;
  const std::vector<float> weights = normals(c.depth * c.columns, 1);
  const std::vector<float> x = normals(c.rows * c.depth, 2);
  const std::int64_t k_tiles = ceil_div(c.depth, 32);
  std::int64_t width = 8;
  while (k_tiles % width != 0) --width;
  std::vector<std::byte> x_tiles(static_cast<std::size_t>(tiled_bytes(c.activation, c.rows, c.depth)));
  encode_tiles(c.activation, x.data(), c.rows, c.depth, c.depth, x_tiles.data());
  std::vector<std::byte> w_tiles(static_cast<std::size_t>(tiled_bytes(c.weight, c.depth, c.columns)));
  encode_tiles(c.weight, weights.data(), c.depth, c.columns, c.columns, w_tiles.data());
  const auto tile = [&](const std::vector<std::byte>& tiles, Format format, std::int64_t index) {
    SourceTile source{.words = {}, .source = source_of(format, accumulator)};
    const auto bytes = static_cast<std::size_t>(tile_bytes(format));
    unpack_tile(format, std::span(tiles).subspan(bytes * static_cast<std::size_t>(index), bytes), source.source, rules,
                source.words);
    return source;
  };
  const auto pack = [&](const TileWords& dst, Format format, bool accumulate, std::vector<std::byte>& l1) {
    l1.resize(static_cast<std::size_t>(tile_bytes(format)));
    PackSettings settings{.format = format, .intermediate = usual_intermediate(format, accumulator)};
    settings.accumulate = accumulate;
    pack_tile(dst, accumulator, settings, rules, l1);
  };

  const HostTensor out(c.out, {c.rows, c.columns});
  const std::int64_t n_tiles = ceil_div(c.columns, 32);
  std::vector<std::byte> out_tiles;
  for (std::int64_t m = 0; m < ceil_div(c.rows, 32); ++m)
    for (std::int64_t n = 0; n < n_tiles; ++n) {
      TileWords dst{};
      std::vector<std::byte> partial;
      for (std::int64_t k = 0; k < k_tiles; ++k) {
        if (k % width == 0 && k > 0) {
          if (fidelity.packer_l1) {
            dst = {};
          } else {
            SourceTile back{.words = {}, .source = source_of(partial_format, accumulator)};
            unpack_tile(partial_format, partial, back.source, rules, back.words);
            elwadd_tile(back, SourceTile{}, Broadcast::kNone, false, false, accumulator, rules, dst);
          }
        }
        matmul_tile(tile(x_tiles, c.activation, m * k_tiles + k), tile(w_tiles, c.weight, k * n_tiles + n),
                    fidelity.phases, accumulator, rules, dst);
        const bool last = k + 1 == k_tiles;
        if ((k + 1) % width == 0 && width < k_tiles && (fidelity.packer_l1 || !last))
          pack(dst, partial_format, fidelity.packer_l1 && k + 1 > width, partial);
        if (last && width < k_tiles && fidelity.packer_l1) {
          SourceTile back{.words = {}, .source = source_of(partial_format, accumulator)};
          unpack_tile(partial_format, partial, back.source, rules, back.words);
          elwadd_tile(back, SourceTile{}, Broadcast::kNone, false, false, accumulator, rules, dst);
        }
      }
      std::vector<std::byte> packed;
      pack(dst, c.out, false, packed);
      out_tiles.insert(out_tiles.end(), packed.begin(), packed.end());
    }
  std::vector<float> values(static_cast<std::size_t>(c.rows * c.columns));
  decode_tiles(c.out, out_tiles.data(), c.rows, c.columns, c.columns, values.data());
  copy_from_f32(values.data(), out.view());  // exact: the values are the format's own
  return {out.view().data, out.view().data + out.size_bytes()};
}

TEST(TensixOps, LinearIsItsInstructions) {
  for (const LinearCase& c : std::vector<LinearCase>{
           {"lofi", Format::bfp4, 3, 192, 64},
           {"hifi2", Format::bfp8, 33, 192, 70},
           {"hifi2", Format::bfp8, 5, 544, 40},  // 17 tiles of K: blocks of one
           {"hifi2fp16", Format::bfp8, 2, 512, 33},
           {"hifi2fp16", Format::bfp8, 2, 320, 33},
           {"hifi2na", Format::bfp8, 2, 640, 32},
           {"hifi2na", Format::bfp8, 2, 352, 32, Format::f32, Format::f32},
           {"hifi4", Format::bf16, 40, 100, 100, Format::bf16, Format::bf16, "blackhole"},
           {"hifi4", Format::f32, 7, 96, 31, Format::f32, Format::f32},
           {"hifi4fp32", Format::bf16, 1, 1024, 32, Format::bfp8, Format::bfp8, "blackhole"},
       }) {
    SCOPED_TRACE(fmt::format("{} {} [{}, {}] [{}]", c.setting, format_name(c.weight), c.rows, c.depth, c.columns));
    const std::vector<std::byte> expected = linear_by_instructions(c);
    for (const std::string isa : {"portable", ""})
      for (const int threads : {1, 2}) EXPECT_EQ(run_linear(c, threads, isa), expected) << isa << " " << threads;
  }
}

// RoPE's transformation matrix at HiFi4: a product that only moves and negates, for every bf16 number.
TEST(TensixOps, TheTransformationMatrixMoves) {
  SourceTile matrix{};
  for (int i = 0; i < 32; i += 2) {
    matrix.words[static_cast<std::size_t>(tile_index(i + 1, i))] = 0xBF800000U;  // out[i] = -x[i + 1]
    matrix.words[static_cast<std::size_t>(tile_index(i, i + 1))] = 0x3F800000U;
  }
  for (std::uint32_t first = 0; first < 65536; first += 1024 * 8) {
    SourceTile x{};
    for (std::uint32_t i = 0; i < 1024; ++i) {
      const std::uint32_t half = first + i * 8 + i % 7;
      x.words[i] = (half >> 7 & 255U) == 255U ? 0U : half << 16;
    }
    TileWords dst{};
    matmul_tile(x, matrix, 4, Accumulator::kF32, kWormhole, dst);
    for (int r = 0; r < 32; ++r)
      for (int c = 0; c < 32; ++c) {
        const std::uint32_t partner = move_datum(x.words[static_cast<std::size_t>(tile_index(r, c ^ 1))]);
        const std::uint32_t expected = c % 2 == 0 && partner != 0 ? partner ^ kSignBit : partner;
        // Products below the range's end are flushed: slices of the smallest numbers.
        if (exponent_of(partner) > 12) {
          EXPECT_EQ(dst[static_cast<std::size_t>(tile_index(r, c))], expected);
        }
      }
  }
}

// SFPU functions near what they stand for; their own errors are part of the chip's result.
TEST(TensixOps, FunctionsAreClose) {
  Core core{.rules = kWormhole, .kernels = &kPortableKernels, .fast = false, .ops = {}};
  for (const Rules& rules : {kWormhole, kBlackhole}) {
    core.rules = rules;
    const Sfpu sfpu(core, false, true);
    const auto value = [](std::uint32_t word) { return std::bit_cast<float>(word); };
    const auto word = [](float x) { return std::bit_cast<std::uint32_t>(x); };
    for (float x = -20; x <= 20; x += 0.37F) {
      // A quadratic within 1.1 %, squared up to 32 times for |x| < 32; a line within 0.443, squared by three Newton
      // steps.
      EXPECT_NEAR(value(sfpu.exp(word(x))) / std::exp(x), 1.0F, 0.013 * std::max(1.0F, 2 * std::abs(x))) << x;
      EXPECT_NEAR(value(sfpu.reciprocal(word(x))) * x, 1.0F, 1.5e-3) << x;
      if (x > 0) {
        EXPECT_NEAR(value(sfpu.rsqrt(word(x))) * std::sqrt(x), 1.0F, 1e-5) << x;
      }
    }
    EXPECT_EQ(sfpu.exp(word(0)), word(1));
    EXPECT_EQ(sfpu.exp(0xFF800000U), 0U);
    EXPECT_EQ(sfpu.rsqrt(0), kInfinity);
    EXPECT_EQ(sfpu.rsqrt(kInfinity), 0U);
    const Sfpu rough(core, true, true);
    for (float x = -4; x <= 4; x += 0.5F)
      EXPECT_NEAR(value(rough.unary(op::UnaryKind::kGelu, word(x))), op::evaluate(op::UnaryKind::kGelu, x), 0.03) << x;
  }
}

TEST(TensixOps, OpeningNamesWhatItHas) {
  EXPECT_EQ(testing::expect_error([] { open_tensix({.arch = "grayskull"}); }).category(), Category::kUnsupported);
  EXPECT_EQ(testing::expect_error([] { open_tensix({.emulation = "slow"}); }).category(), Category::kUsage);
  EXPECT_EQ(testing::expect_error([] { open_tensix({.isa = "mmx"}); }).category(), Category::kUsage);
  EXPECT_EQ(testing::expect_error([] { open_device("cpu", {.arch = "wormhole"}); }).category(), Category::kUnsupported);
}

TEST(TensixOps, TheFastLevelIsNear) {
  const auto exact = open_tensix({.threads = 1});
  const auto fast = open_tensix({.threads = 1, .emulation = "fast"});
  const parity::HostCase host = parity::prepare(parity::make_case(
      "fast", op::Op::linear, op::Linear{},
      {parity::activation({9, 256}, Format::bf16), parity::linear_weight(256, 64, Format::bfp8)}, Format::bf16));
  const parity::Outcome a = parity::run_case(*exact, host);
  const parity::Outcome b = parity::run_case(*fast, host);
  double squares = 0;
  double differences = 0;
  for (std::size_t i = 0; i < a.values.size(); ++i) {
    squares += static_cast<double>(a.values[i]) * a.values[i];
    differences += static_cast<double>(a.values[i] - b.values[i]) * (a.values[i] - b.values[i]);
  }
  EXPECT_GT(differences, 0);
  EXPECT_LT(std::sqrt(differences / squares), 1.0 / 64);  // a few roundings to 8 bits
}

}  // namespace
}  // namespace firstlight::device::tensix
