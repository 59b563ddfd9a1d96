// Cases of ops that move rows, and of the rotary embedding.
#include <cmath>

#include "device/parity/generators.h"
#include "firstlight/op/elementwise.h"
#include "firstlight/op/rope.h"
#include "firstlight/op/rows.h"

namespace firstlight::parity {

std::vector<Case> copy_cases() {
  std::vector<Case> result;
  constexpr Format kFormats[] = {Format::f32, Format::bf16, Format::f16, Format::bfp8, Format::bfp4, Format::bfp2};
  for (const Format from : kFormats)
    for (const Format to : kFormats) {
      const std::string formats = suffix(from, to);
      const bool blocks = row(from).block_elements > 1;
      const auto add = [&](const std::string& name, const Operand& x) {
        result.push_back(make_case(name + formats, op::Op::copy, op::Copy{}, {x.filled(Fill::kWide)}, to));
      };
      add("1", activation({1}, from));
      add("3x37", activation({3, 37}, from));
      add("0x16", activation({0, 16}, from));
      add("2x3x32", activation({2, 3, 32}, from));
      if (!blocks) add("strided_5x2x19", activation({5, 2, 19}, from).wide(3, 8));
    }
  return result;
}

std::vector<Case> concat_cases() {
  std::vector<Case> result;
  for (const Format format : kMoreFormats) {
    const bool blocks = row(format).block_elements > 1;
    const auto add = [&](const std::string& name, Operand a, Operand b) {
      result.push_back(make_case(name + suffix(format), op::Op::concat, op::Concat{}, {a, b}, format));
    };
    add("1_1", activation({1, 1}, format), activation({1, 1}, format));
    add("5x17_5x20", activation({5, 17}, format), activation({5, 20}, format));
    add("2x3x32_2x3x16", activation({2, 3, 32}, format), activation({2, 3, 16}, format));
    add("0x8_0x8", activation({0, 8}, format), activation({0, 8}, format));
    add("3x0_3x9", activation({3, 0}, format), activation({3, 9}, format));
    if (!blocks)
      add("strided_4x16_4x16", activation({4, 16}, format).wide(16, 0), activation({4, 16}, format).wide(0, 16));
  }
  return result;
}

std::vector<Case> gather_rows_cases() {
  std::vector<Case> result;
  for (const Format format : kMoreFormats) {
    const bool blocks = row(format).block_elements > 1;
    const auto add = [&](const std::string& name, const Operand& x, std::vector<std::int32_t> indices) {
      const auto count = static_cast<std::int64_t>(indices.size());
      result.push_back(make_case(name + suffix(format), op::Op::gather_rows, op::GatherRows{},
                                 {x, index({count}, std::move(indices))}, format));
    };
    add("1x1", activation({1, 1}, format), {0, 0});
    add("6x33", activation({6, 33}, format), {5, 0, 3, 3});
    add("4x2x16", activation({4, 2, 16}, format), {3, 1});
    add("none_of_4x8", activation({4, 8}, format), {});
    if (!blocks) add("strided_6x33", activation({6, 33}, format).wide(1, 4), {2, 5});
  }
  return result;
}

std::vector<Case> rope_cases() {
  struct Size {
    std::int64_t rows, heads, head_dim;
    int rotary_dim;
    bool strided;
  };
  constexpr Size kSizes[] = {{1, 1, 2, 2, false},    {3, 2, 16, 16, false}, {5, 3, 40, 24, true}, {0, 2, 16, 16, false},
                             {33, 1, 96, 96, false}, {2, 4, 32, 0, false},  {7, 2, 34, 18, true}};
  std::vector<Case> result;
  for (const Size& size : kSizes)
    for (const op::RopePairing pairing : {op::RopePairing::kHalfSplit, op::RopePairing::kInterleaved})
      for (const Format format : kMoreFormats) {
        constexpr std::int64_t kPositions = 40;
        const std::int64_t pairs = size.rotary_dim / 2;
        Operand cosines = activation({kPositions, pairs});
        Operand sines = activation({kPositions, pairs});
        for (std::int64_t p = 0; p < kPositions; ++p)
          for (std::int64_t i = 0; i < pairs; ++i) {
            const double angle =
                static_cast<double>(p) * std::pow(10000.0, -static_cast<double>(i) / static_cast<double>(pairs));
            cosines.values.push_back(static_cast<float>(std::cos(angle)));
            sines.values.push_back(static_cast<float>(std::sin(angle)));
          }
        std::vector<std::int32_t> positions;
        for (std::int64_t r = 0; r < size.rows; ++r)
          positions.push_back(static_cast<std::int32_t>((r * 17 + 3) % kPositions));
        Operand x = activation({size.rows, size.heads, size.head_dim}, format);
        if (size.strided && row(format).block_elements == 1) x = x.wide(size.head_dim, 2 * size.head_dim);
        const bool interleaved = pairing == op::RopePairing::kInterleaved;
        const std::string name =
            fmt::format("{}_rotary{}{}{}{}", dims({size.rows, size.heads, size.head_dim}), size.rotary_dim,
                        interleaved ? "_interleaved" : "", size.strided ? "_strided" : "", suffix(format));
        result.push_back(make_case(name, op::Op::rope, op::Rope{size.rotary_dim, pairing},
                                   {x.per_row(), cosines, sines, index({size.rows}, positions).per_row()}, format));
      }
  return result;
}

}  // namespace firstlight::parity
