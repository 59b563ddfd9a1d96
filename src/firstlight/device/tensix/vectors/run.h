// Runs vectors: each case on each chip that it is for, and compares what comes out to the bit.
#pragma once

#include <functional>
#include <span>

#include "firstlight/device/tensix/vectors/manifest.h"

namespace firstlight::device::tensix {

struct Difference {
  const VectorCase* item = nullptr;
  std::string_view chip;
  std::string output;
  std::int64_t count = 0;  // differing data
  std::int64_t first = 0;  // index of the first, in datum order; of 64 exponents and the codes for block formats
  std::string got;         // bit patterns
  std::string expected;
};

// The outputs' bytes of a case, in its order.
std::vector<std::vector<std::byte>> run_case(const VectorCase& item, const Rules& rules);

// Every output of the case that differs under these rules.
std::vector<Difference> compare_case(const VectorCase& item, const Rules& rules);

struct VectorSummary {
  std::int64_t cases = 0;
  std::int64_t failed = 0;   // cases with a difference on a chip
  std::int64_t outputs = 0;  // compared, each chip counted
};
// All cases under both chips' rules; `report` is told of every output that differs.
VectorSummary run_vectors(const VectorFolder& vectors, std::span<const Rules> chips,
                          const std::function<void(const Difference&)>& report);

}  // namespace firstlight::device::tensix
