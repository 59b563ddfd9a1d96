// The verdict table.
#include "firstlight/app/cli/verdicts.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "firstlight/app/cli/table.h"
#include "firstlight/base/error.h"

namespace firstlight::app {

std::string value_text(const harness::Verdict& verdict) {
  if (verdict.outcome == harness::Outcome::kSkipped) return "";
  return fmt::format("{:.6g}{}{}", verdict.value, verdict.unit.empty() ? "" : " ", verdict.unit);
}

std::string bar_text(const harness::Verdict& verdict) {
  return verdict.bar ? fmt::format("{} {:.6g}", verdict.relation, *verdict.bar) : "";
}

std::string verdict_table(const std::vector<harness::PhaseResult>& phases, bool colour) {
  Table table({"PHASE", "CHECK", "VALUE", "BAR", "VERDICT", "NOTE"});
  for (const harness::PhaseResult& phase : phases) {
    for (const harness::Verdict& verdict : phase.verdicts)
      table.add({phase.phase, verdict.name, value_text(verdict), bar_text(verdict),
                 std::string(harness::outcome_name(verdict.outcome)), verdict.note});
    if (!phase.stopped_by.empty()) table.add({phase.phase, "could not run", "", "", "failed", phase.stopped_by});
  }
  return table.str(colour);
}

std::string verdict_summary(const std::vector<harness::PhaseResult>& phases) {
  std::size_t judged = 0;
  std::vector<std::string> failed;
  for (const harness::PhaseResult& phase : phases) {
    if (!phase.stopped_by.empty()) return "stopped in " + phase.phase;
    for (const harness::Verdict& verdict : phase.verdicts) {
      judged += verdict.bar.has_value() ? 1 : 0;
      if (verdict.outcome == harness::Outcome::kFailed) failed.push_back(verdict.name);
    }
  }
  if (failed.empty()) return fmt::format("every verdict passed ({})", judged);
  return fmt::format("{} of {} verdicts failed: {}", failed.size(), judged, fmt::join(failed, ", "));
}

int exit_code(const std::vector<harness::PhaseResult>& phases) {
  int code = 0;
  for (const harness::PhaseResult& phase : phases) {
    if (!phase.stopped_by.empty()) return phase.details.value("exit_code", static_cast<int>(Category::kInternal));
    if (!harness::all_passed(phase.verdicts)) code = static_cast<int>(Category::kFailedVerdict);
  }
  return code;
}

}  // namespace firstlight::app
