// Verdicts as a table, and the exit code they come to.
#pragma once

#include <string>
#include <vector>

#include "firstlight/harness/verdict.h"

namespace firstlight::app {

// "99.61 %", "> 0.98", and empty where there is no value or no bar.
std::string value_text(const harness::Verdict& verdict);
std::string bar_text(const harness::Verdict& verdict);

// Columns: phase, check, value, bar, verdict, note. A stopped phase is a row of its own.
std::string verdict_table(const std::vector<harness::PhaseResult>& phases, bool colour);
// "every verdict passed (17)", "2 of 17 verdicts failed: top1, top5", "stopped in 2 baseline".
std::string verdict_summary(const std::vector<harness::PhaseResult>& phases);
// 0, 1 when a verdict failed, or the category of the error that stopped a phase.
int exit_code(const std::vector<harness::PhaseResult>& phases);

}  // namespace firstlight::app
