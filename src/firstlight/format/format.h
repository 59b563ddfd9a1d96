// Number formats: one row of a table each. A row holds the host rule: how a value is rounded when the host stores it.
//
// Row layout (what a row-major View of a block format means): a row of n elements is stored as ceil(n / block) blocks,
// all exponent bytes of the row first, then the packed codes of all blocks. Tile layout: format/tile.h.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace firstlight {

// The order is that of kFormats below. Integer formats carry indices (token ids, positions, page tables).
enum class Format : std::uint8_t { f32, f16, bf16, bfp8, bfp4, bfp2, i32, i64, u8, f64 };

// One row of the format table.
struct FormatRow {
  Format id;
  std::string_view name;  // "bfp8"
  int block_elements;     // 1, or 16 with one shared exponent
  int block_bytes;        // bytes of one block: 17, 9, 5 for bfp8, bfp4, bfp2
  bool is_float;
  // Encodes a row of n floats into row_bytes(n) bytes / decodes it. The last block of a row is padded with zeros.
  void (*encode)(const float* src, std::int64_t n, std::byte* dst);
  void (*decode)(const std::byte* src, std::int64_t n, float* dst);
  // Largest |x - decode(encode(x))| for one finite element x of a block whose largest magnitude is `block_max`
  // (saturation and flushed subnormals included); 0 where the format holds every float.
  double (*error_bound)(double x, double block_max);
};

std::span<const FormatRow> formats();
const FormatRow& row(Format format);
std::optional<Format> find_format(std::string_view name);
// The names, for help and errors: "f32, f16, ...".
std::string_view format_name(Format format);

// Bytes of a row of n elements in row layout.
std::int64_t row_bytes(Format format, std::int64_t n);

// The values that come back after a row of n floats has been stored: decode(encode(x)), in place allowed.
void round_row(Format format, const float* src, std::int64_t n, float* dst);

// Scalar conversions, inline in scalar.h: f32 <-> bf16, f16 by round to nearest even, NaN -> quiet NaN.

}  // namespace firstlight
