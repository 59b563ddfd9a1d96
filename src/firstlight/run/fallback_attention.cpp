// attention as primitives, one sequence at a time: its keys and values are gathered from their pages, and heads and
// rows are brought into matmul's order by gathering rows.
#include <algorithm>
#include <map>
#include <vector>

#include "firstlight/run/fallback.h"

namespace firstlight::run {
namespace {

// Scores held at once, in elements: 64 MiB.
constexpr std::int64_t kMaxScores = std::int64_t{1} << 24;

struct Sizes {
  std::int64_t q_heads;
  std::int64_t kv_heads;
  std::int64_t group;  // query heads of one KV head
  std::int64_t value_size;
};

std::vector<std::int32_t> integers(Session& session, const Tensor& tensor) {
  const HostTensor host = session.download(tensor);
  const std::int32_t* first = host.view().as<std::int32_t>();
  return {first, first + host.shape().elements()};
}

// The rows `rows` of one sequence. Gives [m * Hq, Dv] in the order (KV head, row, head of the group).
Tensor attend(const Primitives& p, const op::Attention& attention, const Sizes& sizes, const Tensor& q,
              const Tensor& keys, const Tensor& values, std::span<const std::int32_t> rows,
              std::span<const std::int32_t> positions) {
  const auto m = static_cast<std::int64_t>(rows.size());
  std::vector<std::int32_t> order;  // into q's [R * Hq, D]
  std::vector<std::int32_t> valid;  // [first, end) of each row of scores
  for (std::int64_t kv = 0; kv < sizes.kv_heads; ++kv)
    for (const std::int32_t row : rows) {
      const std::int32_t end = positions[static_cast<std::size_t>(row)] + 1;
      const auto window = static_cast<std::int32_t>(std::min<std::int64_t>(attention.window, end));
      for (std::int64_t g = 0; g < sizes.group; ++g) {
        order.push_back(static_cast<std::int32_t>(row * sizes.q_heads + kv * sizes.group + g));
        valid.push_back(window == 0 ? 0 : end - window);
        valid.push_back(end);
      }
    }
  const auto count = static_cast<std::int64_t>(order.size());
  const Tensor queries = p.plain(p.gather_rows(q, p.indices(order, {count})), "attention")
                             .reshaped({sizes.kv_heads, m * sizes.group, q.shape()[-1]});
  Tensor scores = p.matmul(queries, keys, true);  // [Hkv, m * G, L]
  float scale = attention.scale;
  if (attention.softcap > 0) {
    scores = p.affine(scores, attention.scale / attention.softcap, 0);
    scores = p.affine(p.unary(op::UnaryKind::kTanh, scores), attention.softcap, 0);
    scale = 1;
  }
  const Tensor weights = p.softmax(scores, scale, p.indices(valid, {count, 2}));
  const Tensor out = p.matmul(weights, values, false);  // [Hkv, m * G, Dv]
  return p.plain(out, "attention").reshaped({count, sizes.value_size});
}

}  // namespace

// out[r, h, :] = softmax_t(q[r, h] . k[t] * scale) v[t]
Tensor fallback_attention(Session& session, const void* args, std::span<const Tensor> in, std::string_view key,
                          Format format) {
  const auto& attention = *static_cast<const op::Attention*>(args);
  const Primitives p(session, key);
  const Shape& q_shape = in[0].shape();
  const std::int64_t rows = q_shape[0];
  const Sizes sizes{.q_heads = q_shape[1],
                    .kv_heads = in[1].shape()[1],
                    .group = q_shape[1] / in[1].shape()[1],
                    .value_size = in[2].shape()[3]};
  const Tensor q = p.plain(in[0], "attention").reshaped({rows * sizes.q_heads, q_shape[2]});
  if (rows == 0) return p.copy(q.reshaped({0, sizes.q_heads * sizes.value_size}), format);
  const std::vector<std::int32_t> sequences = integers(session, in[3]);
  const std::vector<std::int32_t> positions = integers(session, in[4]);
  std::map<std::int32_t, std::vector<std::int32_t>> rows_of;  // sequence -> its rows
  for (std::int32_t r = 0; r < rows; ++r) rows_of[sequences[static_cast<std::size_t>(r)]].push_back(r);

  // Pieces are chained along the last axis, the only one that concat knows, and put in order at the end.
  Tensor all;
  std::vector<std::int32_t> place(static_cast<std::size_t>(rows * sizes.q_heads));
  std::int32_t next = 0;
  for (const auto& [sequence, members] : rows_of) {
    std::int64_t length = 0;
    for (const std::int32_t r : members)
      length = std::max<std::int64_t>(length, positions[static_cast<std::size_t>(r)] + 1);
    const Tensor keys = p.cache_gather(in[1], in[5], sequence, length);    // [Hkv, L, D]
    const Tensor values = p.cache_gather(in[2], in[5], sequence, length);  // [Hkv, L, Dv]
    const auto step = static_cast<std::size_t>(std::max<std::int64_t>(1, kMaxScores / (sizes.q_heads * length)));
    for (std::size_t begin = 0; begin < members.size(); begin += step) {
      const std::span part = std::span(members).subspan(begin, std::min(step, members.size() - begin));
      const Tensor piece = attend(p, attention, sizes, q, keys, values, part, positions);
      for (std::int64_t kv = 0; kv < sizes.kv_heads; ++kv)
        for (const std::int32_t row : part)
          for (std::int64_t g = 0; g < sizes.group; ++g)
            place[static_cast<std::size_t>(row * sizes.q_heads + kv * sizes.group + g)] = next++;
      const Tensor flat = piece.reshaped({1, piece.shape().elements()});
      all = all.empty() ? flat : p.plain(p.concat(all, flat), "attention");
    }
  }
  const Tensor ordered =
      p.gather_rows(all.reshaped({rows * sizes.q_heads, sizes.value_size}), p.indices(place, {rows * sizes.q_heads}));
  return p.copy(p.plain(ordered, "attention").reshaped({rows, sizes.q_heads * sizes.value_size}), format);
}

}  // namespace firstlight::run
