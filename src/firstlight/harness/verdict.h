// A verdict: a measured value beside the bar it is held to. A missed bar is a failed verdict, never an exception.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "firstlight/base/json.h"

namespace firstlight::harness {

enum class Outcome : std::uint8_t {
  kPassed,
  kFailed,
  kReported,  // a value without a bar
  kSkipped,   // could not be judged: `note` says why; never counts as passed
};
std::string_view outcome_name(Outcome outcome);  // "passed", ...

struct Verdict {
  std::string name;  // "top-1"
  double value = 0;
  std::optional<double> bar;
  std::string relation = ">";  // value RELATION bar passes: ">", ">=", "<", "<=", "=="
  std::string unit;            // "%", "t/s/u", "" ...
  Outcome outcome = Outcome::kReported;
  std::string note;  // reference origin, definition, what was compared

  Json json() const;
};

// Judges value against bar. A NaN value fails.
Verdict judge(std::string name, double value, std::string relation, double bar, std::string unit, std::string note);
Verdict reported(std::string name, double value, std::string unit, std::string note);
Verdict skipped(std::string name, std::string note);

// Failed when any is failed.
bool all_passed(const std::vector<Verdict>& verdicts);

// The bars, read from targets/<name>.json; each has "bar", "relation" and "what".
class Target {
 public:
  static Target load(std::string_view name);  // throws kUsage naming the targets there are, kBadInput
  const std::string& name() const { return name_; }
  // Judges under the bar of that name ("top1"); throws kBadInput when the target has none.
  Verdict judge(std::string_view bar, double value, std::string unit, std::string note) const;
  double number(std::string_view bar, std::string_view field) const;  // e.g. ("decoder_pcc", "batch")
  struct Tier {
    std::string name;
    double share;
  };
  const std::vector<Tier>& tiers() const { return tiers_; }

 private:
  std::string name_;
  Json json_;
  std::vector<Tier> tiers_;
};

// What one phase of the main job came to.
struct PhaseResult {
  std::string phase;  // "1 set-up", ..., "7 documents"
  std::vector<Verdict> verdicts;
  Json details;  // whatever the report draws: tables, ledgers
  double seconds = 0;
  std::string stopped_by;  // error text when the phase could not run
  Outcome outcome() const;
};

}  // namespace firstlight::harness
