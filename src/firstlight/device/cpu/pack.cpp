// Packing and unpacking of weights: one panel, or a few rows of a table, at a time on each worker.
#include "firstlight/device/cpu/pack.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

#include "firstlight/base/error.h"
#include "firstlight/device/host.h"
#include "firstlight/format/block_float.h"
#include "firstlight/format/scalar.h"

namespace firstlight::device::cpu {
namespace {

constexpr std::byte kNoExponent{255};    // no weight's
constexpr std::int64_t kTableRows = 64;  // rows of a table that a worker takes at a time

WeightCode weight_code(Format format) {
  switch (format) {
    case Format::f32:
      return WeightCode::kF32;
    case Format::f16:
      return WeightCode::kF16;
    case Format::bf16:
      return WeightCode::kBf16;
    case Format::bfp8:
      return WeightCode::kBfp8;
    case Format::bfp4:
      return WeightCode::kBfp4;
    default:
      return WeightCode::kBfp2;
  }
}

int magnitude_bits(WeightCode code) {
  switch (code) {
    case WeightCode::kBfp8:
      return kBfp8MagnitudeBits;
    case WeightCode::kBfp4:
      return kBfp4MagnitudeBits;
    default:
      return kBfp2MagnitudeBits;
  }
}

// Inputs with their padding, where a format has no exponents.
std::int64_t stored_depth(Format format, std::int64_t k) { return format == Format::bf16 ? round_up(k, 2) : k; }

bool is_block(Format format) { return row(format).block_elements > 1; }

std::int64_t group_bytes(WeightCode code) { return kGroup + kGroup * kPanel * (magnitude_bits(code) + 1) / 8; }

// Where the code of input k of a group and a column stands, in bytes from the first one's word, and how far up in its
// byte.
struct CodePlace {
  std::int64_t byte;
  int shift;
};
CodePlace code_place(int bits, std::int64_t word_stride, std::int64_t k, std::int64_t column) {
  const std::int64_t per_word = 32 / bits;
  const int shift = code_shift(bits, static_cast<int>(k % per_word));
  return {k / per_word * word_stride + column * 4 + shift / 8, shift % 8};
}

// Inputs whose codes are all 0 get the least exponent of the others, so that they widen no range.
void fill_exponents(std::byte* exponents, std::int64_t groups, std::int64_t stride, std::byte least) {
  if (least == kNoExponent) least = std::byte{127};
  for (std::int64_t group = 0; group < groups; ++group)
    std::replace(exponents + group * stride, exponents + group * stride + kGroup, kNoExponent, least);
}

// Two's complement of a code of sign and magnitude.
template <int kMagnitude>
int signed_code(int code) {
  const int value = code & ((1 << kMagnitude) - 1);
  return code >> kMagnitude != 0 ? -value : value;
}

// Row layout of K blocks (exponents, then codes in the format's order) to those of a panel.
template <int kMagnitude>
void pack_blocks(std::int64_t depth, const std::byte* encoded, const BundlePlace& place, std::byte* packed) {
  constexpr int kBits = kMagnitude + 1;
  constexpr int kMask = (1 << kBits) - 1;
  constexpr int kPerByte = 8 / kBits;
  constexpr std::int64_t kWords = kGroup * kBits / 32;
  const std::int64_t word_stride = place.panels * kWordBytes;
  std::byte* exponents = packed + place.first;
  std::byte least = kNoExponent;
  const std::byte* input = encoded + depth;
  for (std::int64_t first = 0; first < depth; first += kGroup, exponents += place.group_stride) {
    std::byte* const codes = exponents + place.panels * kGroup;
    for (std::int64_t word = 0; word < kWords; ++word) std::memset(codes + word * word_stride, 0, kWordBytes);
    std::memset(exponents, std::to_integer<int>(kNoExponent), static_cast<std::size_t>(kGroup));
    for (std::int64_t k = 0; k < std::min(kGroup, depth - first); ++k, input += kPanel / kPerByte) {
      const auto exponent = std::to_integer<std::uint8_t>(encoded[first + k]);
      int any = 0;
      for (int column = 0; column < kPanel; ++column) {
        const int code = std::to_integer<int>(input[column / kPerByte]) >> (column % kPerByte * kBits) & kMask;
        int value = signed_code<kMagnitude>(code);
        // Below E = m a magnitude may be too small for a normal f32: the format reads it as zero.
        if (exponent < kMagnitude && block_float_value(kMagnitude, exponent, static_cast<std::uint8_t>(code)) == 0)
          value = 0;
        const CodePlace at = code_place(kBits, word_stride, k, column);
        codes[at.byte] |= static_cast<std::byte>((value & kMask) << at.shift);
        any |= value;
      }
      if (any == 0) continue;
      exponents[k] = std::byte{exponent};
      least = std::min(least, exponents[k]);
    }
  }
  fill_exponents(packed + place.first, ceil_div(depth, kGroup), place.group_stride, least);
}

void pack_blocks(WeightCode weight, std::int64_t depth, const std::byte* encoded, const BundlePlace& place,
                 std::byte* packed) {
  switch (weight) {
    case WeightCode::kBfp8:
      return pack_blocks<kBfp8MagnitudeBits>(depth, encoded, place, packed);
    case WeightCode::kBfp4:
      return pack_blocks<kBfp4MagnitudeBits>(depth, encoded, place, packed);
    default:
      return pack_blocks<kBfp2MagnitudeBits>(depth, encoded, place, packed);
  }
}

// [16, K] to [K / 2][16][2].
void pair_inputs(const std::vector<float>& outputs, std::int64_t depth, std::vector<float>& pairs) {
  for (std::int64_t k = 0; k < round_up(depth, 2); ++k)
    for (std::int64_t column = 0; column < kPanel; ++column)
      pairs[static_cast<std::size_t>(k / 2 * 2 * kPanel + column * 2 + k % 2)] =
          k < depth ? outputs[static_cast<std::size_t>(column * depth + k)] : 0.0F;
}

float panel_value(const PanelWeight& weight, std::int64_t n, std::int64_t k) {
  const std::uint8_t* panel = weight.data + n / kPanel * weight.panel_bytes;
  const std::int64_t column = n % kPanel;
  const std::int64_t element = k * kPanel + column;
  std::uint16_t half = 0;
  switch (weight.code) {
    case WeightCode::kF32: {
      float value = 0;
      std::memcpy(&value, panel + element * 4, sizeof(value));
      return value;
    }
    case WeightCode::kF16:
      std::memcpy(&half, panel + element * 2, sizeof(half));
      return f16_to_f32(half);
    case WeightCode::kBf16:
      std::memcpy(&half, panel + (k / 2 * 2 * kPanel + column * 2 + k % 2) * 2, sizeof(half));
      return bf16_to_f32(half);
    default:
      break;
  }
  const int magnitude = magnitude_bits(weight.code);
  const BundlePlace place = bundle_place(n / kPanel, weight.n, weight.panel_bytes, group_bytes(weight.code));
  const std::uint8_t* exponents = weight.data + place.first + k / kGroup * place.group_stride;
  const CodePlace at = code_place(magnitude + 1, place.panels * kWordBytes, k % kGroup, column);
  const int field = exponents[place.panels * kGroup + at.byte] >> at.shift & ((1 << (magnitude + 1)) - 1);
  const int code = field >> magnitude == 0 ? field : field - (2 << magnitude);  // two's complement
  return std::ldexp(static_cast<float>(code), exponents[k % kGroup] - 127 - (magnitude - 1));
}

void pack_linear(const WeightSpec& spec, const WeightSource& source, std::byte* dst, Executor& executor,
                 const std::function<void(std::int64_t)>& advance) {
  const std::int64_t depth = spec.shape[0];
  const std::int64_t outputs = spec.shape[1];
  const std::int64_t stride = panel_bytes(spec.format, depth);
  struct Buffers {
    std::vector<float> outputs;      // [16, K], as the source gives them
    std::vector<float> inputs;       // [K, 16]
    std::vector<std::byte> encoded;  // row layout
  };
  std::vector<Buffers> buffers(static_cast<std::size_t>(executor.threads()));
  executor.parallel_for(ceil_div(outputs, kPanel), 1, [&](std::int64_t begin, std::int64_t end, int worker) {
    Buffers& own = buffers[static_cast<std::size_t>(worker)];
    own.outputs.resize(static_cast<std::size_t>(depth * kPanel));
    own.inputs.resize(static_cast<std::size_t>(stored_depth(spec.format, depth) * kPanel));
    if (is_block(spec.format)) own.encoded.resize(static_cast<std::size_t>(row_bytes(spec.format, depth * kPanel)));
    for (std::int64_t panel = begin; panel < end; ++panel) {
      const std::int64_t first = panel * kPanel;
      const std::int64_t count = std::min(kPanel, outputs - first);
      std::fill(own.outputs.begin() + count * depth, own.outputs.end(), 0.0F);
      source.read(first, first + count, own.outputs.data());
      for (std::int64_t k = 0; k < depth; ++k)
        for (std::int64_t column = 0; column < kPanel; ++column)
          own.inputs[static_cast<std::size_t>(k * kPanel + column)] =
              own.outputs[static_cast<std::size_t>(column * depth + k)];
      std::byte* target = dst + panel * stride;
      const FormatRow& format = row(spec.format);
      if (is_block(spec.format)) {
        format.encode(own.inputs.data(), depth * kPanel, own.encoded.data());
        if (std::find(own.encoded.begin(), own.encoded.begin() + depth, std::byte{255}) != own.encoded.begin() + depth)
          fail(Category::kBadInput, "",
               "outputs {} to {} of the weight hold an infinity or a NaN, which {} cannot store", first,
               first + count - 1, format.name);
        const WeightCode code = weight_code(spec.format);
        pack_blocks(code, depth, own.encoded.data(), bundle_place(panel, outputs, stride, group_bytes(code)), dst);
      } else {
        if (spec.format == Format::bf16) pair_inputs(own.outputs, depth, own.inputs);
        format.encode(own.inputs.data(), static_cast<std::int64_t>(own.inputs.size()), target);
      }
      if (advance) advance(count);
    }
  });
}

void pack_rows(const WeightSpec& spec, const WeightSource& source, std::byte* dst, Executor& executor,
               const std::function<void(std::int64_t)>& advance) {
  const bool table = spec.role == WeightRole::kTable;
  const std::int64_t rows = spec.shape[0];
  const std::int64_t length = table ? spec.shape[1] : 1;
  const std::int64_t stride = row_bytes(spec.format, length);
  const std::int64_t grain = table ? kTableRows : std::max<std::int64_t>(1, rows);
  std::vector<std::vector<float>> buffers(static_cast<std::size_t>(executor.threads()));
  executor.parallel_for(rows, grain, [&](std::int64_t begin, std::int64_t end, int worker) {
    std::vector<float>& values = buffers[static_cast<std::size_t>(worker)];
    values.resize(static_cast<std::size_t>((end - begin) * length));
    source.read(begin, end, values.data());
    for (std::int64_t r = begin; r < end; ++r)
      row(spec.format).encode(values.data() + (r - begin) * length, length, dst + r * stride);
    if (advance) advance(end - begin);
  });
}

}  // namespace

std::int64_t panel_bytes(Format format, std::int64_t k) {
  if (is_block(format)) return ceil_div(k, kGroup) * group_bytes(weight_code(format));
  return stored_depth(format, k) * kPanel * row(format).block_bytes;
}

WeightPlan plan_weight(const WeightSpec& spec) {
  check_weight(spec, "cpu");
  const bool floats = spec.format == Format::f32 || spec.format == Format::f16 || spec.format == Format::bf16;
  if (!floats && !is_block(spec.format))
    fail(Category::kUnsupported, "",
         "cpu does not store a {} weight in {}; it does in f32, f16, bf16, bfp8, bfp4, bfp2", role_name(spec.role),
         format_name(spec.format));
  if (spec.role != WeightRole::kLinear)
    return {spec, std::string(kRowLayout), row_layout_bytes(spec.shape, spec.format)};
  // The padded row-major size bounds the panels', so that no product below overflows.
  const Shape padded{round_up(spec.shape[0], kGroup), round_up(spec.shape[1], kPanel)};
  row_layout_bytes(padded, Format::f32);
  const std::int64_t bytes = panel_bytes(spec.format, spec.shape[0]) * ceil_div(spec.shape[1], kPanel);
  return {spec, std::string(kPanelLayout), static_cast<std::size_t>(bytes)};
}

void pack_weight(const WeightPlan& plan, const WeightSource& source, std::byte* dst, Executor& executor,
                 const std::function<void(std::int64_t)>& advance) {
  if (plan.spec.role == WeightRole::kLinear) {
    pack_linear(plan.spec, source, dst, executor, advance);
  } else {
    pack_rows(plan.spec, source, dst, executor, advance);
  }
}

void unpack_weight(const WeightPlan& plan, const std::byte* packed, float* dst) {
  const WeightSpec& spec = plan.spec;
  if (spec.role != WeightRole::kLinear)
    return copy_to_f32(make_view(static_cast<const void*>(packed), spec.format, spec.shape), dst);
  View view = make_view(static_cast<const void*>(packed), spec.format, spec.shape);
  view.layout = Layout::kPacked;
  const PanelWeight weight = panel_weight(view);
  for (std::int64_t n = 0; n < weight.n; ++n)
    for (std::int64_t k = 0; k < weight.k; ++k) dst[k * weight.n + n] = panel_value(weight, n, k);
}

PanelWeight panel_weight(const View& weight) {
  return {.data = weight.as<const std::uint8_t>(),
          .panel_bytes = panel_bytes(weight.format, weight.shape[0]),
          .k = weight.shape[0],
          .n = weight.shape[1],
          .code = weight_code(weight.format)};
}

void unpack_column(const PanelWeight& weight, std::int64_t n, float* dst) {
  for (std::int64_t k = 0; k < weight.k; ++k) dst[k] = panel_value(weight, n, k);
}

}  // namespace firstlight::device::cpu
