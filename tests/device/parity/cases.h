// The cases of every op.
#pragma once

#include <vector>

#include "device/parity/case.h"

namespace firstlight::parity {

// Odd, unit, empty, strided shapes and sizes off the multiples of 16 and 32, over the formats that occur.
std::vector<Case> cases(op::Op op);

// Cases with 33 rows whose operands are sliced by row, for the invariances that ops claim.
std::vector<Case> row_cases(op::Op op);

// Cache state for `rows` = (sequence, position) of the paged ops. `order` shuffles pages and sequence slots; everything
// that a row may not read holds NaN where the format has one.
struct PagedRow {
  std::int32_t sequence;
  std::int32_t position;
};
struct PagedCase {
  std::vector<PagedRow> rows = {};
  std::int64_t heads = 2, kv_heads = 1, head_dim = 16, value_dim = 16, page_size = 8;
  std::int64_t window = 0;
  float softcap = 0;
  Format activations = Format::f32;
  Format cache = Format::f32;
  bool strided = false;
};
Case attention_case(const std::string& name, const PagedCase& paged, std::uint64_t order);
Case cache_append_case(const std::string& name, const PagedCase& paged, std::uint64_t order);
Case cache_gather_case(const std::string& name, const PagedCase& paged, std::uint64_t order);

}  // namespace firstlight::parity
