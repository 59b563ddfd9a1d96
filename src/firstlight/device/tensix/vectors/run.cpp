// A case as the instructions that made it: unpack, one op, pack.
#include "firstlight/device/tensix/vectors/run.h"

#include <cstring>

#include "firstlight/base/error.h"
#include "firstlight/device/tensix/arithmetic/sfpu.h"

namespace firstlight::device::tensix {
namespace {

std::uint32_t word_at(Blob blob, std::size_t index) {
  std::uint32_t word = 0;
  std::memcpy(&word, blob.data() + index * sizeof(word), sizeof(word));
  return word;
}

SourceTile unpack(const VectorCase& item, const std::string& name, const VectorOperand& operand, const Rules& rules) {
  SourceTile tile{.words = {}, .source = operand.source};
  unpack_tile(operand.format, item.in.at(name), operand.source, rules, tile.words);
  return tile;
}

std::vector<std::byte> run_lanes(const VectorCase& item, const Rules& rules) {
  const Blob a = item.in.at("a");
  std::vector<std::byte> out(a.size());
  for (std::size_t i = 0; i < a.size() / 4; ++i) {
    std::uint32_t word = word_at(a, i);
    if (item.op == VectorOp::kMad)
      word = sfpu_mad(word, word_at(item.in.at("b"), i), word_at(item.in.at("c"), i), rules);
    else if (item.op == VectorOp::kReciprocal)
      word = sfpu_reciprocal_seed(word, rules);
    else
      word = sfpu_round_bf16(word, rules);
    std::memcpy(out.data() + i * sizeof(word), &word, sizeof(word));
  }
  return out;
}

void run_copy(const VectorCase& item, const Rules& rules, TileWords& dst) {
  if (item.via == CopyVia::kUnpackToDst) return unpack_to_dst(item.in.at("in0"), dst);
  const SourceTile tile = unpack(item, "in0", item.in0, rules);
  if (item.via == CopyVia::kMove) {
    for (std::size_t i = 0; i < dst.size(); ++i) dst[i] = move_datum(tile.words[i]);
    return;
  }
  const SourceTile zero{};
  elwadd_tile(tile, zero, Broadcast::kNone, false, false, item.accumulator, rules, dst);
}

TileWords run_tile(const VectorCase& item, const Rules& rules) {
  TileWords dst{};
  if (const auto preload = item.in.find("dst_preload"); preload != item.in.end()) unpack_to_dst(preload->second, dst);
  if (item.accumulator == Accumulator::kBf16)
    for (std::uint32_t& word : dst) word &= 0xFFFF0000U;
  switch (item.op) {
    case VectorOp::kMatmul:
      for (int k = 0; k < item.k_tiles; ++k)
        matmul_tile(unpack(item, fmt::format("in0_{}", k), item.in0, rules),
                    unpack(item, fmt::format("in1_{}", k), item.in1, rules), item.phases, item.accumulator, rules, dst);
      break;
    case VectorOp::kElwmul:
      elwmul_tile(unpack(item, "in0", item.in0, rules), unpack(item, "in1", item.in1, rules), item.broadcast,
                  item.phases, item.accumulator, rules, dst);
      break;
    case VectorOp::kElwadd:
    case VectorOp::kElwsub:
      elwadd_tile(unpack(item, "in0", item.in0, rules), unpack(item, "in1", item.in1, rules), item.broadcast,
                  item.op == VectorOp::kElwsub, item.accumulating, item.accumulator, rules, dst);
      break;
    case VectorOp::kCopy:
      run_copy(item, rules, dst);
      break;
    default:
      break;  // a pack case has its Dst
  }
  return dst;
}

std::vector<std::byte> pack(const TileWords& dst, const VectorCase& item, const VectorOutput& output,
                            const Rules& rules) {
  std::vector<std::byte> tile(static_cast<std::size_t>(tile_bytes(output.pack.format)));
  if (!output.l1.empty()) std::memcpy(tile.data(), output.l1.data(), tile.size());
  pack_tile(dst, item.accumulator, output.pack, rules, tile);
  return tile;
}

// The datum at `index` as a bit pattern, and how many there are: words, halves, or exponents and then codes.
struct DataView {
  std::span<const std::byte> bytes;
  int bits;  // of a datum; of a code for block formats
  bool block;

  std::int64_t count() const { return block ? 64 + kTileElements : static_cast<std::int64_t>(bytes.size()) * 8 / bits; }
  std::uint32_t at(std::int64_t index) const {
    std::int64_t bit = index * bits;
    int width = bits;
    if (block) {
      bit = index < 64 ? index * 8 : 64 * 8 + (index - 64) * bits;
      width = index < 64 ? 8 : bits;
    }
    std::uint32_t value = 0;
    std::memcpy(&value, bytes.data() + bit / 8, static_cast<std::size_t>(std::max(width, 8) / 8));
    return width >= 32 ? value : value >> (bit % 8) & ((1U << width) - 1U);
  }
  std::string show(std::int64_t index) const {
    const int width = block && index < 64 ? 8 : bits;
    return fmt::format("{:0{}x}", at(index), (width + 3) / 4);
  }
};

}  // namespace

std::vector<std::vector<std::byte>> run_case(const VectorCase& item, const Rules& rules) {
  const bool lanes = item.op == VectorOp::kMad || item.op == VectorOp::kReciprocal || item.op == VectorOp::kRound;
  std::vector<std::vector<std::byte>> outputs;
  if (lanes) {
    for (std::size_t i = 0; i < item.out.size(); ++i) outputs.push_back(run_lanes(item, rules));
    return outputs;
  }
  const TileWords dst = run_tile(item, rules);
  for (const VectorOutput& output : item.out) {
    if (output.is_dst) {
      const auto* bytes = reinterpret_cast<const std::byte*>(dst.data());
      outputs.emplace_back(bytes, bytes + sizeof(dst));
    } else {
      outputs.push_back(pack(dst, item, output, rules));
    }
  }
  return outputs;
}

std::vector<Difference> compare_case(const VectorCase& item, const Rules& rules) {
  std::vector<Difference> differences;
  const std::vector<std::vector<std::byte>> outputs = run_case(item, rules);
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    const VectorOutput& output = item.out[i];
    const Blob expected = output.expected.at(std::string(rules.chip));
    if (std::ranges::equal(outputs[i], expected)) continue;
    const int block = output.is_dst ? 0 : block_bits(output.pack.format);
    const int bits = block != 0 ? block : !output.is_dst && output.pack.format == Format::bf16 ? 16 : 32;
    const DataView got{outputs[i], bits, block != 0};
    const DataView want{expected, bits, block != 0};
    Difference difference;
    difference.item = &item;
    difference.chip = rules.chip;
    difference.output = output.name;
    for (std::int64_t d = got.count(); d-- > 0;)
      if (got.at(d) != want.at(d)) {
        ++difference.count;
        difference.first = d;
      }
    difference.got = got.show(difference.first);
    difference.expected = want.show(difference.first);
    differences.push_back(std::move(difference));
  }
  return differences;
}

VectorSummary run_vectors(const VectorFolder& vectors, std::span<const Rules> chips,
                          const std::function<void(const Difference&)>& report) {
  VectorSummary summary;
  for (const VectorCase& item : vectors.cases) {
    bool failed = false;
    for (const Rules& rules : chips) {
      if (!item.arch_only.empty() && item.arch_only != rules.chip) continue;
      summary.outputs += static_cast<std::int64_t>(item.out.size());
      for (const Difference& difference : compare_case(item, rules)) {
        failed = true;
        report(difference);
      }
    }
    ++summary.cases;
    summary.failed += failed ? 1 : 0;
  }
  return summary;
}

}  // namespace firstlight::device::tensix
