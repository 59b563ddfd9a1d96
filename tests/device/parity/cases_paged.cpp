// Cases of attention and of the cache ops.
#include <algorithm>
#include <limits>
#include <map>
#include <numeric>

#include "device/parity/generators.h"
#include "firstlight/base/rng.h"
#include "firstlight/op/attention.h"
#include "firstlight/op/cache.h"

namespace firstlight::parity {
namespace {

// Sequences in slots, and their positions in pages, both in an order of the given seed.
struct Paging {
  std::map<std::int32_t, std::int32_t> lengths;  // by sequence: positions that hold values
  std::map<std::int32_t, std::int32_t> slots;    // by sequence
  std::int64_t pages = 0;
  std::int64_t pages_per_sequence = 0;
  std::vector<std::int32_t> table;  // [slots, pages_per_sequence]

  Paging(const PagedCase& paged, std::uint64_t order) {
    for (const PagedRow& row : paged.rows) lengths[row.sequence] = std::max(lengths[row.sequence], row.position + 1);
    for (const auto& [sequence, length] : lengths)
      pages_per_sequence = std::max(pages_per_sequence, ceil_div(length, paged.page_size) + 1);
    const auto slot_count = static_cast<std::int64_t>(lengths.size()) + 1;
    pages = slot_count * pages_per_sequence + 2;
    Rng rng(order);
    std::vector<std::int32_t> slot_order = shuffled(slot_count, rng);
    for (const auto& [sequence, length] : lengths) {
      slots[sequence] = slot_order.back();
      slot_order.pop_back();
    }
    table = shuffled(pages, rng);
    table.resize(static_cast<std::size_t>(slot_count * pages_per_sequence));
  }

  static std::vector<std::int32_t> shuffled(std::int64_t count, Rng& rng) {
    std::vector<std::int32_t> order(static_cast<std::size_t>(count));
    std::iota(order.begin(), order.end(), 0);
    for (std::int64_t i = count - 1; i > 0; --i)
      std::swap(order[static_cast<std::size_t>(i)], order[static_cast<std::size_t>(rng.below(i + 1))]);
    return order;
  }

  Operand table_operand() const {
    return index(
        {static_cast<std::int64_t>(table.size()) / std::max<std::int64_t>(1, pages_per_sequence), pages_per_sequence},
        table);
  }

  // A cache whose values depend on (sequence, head, position) and `salt` only, so that any order holds the same ones.
  Operand cache(const PagedCase& paged, std::int64_t width, std::uint64_t salt) const {
    Operand result = activation({pages, paged.kv_heads, paged.page_size, width}, paged.cache);
    result.values.assign(static_cast<std::size_t>(result.shape.elements()), std::numeric_limits<float>::quiet_NaN());
    for (const auto& [sequence, length] : lengths)
      for (std::int64_t h = 0; h < paged.kv_heads; ++h)
        for (std::int64_t t = 0; t < length; ++t) {
          const std::int64_t page =
              table[static_cast<std::size_t>(slots.at(sequence) * pages_per_sequence + t / paged.page_size)];
          Rng rng(seed() + salt, static_cast<std::uint64_t>((sequence * 100 + h) * 10000 + t));
          float* values =
              result.values.data() + ((page * paged.kv_heads + h) * paged.page_size + t % paged.page_size) * width;
          for (std::int64_t d = 0; d < width; ++d) values[d] = rng.normal();
        }
    return result;
  }

  std::vector<Operand> row_operands(const PagedCase& paged) const {
    std::vector<std::int32_t> sequences;
    std::vector<std::int32_t> positions;
    for (const PagedRow& row : paged.rows) {
      sequences.push_back(slots.at(row.sequence));
      positions.push_back(row.position);
    }
    const auto count = static_cast<std::int64_t>(paged.rows.size());
    return {index({count}, sequences).per_row(), index({count}, positions).per_row(), table_operand()};
  }
};

Operand row_tensor(const PagedCase& paged, std::int64_t heads, std::int64_t width) {
  Operand x = activation({static_cast<std::int64_t>(paged.rows.size()), heads, width}, paged.activations).per_row();
  return paged.strided ? x.wide(width, 3 * width) : x;
}

// A prefill chunk: positions [begin, end) of a sequence.
std::vector<PagedRow> chunk(std::int32_t sequence, std::int32_t begin, std::int32_t end) {
  std::vector<PagedRow> rows;
  for (std::int32_t t = begin; t < end; ++t) rows.push_back({sequence, t});
  return rows;
}

struct Named {
  std::string name;
  PagedCase paged;
};

std::vector<Named> paged_variants() {
  std::vector<PagedRow> mixed = chunk(0, 13, 20);
  mixed.insert(mixed.end(), {{2, 0}, {5, 40}, {3, 7}, {4, 8}});
  return {
      {"one_key", {.rows = {{0, 0}}}},
      {"decode_gqa", {.rows = {{0, 5}, {1, 30}, {2, 0}, {3, 16}}, .heads = 6, .kv_heads = 2}},
      {"decode_mqa", {.rows = {{0, 70}, {1, 3}}, .heads = 5, .kv_heads = 1, .head_dim = 24, .value_dim = 24}},
      {"prefill", {.rows = chunk(0, 0, 37), .heads = 2, .kv_heads = 2, .head_dim = 32, .value_dim = 32}},
      {"chunk", {.rows = chunk(1, 21, 40), .heads = 4, .kv_heads = 2, .page_size = 16}},
      {"window_1", {.rows = chunk(0, 0, 20), .window = 1}},
      {"window_7", {.rows = chunk(0, 10, 40), .heads = 4, .kv_heads = 2, .window = 7}},
      {"window_of_context", {.rows = chunk(0, 28, 34), .window = 32, .strided = true}},
      {"softcap", {.rows = chunk(0, 3, 12), .softcap = 2.5F}},
      {"mixed",
       {.rows = mixed, .heads = 4, .kv_heads = 2, .head_dim = 20, .value_dim = 12, .page_size = 5, .strided = true}},
      {"none", {.rows = {}}},
      {"wide_head", {.rows = {{0, 33}, {0, 34}}, .heads = 2, .kv_heads = 1, .head_dim = 128, .value_dim = 96}},
  };
}

// make(name, paged) over variants and formats of activations and cache.
template <typename Make>
std::vector<Case> paged_cases(const Make& make) {
  constexpr std::pair<Format, Format> kFormats[] = {{Format::f32, Format::f32},
                                                    {Format::f32, Format::bf16},
                                                    {Format::bf16, Format::bf16},
                                                    {Format::bf16, Format::bfp8},
                                                    {Format::f32, Format::f16}};
  std::vector<Case> result;
  for (const auto& [activations, cache] : kFormats)
    for (Named variant : paged_variants()) {
      variant.paged.activations = activations;
      variant.paged.cache = cache;
      result.push_back(make(variant.name + suffix(activations, cache), variant.paged, 11));
    }
  return result;
}

}  // namespace

Case attention_case(const std::string& name, const PagedCase& paged, std::uint64_t order) {
  const Paging paging(paged, order);
  op::Attention args{.scale = 0.3F, .window = paged.window, .softcap = paged.softcap};
  for (const PagedRow& row : paged.rows) {
    args.max_context = std::max<std::int64_t>(args.max_context, row.position + 1);
    args.attended += paged.window > 0 ? std::min<std::int64_t>(paged.window, row.position + 1) : row.position + 1;
  }
  std::vector<Operand> in{row_tensor(paged, paged.heads, paged.head_dim), paging.cache(paged, paged.head_dim, 1),
                          paging.cache(paged, paged.value_dim, 2)};
  for (const Operand& operand : paging.row_operands(paged)) in.push_back(operand);
  return make_case(name, op::Op::attention, args, in, paged.activations);
}

Case cache_append_case(const std::string& name, const PagedCase& paged, std::uint64_t order) {
  const Paging paging(paged, order);
  std::vector<Operand> in{row_tensor(paged, paged.kv_heads, paged.head_dim)};
  for (const Operand& operand : paging.row_operands(paged)) in.push_back(operand);
  Case result = make_case(name, op::Op::cache_append, op::CacheAppend{}, in, paged.cache);
  result.state = paging.cache(paged, paged.head_dim, 1);
  return result;
}

Case cache_gather_case(const std::string& name, const PagedCase& paged, std::uint64_t order) {
  const Paging paging(paged, order);
  op::CacheGather args;
  if (!paged.rows.empty()) args = {paging.slots.at(paged.rows.back().sequence), paged.rows.back().position + 1};
  return make_case(name, op::Op::cache_gather, args, {paging.cache(paged, paged.head_dim, 1), paging.table_operand()},
                   paged.activations);
}

std::vector<Case> attention_cases() { return paged_cases(attention_case); }
std::vector<Case> cache_append_cases() { return paged_cases(cache_append_case); }

std::vector<Case> cache_gather_cases() {
  std::vector<Case> result = paged_cases(cache_gather_case);
  std::erase_if(result, [](const Case& item) { return item.name.starts_with("none"); });  // no sequence to read
  result.push_back(make_case("nothing", op::Op::cache_gather, op::CacheGather{0, 0},
                             {activation({2, 1, 4, 8}), index({1, 2}, {0, 1})}));
  return result;
}

}  // namespace firstlight::parity
