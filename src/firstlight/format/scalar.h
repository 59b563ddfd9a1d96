// 16-bit floats, one value at a time: f32 <-> bf16 and f32 <-> f16, round to nearest even, inline for kernels.
//
//   bf16  s e8 m7    the upper half of an f32
//   f16   s e5 m10   IEEE 754 binary16, subnormals and infinities included
//
// Narrowing turns every NaN into the one quiet NaN 0x7FC0 / 0x7E00, as torch does for bf16; overflow gives infinity.
// Widening is exact (an f16 NaN comes back quiet). Branches are selects, so loops over these vectorise.
#pragma once

#include <bit>
#include <cstdint>

namespace firstlight {

constexpr float bf16_to_f32(std::uint16_t bits) { return std::bit_cast<float>(std::uint32_t{bits} << 16); }

constexpr std::uint16_t f32_to_bf16(float value) {
  const std::uint32_t bits = std::bit_cast<std::uint32_t>(value);
  // Just under half of the dropped part, plus the last kept bit: ties go to even, and a carry steps the exponent.
  const std::uint32_t rounded = (bits + 0x7FFFu + (bits >> 16 & 1u)) >> 16;
  return static_cast<std::uint16_t>((bits & 0x7FFFFFFFu) > 0x7F800000u ? 0x7FC0u : rounded);
}

constexpr float f16_to_f32(std::uint16_t bits) {
  const std::uint32_t sign = (bits & 0x8000u) << 16;
  const std::uint32_t magnitude = bits & 0x7FFFu;
  const std::uint32_t normal = (magnitude << 13) + (112u << 23);  // biases: 127 - 15 = 112
  const std::uint32_t special = (magnitude << 13) | 0x7F800000u | (magnitude > 0x7C00u ? 0x00400000u : 0u);
  // Subnormals count units of 2^-24.
  const std::uint32_t small = std::bit_cast<std::uint32_t>(static_cast<float>(static_cast<int>(magnitude)) * 0x1p-24f);
  const std::uint32_t finite = magnitude < 0x0400u ? small : normal;
  return std::bit_cast<float>(sign | (magnitude >= 0x7C00u ? special : finite));
}

constexpr std::uint16_t f32_to_f16(float value) {
  const std::uint32_t bits = std::bit_cast<std::uint32_t>(value);
  const std::uint32_t sign = bits >> 16 & 0x8000u;
  const std::uint32_t magnitude = bits & 0x7FFFFFFFu;
  const std::uint32_t normal = (magnitude - (112u << 23) + 0x0FFFu + (magnitude >> 13 & 1u)) >> 13;
  // Below 2^-14: the last bit of 0.5 weighs 2^-24, so the adder itself rounds to the subnormal grid.
  const float small_magnitude = std::bit_cast<float>(magnitude < 0x38800000u ? magnitude : 0u);
  const std::uint32_t small = std::bit_cast<std::uint32_t>(small_magnitude + 0.5f) - 0x3F000000u;
  const std::uint32_t finite = magnitude < 0x38800000u ? small : normal;
  const std::uint32_t ordered = magnitude >= 0x47800000u ? 0x7C00u : finite;  // 2^16 and up; 65520 rounds up by carry
  return static_cast<std::uint16_t>(magnitude > 0x7F800000u ? 0x7E00u : sign | ordered);
}

}  // namespace firstlight
