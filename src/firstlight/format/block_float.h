// Block floats bfp8, bfp4, bfp2: 16 values share one 8-bit exponent E (bias 127); each keeps a sign and a magnitude of
// m = 7, 3 or 1 bits without a hidden one.
//
//   code  = s << m | mag                   value = (-1)^s * mag * 2^(E - 127 - (m - 1))
//   row   = E of block 0, 1, ... then the packed codes of block 0, 1, ...
//   bfp8: one byte a code.  bfp4: two a byte, the even element in the low nibble.  bfp2: four a byte, k in bits 2k,
//   2k+1.
//
// Encoding is the host packing rule (docs: tensix_numerics.md section 2): E is the largest exponent field of the block,
// infinities and NaNs included; the significand is shifted right by the gap to E, which truncates, and only then
// rounded to nearest even; overflow saturates and leaves E alone; subnormals become 0; there is no -0.
//
// Decoding is exact where an f32 can hold the value. A value below 2^-126 is flushed to zero; a value of 2^128 or more
// (E = 255 only: the block held an infinity or a NaN) reads back as the largest f32, never as infinity or NaN. A zero
// keeps the sign of its code.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <limits>

namespace firstlight {

inline constexpr int kBlockElements = 16;
inline constexpr int kBfp8MagnitudeBits = 7;
inline constexpr int kBfp4MagnitudeBits = 3;
inline constexpr int kBfp2MagnitudeBits = 1;

// Bytes of one packed block: the exponent and 16 codes.
constexpr int block_float_bytes(int magnitude_bits) { return 1 + kBlockElements * (magnitude_bits + 1) / 8; }

// One block with its codes unpacked, a byte each. `magnitude_bits` is 7, 3 or 1.
void encode_block(int magnitude_bits, const float* src, std::uint8_t& exponent, std::uint8_t* codes);  // [16]
void decode_block(int magnitude_bits, std::uint8_t exponent, const std::uint8_t* codes, float* dst);   // [16]

// The value of one code.
constexpr float block_float_value(int magnitude_bits, std::uint8_t exponent, std::uint8_t code) {
  const std::uint32_t sign = std::uint32_t{code} >> magnitude_bits << 31;
  const std::uint32_t magnitude = code & ((1u << magnitude_bits) - 1u);
  const int leading_zeros = magnitude_bits - std::bit_width(magnitude);
  const int field = int{exponent} - leading_zeros;  // exponent field of the normalised value
  if (magnitude == 0 || field <= 0) return std::bit_cast<float>(sign);
  if (field == 255) return sign != 0 ? std::numeric_limits<float>::lowest() : std::numeric_limits<float>::max();
  const std::uint32_t fraction = (magnitude << (24 - std::bit_width(magnitude))) & 0x007FFFFFu;
  return std::bit_cast<float>(sign | static_cast<std::uint32_t>(field) << 23 | fraction);
}

// Rows of n values in row layout, as the format table calls them.
template <int kMagnitudeBits>
void encode_block_row(const float* src, std::int64_t n, std::byte* dst);
template <int kMagnitudeBits>
void decode_block_row(const std::byte* src, std::int64_t n, float* dst);
extern template void encode_block_row<kBfp8MagnitudeBits>(const float*, std::int64_t, std::byte*);
extern template void encode_block_row<kBfp4MagnitudeBits>(const float*, std::int64_t, std::byte*);
extern template void encode_block_row<kBfp2MagnitudeBits>(const float*, std::int64_t, std::byte*);
extern template void decode_block_row<kBfp8MagnitudeBits>(const std::byte*, std::int64_t, float*);
extern template void decode_block_row<kBfp4MagnitudeBits>(const std::byte*, std::int64_t, float*);
extern template void decode_block_row<kBfp2MagnitudeBits>(const std::byte*, std::int64_t, float*);

// FormatRow::error_bound of the three formats. It is attained: by ties, by saturation, and by values of less than half
// a step, which are lost whole.
template <int kMagnitudeBits>
double block_float_error_bound(double x, double block_max);
extern template double block_float_error_bound<kBfp8MagnitudeBits>(double, double);
extern template double block_float_error_bound<kBfp4MagnitudeBits>(double, double);
extern template double block_float_error_bound<kBfp2MagnitudeBits>(double, double);

}  // namespace firstlight
