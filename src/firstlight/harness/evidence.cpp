// CI files and the README section.
#include "firstlight/harness/evidence.h"

#include <cmath>

#include "firstlight/base/error.h"
#include "firstlight/base/file.h"
#include "firstlight/harness/bringup.h"
#include "firstlight/io/html.h"

namespace firstlight::harness {

Json ledger_json(const run::Ledger& ledger) {
  Json lines = Json::array();
  for (const run::LedgerLine& line : ledger.lines)
    lines.push_back({{"tensor", line.tensor},
                     {"use", line.use},
                     {"component", line.component},
                     {"expression", line.expression},
                     {"format", format_name(line.format)},
                     {"source_bytes", line.source_bytes},
                     {"placed_bytes", line.placed_bytes},
                     {"hash", line.hash}});
  return {{"source_bytes", ledger.source_bytes},
          {"placed_bytes", ledger.placed_bytes},
          {"cache_hits", ledger.cache_hits},
          {"cache_misses", ledger.cache_misses},
          {"cache_rebuilt", ledger.cache_rebuilt},
          {"damaged", ledger.damaged},
          {"lines", std::move(lines)}};
}

void write_ci_files(const Capsule& capsule, const std::vector<PhaseResult>& phases, const std::filesystem::path& out,
                    PhaseResult& phase) {
  const auto capsule_path = out / "reference.safetensors";
  save_capsule(capsule, capsule_path);
  const Capsule read = load_capsule(capsule_path);
  const bool same =
      read.ids == capsule.ids && read.top5 == capsule.top5 && read.first_position == capsule.first_position;
  phase.verdicts.push_back(judge("reference capsule", same ? 1 : 0, "==", 1, "reads back", capsule_path.string()));
  if (capsule.first_position == 0) {
    const auto refpt_path = out / "reference.refpt";
    save_refpt(capsule, refpt_path);
    const bool equal = load_capsule(refpt_path).ids == capsule.ids;
    phase.verdicts.push_back(judge("reference.refpt", equal ? 1 : 0, "==", 1, "reads back", refpt_path.string()));
  } else {
    phase.verdicts.push_back(skipped("reference.refpt", fmt::format("{} starts at position {}; a .refpt starts at 0",
                                                                    capsule.origin, capsule.first_position)));
  }
  write_text_file(out / "junit.xml", junit_xml(phases));
  phase.verdicts.push_back(reported("junit.xml", static_cast<double>(phases.size()), "suites", ""));
}

std::string junit_xml(const std::vector<PhaseResult>& phases) {
  using io::html_attribute;
  std::string xml = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"firstlight\">\n";
  for (const PhaseResult& phase : phases) {
    int failures = 0;
    int skipped_count = 0;
    for (const Verdict& verdict : phase.verdicts) {
      failures += verdict.outcome == Outcome::kFailed;
      skipped_count += verdict.outcome == Outcome::kSkipped;
    }
    const bool stopped = !phase.stopped_by.empty();
    xml += fmt::format(
        "  <testsuite name=\"{}\" tests=\"{}\" failures=\"{}\" errors=\"{}\" skipped=\"{}\" time=\"{:.3f}\">\n",
        html_attribute(phase.phase), phase.verdicts.size() + (stopped ? 1 : 0), failures, stopped ? 1 : 0,
        skipped_count, phase.seconds);
    for (const Verdict& verdict : phase.verdicts) {
      xml += fmt::format("    <testcase name=\"{}\" classname=\"{}\">", html_attribute(verdict.name),
                         html_attribute(phase.phase));
      if (verdict.outcome == Outcome::kFailed)
        xml += fmt::format("<failure message=\"{}\"/>",
                           html_attribute(fmt::format("{} {} is not {} {}: {}", verdict.value, verdict.unit,
                                                      verdict.relation, verdict.bar.value_or(0), verdict.note)));
      if (verdict.outcome == Outcome::kSkipped)
        xml += fmt::format("<skipped message=\"{}\"/>", html_attribute(verdict.note));
      xml += "</testcase>\n";
    }
    if (stopped)
      xml += fmt::format("    <testcase name=\"ran\" classname=\"{}\"><error message=\"{}\"/></testcase>\n",
                         html_attribute(phase.phase), html_attribute(phase.stopped_by));
    xml += "  </testsuite>\n";
  }
  return xml + "</testsuites>\n";
}

std::string readme_section(const BringupResult& result) {
  const auto text = [&](const char* key) { return result.header.value(key, std::string()); };
  std::string markdown = fmt::format("## {} on {}\n\nPolicy `{}`, bars of `targets/{}.json`: **{}**.\n\n",
                                     text("model"), text("device"), text("policy"), text("target"),
                                     result.passed() ? "every verdict passed" : "at least one verdict failed");
  markdown += "| phase | check | value | bar | verdict |\n| --- | --- | --- | --- | --- |\n";
  for (const PhaseResult& phase : result.phases) {
    if (!phase.stopped_by.empty())
      markdown += fmt::format("| {} | could not run | | | failed: {} |\n", phase.phase, phase.stopped_by);
    for (const Verdict& v : phase.verdicts) {
      const std::string value = v.outcome == Outcome::kSkipped ? "" : fmt::format("{:.6g} {}", v.value, v.unit);
      const std::string bar = v.bar ? fmt::format("{} {:.6g}", v.relation, *v.bar) : "";
      markdown += fmt::format("| {} | {} | {} | {} | {} |\n", phase.phase, v.name, value, bar, outcome_name(v.outcome));
    }
  }
  markdown += fmt::format(
      "\nTo repeat it:\n\n```\n{}\n```\n\nMade by Firstlight {}; `report.html` and `record.jsonl` beside "
      "this file hold the details.\n",
      text("command"), version());
  return markdown;
}

}  // namespace firstlight::harness
