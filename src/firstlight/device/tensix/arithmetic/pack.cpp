// L1 accumulation, and tiles of packed data.
#include "firstlight/device/tensix/arithmetic/pack.h"

#include <bit>
#include <cmath>
#include <cstring>
#include <limits>

namespace firstlight::device::tensix {
namespace {

std::uint32_t flush(std::uint32_t word, const Rules& rules) {
  return rules.accumulate_flushes && is_zero(word) ? word & kSignBit : word;
}

// A bf16 operand of the adder as a double. NaNs are numbers there: in L1 the largest double, in the value 1.m 2^128.
double widen(std::uint32_t word, bool from_l1, const Rules& rules) {
  if (rules.accumulate_nan_is_huge && is_nan(word)) {
    const double magnitude = from_l1
                                 ? std::numeric_limits<double>::max()
                                 : std::ldexp(1.0 + std::ldexp(static_cast<double>(word & kMantissaBits), -23), 128);
    return negative(word) ? -magnitude : magnitude;
  }
  return std::bit_cast<float>(flush(word, rules));
}

// Nearest even in one step from the double's own bits.
std::uint32_t narrow(double sum) {
  const auto bits = std::bit_cast<std::uint64_t>(sum);
  const std::uint32_t sign = static_cast<std::uint32_t>(bits >> 32) & kSignBit;
  const int field = static_cast<int>(bits >> 52 & 2047U);
  if (field == 2047 || field == 0) return field == 0 ? sign : sign | kInfinity;
  std::int64_t significand =
      static_cast<std::int64_t>((bits & ((std::uint64_t{1} << 52) - 1)) | std::uint64_t{1} << 52);
  int exponent = field - 1023 + kBias;
  significand = (significand + (std::int64_t{1} << 44) - 1 + (significand >> 45 & 1)) >> 45;
  if (significand == 256) {
    significand = 128;
    ++exponent;
  }
  if (exponent <= 0) return sign;
  if (exponent >= 255) return sign | kInfinity;
  return join(sign != 0, exponent, static_cast<std::uint32_t>(significand & 127) << 16);
}

void pack_codes(int bits, std::span<const std::uint8_t, 16> codes, std::uint8_t* out) {
  const int per_byte = 8 / bits;
  for (int i = 0; i < 16; i += per_byte) {
    unsigned byte = 0;
    for (int lane = 0; lane < per_byte; ++lane)
      byte |= unsigned{codes[static_cast<std::size_t>(i + lane)]} << (lane * bits);
    *out++ = static_cast<std::uint8_t>(byte);
  }
}

}  // namespace

std::uint32_t accumulate_f32(std::uint32_t old, std::uint32_t value, const Rules& rules) {
  const float sum = std::bit_cast<float>(flush(old, rules)) + std::bit_cast<float>(flush(value, rules));
  const auto word = std::bit_cast<std::uint32_t>(sum);
  return is_nan(word) ? 0x7FC00000U : flush(word, rules);
}

std::uint32_t accumulate_bf16(std::uint32_t old, std::uint32_t value, const Rules& rules) {
  const double sum = widen(old, true, rules) + widen(value, false, rules);
  return std::isnan(sum) ? 0x7FC00000U : narrow(sum);
}

void pack_tile(const TileWords& dst, Accumulator accumulator, const PackSettings& settings, const Rules& rules,
               std::span<std::byte> tile) {
  TileWords words;
  const std::uint32_t held = accumulator == Accumulator::kF32 ? 0xFFFFFFFFU : 0xFFFF0000U;
  for (std::size_t i = 0; i < dst.size(); ++i)
    words[i] = relu_datum(pack_early(dst[i] & held, accumulator, settings.intermediate, rules), settings, rules);

  if (settings.format == Format::f32) {
    if (settings.accumulate) {
      TileWords old;
      std::memcpy(old.data(), tile.data(), sizeof(old));
      for (std::size_t i = 0; i < words.size(); ++i) words[i] = accumulate_f32(old[i], words[i], rules);
    }
    std::memcpy(tile.data(), words.data(), sizeof(words));
    return;
  }
  if (settings.format == Format::bf16) {
    std::array<std::uint16_t, kTileElements> halves;
    std::memcpy(halves.data(), tile.data(), sizeof(halves));
    for (std::size_t i = 0; i < words.size(); ++i) {
      if (settings.accumulate) words[i] = accumulate_bf16(std::uint32_t{halves[i]} << 16, words[i], rules);
      halves[i] = static_cast<std::uint16_t>(words[i] >> 16);
    }
    std::memcpy(tile.data(), halves.data(), sizeof(halves));
    return;
  }
  const int bits = block_bits(settings.format);
  auto* bytes = reinterpret_cast<std::uint8_t*>(tile.data());
  for (std::size_t block = 0; block < 64; ++block) {
    std::array<std::uint32_t, 16> row;
    for (std::size_t i = 0; i < 16; ++i) {
      const std::uint32_t top = words[block * 16 + i] & 0xFFFF0000U;  // fp32 intermediates lose their lower half here
      row[i] = is_zero(top) ? 0U : top;
    }
    std::array<std::uint8_t, 16> codes;
    bytes[block] = assemble_block(bits, row, codes, rules);
    pack_codes(bits, codes, bytes + 64 + block * 2 * static_cast<std::size_t>(bits));
  }
}

}  // namespace firstlight::device::tensix
