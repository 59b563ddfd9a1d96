// Steps into Dst, in the kernel's order: blocks of K, tiles, phases, halves of 16, groups of 8.
#include "firstlight/device/tensix/bounds/product.h"

#include <algorithm>
#include <bit>

#include "firstlight/format/tile.h"

namespace firstlight::device::tensix {
namespace {

constexpr double kExtraScale[4] = {1, 0x1p-5, 0x1p-7, 0x1p-12};

// Sums of one row and one panel as they grow.
struct Sums {
  std::vector<double> exact;      // of the operands in L1
  std::vector<double> truncated;  // of the slices, in this block
  std::vector<double> error;      // of Dst from `truncated`, in this block
  std::vector<double> step;
  std::vector<double> unsure;  // of an uncertain row: the sum of magnitudes in this tile
  std::vector<double> top[2];
  std::vector<double> total, total_error;  // of the blocks before, in L1

  explicit Sums(std::size_t n)
      : exact(n),
        truncated(n),
        error(n),
        step(n),
        unsure(n),
        top{std::vector<double>(n), std::vector<double>(n)},
        total(n),
        total_error(n) {}
};

}  // namespace

float masked(float x, std::uint32_t mask) { return std::bit_cast<float>(std::bit_cast<std::uint32_t>(x) & mask); }

float as_source(float l1, Format format, bool wide) {
  const float kept = format == Format::f32 ? masked(l1, wide ? 0xFFFFE000U : 0xFFFF0000U) : l1;
  return exponent_part(kept) == 0 ? 0.0F : kept;  // subnormals count as 0
}

Row known_row(std::span<const float> l1, Format format, bool wide) {
  Row row;
  for (const float x : l1) {
    const float read = as_source(x, format, wide);
    const float high = masked(read, 0xFFFE0000U);
    row.value.push_back(x);
    row.high.push_back(high);
    row.low.push_back(read - high);
    row.exponent.push_back(exponent_part(read));
  }
  return row;
}

Row uncertain_row(std::span<const Near> src) {
  Row row;
  for (const Near& x : src) {
    row.value.push_back(x.value);
    row.high.push_back(x.value);
    row.low.push_back(0);
    row.exponent.push_back(x.top());
    row.error.push_back(x.error);
  }
  return row;
}

void ProductBound::run(const Row& in0, const Panel& in1, std::span<Near> out) const {
  const auto n = static_cast<std::size_t>(in1.columns);
  const bool known = in0.error.empty();
  const int phases = fidelity.phases;
  const std::int64_t k_tiles = ceil_div(in1.depth, kTileSide);
  Sums s(n);
  std::vector<double> carried(n);  // of an uncertain row: its own errors, and what slices may lose of it

  // One MVMUL of a phase over k in [begin, begin + 16).
  const auto step = [&](int phase, std::int64_t begin) {
    const double scale = kExtraScale[phase];
    std::ranges::fill(s.step, 0.0);
    for (auto& top : s.top) std::ranges::fill(top, 0.0);
    for (std::int64_t k = begin; k < std::min(begin + 16, in1.depth); ++k) {
      const auto at = static_cast<std::size_t>(k);
      const float* slices = ((phase & 1) != 0 ? in1.low : in1.high).data() + at * n;
      const float* exponents = in1.exponent.data() + at * n;
      // An uncertain row's whole value goes with SrcB's first slice: its second adds what the bound of the loss covers.
      const double b = phase >= 2 ? in0.low[at] : in0.high[at];
      const double power = in0.exponent[at] * scale;
      double* top = s.top[(k - begin) / 8].data();
      for (std::size_t i = 0; i < n; ++i) {
        s.step[i] += b * slices[i];
        top[i] = std::max(top[i], power * exponents[i]);
      }
    }
    for (std::size_t i = 0; i < n; ++i) {
      s.truncated[i] += s.step[i];
      double& error = s.error[i];
      error += 7 * kAligned * (s.top[0][i] + s.top[1][i]) + kFlushed;
      const double sum = std::abs(s.truncated[i]) + error + carried[i];
      const double before = std::abs(s.truncated[i] - s.step[i]) + error + carried[i];
      const double exponent = std::max({s.top[0][i], s.top[1][i], before});
      error += wide ? 3 * 0x1p-24 * exponent + 0x1p-24 * sum : 3 * (kAligned + 0x1p-24) * exponent + kToBf16 * sum;
      // A Wormhole's total of -1 ulp: then Dst held what this step takes away, and -16 times the largest exponent of
      // the two stands in the place of nearly 0.
      const double own = 7 * kAligned * (s.top[0][i] + s.top[1][i]) + s.unsure[i];
      if (wide && core.rules.lost_ulp && std::abs(s.truncated[i]) <= error + carried[i] + phase_loss(1) * s.unsure[i])
        error = std::max(error, std::abs(s.truncated[i]) +
                                    16 * 1.01 * std::max({s.top[0][i], s.top[1][i], std::abs(s.step[i]) + own}));
    }
  };
  const auto fast_step = [&](std::int64_t begin) {
    for (std::int64_t k = begin; k < std::min(begin + kTileSide, in1.depth); ++k) {
      const auto at = static_cast<std::size_t>(k);
      const double b = in0.high[at] + (phases >= 3 ? in0.low[at] : 0);
      for (std::size_t i = 0; i < n; ++i) {
        const double w = double{in1.high[at * n + i]} + (phases >= 2 ? double{in1.low[at * n + i]} : 0);
        s.truncated[i] += b * w;
        s.error[i] += 0x1p-23 * (std::abs(s.truncated[i]) + s.error[i] + carried[i]) + kFlushed;
      }
    }
  };

  for (std::int64_t first = 0; first < k_tiles; first += width) {
    const bool begins = first == 0;
    const bool ends = first + width >= k_tiles;
    if (!begins) {  // through L1: packed, added up or not, unpacked
      for (std::size_t i = 0; i < n; ++i) {
        if (fidelity.packer_l1) {
          s.truncated[i] = s.error[i] = 0;
        } else {
          s.error[i] += (wide ? kCutToTf32 : 0) * (std::abs(s.truncated[i]) + s.error[i] + carried[i]) + kFlushed;
        }
      }
    }
    for (std::int64_t tile = first; tile < std::min(first + width, k_tiles); ++tile) {
      const std::int64_t begin = tile * kTileSide;
      std::ranges::fill(s.unsure, 0.0);
      for (std::int64_t k = begin; k < std::min(begin + kTileSide, in1.depth); ++k) {
        const auto at = static_cast<std::size_t>(k);
        for (std::size_t i = 0; i < n; ++i) s.exact[i] += in0.value[at] * in1.value[at * n + i];
        if (known) continue;
        const double top = std::abs(in0.value[at]) + in0.error[at];
        for (std::size_t i = 0; i < n; ++i) {
          const double w = std::abs(double{in1.value[at * n + i]});
          carried[i] += w * (in0.error[at] + phase_loss(phases) * top);
          s.unsure[i] += w * top;
        }
      }
      if (core.fast) {
        fast_step(begin);
        continue;
      }
      for (int phase = 0; phase < phases; ++phase)
        for (std::int64_t half = 0; half < 2; ++half) step(phase, begin + 16 * half);
    }
    if (begins && ends) break;
    if (!fidelity.packer_l1) continue;
    for (std::size_t i = 0; i < n; ++i) {
      s.total[i] += s.truncated[i];
      s.total_error[i] += s.error[i];
      if (!begins)
        s.total_error[i] += (wide ? 0x1p-24 : kToBf16) * (std::abs(s.total[i]) + s.total_error[i] + carried[i]);
      if (ends) {
        s.truncated[i] = s.total[i];
        s.error[i] = s.total_error[i] +
                     (wide ? kCutToTf32 + kWideStep : 0) * (std::abs(s.total[i]) + s.total_error[i] + carried[i]) +
                     kFlushed;
      }
    }
  }
  for (std::size_t i = 0; i < n; ++i)
    out[i] = {s.exact[i], s.error[i] + carried[i] + std::abs(s.truncated[i] - s.exact[i]) * (1 + 0x1p-20)};
}

}  // namespace firstlight::device::tensix
