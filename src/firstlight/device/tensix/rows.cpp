// Row addresses; rows in and out by format.
#include "firstlight/device/tensix/rows.h"

#include <cstring>

#include "firstlight/format/scalar.h"

namespace firstlight::device::tensix {
namespace {

constexpr std::int64_t kBlock = 16;

}  // namespace

void read_words(Format format, const std::byte* stored, std::int64_t n, std::int64_t begin, std::int64_t count,
                const Rules& rules, std::uint32_t* words) {
  if (count <= 0) return;
  if (format == Format::f32) {
    std::memcpy(words, stored + begin * 4, static_cast<std::size_t>(count) * 4);
    return;
  }
  if (format == Format::bf16) {
    const std::byte* from = stored + begin * 2;
    for (std::int64_t i = 0; i < count; ++i) {
      std::uint16_t half = 0;
      std::memcpy(&half, from + i * 2, sizeof(half));
      words[i] = std::uint32_t{half} << 16;
    }
    return;
  }
  const int bits = block_bits(format);
  const auto* exponents = reinterpret_cast<const std::uint8_t*>(stored);
  const std::uint8_t* codes = exponents + ceil_div(n, kBlock) + begin * bits / 8;
  const int per_byte = 8 / bits;
  for (std::int64_t i = 0; i < count; ++i) {
    const std::uint32_t code = std::uint32_t{codes[i / per_byte]} >> (i % per_byte * bits) & ((1U << bits) - 1U);
    words[i] = source_of_code(code, bits, exponents[(begin + i) / kBlock], rules);
  }
}

void write_words(Format format, std::byte* stored, std::int64_t n, std::int64_t begin, std::int64_t count,
                 const std::uint32_t* words, Accumulator accumulator, const Rules& rules) {
  const int bits = block_bits(format);
  if (bits == 0) {
    for (std::int64_t i = 0; i < count; ++i) {
      const std::uint32_t word = to_l1(words[i], format, accumulator, rules);
      if (format == Format::f32) {
        std::memcpy(stored + (begin + i) * 4, &word, sizeof(word));
      } else {
        const auto half = static_cast<std::uint16_t>(word >> 16);
        std::memcpy(stored + (begin + i) * 2, &half, sizeof(half));
      }
    }
    return;
  }
  const std::uint32_t held = accumulator == Accumulator::kF32 ? 0xFFFFFFFFU : 0xFFFF0000U;
  auto* exponents = reinterpret_cast<std::uint8_t*>(stored);
  std::uint8_t* codes = exponents + ceil_div(n, kBlock);
  const int per_byte = 8 / bits;
  for (std::int64_t block = 0; block < count; block += kBlock) {
    std::array<std::uint32_t, kBlock> row{};
    for (std::int64_t i = 0; i < std::min(kBlock, count - block); ++i)
      row[static_cast<std::size_t>(i)] = pack_early(words[block + i] & held, accumulator, Intermediate::kE8M6, rules);
    std::array<std::uint8_t, kBlock> packed;
    exponents[(begin + block) / kBlock] = assemble_block(bits, row, packed, rules);
    std::uint8_t* to = codes + (begin + block) * bits / 8;
    for (int i = 0; i < kBlock; i += per_byte) {
      unsigned byte = 0;
      for (int lane = 0; lane < per_byte; ++lane)
        byte |= unsigned{packed[static_cast<std::size_t>(i + lane)]} << (lane * bits);
      *to++ = static_cast<std::uint8_t>(byte);
    }
  }
}

std::uint32_t host_bf16(float value) { return std::uint32_t{f32_to_bf16(value)} << 16; }

}  // namespace firstlight::device::tensix
