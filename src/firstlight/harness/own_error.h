// A component's own error, taken apart: what its operands' formats make of it, and what the device's arithmetic adds,
// held to the bound that is computed from the operands themselves.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "firstlight/base/json.h"
#include "firstlight/harness/capsule.h"

namespace firstlight::harness {

// Root mean squares over the judged rows, as shares of the reference's result g. y is the device's result, y* the exact
// one of the same operands as the device stores them.
struct OwnError {
  std::int64_t rows = 0;
  std::int64_t count = 0;
  double error = 0;             // y - g
  double stored = 0;            // y* - g: operands and weights in their formats
  double arithmetic = 0;        // y - y*
  double bound = 0;             // |y* - g| and the arithmetic's bound
  double arithmetic_bound = 0;  // of y - y*
  std::int64_t defects = 0;     // elements that only a known defect of the hardware accounts for
  std::int64_t beyond = 0;      // elements whose arithmetic exceeds its bound
  double largest_share = 0;     // of |y - y*| in its bound

  bool within() const { return beyond == 0; }
  Json json() const;
};

// Observes a device's run of forced components: each wanted key's last recorded call is computed again on the reference
// device from the operands that the kernel got. Only where the host may read the device's memory.
class OwnErrors : public run::Observer {
 public:
  // `golden` are the reference's recordings, which outlive this. The last `rows` rows of a call are judged.
  OwnErrors(const Recorder& golden, device::Device& reference, std::int64_t rows)
      : golden_(golden), reference_(reference), rows_(rows) {}

  bool wants_launch(std::string_view key) const override { return golden_.wants(key); }
  void on_launch(run::Session& session, const run::Launch& launch) override;

  // Null for a component that no single kernel computed, or whose weight is too large to take apart.
  const OwnError* of(std::string_view key) const;

 private:
  const Recorder& golden_;
  device::Device& reference_;
  std::int64_t rows_;
  std::map<std::string, std::size_t, std::less<>> calls_;
  std::map<std::string, OwnError, std::less<>> errors_;
};

}  // namespace firstlight::harness
