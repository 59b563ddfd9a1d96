// The format table and what is common to its rows.
#include "firstlight/format/format.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <limits>
#include <type_traits>

#include "firstlight/base/error.h"
#include "firstlight/format/block_float.h"
#include "firstlight/format/scalar.h"

namespace firstlight {
namespace {

// A codec of one element is a struct with Stored, narrow() and widen(); the row functions below loop over it.
struct F16 {
  using Stored = std::uint16_t;
  static std::uint16_t narrow(float value) { return f32_to_f16(value); }
  static float widen(std::uint16_t stored) { return f16_to_f32(stored); }
};
struct Bf16 {
  using Stored = std::uint16_t;
  static std::uint16_t narrow(float value) { return f32_to_bf16(value); }
  static float widen(std::uint16_t stored) { return bf16_to_f32(stored); }
};
struct F64 {
  using Stored = double;
  static double narrow(float value) { return value; }
  static float widen(double stored) { return static_cast<float>(stored); }
};
// Integers take the nearest value, ties to even, clamped to their range; a NaN becomes 0.
template <typename Integer>
struct Int {
  using Stored = Integer;
  static Integer narrow(float value) {
    constexpr float kLowest = static_cast<float>(std::numeric_limits<Integer>::min());
    constexpr float kAbove = static_cast<float>(std::numeric_limits<Integer>::max() / 2 + 1) * 2.0f;  // 2^bits
    if (!(value == value)) return 0;
    const float rounded = std::nearbyint(value);
    if (rounded < kLowest) return std::numeric_limits<Integer>::min();
    if (rounded >= kAbove) return std::numeric_limits<Integer>::max();
    return static_cast<Integer>(rounded);
  }
  static float widen(Integer stored) { return static_cast<float>(stored); }
};

// Elements pass through a small array, so that the loop neither aliases nor needs an aligned destination.
constexpr std::int64_t kChunk = 256;

template <typename Codec>
void encode_row(const float* src, std::int64_t n, std::byte* dst) {
  using Stored = typename Codec::Stored;
  Stored chunk[kChunk];
  for (std::int64_t begin = 0; begin < n; begin += kChunk) {
    const std::int64_t length = std::min(kChunk, n - begin);
    for (std::int64_t i = 0; i < length; ++i) chunk[i] = Codec::narrow(src[begin + i]);
    std::memcpy(dst + begin * sizeof(Stored), chunk, static_cast<std::size_t>(length) * sizeof(Stored));
  }
}

template <typename Codec>
void decode_row(const std::byte* src, std::int64_t n, float* dst) {
  using Stored = typename Codec::Stored;
  Stored chunk[kChunk];
  for (std::int64_t begin = 0; begin < n; begin += kChunk) {
    const std::int64_t length = std::min(kChunk, n - begin);
    std::memcpy(chunk, src + begin * sizeof(Stored), static_cast<std::size_t>(length) * sizeof(Stored));
    for (std::int64_t i = 0; i < length; ++i) dst[begin + i] = Codec::widen(chunk[i]);
  }
}

void copy_row_in(const float* src, std::int64_t n, std::byte* dst) {
  if (n > 0) std::memcpy(dst, src, static_cast<std::size_t>(n) * sizeof(float));
}

void copy_row_out(const std::byte* src, std::int64_t n, float* dst) {
  if (n > 0) std::memcpy(dst, src, static_cast<std::size_t>(n) * sizeof(float));
}

double no_error(double /*x*/, double /*block_max*/) { return 0.0; }

// Half a unit in the last place of the binade of x, or the whole of a value below half the least subnormal; infinity
// where x rounds to infinity. The format has `kFraction` fraction bits and exponents kLeast to kMost.
template <int kFraction, int kLeast, int kMost>
double half_ulp(double x, double /*block_max*/) {
  const double magnitude = std::abs(x);
  const double overflow = std::ldexp(2.0 - std::ldexp(1.0, -kFraction - 1), kMost);
  if (!(magnitude < overflow)) return std::numeric_limits<double>::infinity();
  if (magnitude == 0) return 0.0;
  const double half = std::ldexp(1.0, std::max(std::ilogb(magnitude), kLeast) - kFraction - 1);
  return std::min(half, magnitude);
}

template <typename Integer>
double integer_error(double x, double /*block_max*/) {
  // What decodes is the limit rounded to f32, so 2^31 and 2^63 stand for the upper limits of i32 and i64.
  constexpr double kLowest = static_cast<double>(std::numeric_limits<Integer>::min());
  constexpr double kHighest = static_cast<double>(static_cast<float>(std::numeric_limits<Integer>::max()));
  if (x <= kLowest) return kLowest - x;
  if (x >= kHighest) return x - kHighest;
  return std::abs(x - std::nearbyint(x));
}

template <int kMagnitudeBits>
constexpr FormatRow block_row(Format id, std::string_view name) {
  return {id,
          name,
          kBlockElements,
          block_float_bytes(kMagnitudeBits),
          true,
          encode_block_row<kMagnitudeBits>,
          decode_block_row<kMagnitudeBits>,
          block_float_error_bound<kMagnitudeBits>};
}

template <typename Codec>
constexpr FormatRow element_row(Format id, std::string_view name, double (*error_bound)(double, double)) {
  using Stored = typename Codec::Stored;
  return {id,
          name,
          1,
          static_cast<int>(sizeof(Stored)),
          !std::is_same_v<Codec, Int<Stored>>,
          encode_row<Codec>,
          decode_row<Codec>,
          error_bound};
}

constexpr std::array kFormats = {
    FormatRow{Format::f32, "f32", 1, 4, true, copy_row_in, copy_row_out, no_error},
    element_row<F16>(Format::f16, "f16", half_ulp<10, -14, 15>),
    element_row<Bf16>(Format::bf16, "bf16", half_ulp<7, -126, 127>),
    block_row<kBfp8MagnitudeBits>(Format::bfp8, "bfp8"),
    block_row<kBfp4MagnitudeBits>(Format::bfp4, "bfp4"),
    block_row<kBfp2MagnitudeBits>(Format::bfp2, "bfp2"),
    element_row<Int<std::int32_t>>(Format::i32, "i32", integer_error<std::int32_t>),
    element_row<Int<std::int64_t>>(Format::i64, "i64", integer_error<std::int64_t>),
    element_row<Int<std::uint8_t>>(Format::u8, "u8", integer_error<std::uint8_t>),
    element_row<F64>(Format::f64, "f64", no_error),
};

constexpr bool in_enum_order() {
  for (std::size_t i = 0; i < kFormats.size(); ++i)
    if (static_cast<std::size_t>(kFormats[i].id) != i) return false;
  return true;
}
static_assert(in_enum_order());

}  // namespace

std::span<const FormatRow> formats() { return kFormats; }

const FormatRow& row(Format format) { return kFormats[static_cast<std::size_t>(format)]; }

std::optional<Format> find_format(std::string_view name) {
  const auto* found = std::ranges::find(kFormats, name, &FormatRow::name);
  if (found == kFormats.end()) return std::nullopt;
  return found->id;
}

std::string_view format_name(Format format) { return row(format).name; }

std::int64_t row_bytes(Format format, std::int64_t n) {
  FL_CHECK(n >= 0 && n <= std::int64_t{1} << 59);  // 8 bytes an element stay within 63 bits
  const FormatRow& info = row(format);
  return (n + info.block_elements - 1) / info.block_elements * info.block_bytes;
}

void round_row(Format format, const float* src, std::int64_t n, float* dst) {
  const FormatRow& info = row(format);
  constexpr std::int64_t kStep = 16 * kBlockElements;  // whole blocks, so a part rounds as it does within its row
  std::byte stored[kStep * sizeof(double)];            // no format takes more than 8 bytes an element
  for (std::int64_t begin = 0; begin < n; begin += kStep) {
    const std::int64_t length = std::min(kStep, n - begin);
    info.encode(src + begin, length, stored);
    info.decode(stored, length, dst + begin);
  }
}

}  // namespace firstlight
