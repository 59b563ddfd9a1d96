// The head of the page: one verdict, then every check with its value beside its bar.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "firstlight/harness/report/html.h"

namespace firstlight::harness::report {
namespace {

std::string value_of(const Json& verdict) {
  if (verdict.value("outcome", "") == "skipped") return "&ndash;";
  const std::string unit = verdict.value("unit", std::string());
  return number(real(verdict, "value"), 5) + (unit.empty() ? "" : " " + text(unit));
}

std::string bar_of(const Json& verdict) {
  if (!verdict.contains("bar")) return "";
  return text(verdict.value("relation", Json(""))) + " " + number(real(verdict, "bar"), 5);
}

}  // namespace

std::string verdict_section(const Run& run) {
  const auto failed = [](const Json& line) { return line.value("outcome", "") == "failed"; };
  const bool any_failed = std::ranges::any_of(run.phases, failed) || std::ranges::any_of(run.verdicts, failed);
  const Json& h = run.header;
  std::string html = fmt::format(
      "<header class=\"top\"><div class=\"seal{}\">{}</div><div><h1>{} on {}</h1><div class=\"sub\">policy {} &middot; "
      "bars "
      "of targets/{}.json &middot; {} &middot; Firstlight {}</div></div></header>\n",
      any_failed ? " bad" : "", any_failed ? "FAILED" : "PASSED", text(h.value("model", Json("?"))),
      text(h.value("device", Json("?"))), text(h.value("policy", Json("?"))), text(h.value("target", Json("?"))),
      text(h.value("time", Json(""))), text(h.value("firstlight", Json("?"))));
  if (h.contains("waivers") && h["waivers"].is_array() && !h["waivers"].empty())
    html += section("waivers", "Waived by the user", "<p>" + text(h["waivers"]) + "</p>");

  std::vector<std::vector<std::string>> rows;
  for (const Json& phase : run.phases) {
    const std::string name = phase.value("phase", std::string());
    const std::string stopped = phase.value("stopped_by", std::string());
    rows.push_back({"<b>" + text(name) + "</b>", pill(phase.value("outcome", std::string())), "", "",
                    fmt::format("<span class=\"note\">{} s{}</span>", number(real(phase, "seconds"), 3),
                                stopped.empty() ? "" : " &middot; could not run: " + text(stopped))});
    for (const Json& verdict : run.verdicts) {
      if (verdict.value("phase", std::string()) != name) continue;
      rows.push_back({"&emsp;" + text(verdict.value("name", Json(""))), pill(verdict.value("outcome", std::string())),
                      value_of(verdict), bar_of(verdict),
                      "<span class=\"note\">" + text(verdict.value("note", Json(""))) + "</span>"});
    }
  }
  return html + section("verdict", "Verdict", table({"check", "verdict", "#value", "#bar", "what was compared"}, rows));
}

}  // namespace firstlight::harness::report
