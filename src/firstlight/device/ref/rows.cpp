// Row addresses, parts of rows, row scratch.
#include "firstlight/device/ref/rows.h"

#include <cstring>

namespace firstlight::device::ref {
namespace {

// Where the exponents and the codes of a part of a block row lie.
struct BlockPart {
  std::int64_t blocks;      // of the part
  std::int64_t code_bytes;  // of the part
  std::int64_t first_exponent;
  std::int64_t first_code;
};

BlockPart block_part(const FormatRow& format, std::int64_t n, std::int64_t begin, std::int64_t count) {
  const std::int64_t codes = format.block_bytes - 1;
  const std::int64_t blocks = ceil_div(count, format.block_elements);
  const std::int64_t first = begin / format.block_elements;
  return {blocks, blocks * codes, first, ceil_div(n, format.block_elements) + first * codes};
}

// Floats of one row of an operand; index operands are read where they lie.
std::int64_t buffered_length(const View& view) { return row(view.format).is_float ? row_length(view) : 0; }

std::size_t worker_bytes(const KernelCall& call) {
  std::size_t bytes = 0;
  for (const View& view : call.in) bytes += Carver::bytes<float>(buffered_length(view));
  for (const View& view : call.out) bytes += Carver::bytes<float>(buffered_length(view));
  return bytes;
}

}  // namespace

void read_part(Format format, const std::byte* stored, std::int64_t n, std::int64_t begin, std::int64_t count,
               float* dst, std::byte* buffer) {
  const FormatRow& info = row(format);
  if (info.block_elements == 1) return info.decode(stored + begin * info.block_bytes, count, dst);
  const BlockPart part = block_part(info, n, begin, count);
  std::memcpy(buffer, stored + part.first_exponent, static_cast<std::size_t>(part.blocks));
  std::memcpy(buffer + part.blocks, stored + part.first_code, static_cast<std::size_t>(part.code_bytes));
  info.decode(buffer, count, dst);
}

void write_part(Format format, std::byte* stored, std::int64_t n, std::int64_t begin, std::int64_t count,
                const float* src, std::byte* buffer) {
  const FormatRow& info = row(format);
  if (info.block_elements == 1) return info.encode(src, count, stored + begin * info.block_bytes);
  const BlockPart part = block_part(info, n, begin, count);
  info.encode(src, count, buffer);
  std::memcpy(stored + part.first_exponent, buffer, static_cast<std::size_t>(part.blocks));
  std::memcpy(stored + part.first_code, buffer + part.blocks, static_cast<std::size_t>(part.code_bytes));
}

std::size_t row_scratch(const KernelCall& call, int threads) {
  return worker_bytes(call) * static_cast<std::size_t>(threads);
}

RowBuffers row_buffers(const KernelCall& call, int worker) {
  Carver carver(call.context.scratch.subspan(worker_bytes(call) * static_cast<std::size_t>(worker)));
  RowBuffers buffers;
  for (std::size_t i = 0; i < call.in.size(); ++i) {
    float* rows = carver.take<float>(buffered_length(call.in[i]));
    if (i < buffers.in.size()) buffers.in[i] = rows;
  }
  buffers.out = carver.take<float>(buffered_length(call.out[0]));
  return buffers;
}

}  // namespace firstlight::device::ref
