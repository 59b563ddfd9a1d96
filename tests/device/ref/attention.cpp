// Attention and cache pages on the reference: identities and a brute force of its own.
#include "firstlight/op/attention.h"

#include <gtest/gtest.h>

#include <cmath>

#include "device/ref/run.h"
#include "firstlight/base/rng.h"
#include "firstlight/op/cache.h"

namespace firstlight::device {
namespace {

using op::Op;

constexpr std::int64_t kPageSize = 4;
constexpr std::int64_t kPagesPerSequence = 5;

// Two sequences of 20 positions in caches of 12 pages, in an order of pages that the test chooses.
struct Caches {
  HostTensor keys, values, table;
  std::int64_t kv_heads, depth, width;

  Caches(std::int64_t heads, std::int64_t d, std::int64_t dv, const std::vector<std::int32_t>& pages)
      : keys(Format::f32, {12, heads, kPageSize, d}),
        values(Format::f32, {12, heads, kPageSize, dv}),
        table(HostTensor::from(pages, {2, kPagesPerSequence})),
        kv_heads(heads),
        depth(d),
        width(dv) {
    for (std::int64_t s = 0; s < 2; ++s)
      for (std::int64_t h = 0; h < heads; ++h)
        for (std::int64_t t = 0; t < kPageSize * kPagesPerSequence; ++t) {
          Rng rng(5, static_cast<std::uint64_t>((s * 10 + h) * 100 + t));
          for (std::int64_t i = 0; i < d; ++i) key(s, h, t)[i] = rng.normal();
          for (std::int64_t i = 0; i < dv; ++i) value(s, h, t)[i] = rng.normal();
        }
  }
  std::size_t row(std::int64_t s, std::int64_t h, std::int64_t t) const {
    const std::int32_t page = table.view().as<const std::int32_t>()[s * kPagesPerSequence + t / kPageSize];
    return static_cast<std::size_t>((page * kv_heads + h) * kPageSize + t % kPageSize);
  }
  float* key(std::int64_t s, std::int64_t h, std::int64_t t) {
    return keys.f32().data() + row(s, h, t) * static_cast<std::size_t>(depth);
  }
  float* value(std::int64_t s, std::int64_t h, std::int64_t t) {
    return values.f32().data() + row(s, h, t) * static_cast<std::size_t>(width);
  }

  std::vector<float> attend(const HostTensor& q, const std::vector<std::int32_t>& sequences,
                            const std::vector<std::int32_t>& positions, op::Attention args) const {
    const auto rows = static_cast<std::int64_t>(positions.size());
    for (const std::int32_t position : positions)
      args.max_context = std::max<std::int64_t>(args.max_context, position + 1);
    const HostTensor s = HostTensor::from(sequences, {rows});
    const HostTensor p = HostTensor::from(positions, {rows});
    return run_op(Op::attention, args, {q.view(), keys.view(), values.view(), s.view(), p.view(), table.view()})
        .values();
  }
};

const std::vector<std::int32_t> kInOrder{0, 1, 2, 3, 4, 5, 6, 7, 8, 9};
const std::vector<std::int32_t> kShuffled{11, 3, 7, 0, 5, 2, 10, 1, 8, 6};

HostTensor queries(std::int64_t rows, std::int64_t heads, std::int64_t depth) {
  HostTensor q(Format::f32, {rows, heads, depth});
  Rng rng(9);
  for (float& value : q.f32()) value = rng.normal();
  return q;
}

// One key has weight 1, so its value comes back exactly.
TEST(Attention, OneKeyReturnsItsValue) {
  Caches caches(2, 8, 6, kShuffled);
  const HostTensor q = queries(2, 4, 8);
  const std::vector<float> got = caches.attend(q, {1, 0}, {0, 0}, {.scale = 2});
  for (std::int64_t r = 0; r < 2; ++r)
    for (std::int64_t h = 0; h < 4; ++h)
      for (std::int64_t d = 0; d < 6; ++d)
        EXPECT_EQ(got[static_cast<std::size_t>((r * 4 + h) * 6 + d)], caches.value(1 - r, h / 2, 0)[d]);
}

// The window counts the row's own position: with window 1 only that is left.
TEST(Attention, WindowOfOneReturnsTheRowsOwnValue) {
  Caches caches(1, 8, 8, kShuffled);
  const std::vector<float> got = caches.attend(queries(1, 1, 8), {1}, {13}, {.scale = 1, .window = 1});
  for (std::int64_t d = 0; d < 8; ++d) EXPECT_EQ(got[static_cast<std::size_t>(d)], caches.value(1, 0, 13)[d]);
}

TEST(Attention, EqualKeysGiveTheMean) {
  Caches caches(1, 8, 8, kInOrder);
  for (float& key : caches.keys.f32()) key = 0.25F;
  const std::vector<float> got = caches.attend(queries(1, 1, 8), {0}, {9}, {.scale = 1});
  for (std::int64_t d = 0; d < 8; ++d) {
    double mean = 0;
    for (std::int64_t t = 0; t < 10; ++t) mean += caches.value(0, 0, t)[d] / 10.0;
    EXPECT_NEAR(got[static_cast<std::size_t>(d)], mean, 1e-7);
  }
}

// Straight from the definition, weights as 1 / sum exp(difference).
void expect_brute_force(Caches& caches, std::int64_t heads, const std::vector<std::int32_t>& sequences,
                        const std::vector<std::int32_t>& positions, const op::Attention& args) {
  const auto rows = static_cast<std::int64_t>(positions.size());
  const HostTensor q = queries(rows, heads, caches.depth);
  const std::vector<float> got = caches.attend(q, sequences, positions, args);
  for (std::int64_t r = 0; r < rows; ++r)
    for (std::int64_t h = 0; h < heads; ++h) {
      const std::int32_t sequence = sequences[static_cast<std::size_t>(r)];
      const std::int64_t kv_head = h * caches.kv_heads / heads;
      std::vector<std::int64_t> seen;
      for (std::int64_t t = 0; t <= positions[static_cast<std::size_t>(r)]; ++t)
        if (args.window == 0 || positions[static_cast<std::size_t>(r)] - t < args.window) seen.push_back(t);
      const auto score = [&](std::int64_t t) {
        long double sum = 0;
        for (std::int64_t d = caches.depth - 1; d >= 0; --d)
          sum += static_cast<long double>(q.f32()[static_cast<std::size_t>((r * heads + h) * caches.depth + d)]) *
                 caches.key(sequence, kv_head, t)[d];
        sum *= args.scale;
        return args.softcap > 0 ? args.softcap * std::tanh(sum / args.softcap) : sum;
      };
      for (std::int64_t d = 0; d < caches.width; ++d) {
        long double want = 0;
        for (const std::int64_t t : seen) {
          long double inverse = 0;
          for (const std::int64_t other : seen) inverse += std::exp(score(other) - score(t));
          want += caches.value(sequence, kv_head, t)[d] / inverse;
        }
        EXPECT_NEAR(got[static_cast<std::size_t>((r * heads + h) * caches.width + d)], static_cast<double>(want), 2e-7);
      }
    }
}

TEST(Attention, GroupsOfHeads) {
  Caches caches(2, 8, 6, kShuffled);
  expect_brute_force(caches, 6, {0, 0, 1}, {3, 4, 17}, {.scale = 0.4F});  // GQA
  expect_brute_force(caches, 2, {0, 1, 1}, {0, 1, 2}, {.scale = 0.4F});   // MHA
  Caches one(1, 8, 8, kShuffled);
  expect_brute_force(one, 5, {1, 1, 1, 1, 0, 1, 1}, {8, 9, 10, 11, 2, 12, 13}, {.scale = 0.4F});  // MQA, mixed rows
}

TEST(Attention, WindowEdges) {
  Caches caches(1, 8, 8, kShuffled);
  for (const std::int64_t window : {2, 7, 8, 9})  // rows at window - 2, window - 1, window
    expect_brute_force(caches, 2, {0, 0, 0},
                       {static_cast<std::int32_t>(window - 2), static_cast<std::int32_t>(window - 1),
                        static_cast<std::int32_t>(window)},
                       {.scale = 0.4F, .window = window});
}

TEST(Attention, Softcap) {
  Caches caches(1, 8, 8, kShuffled);
  expect_brute_force(caches, 2, {0, 1}, {9, 19}, {.scale = 3, .softcap = 1.5F});
}

// What lies beyond a row's position, or in pages of others, is never read.
TEST(Attention, ReadsNothingBeyondItsPosition) {
  Caches caches(1, 8, 8, kShuffled);
  const HostTensor q = queries(1, 2, 8);
  const std::vector<float> clean = caches.attend(q, {0}, {9}, {.scale = 1});
  for (std::int64_t t = 0; t < 20; ++t) {
    if (t > 9) std::fill_n(caches.key(0, 0, t), 8, NAN);
    if (t > 9) std::fill_n(caches.value(0, 0, t), 8, NAN);
    std::fill_n(caches.value(1, 0, t), 8, NAN);
  }
  EXPECT_EQ(caches.attend(q, {0}, {9}, {.scale = 1}), clean);
}

TEST(Attention, PageOrderKeepsBits) {
  const HostTensor q = queries(3, 4, 8);
  const std::vector<std::int32_t> sequences{0, 0, 1};
  const std::vector<std::int32_t> positions{10, 11, 19};
  EXPECT_EQ(Caches(2, 8, 6, kInOrder).attend(q, sequences, positions, {.scale = 0.5F}),
            Caches(2, 8, 6, kShuffled).attend(q, sequences, positions, {.scale = 0.5F}));
}

// Rows go to the page and offset of their position, and come back in order.
TEST(Cache, AppendThenGather) {
  HostTensor cache(Format::bf16, {12, 2, kPageSize, 8});
  const HostTensor table = HostTensor::from(kShuffled, {2, kPagesPerSequence});
  const HostTensor x = queries(3, 2, 8);
  const HostTensor sequences = HostTensor::from(std::vector<std::int32_t>{1, 1, 0}, {3});
  const HostTensor positions = HostTensor::from(std::vector<std::int32_t>{3, 4, 0}, {3});
  run_into(Op::cache_append, op::CacheAppend{}, {x.view(), sequences.view(), positions.view(), table.view()},
           cache.view());

  std::vector<float> rounded(x.f32().size());
  round_row(Format::bf16, x.f32().data(), static_cast<std::int64_t>(rounded.size()), rounded.data());
  const std::vector<float> stored = cache.values();
  // Position 4 of sequence 1 lies in its second page, 10, at offset 0; head 1.
  const std::size_t row = (10 * 2 + 1) * kPageSize;
  EXPECT_TRUE(
      std::equal(rounded.begin() + 24, rounded.begin() + 32, stored.begin() + static_cast<std::ptrdiff_t>(row * 8)));

  const std::vector<float> got =
      run_op(Op::cache_gather, op::CacheGather{1, 5}, {cache.view(), table.view()}).values();  // [2, 5, 8]
  for (std::size_t i = 0; i < got.size(); ++i) {
    const std::size_t head = i / 40;
    const std::size_t t = i / 8 % 5;
    EXPECT_EQ(got[i], t < 3 ? 0 : rounded[((t - 3) * 2 + head) * 8 + i % 8]);
  }
}

}  // namespace
}  // namespace firstlight::device
