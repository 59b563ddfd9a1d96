// DRAM of one chip.
#include "firstlight/harness/plan/memory.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <set>

#include "firstlight/harness/plan/workload.h"

namespace firstlight::harness::plan {
namespace {

constexpr std::int64_t kNoPositionLimit = std::int64_t{1} << 20;
constexpr double kBf16Bytes = 2;

double as_double(std::int64_t value) { return static_cast<double>(value); }

std::vector<MemoryLine> weight_lines(const Subject& subject, const Precision& precision, const Split& split) {
  struct Sum {
    double bytes = 0;
    std::set<std::string> formats;
  };
  std::vector<std::string> order;
  std::map<std::string, Sum> sums;
  for (const run::WeightRequest& request : subject.requests) {
    const std::string name(run::group_name(request.group));
    if (!sums.contains(name)) order.push_back(name);
    Sum& sum = sums[name];
    const Format format = precision.weight(request);
    sum.formats.insert(std::string(format_name(format)));
    const Share share = share_of(subject, request, split);
    if (request.kind == run::WeightKind::kVector)
      sum.bytes += 4 * as_double(request.shape.elements());  // on every chip
    else if (request.kind == run::WeightKind::kTable)
      sum.bytes += as_double(share.inputs) * as_double(row_bytes(format, round_up(share.outputs, 32)));  // row-major
    else
      sum.bytes += share.copies * tiled_bytes(format, share.inputs, share.outputs);
  }
  std::vector<MemoryLine> lines;
  for (const std::string& name : order)
    lines.push_back({name, fmt::format("{}", fmt::join(sums[name].formats, " + ")), sums[name].bytes, ""});
  return lines;
}

// Everything but the weights, whose lines are computed once.
class MemoryModel {
 public:
  MemoryModel(const Subject& subject, const Precision& precision, const Board& board, const Split& split,
              const Constants& constants)
      : subject_(subject), board_(board), split_(split), constants_(constants) {
    weights_ = weight_lines(subject, precision, split);
    const model::Description& d = subject.description;
    for (const auto& layer : subject.kv_layers) {
      const Format format = precision.of(layer.key, run::Group::kKvCache);
      kv_formats_.insert(std::string(format_name(format)));
      // Keys and values of whole tiles: 32 positions x head_dim.
      kv_position_bytes_[layer.window] +=
          2 * as_double(ceil_div(d.kv_heads, split.rows)) * tiled_bytes(format, 32, d.head_dim) / 32;
    }
    trace_bytes_ = step_launches(subject, split) * constants.trace_bytes_per_launch;
  }

  ChipMemory at(std::int64_t context, int batch) const {
    const model::Description& d = subject_.description;
    ChipMemory memory;
    memory.lines = weights_;
    const std::int64_t users = ceil_div(ceil_div(batch, split_.replicas), split_.columns);
    const std::int64_t positions = round_up(context, 32);
    double kv_bytes = 0;
    std::string windows;
    for (const auto& [window, position_bytes] : kv_position_bytes_) {
      kv_bytes += position_bytes * as_double(kept_positions(context, window)) * as_double(users);
      if (window > 0 && window < context) windows += fmt::format(", {} where windows bound them", window);
    }
    if (!kv_position_bytes_.empty())
      memory.lines.push_back({"kv_cache", fmt::format("{}", fmt::join(kv_formats_, " + ")), kv_bytes,
                              fmt::format("{} users x {} positions{}", users, positions, windows)});
    if (subject_.recurrent_bytes > 0)
      memory.lines.push_back(
          {"recurrent state", "bf16", subject_.recurrent_bytes / split_.rows * as_double(users), ""});
    const std::int64_t chunk = std::min<std::int64_t>(positions, static_cast<std::int64_t>(constants_.chunk_tokens));
    // Residual, its norm and a sum; and either queries, keys, values and their result, or gate, up and their product.
    const std::int64_t wide = std::max((2 * d.heads + 2 * d.kv_heads) * d.head_dim, 3 * d.intermediate_size);
    const double activations = kBf16Bytes * as_double(round_up(chunk, 32)) *
                                   as_double(3 * round_up(d.hidden_size, 32) + ceil_div(wide, split_.rows)) +
                               kBf16Bytes * 32 * as_double(ceil_div(d.vocab_size, split_.chips()));
    memory.lines.push_back({"activations", "bf16", activations, fmt::format("prefill in chunks of {}", chunk)});
    if (d.head_dim > 0)
      memory.lines.push_back({"rotary tables", "bf16", 2 * kBf16Bytes * as_double(positions) * as_double(d.head_dim),
                              "cosines and sines of every position"});
    memory.lines.push_back({"trace region", "", trace_bytes_, "of a decode step"});
    for (const MemoryLine& line : memory.lines) memory.needed += line.bytes;
    memory.capacity = board_.chip.dram_bytes - board_.chip.dram_banks * constants_.dram_reserve_bytes_per_bank;
    return memory;
  }

  std::int64_t longest(int batch) const {
    const std::int64_t limit = subject_.description.max_positions;
    std::int64_t high = limit > 0 ? limit : kNoPositionLimit;
    if (at(high, batch).fits()) return high;
    std::int64_t low = 0;  // fits, or is none
    while (high - low > 1) {
      const std::int64_t middle = low + (high - low) / 2;
      (at(middle, batch).fits() ? low : high) = middle;
    }
    return low;
  }

 private:
  const Subject& subject_;
  const Board& board_;
  const Split& split_;
  const Constants& constants_;
  std::vector<MemoryLine> weights_;
  std::set<std::string> kv_formats_;
  std::map<std::int64_t, double> kv_position_bytes_;  // by window, of one user
  double trace_bytes_ = 0;
};

// Formats that a group may be narrowed to, as the stack has them (its embedding is always bf16).
struct Narrowing {
  run::Group group;
  Format format;
};
constexpr Narrowing kNarrowings[] = {
    {run::Group::kKvCache, Format::bfp8}, {run::Group::kLmHead, Format::bfp8}, {run::Group::kFf1_3, Format::bfp8},
    {run::Group::kFf2, Format::bfp8},     {run::Group::kWqkv, Format::bfp8},   {run::Group::kWo, Format::bfp8},
    {run::Group::kFf1_3, Format::bfp4},   {run::Group::kFf2, Format::bfp4},    {run::Group::kLmHead, Format::bfp4},
    {run::Group::kWqkv, Format::bfp4},    {run::Group::kWo, Format::bfp4},     {run::Group::kKvCache, Format::bfp4},
};

std::string narrowing_text(const Narrowing& narrowing) {
  return fmt::format("{} in {}", run::group_name(narrowing.group), format_name(narrowing.format));
}

void keep_cheapest(std::vector<Change>& changes) {
  std::ranges::stable_sort(changes, {}, &Change::saves_bytes);
  if (changes.size() > 3) changes.resize(3);
}

}  // namespace

Json ChipMemory::json() const {
  Json list = Json::array();
  for (const MemoryLine& line : lines)
    list.push_back({{"name", line.name}, {"format", line.format}, {"bytes", line.bytes}, {"note", line.note}});
  return {{"needed_bytes", needed}, {"capacity_bytes", capacity}, {"fits", fits()}, {"lines", std::move(list)}};
}

ChipMemory chip_memory(const Subject& subject, const Precision& precision, const Board& board, const Split& split,
                       const Constants& constants, const Load& load) {
  return MemoryModel(subject, precision, board, split, constants).at(load.context, load.batch);
}

std::int64_t longest_context(const Subject& subject, const Precision& precision, const Board& board, const Split& split,
                             const Constants& constants, int batch) {
  return MemoryModel(subject, precision, board, split, constants).longest(batch);
}

std::vector<Change> cheapest_changes(const Subject& subject, const Precision& precision, const Board& board,
                                     const Split& split, const Constants& constants, const Load& load) {
  const MemoryModel whole(subject, precision, board, split, constants);
  const double needed = whole.at(load.context, load.batch).needed;
  std::vector<Change> enough;
  const auto consider = [&](const Precision& changed, const std::string& what) {
    const ChipMemory memory = MemoryModel(subject, changed, board, split, constants).at(load.context, load.batch);
    const double saved = needed - memory.needed;
    if (saved > 0 && memory.fits()) enough.push_back({what, saved, 0});
    return saved;
  };
  struct Candidate {
    Narrowing narrowing;
    double saves;
  };
  std::vector<Candidate> candidates;
  for (const Narrowing& narrowing : kNarrowings) {
    const double saved = consider(precision.with(narrowing.group, narrowing.format), narrowing_text(narrowing));
    if (saved > 0) candidates.push_back({narrowing, saved});
  }
  if (const std::int64_t context = whole.longest(load.batch); context >= 32 && context < load.context)
    enough.push_back({fmt::format("a context of {}", context), needed - whole.at(context, load.batch).needed, 0});
  if (load.batch > 1) {
    int batch = load.batch - 1;
    while (batch > 0 && !whole.at(load.context, batch).fits()) --batch;
    if (batch > 0)
      enough.push_back({fmt::format("a batch of {}", batch), needed - whole.at(load.context, batch).needed, 0});
  }
  if (enough.size() < 3) {  // two formats together
    for (std::size_t i = 0; i < candidates.size(); ++i)
      for (std::size_t j = i + 1; j < candidates.size(); ++j) {
        const Narrowing& a = candidates[i].narrowing;
        const Narrowing& b = candidates[j].narrowing;
        if (a.group == b.group) continue;
        const bool alone = std::ranges::any_of(enough, [&](const Change& change) {
          return change.what == narrowing_text(a) || change.what == narrowing_text(b);
        });
        if (!alone)
          consider(precision.with(a.group, a.format).with(b.group, b.format),
                   narrowing_text(a) + " and " + narrowing_text(b));
      }
  }
  if (enough.empty()) {  // all linear weights
    Precision narrow = precision;
    for (const run::Group group : {run::Group::kWqkv, run::Group::kWo, run::Group::kFf1_3, run::Group::kFf2,
                                   run::Group::kLmHead, run::Group::kEmbedding})
      narrow = narrow.with(group, Format::bfp4);
    consider(narrow, "every weight in bfp4");
    consider(narrow.with(run::Group::kKvCache, Format::bfp8), "every weight in bfp4, kv_cache in bfp8");
  }
  // Another board, the smallest of the same architecture first.
  std::vector<Change> boards;
  std::ptrdiff_t same_arch = 0;
  if (enough.size() < 3) {
    for (const Board& other : load_boards()) {
      const std::vector<int> legal = legal_replicas(subject, other);
      if (legal.empty()) continue;
      const Split cut = split_board(other, legal.front());
      const ChipMemory memory = MemoryModel(subject, precision, other, cut, constants).at(load.context, load.batch);
      if (memory.fits()) {
        Change change{fmt::format("{} ({})", other.name, cut.str()), needed - memory.needed,
                      other.chip.dram_bytes - board.chip.dram_bytes};
        boards.insert(other.arch == board.arch ? boards.begin() + same_arch++ : boards.end(), std::move(change));
      }
    }
  }
  keep_cheapest(enough);
  for (const Change& board_change : boards)
    if (enough.size() < 3) enough.push_back(board_change);
  return enough;
}

}  // namespace firstlight::harness::plan
