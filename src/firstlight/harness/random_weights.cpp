// Shapes from declarations; values from a table of quantiles.
#include "firstlight/harness/random_weights.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <map>
#include <numbers>

#include "firstlight/base/error.h"
#include "firstlight/base/hash.h"
#include "firstlight/base/rng.h"

namespace firstlight::harness {
namespace {

constexpr std::size_t kQuantiles = 65536;  // one for each 16-bit draw
constexpr float kVectorSpread = 0.1F;
constexpr std::int64_t kGrain = 1 << 16;  // elements

// What is known of a tensor: the length of one output, and how many outputs it has (-1: not yet).
struct Extent {
  std::size_t order = 0;  // of its first mention
  const run::WeightRequest* request = nullptr;
  std::int64_t outputs = -1;
};

std::int64_t outputs_of(const run::WeightRequest& request) {
  return request.shape[request.kind == run::WeightKind::kLinear ? 1 : 0];
}

std::int64_t fan_in(const run::WeightRequest& request) {
  return request.kind == run::WeightKind::kVector ? 1 : request.shape[request.kind == run::WeightKind::kLinear ? 0 : 1];
}

class Shapes {
 public:
  explicit Shapes(const std::vector<run::WeightRequest>& requests) : requests_(requests) {}

  const std::map<std::string, Extent>& find() {
    for (const run::WeightRequest& request : requests_) {
      if (request.source.stacked)  // the first spelling counts, and no family's first one is this
        fail(Category::kUnsupported, request.key, "'{}' is declared as a stack of matrices only", request.source.str());
      for (const run::WeightExpr::Part& part : request.source.parts) {
        Extent& extent = extents_.try_emplace(part.name, Extent{extents_.size(), &request, -1}).first->second;
        if (part.row_end >= 0) extent.outputs = std::max(extent.outputs, part.row_end);
      }
    }
    while (solve(false)) {
    }
    while (solve(true)) {
    }
    for (const auto& [name, extent] : extents_)
      if (extent.outputs < 0)
        fail(Category::kUnsupported, extent.request->key, "its declaration {} leaves the shape of '{}' open",
             extent.request->source.str(), name);
    return extents_;
  }

 private:
  // Parts taken whole whose tensors are still open give what the other parts leave: one of them all of it, several
  // (when `share`) equal shares. Returns whether that told anything.
  bool solve(bool share) {
    bool told = false;
    for (const run::WeightRequest& request : requests_) {
      std::int64_t left = outputs_of(request);
      std::vector<const run::WeightExpr::Part*> open;
      for (const run::WeightExpr::Part& part : request.source.parts) {
        const std::int64_t outputs = part.row_end >= 0 ? part.row_end : extents_.at(part.name).outputs;
        if (outputs < 0)
          open.push_back(&part);
        else
          left -= outputs - part.row_begin;
      }
      const auto count = static_cast<std::int64_t>(open.size());
      if (count == 0 || left <= 0 || (count > 1 && (!share || left % count != 0))) continue;
      for (const run::WeightExpr::Part* part : open) extents_.at(part->name).outputs = part->row_begin + left / count;
      told = true;
      if (share) return true;  // what one request tells may settle the next without sharing
    }
    return told;
  }

  const std::vector<run::WeightRequest>& requests_;
  std::map<std::string, Extent> extents_;
};

// The quantiles at (i + 1/2) / 65536 of the standard normal distribution. Newton's method from the quantile before:
// the distribution function is concave above 0, so the steps approach from the left and never pass the root.
const std::vector<float>& standard_quantiles() {
  static const std::vector<float> kTable = [] {
    std::vector<float> table(kQuantiles);
    constexpr std::size_t kHalf = kQuantiles / 2;
    double x = 0;
    for (std::size_t i = 0; i < kHalf; ++i) {
      const double upper = 0.5 - (static_cast<double>(i) + 0.5) / kQuantiles;  // the share above
      for (double step = 1; step > 1e-9;) {
        const double density = std::exp(-x * x / 2) / std::sqrt(2 * std::numbers::pi);
        step = (0.5 * std::erfc(x / std::numbers::sqrt2) - upper) / density;
        x += step;
      }
      table[kHalf + i] = static_cast<float>(x);
      table[kHalf - 1 - i] = static_cast<float>(-x);
    }
    return table;
  }();
  return kTable;
}

}  // namespace

std::vector<RandomTensor> random_tensors(const std::vector<run::WeightRequest>& requests) {
  Shapes shapes(requests);
  const auto& extents = shapes.find();
  std::vector<RandomTensor> tensors(extents.size());
  for (const auto& [name, extent] : extents) {
    const run::WeightRequest& request = *extent.request;
    RandomTensor& tensor = tensors[extent.order];
    tensor.name = name;
    if (request.kind == run::WeightKind::kVector) {
      tensor.shape = Shape{extent.outputs};
      // A key names a bias as such (run/weights.h); what else is a vector scales.
      tensor.centre = request.key.ends_with("bias") ? 0.0F : 1.0F;
      tensor.spread = kVectorSpread;
    } else {
      tensor.shape =
          request.source.transposed ? Shape{fan_in(request), extent.outputs} : Shape{extent.outputs, fan_in(request)};
      tensor.spread = 1.0F / std::sqrt(static_cast<float>(fan_in(request)));
    }
  }
  return tensors;
}

RandomValues::RandomValues(const RandomTensor& tensor, Format format, std::uint64_t seed)
    : seed_(seed),
      stream_(hash64(std::as_bytes(std::span(tensor.name)))),
      element_bytes_(static_cast<std::size_t>(row(format).block_bytes)),
      quantiles_(kQuantiles * element_bytes_) {
  FL_CHECK(row(format).block_elements == 1);
  std::vector<float> values = standard_quantiles();
  for (float& value : values) value = tensor.centre + tensor.spread * value;
  row(format).encode(values.data(), kQuantiles, quantiles_.data());
}

void RandomValues::fill(std::int64_t begin, std::span<std::byte> dst, Executor& executor) const {
  FL_CHECK(begin % kStep == 0);
  switch (element_bytes_) {
    case 2:
      return fill_elements<2>(begin, dst, executor);
    case 4:
      return fill_elements<4>(begin, dst, executor);
    case 8:
      return fill_elements<8>(begin, dst, executor);
    default:
      FL_CHECK(false);
  }
}

template <std::size_t Bytes>
void RandomValues::fill_elements(std::int64_t begin, std::span<std::byte> dst, Executor& executor) const {
  const auto count = static_cast<std::int64_t>(dst.size() / Bytes);
  executor.parallel_for(count, kGrain, [&](std::int64_t from, std::int64_t to, int) {
    for (std::int64_t i = from; i < to; i += kStep) {
      const auto draw = static_cast<std::uint64_t>((begin + i) / kStep);
      const auto bits = philox({static_cast<std::uint32_t>(draw), static_cast<std::uint32_t>(draw >> 32),
                                static_cast<std::uint32_t>(stream_), static_cast<std::uint32_t>(stream_ >> 32)},
                               {static_cast<std::uint32_t>(seed_), static_cast<std::uint32_t>(seed_ >> 32)});
      for (std::int64_t j = 0; j < std::min(kStep, to - i); ++j) {
        const std::size_t quantile = bits[static_cast<std::size_t>(j / 2)] >> (16 * (j % 2)) & 0xFFFF;
        std::memcpy(dst.data() + static_cast<std::size_t>(i + j) * Bytes, quantiles_.data() + quantile * Bytes, Bytes);
      }
    }
  });
}

}  // namespace firstlight::harness
