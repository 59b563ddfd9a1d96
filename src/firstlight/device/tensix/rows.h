// Rows of tensors as words: what the unpacker makes of a stored row, and what the packer stores of a row of Dst. The
// values are those of 32x32 tiles, whose blocks of 16 lie along rows; only matrix products need the tiles themselves.
#pragma once

#include <initializer_list>
#include <span>

#include "firstlight/device/contract.h"
#include "firstlight/device/tensix/arithmetic/pack.h"
#include "firstlight/device/tensix/settings.h"

namespace firstlight::device::tensix {

inline std::int64_t row_length(const View& view) { return view.shape.rank() == 0 ? 1 : view.shape[-1]; }
inline std::int64_t row_count(const View& view) { return view.shape.elements() == 0 ? 0 : view.shape.rows(); }

// The row at these indices of the outer axes, and the index-th row in logical order.
std::byte* row_at(const View& view, std::initializer_list<std::int64_t> outer);
std::byte* row_at(const View& view, std::int64_t index);

// Elements [begin, begin + count) of a stored row of n as L1 holds them; `begin` is a multiple of 16.
void read_words(Format format, const std::byte* stored, std::int64_t n, std::int64_t begin, std::int64_t count,
                const Rules& rules, std::uint32_t* words);

// Dst words into elements [begin, begin + count) of a stored row of n, by the packer's usual way to the format. `begin`
// is a multiple of 16, and so is `count` unless the row ends there.
void write_words(Format format, std::byte* stored, std::int64_t n, std::int64_t begin, std::int64_t count,
                 const std::uint32_t* words, Accumulator accumulator, const Rules& rules);

// A buffer in L1 between two kernels of an op, f32 or bf16: Dst words as it holds them.
constexpr std::uint32_t to_l1(std::uint32_t dst, Format l1, Accumulator accumulator, const Rules& rules) {
  if (accumulator == Accumulator::kBf16) dst &= 0xFFFF0000U;
  const bool through = l1 == Format::f32 && accumulator == Accumulator::kF32;
  return pack_early(dst, accumulator, through ? Intermediate::kF32 : Intermediate::kBf16, rules);
}

// What Src holds of a word from L1 in `format`: fp32 is cut to tf32 under a 32-bit Dst, else to bf16.
constexpr Source source_of(Format format, Accumulator accumulator) {
  return format == Format::f32 && accumulator == Accumulator::kF32 ? Source::kTf32 : Source::kBf16;
}
constexpr std::uint32_t to_source(std::uint32_t l1, Format format, Source source, const Rules& rules) {
  return format == Format::f32 ? source_of_f32(l1, source, rules) : l1;
}

// fp32 rounded to bf16 as the host stores it (nearest even), as a word.
std::uint32_t host_bf16(float value);

// Hands out aligned arrays of a byte range.
class Carver {
 public:
  explicit Carver(std::span<std::byte> bytes) : next_(bytes.data()) {}
  template <typename T>
  T* take(std::int64_t count) {
    auto* result = reinterpret_cast<T*>(next_);
    next_ += round_up(count * static_cast<std::int64_t>(sizeof(T)), 64);
    return result;
  }
  template <typename T>
  static std::size_t bytes(std::int64_t count) {
    return static_cast<std::size_t>(round_up(count * static_cast<std::int64_t>(sizeof(T)), 64));
  }

 private:
  std::byte* next_;
};

}  // namespace firstlight::device::tensix
