// The block-float codec. The common exponents run in straight float arithmetic that a compiler vectorises; the few at
// both ends of the range, where a scale of 2^k is not a normal f32, run one element at a time.
#include "firstlight/format/block_float.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "firstlight/base/error.h"

namespace firstlight {
namespace {

constexpr int kExponentBias = 127;
constexpr int kFractionBits = 23;
constexpr int kNonFinite = 255;  // exponent field of infinities and NaNs

float power_of_two(int field) { return std::bit_cast<float>(static_cast<std::uint32_t>(field) << kFractionBits); }

// `shifted` is the 24-bit significand after the truncating shift; the code is its upper part, rounded to nearest even.
template <int kMagnitudeBits>
std::uint8_t round_to_code(std::int32_t shifted, std::uint32_t sign) {
  constexpr int kDropped = kFractionBits + 1 - kMagnitudeBits;
  constexpr std::int32_t kLargest = (1 << kMagnitudeBits) - 1;
  const std::int32_t rounded = (shifted + (1 << (kDropped - 1)) - 1 + (shifted >> kDropped & 1)) >> kDropped;
  const std::int32_t magnitude = std::min(rounded, kLargest);
  const std::int32_t nonzero = (magnitude + kLargest) >> kMagnitudeBits;  // 0 or 1: a zero has no sign
  return static_cast<std::uint8_t>(magnitude | (static_cast<std::int32_t>(sign) & nonzero) << kMagnitudeBits);
}

template <int kMagnitudeBits>
std::uint8_t encode_exact(std::uint32_t bits, int shared) {
  const int field = static_cast<int>(bits >> kFractionBits & 0xFFu);
  const std::uint32_t significand = field == 0 ? 0u : (bits & 0x007FFFFFu) | 0x00800000u;
  const int gap = std::min(shared - field, 31);
  return round_to_code<kMagnitudeBits>(static_cast<std::int32_t>(significand >> gap), bits >> 31);
}

template <int kMagnitudeBits>
void encode(const float* src, std::uint8_t& exponent, std::uint8_t* codes) {
  std::uint32_t bits[kBlockElements];
  std::memcpy(bits, src, sizeof(bits));
  std::int32_t largest = 0;
  for (const std::uint32_t word : bits) largest = std::max(largest, static_cast<std::int32_t>(word & 0x7FFFFFFFu));
  const int shared = largest >> kFractionBits;
  exponent = static_cast<std::uint8_t>(shared);
  // |x| * 2^(150 - E) cut to an integer is the significand shifted right by the gap. Its scale is a normal f32 from
  // E = 24, where a subnormal also stays below 1.
  if (shared > kFractionBits && shared != kNonFinite) {
    const float scale = power_of_two(2 * kExponentBias + kFractionBits - shared);
    for (int i = 0; i < kBlockElements; ++i) {
      const float magnitude = std::bit_cast<float>(bits[i] & 0x7FFFFFFFu);
      codes[i] = round_to_code<kMagnitudeBits>(static_cast<std::int32_t>(magnitude * scale), bits[i] >> 31);
    }
  } else {
    for (int i = 0; i < kBlockElements; ++i) codes[i] = encode_exact<kMagnitudeBits>(bits[i], shared);
  }
}

template <int kMagnitudeBits>
void decode(std::uint8_t exponent, const std::uint8_t* codes, float* dst) {
  constexpr std::int32_t kLargest = (1 << kMagnitudeBits) - 1;
  // From E = m every code is a normal f32, and so is the scale 2^(E - 127 - (m - 1)).
  if (exponent >= kMagnitudeBits && exponent != kNonFinite) {
    const float scale = power_of_two(exponent - (kMagnitudeBits - 1));
    for (int i = 0; i < kBlockElements; ++i) {
      const float magnitude = static_cast<float>(static_cast<std::int32_t>(codes[i] & kLargest)) * scale;
      const std::uint32_t sign = static_cast<std::uint32_t>(codes[i] >> kMagnitudeBits) << 31;
      dst[i] = std::bit_cast<float>(std::bit_cast<std::uint32_t>(magnitude) | sign);
    }
  } else {
    for (int i = 0; i < kBlockElements; ++i) dst[i] = block_float_value(kMagnitudeBits, exponent, codes[i]);
  }
}

// Codes of one block <-> their packed bytes, lowest element in the lowest bits.
template <int kMagnitudeBits>
void pack(const std::uint8_t* codes, std::byte* dst) {
  constexpr int kCodeBits = kMagnitudeBits + 1;
  constexpr int kPerByte = 8 / kCodeBits;
  std::uint8_t packed[kBlockElements / kPerByte];
  for (int byte = 0; byte < kBlockElements / kPerByte; ++byte) {
    int value = 0;
    for (int k = 0; k < kPerByte; ++k) value |= codes[byte * kPerByte + k] << (k * kCodeBits);
    packed[byte] = static_cast<std::uint8_t>(value);
  }
  std::memcpy(dst, packed, sizeof(packed));
}

template <int kMagnitudeBits>
void unpack(const std::byte* src, std::uint8_t* codes) {
  constexpr int kCodeBits = kMagnitudeBits + 1;
  constexpr int kPerByte = 8 / kCodeBits;
  for (int byte = 0; byte < kBlockElements / kPerByte; ++byte)
    for (int k = 0; k < kPerByte; ++k)
      codes[byte * kPerByte + k] =
          static_cast<std::uint8_t>(static_cast<int>(src[byte]) >> (k * kCodeBits) & ((1 << kCodeBits) - 1));
}

// Exponent field of a magnitude as an f32 has it; 255 for what an f32 does not hold.
int exponent_field(double magnitude) {
  if (!std::isfinite(magnitude)) return kNonFinite;
  if (magnitude < 0x1p-126) return 0;
  return std::min(std::ilogb(magnitude) + kExponentBias, kNonFinite);
}

}  // namespace

void encode_block(int magnitude_bits, const float* src, std::uint8_t& exponent, std::uint8_t* codes) {
  switch (magnitude_bits) {
    case kBfp8MagnitudeBits:
      return encode<kBfp8MagnitudeBits>(src, exponent, codes);
    case kBfp4MagnitudeBits:
      return encode<kBfp4MagnitudeBits>(src, exponent, codes);
    case kBfp2MagnitudeBits:
      return encode<kBfp2MagnitudeBits>(src, exponent, codes);
    default:
      fail(Category::kInternal, "encode_block", "a magnitude of {} bits; expected 7, 3 or 1", magnitude_bits);
  }
}

void decode_block(int magnitude_bits, std::uint8_t exponent, const std::uint8_t* codes, float* dst) {
  switch (magnitude_bits) {
    case kBfp8MagnitudeBits:
      return decode<kBfp8MagnitudeBits>(exponent, codes, dst);
    case kBfp4MagnitudeBits:
      return decode<kBfp4MagnitudeBits>(exponent, codes, dst);
    case kBfp2MagnitudeBits:
      return decode<kBfp2MagnitudeBits>(exponent, codes, dst);
    default:
      fail(Category::kInternal, "decode_block", "a magnitude of {} bits; expected 7, 3 or 1", magnitude_bits);
  }
}

template <int kMagnitudeBits>
void encode_block_row(const float* src, std::int64_t n, std::byte* dst) {
  constexpr int kCodeBytes = block_float_bytes(kMagnitudeBits) - 1;
  const std::int64_t blocks = (n + kBlockElements - 1) / kBlockElements;
  std::byte* packed = dst + blocks;
  for (std::int64_t block = 0; block < blocks; ++block) {
    const std::int64_t begin = block * kBlockElements;
    float values[kBlockElements] = {};
    std::memcpy(values, src + begin,
                static_cast<std::size_t>(std::min<std::int64_t>(kBlockElements, n - begin)) * sizeof(float));
    std::uint8_t exponent = 0;
    std::uint8_t codes[kBlockElements];
    encode<kMagnitudeBits>(values, exponent, codes);
    dst[block] = std::byte{exponent};
    pack<kMagnitudeBits>(codes, packed + block * kCodeBytes);
  }
}

template <int kMagnitudeBits>
void decode_block_row(const std::byte* src, std::int64_t n, float* dst) {
  constexpr int kCodeBytes = block_float_bytes(kMagnitudeBits) - 1;
  const std::int64_t blocks = (n + kBlockElements - 1) / kBlockElements;
  const std::byte* packed = src + blocks;
  for (std::int64_t block = 0; block < blocks; ++block) {
    const std::int64_t begin = block * kBlockElements;
    std::uint8_t codes[kBlockElements];
    unpack<kMagnitudeBits>(packed + block * kCodeBytes, codes);
    float values[kBlockElements];
    decode<kMagnitudeBits>(static_cast<std::uint8_t>(src[block]), codes, values);
    std::memcpy(dst + begin, values,
                static_cast<std::size_t>(std::min<std::int64_t>(kBlockElements, n - begin)) * sizeof(float));
  }
}

template <int kMagnitudeBits>
double block_float_error_bound(double x, double block_max) {
  const double magnitude = std::abs(x);
  const int shared = exponent_field(std::abs(block_max));
  const int field = exponent_field(magnitude);
  const double step = std::ldexp(1.0, shared - kExponentBias - (kMagnitudeBits - 1));
  // Lost whole: subnormals, and what rounds to the code 0 (a tie at half a step goes to the even 0).
  if (field == 0 || magnitude <= step / 2) return magnitude;
  const double largest = ((1 << kMagnitudeBits) - 1) * step;
  if (magnitude >= largest) return magnitude - largest;
  // Half a step, and what the truncating shift dropped before the rounding saw it: less than one unit of the shared
  // 24-bit grid, in units of the element's own last bit.
  const int unit = kExponentBias + kFractionBits;
  return step / 2 + (std::ldexp(1.0, shared - unit) - std::ldexp(1.0, field - unit));
}

template void encode_block_row<kBfp8MagnitudeBits>(const float*, std::int64_t, std::byte*);
template void encode_block_row<kBfp4MagnitudeBits>(const float*, std::int64_t, std::byte*);
template void encode_block_row<kBfp2MagnitudeBits>(const float*, std::int64_t, std::byte*);
template void decode_block_row<kBfp8MagnitudeBits>(const std::byte*, std::int64_t, float*);
template void decode_block_row<kBfp4MagnitudeBits>(const std::byte*, std::int64_t, float*);
template void decode_block_row<kBfp2MagnitudeBits>(const std::byte*, std::int64_t, float*);
template double block_float_error_bound<kBfp8MagnitudeBits>(double, double);
template double block_float_error_bound<kBfp4MagnitudeBits>(double, double);
template double block_float_error_bound<kBfp2MagnitudeBits>(double, double);

}  // namespace firstlight
