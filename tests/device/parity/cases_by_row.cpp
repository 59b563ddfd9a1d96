// Cases for the invariances: 33 rows, so that batches of 1, 2, 3, 7, 31 and 32 all end in a part.
#include "device/parity/cases.h"
#include "device/parity/generators.h"
#include "firstlight/op/elementwise.h"
#include "firstlight/op/experts.h"
#include "firstlight/op/linear.h"
#include "firstlight/op/norm.h"
#include "firstlight/op/rope.h"
#include "firstlight/op/rows.h"

namespace firstlight::parity {
namespace {

constexpr std::int64_t kRows = 33;

Operand row_activation(std::int64_t columns, Format format) { return activation({kRows, columns}, format).per_row(); }

// Indices that repeat nothing for long: (r * 7 + 3) mod `bound`.
Operand row_indices(std::int64_t bound) {
  std::vector<std::int32_t> indices;
  for (std::int64_t r = 0; r < kRows; ++r) indices.push_back(static_cast<std::int32_t>((r * 7 + 3) % bound));
  return index({kRows}, indices).per_row();
}

// Two prompts in chunks and decoding users between them, in one list.
PagedCase paged_rows(Format activations, Format cache) {
  PagedCase paged{
      .heads = 4, .kv_heads = 2, .head_dim = 32, .value_dim = 32, .activations = activations, .cache = cache};
  for (std::int32_t r = 0; r < 12; ++r) paged.rows.push_back({0, r + 30});
  for (std::int32_t r = 0; r < 9; ++r) paged.rows.push_back({r + 2, 11 * r});
  for (std::int32_t r = 0; r < 12; ++r) paged.rows.push_back({1, r});
  return paged;
}

std::vector<Operand> operands(op::Op op, Format format) {
  switch (op) {
    case op::Op::embedding:
      return {table_weight(50, 70, format), row_indices(50)};
    case op::Op::matmul:
      return {activation({kRows, 3, 40}, format).per_row(), activation({kRows, 40, 20}, format).per_row()};
    case op::Op::binary:
    case op::Op::concat:
    case op::Op::gated:
      return {row_activation(70, format), row_activation(70, format)};
    case op::Op::unary:
    case op::Op::affine:
    case op::Op::reduce:
    case op::Op::copy:
      return {row_activation(70, format)};
    case op::Op::softmax: {
      std::vector<std::int32_t> valid;
      for (std::int32_t r = 0; r < kRows; ++r) valid.insert(valid.end(), {r % 5, 70 - r});
      return {row_activation(70, format), index({kRows, 2}, valid).per_row()};
    }
    case op::Op::gather_rows:
      return {activation({20, 70}, format), row_indices(20)};
    case op::Op::route:
      return {row_activation(11, format)};
    case op::Op::add_gathered:
      return {row_activation(70, format), activation({20, 70}, format), row_activation(1, Format::f32),
              row_indices(20)};
    case op::Op::rms_norm:
      return {row_activation(70, format), vector_weight(70)};
    case op::Op::layer_norm:
      return {row_activation(70, format), vector_weight(70), vector_weight(70)};
    case op::Op::rope:
      return {activation({kRows, 3, 40}, format).per_row(), activation({40, 16}), activation({40, 16}),
              row_indices(40)};
    default:
      return {};
  }
}

template <typename Args>
Case plain(op::Op op, const Args& args, Format format) {
  return make_case("rows" + suffix(format), op, args, operands(op, format), format);
}

Case row_case(op::Op op, Format format) {
  switch (op) {
    case op::Op::embedding:
      return plain(op, op::Embedding{}, format);
    case op::Op::matmul:
      return plain(op, op::Matmul{}, format);
    case op::Op::binary:
      return plain(op, op::Binary{}, format);
    case op::Op::unary:
      return plain(op, op::Unary{}, format);
    case op::Op::affine:
      return plain(op, op::Affine{1.7F, 0.2F}, format);
    case op::Op::reduce:
      return plain(op, op::Reduce{}, format);
    case op::Op::softmax:
      return plain(op, op::Softmax{}, format);
    case op::Op::concat:
      return plain(op, op::Concat{}, format);
    case op::Op::gather_rows:
      return plain(op, op::GatherRows{}, format);
    case op::Op::route:
      return plain(op, op::Route{.top = 3, .normalise = true}, format);
    case op::Op::add_gathered:
      return plain(op, op::AddGathered{}, format);
    case op::Op::rms_norm:
      return plain(op, op::RmsNorm{}, format);
    case op::Op::layer_norm:
      return plain(op, op::LayerNorm{}, format);
    case op::Op::rope:
      return plain(op, op::Rope{.rotary_dim = 32}, format);
    case op::Op::gated:
      return plain(op, op::Gated{}, format);
    default:
      return plain(op, op::Copy{}, format);
  }
}

}  // namespace

std::vector<Case> row_cases(op::Op op) {
  std::vector<Case> result;
  constexpr std::pair<Format, Format> kCacheFormats[] = {{Format::f32, Format::f32},
                                                         {Format::f32, Format::bf16},
                                                         {Format::bf16, Format::bf16},
                                                         {Format::bf16, Format::bfp8}};
  switch (op) {
    case op::Op::linear:
      for (const Format weight : {Format::f32, Format::bf16, Format::bfp8, Format::bfp4})
        for (const Format x : kActivationFormats)
          result.push_back(make_case("rows" + suffix(weight, x), op, op::Linear{},
                                     {row_activation(200, x), linear_weight(200, 150, weight), vector_weight(150)}, x));
      break;
    case op::Op::attention:
      for (const auto& [activations, cache] : kCacheFormats)
        for (const std::int64_t window : {0, 9}) {
          PagedCase paged = paged_rows(activations, cache);
          paged.window = window;
          result.push_back(
              attention_case(fmt::format("rows_window{}{}", window, suffix(activations, cache)), paged, 3));
        }
      break;
    case op::Op::cache_append:
      for (const auto& [activations, cache] : kCacheFormats)
        result.push_back(cache_append_case("rows" + suffix(activations, cache), paged_rows(activations, cache), 3));
      break;
    case op::Op::cache_gather:
      break;  // one sequence, no rows
    default:
      for (const Format format : kActivationFormats) result.push_back(row_case(op, format));
  }
  return result;
}

}  // namespace firstlight::parity
