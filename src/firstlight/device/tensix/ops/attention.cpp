// Attention over chunks of keys with a running maximum and sum, as the stack's SDPA kernels do it. For a chunk:
//
//   S = Q K^T                       one Dst a tile over all of D, packed
//   m' = max(m, max of S)           P = exp((S - m') scale), packed
//   a = exp((m - m') scale)         l' = l a + sum of P          O' = O a + P V
//
// and O / l at the end. Every value between two steps goes through L1. Chunks are anchored at position 0, and a row
// takes part in the chunks that hold a position of its own window only, so its bits depend on nothing but its own
// sequence.
#include "firstlight/op/attention.h"

#include <bit>
#include <new>

#include "firstlight/device/tensix/ops/ops.h"
#include "firstlight/device/tensix/ops/product.h"

namespace firstlight::device::tensix {
namespace {

constexpr std::uint32_t kOneWord = 0x3F800000U;

// Scores repeat, being bf16, and an exponential takes some ten instructions of the SFPU: those of a call are remembered
// by their argument.
class Exponentials {
 public:
  void clear() { std::fill_n(keys_, kSlots, kNever); }
  template <typename Make>
  std::uint32_t get(std::uint32_t argument, const Make& make) {
    const std::size_t slot = (argument * 0x9E3779B1U) >> (32 - kBits);
    if (keys_[slot] != argument) {
      keys_[slot] = argument;
      values_[slot] = make(argument);
    }
    return values_[slot];
  }

 private:
  static constexpr int kBits = 11;
  static constexpr std::size_t kSlots = std::size_t{1} << kBits;
  static constexpr std::uint32_t kNever = 0x00000001U;  // a subnormal, which no adder gives
  std::uint32_t keys_[kSlots];
  std::uint32_t values_[kSlots];
};

struct Problem {
  const KernelCall& call;
  const Core& core;
  const op::Attention& args;
  const View& q;
  const View& keys;
  const View& values;
  const std::int32_t* sequences;
  const std::int32_t* positions;
  std::int64_t rows, heads, group, d, dv, page_size, chunk;
  bool f32_io;
  Fidelity fidelity;

  explicit Problem(const KernelCall& c)
      : call(c),
        core(core_of(c)),
        args(c.as<op::Attention>()),
        q(c.in[0]),
        keys(c.in[1]),
        values(c.in[2]),
        sequences(c.in[3].as<const std::int32_t>()),
        positions(c.in[4].as<const std::int32_t>()),
        rows(q.shape[0]),
        heads(q.shape[1]),
        group(heads / keys.shape[1]),
        d(q.shape[2]),
        dv(values.shape[3]),
        page_size(keys.shape[2]),
        chunk(c.context.phase == Phase::kDecode ? core.ops.decode_chunk : core.ops.prefill_chunk),
        f32_io(has_f32(c, q)),
        fidelity(settings_of(c).asked.value_or(core.ops.matmul)) {}

  std::int64_t d_tiles() const { return ceil_div(d, kTileSide); }
  std::int64_t dv_tiles() const { return ceil_div(dv, kTileSide); }
  std::int64_t chunk_tiles() const { return chunk / kTileSide; }
  std::int64_t first_key(std::int64_t r) const {
    return args.window > 0 ? std::max<std::int64_t>(0, positions[r] + 1 - args.window) : 0;
  }
};

struct Buffers {
  LoadedB* q;  // [d_tiles]
  LoadedB* p;  // [chunk_tiles]
  LoadedA* in1;
  TileWords* tile;
  std::uint32_t* cached;   // [max(d, dv)]
  std::uint32_t* scores;   // [32, chunk]: S, then P, as L1 holds them
  std::uint32_t* q_words;  // [32, d]
  std::uint32_t* out;      // [32, dv]: O
  std::uint32_t* largest;  // [32]: m
  std::uint32_t* sums;     // [32]: l
  Exponentials* exponentials;

  static std::int64_t widest(const Problem& x) { return std::max(x.d_tiles(), x.dv_tiles()) * kTileSide; }
  static std::size_t bytes(const Problem& x) {
    return Carver::bytes<LoadedB>(x.d_tiles()) + Carver::bytes<LoadedB>(x.chunk_tiles()) + Carver::bytes<LoadedA>(1) +
           Carver::bytes<TileWords>(1) + Carver::bytes<std::uint32_t>(widest(x)) +
           Carver::bytes<std::uint32_t>(kTileSide * x.chunk) + 2 * Carver::bytes<std::uint32_t>(kTileSide * widest(x)) +
           2 * Carver::bytes<std::uint32_t>(kTileSide) + Carver::bytes<Exponentials>(1);
  }
  Buffers(std::span<std::byte> scratch, const Problem& x) {
    Carver carver(scratch);
    q = carver.take<LoadedB>(x.d_tiles());
    p = carver.take<LoadedB>(x.chunk_tiles());
    in1 = new (carver.take<LoadedA>(1)) LoadedA;
    tile = carver.take<TileWords>(1);
    cached = carver.take<std::uint32_t>(widest(x));
    scores = carver.take<std::uint32_t>(kTileSide * x.chunk);
    q_words = carver.take<std::uint32_t>(kTileSide * widest(x));
    out = carver.take<std::uint32_t>(kTileSide * widest(x));
    largest = carver.take<std::uint32_t>(kTileSide);
    sums = carver.take<std::uint32_t>(kTileSide);
    exponentials = new (carver.take<Exponentials>(1)) Exponentials;
    exponentials->clear();
    for (std::int64_t i = 0; i < x.d_tiles(); ++i) new (q + i) LoadedB;
    for (std::int64_t i = 0; i < x.chunk_tiles(); ++i) new (p + i) LoadedB;
  }
};

// Rows [begin, begin + count) of one sequence, for one query head.
class Task {
 public:
  Task(const Problem& problem, const Buffers& buffers, std::int64_t begin, int count, std::int64_t head)
      : x_(problem),
        b_(buffers),
        lanes_(problem.core, problem.fidelity, problem.f32_io),
        l1_(problem.f32_io ? Format::f32 : Format::bf16),
        begin_(begin),
        count_(count),
        head_(head) {}

  void run() {
    load_queries();
    std::int64_t first = x_.positions[begin_] + 1;
    std::int64_t end = 0;
    for (int r = 0; r < count_; ++r) {
      seen_[static_cast<std::size_t>(r)] = false;
      first = std::min(first, x_.first_key(begin_ + r));
      end = std::max<std::int64_t>(end, x_.positions[begin_ + r] + 1);
    }
    for (std::int64_t chunk = first / x_.chunk * x_.chunk; chunk < end; chunk += x_.chunk)
      take_chunk(chunk, std::min(end, chunk + x_.chunk));
    finish();
  }

 private:
  // Dst -> L1 of the buffers between steps.
  std::uint32_t pack(std::uint32_t dst) const { return to_l1(dst, l1_, lanes_.accumulator(), x_.core.rules); }
  std::uint32_t exp_of_difference(std::uint32_t a, std::uint32_t b) const {
    const Sfpu& sfpu = lanes_.sfpu();
    return b_.exponentials->get(lanes_.add(a, l1_, b, l1_, true), [&](std::uint32_t difference) {
      return pack(sfpu.store(sfpu.exp(sfpu.mul(difference, scale_))));
    });
  }

  void load_queries() {
    const std::int64_t stride = x_.d_tiles() * kTileSide;
    for (int r = 0; r < count_; ++r)
      read_words(x_.q.format, row_at(x_.q, {begin_ + r, head_}), x_.d, 0, x_.d, x_.core.rules, b_.q_words + r * stride);
    for (std::int64_t k = 0; k < x_.d_tiles(); ++k)
      load_rows(
          x_.core, x_.q.format, lanes_.accumulator(), count_, k * kTileSide, x_.d,
          [&](int r) { return b_.q_words + r * stride; }, b_.q[k]);
  }

  const std::uint32_t* cached(const View& cache, std::int64_t t, std::int64_t n) const {
    const auto* pages = reinterpret_cast<const std::int32_t*>(row_at(x_.call.in[5], x_.sequences[begin_]));
    const std::byte* stored = row_at(cache, {pages[t / x_.page_size], head_ / x_.group, t % x_.page_size});
    read_words(cache.format, stored, n, 0, n, x_.core.rules, b_.cached);
    return b_.cached;
  }

  // A tile of in1 from the cached rows of positions [t, end): keys stand across, values along.
  const LoadedA& load_cached(const View& cache, std::int64_t t, std::int64_t end, std::int64_t column, std::int64_t n,
                             bool transpose) const {
    const Source source = source_of(cache.format, lanes_.accumulator());
    const int columns = static_cast<int>(std::min<std::int64_t>(kTileSide, n - column));
    b_.tile->fill(0);
    for (int i = 0; i < std::min<std::int64_t>(kTileSide, end - t); ++i) {
      const std::uint32_t* row = cached(cache, t + i, n) + column;
      for (int c = 0; c < columns; ++c)
        (*b_.tile)[static_cast<std::size_t>(transpose ? tile_index(c, i) : tile_index(i, c))] =
            to_source(row[c], cache.format, source, x_.core.rules);
    }
    b_.in1->load(*x_.core.kernels, Format::f32, reinterpret_cast<const std::byte*>(b_.tile->data()), Source::kTf32);
    return *b_.in1;
  }

  void take_chunk(std::int64_t begin, std::int64_t end) {
    const std::int64_t tiles = ceil_div(end - begin, kTileSide);
    DstTile dst(x_.core, x_.fidelity, x_.f32_io);
    for (std::int64_t t = 0; t < tiles; ++t) {
      dst.clear();
      for (std::int64_t k = 0; k < x_.d_tiles(); ++k)
        dst.multiply(b_.q[k], load_cached(x_.keys, begin + t * kTileSide, end, k * kTileSide, x_.d, true));
      for (int r = 0; r < count_; ++r)
        for (int c = 0; c < kTileSide; ++c)
          b_.scores[r * x_.chunk + t * kTileSide + c] = to_l1(dst.row(r)[c], l1_, dst.accumulator(), x_.core.rules);
    }
    for (int r = 0; r < count_; ++r) weigh(r, begin, begin + tiles * kTileSide);
    for (std::int64_t t = 0; t < tiles; ++t)
      load_rows(
          x_.core, l1_, lanes_.accumulator(), count_, t * kTileSide, x_.chunk,
          [&](int r) { return b_.scores + r * x_.chunk; }, b_.p[t]);
    for (std::int64_t n = 0; n < x_.dv_tiles(); ++n) {
      dst.clear();
      for (std::int64_t t = 0; t < tiles; ++t)
        dst.multiply(b_.p[t], load_cached(x_.values, begin + t * kTileSide, end, n * kTileSide, x_.dv, false));
      for (int r = 0; r < count_; ++r) add_values(r, n, dst);
    }
    for (int r = 0; r < count_; ++r)
      seen_[static_cast<std::size_t>(r)] = seen_[static_cast<std::size_t>(r)] || taking_[static_cast<std::size_t>(r)];
  }

  // S -> P of one row, and its running maximum and sum; masked columns have no weight.
  void weigh(int r, std::int64_t begin, std::int64_t end) {
    const auto i = static_cast<std::size_t>(r);
    std::uint32_t* row = b_.scores + r * x_.chunk;
    const std::int64_t first = std::max(x_.first_key(begin_ + r), begin);
    const std::int64_t last = std::min<std::int64_t>(x_.positions[begin_ + r] + 1, end);
    taking_[i] = first < last;
    if (!taking_[i]) {
      std::fill(row, row + (end - begin), 0U);
      return;
    }
    if (x_.args.softcap > 0)
      for (std::int64_t t = first; t < last; ++t) row[t - begin] = capped(row[t - begin]);
    std::uint32_t largest = pack(lanes_.reduce_max(row + (first - begin), last - first, l1_));
    if (seen_[i]) {
      const std::array<std::uint32_t, 2> both{b_.largest[r], largest};
      largest = pack(lanes_.reduce_max(both.data(), 2, l1_));
      rescale_[i] = exp_of_difference(b_.largest[r], largest);
    }
    for (std::int64_t t = begin; t < end; ++t)
      row[t - begin] = t >= first && t < last ? exp_of_difference(row[t - begin], largest) : 0U;
    const std::uint32_t sum = pack(lanes_.reduce_sum(row, end - begin, l1_, kOneWord));
    if (seen_[i]) {
      const std::uint32_t old = pack(lanes_.mul(b_.sums[r], l1_, rescale_[i], l1_));
      b_.sums[r] = pack(lanes_.add(old, l1_, sum, l1_));
    } else {
      b_.sums[r] = sum;
    }
    b_.largest[r] = largest;
  }

  void add_values(int r, std::int64_t n, const DstTile& dst) {
    const auto i = static_cast<std::size_t>(r);
    if (!taking_[i]) return;
    std::uint32_t* out = b_.out + r * Buffers::widest(x_) + n * kTileSide;
    for (int c = 0; c < kTileSide; ++c) {
      const std::uint32_t fresh = to_l1(dst.row(r)[c], l1_, dst.accumulator(), x_.core.rules);
      out[c] = seen_[i] ? pack(lanes_.add(pack(lanes_.mul(out[c], l1_, rescale_[i], l1_)), l1_, fresh, l1_)) : fresh;
    }
  }

  std::uint32_t capped(std::uint32_t score) const {
    const Sfpu& sfpu = lanes_.sfpu();
    const auto word = [](float x) { return std::bit_cast<std::uint32_t>(x); };
    const std::uint32_t scaled = sfpu.mul(lanes_.load(score, l1_), word(x_.args.scale / x_.args.softcap));
    return pack(sfpu.store(sfpu.mul(sfpu.unary(op::UnaryKind::kTanh, scaled), word(x_.args.softcap))));
  }

  void finish() {
    const View& out = x_.call.out[0];
    const Sfpu& sfpu = lanes_.sfpu();
    const std::int64_t n = x_.heads * x_.dv;
    for (int r = 0; r < count_; ++r) {
      std::uint32_t* row = b_.out + r * Buffers::widest(x_);
      const std::uint32_t inverse = pack(sfpu.store(sfpu.reciprocal(lanes_.load(b_.sums[r], l1_))));
      for (std::int64_t c = 0; c < x_.dv; ++c) row[c] = lanes_.mul(row[c], l1_, inverse, l1_);
      write_words(out.format, row_at(out, begin_ + r), n, head_ * x_.dv, x_.dv, row, lanes_.accumulator(),
                  x_.core.rules);
    }
  }

  const Problem& x_;
  const Buffers& b_;
  Lanes lanes_;
  Format l1_;
  std::int64_t begin_;
  int count_;
  std::int64_t head_;
  // The scale goes to the exponential as bf16; a softcap has taken it already.
  std::uint32_t scale_ = x_.args.softcap > 0 ? kOneWord : host_bf16(x_.args.scale);
  std::array<bool, kTileSide> seen_{};    // a chunk came before
  std::array<bool, kTileSide> taking_{};  // part in this chunk
  std::array<std::uint32_t, kTileSide> rescale_{};
};

}  // namespace

std::size_t attention_scratch(const KernelCall& call, int threads) {
  return static_cast<std::size_t>(threads) * Buffers::bytes(Problem(call));
}

// Tasks are windows of 32 rows of a head; within one, runs of rows of the same sequence.
void attention(const KernelCall& call) {
  const Problem problem(call);
  const std::int64_t windows = ceil_div(problem.rows, kTileSide);
  const std::size_t size = Buffers::bytes(problem);
  call.context.executor->parallel_for(
      windows * problem.heads, 1, [&](std::int64_t begin, std::int64_t end, int worker) {
        const Buffers buffers(call.context.scratch.subspan(size * static_cast<std::size_t>(worker), size), problem);
        for (std::int64_t task = begin; task < end; ++task) {
          const std::int64_t head = task % problem.heads;
          std::int64_t r = task / problem.heads * kTileSide;
          const std::int64_t last = std::min(problem.rows, r + kTileSide);
          while (r < last) {
            std::int64_t next = r + 1;
            while (next < last && problem.sequences[next] == problem.sequences[r]) ++next;
            Task(problem, buffers, r, static_cast<int>(next - r), head).run();
            r = next;
          }
        }
      });
}

}  // namespace firstlight::device::tensix
