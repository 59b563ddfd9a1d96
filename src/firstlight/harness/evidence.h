// Files of a bring-up besides the report: CI references, JUnit, a README section.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "firstlight/harness/capsule.h"
#include "firstlight/harness/verdict.h"
#include "firstlight/run/loader.h"

namespace firstlight::harness {

struct BringupResult;

Json ledger_json(const run::Ledger& ledger);

// reference.refpt (where the capsule starts at position 0), reference.safetensors and junit.xml in `out`, each read
// back; verdicts go into `phase`.
void write_ci_files(const Capsule& capsule, const std::vector<PhaseResult>& phases, const std::filesystem::path& out,
                    PhaseResult& phase);

// One test case per verdict, one suite per phase.
std::string junit_xml(const std::vector<PhaseResult>& phases);

// A Markdown section for a model's README or a pull request: verdicts, speed, how to repeat it.
std::string readme_section(const BringupResult& result);

}  // namespace firstlight::harness
