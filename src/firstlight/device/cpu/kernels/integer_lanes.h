// The linear product with inputs of 8 bits for many rows, where one instruction adds four products of bytes: lanes over
// rows. Inputs of kLaneRows rows lie together, so that one shift in registers serves all of them, and meet the weights
// of one column after another, each a broadcast from memory. The arithmetic is that of integer.h. Text compiled once
// per ISA.
#pragma once

#include "firstlight/device/cpu/kernels/ahead.h"
#include "firstlight/device/cpu/kernels/integer_bytes.h"

namespace firstlight::device::cpu::FL_ISA {
namespace {

constexpr int kQuads = kIntegerGroup / 4;  // of a group
constexpr int64_t kLaneGroups = kLaneDepth / kIntegerGroup;
constexpr int64_t kLaneGroupInputs = kIntegerGroup * kLaneRows;  // 16 bits each

// ---- Inputs ------------------------------------------------------------------------------------------------------

template <int kBits>
bool quantise_row(const float* x, int64_t k, int64_t lane, int16_t* tile, float* scales) {
  return for_groups(x, k, [&](const float* group, int64_t i) FL_STEP {
    alignas(64) int16_t values[kIntegerGroup];
    const float scale = scales[i * kLaneRows + lane] = quantise_group(group, values);
    order_inputs<kBits>(values);
    for (int quad = 0; quad < kQuads; ++quad)
      __builtin_memcpy(tile + i * kLaneGroupInputs + (quad * kLaneRows + lane_slot(lane)) * 4, values + quad * 4,
                       4 * sizeof(int16_t));
    return scale;
  });
}

bool quantise_lane(const float* x, int64_t k, WeightCode code, int64_t lane, int16_t* tile, float* scales) {
  return with_block_weight(
      code, [&](auto weight) { return quantise_row<decltype(weight)::kCodeBits>(x, k, lane, tile, scales); });
}

// ---- Weights -----------------------------------------------------------------------------------------------------

// Some groups of a panel.
struct LaneCodes {
  alignas(64) uint8_t quads[kLaneGroups][kQuads][kPanel][4];
  alignas(64) int32_t starts[kLaneGroups][kPanel];  // of the sums of a column: what makes up for inputs moved by 128
  alignas(64) int16_t by[kLaneGroups][kIntegerGroup];
  float scales[kLaneGroups];
};
static_assert(kPanelGroup * sizeof(LaneCodes) <= kLaneCodeBytes);

template <typename W>
void spread(const PanelWeight& weight, int64_t panel, int64_t first, int64_t groups, LaneCodes& out) {
  constexpr int kBits = W::kCodeBits;
  const Groups weights = groups_of<W>(weight, panel);
  for (int64_t group = 0; group < groups; ++group) {
    const uint8_t* data = weights.codes(first + group);
    out.scales[group] = code_scale<W>(multipliers(weights.exponents(first + group), out.by[group]));
    order_inputs<kBits>(out.by[group]);
    Totals sums = no_totals();
    auto* quads = &out.quads[group][0][0][0];
    for (int packed = 0; packed < kPackedQuads<W>; ++packed) {
      const Quad word = load_quad(data + packed * weights.word_stride());
      unrolled<kFields<W>>([&](auto j) FL_STEP {
        const Quad quad = field<kBits, j.value>(word);
        sums = add_codes<kBits>(sums, quad);
        store_quad(quads, quad);
        quads += sizeof(out.quads[0][0]);
      });
    }
    store_totals(out.starts[group], corrected<kBits>(no_totals(), sums, 0));
  }
}

// ---- The product -------------------------------------------------------------------------------------------------

// results [16 columns][16 rows] += the products over some groups.
void multiply_lanes(const int16_t* x, const float* x_scales, const LaneCodes& codes, int64_t groups, float* results,
                    const Ahead& ahead) {
  AskAhead<1> ask(ahead);
  Vec sums[kPanel];
  unrolled<kPanel>([&](auto c) FL_STEP { sums[c.value] = load(results + c.value * kLaneRows); });
  for (int64_t group = 0; group < groups; ++group, x_scales += kLaneRows) {
    Totals acc[kPanel];
    unrolled<kPanel>([&](auto c) FL_STEP { acc[c.value] = all_totals(codes.starts[group][c.value]); });
    for (int quad = 0; quad < kQuads; ++quad, x += 4 * kLaneRows) {
      ask.step();
      const LaneInputs inputs = lane_inputs(x, &codes.by[group][quad * 4]);
      unrolled<kPanel>(
          [&](auto c) FL_STEP { acc[c.value] = lane_step(acc[c.value], inputs, codes.quads[group][quad][c.value]); });
    }
    const Vec scales = mul(load(x_scales), set1(codes.scales[group]));
    unrolled<kPanel>([&](auto c) FL_STEP { sums[c.value] = fma(to_floats(acc[c.value]), scales, sums[c.value]); });
  }
  unrolled<kPanel>([&](auto c) FL_STEP { store(results + c.value * kLaneRows, sums[c.value]); });
}

// results [panels][16 columns][16 rows] of one tile of rows to the rows.
void finish_lanes(const LinearTask& task, int64_t row, int64_t panel, int64_t panels, const float* results) {
  float rows[kPanelGroup][kLaneRows][kPanel];
  for (int64_t p = 0; p < panels; ++p) transpose16(results + p * kPanel * kLaneRows, kLaneRows, &rows[p][0][0], kPanel);
  for (int64_t r = 0; r < smaller(kLaneRows, task.rows - row); ++r)
    for (int64_t p = 0; p < panels; ++p) finish(task, row + r, panel + p, load(rows[p][r]));
}

template <typename W>
void lanes(const LinearTask& task, int64_t begin, int64_t end, uint8_t* scratch) {
  constexpr int64_t kResults = kPanel * kLaneRows;
  constexpr int64_t kBlockBytes = kLaneGroups * kGroupBytes<W>;  // of a panel
  const PanelWeight& weight = task.weight;
  const int64_t groups = integer_groups(weight.k);
  const int64_t tiles = tile_count(task.rows, kLaneRows);
  auto* codes = reinterpret_cast<LaneCodes*>(scratch);
  auto* results = reinterpret_cast<float*>(scratch + kLaneCodeBytes);  // [tiles][panels][16 columns][16 rows]
  for (int64_t panel = begin; panel < end; panel += kPanelGroup) {
    const int64_t panels = smaller(kPanelGroup, end - panel);
    for (int64_t i = 0; i < tiles * panels * kResults; i += kPanel) store(results + i, zero());
    for (int64_t first = 0; first < groups; first += kLaneGroups) {
      const int64_t count = smaller(kLaneGroups, groups - first);
      const uint8_t* block = groups_of<W>(weight, panel).exponents(first);
      // The next block of these panels, or the first of those that follow, which are a worker's next as a rule.
      const bool last = first + kLaneGroups >= groups;
      const uint8_t* next =
          last ? weight.data + (panel + kPanelGroup) * weight.panel_bytes : block + panels * kBlockBytes;
      for (int64_t p = 0; p < panels; ++p) spread<W>(weight, panel + p, first, count, codes[p]);
      for (int64_t tile = 0; tile < tiles; ++tile) {
        const int64_t from = tile * groups + first;
        for (int64_t p = 0; p < panels; ++p)
          multiply_lanes(static_cast<const int16_t*>(task.x) + from * kLaneGroupInputs,
                         task.x_scales + from * kLaneRows, codes[p], count, results + (tile * panels + p) * kResults,
                         part_ahead(next + p * kBlockBytes, kBlockBytes, 0, tiles, tile, count * kQuads));
      }
    }
    for (int64_t tile = 0; tile < tiles; ++tile)
      finish_lanes(task, tile * kLaneRows, panel, panels, results + tile * panels * kResults);
  }
}

void linear_lanes(const LinearTask& task, int64_t begin, int64_t end, uint8_t* scratch) {
  with_block_weight(task.weight.code, [&](auto weight) { lanes<decltype(weight)>(task, begin, end, scratch); });
}

}  // namespace
}  // namespace firstlight::device::cpu::FL_ISA
