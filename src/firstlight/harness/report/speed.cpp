// Speed: rates, the three theoretical maxima with tiers, and the byte ledger.
#include <fmt/format.h>

#include <cmath>

#include "firstlight/harness/report/html.h"

namespace firstlight::harness::report {

std::string speed_section(const Run& run) {
  const Json* details = run.details("5");
  if (details == nullptr) return "";
  std::string html;
  if (details->contains("measurements")) {
    const Json& measurements = (*details)["measurements"];
    html += measurements_table(measurements);
    const std::string chart = roofline_chart(measurements);
    if (!chart.empty()) html += "<h3>Roofline of this machine</h3>" + chart;
  }
  if (details->contains("maxima") && !(*details)["maxima"].empty()) {
    html += "<h3>Share of the theoretical maximum (marks: 25, 50, 70 %)</h3>";
    std::vector<std::vector<std::string>> rows;
    for (const Json& m : (*details)["maxima"]) {
      const std::string tier = m.value("tier", std::string());
      rows.push_back({"<b>" + text(m["definition"]) + "</b>",
                      bar(real(m, "share"), {0.25, 0.5, 0.7}, fmt::format("{:.1f} %", 100 * real(m, "share"))),
                      tier.empty() ? "none" : text(tier), number(real(m, "tokens_per_s_per_user")) + " t/s/u",
                      "<span class=\"note\">" + text(m["formula"]) + "</span>"});
    }
    html += table({"definition", "share reached", "tier", "#maximum", "formula"}, rows);
  }
  if (details->contains("ledger")) {
    const Json& ledger = (*details)["ledger"];
    std::vector<std::vector<std::string>> rows;
    for (const Json& line : ledger["lines"])
      rows.push_back({text(line["name"]), text(line["format"]), number(real(line, "tensors"), 8),
                      number(real(line, "parameters"), 12), bytes(real(line, "stored_bytes")),
                      bytes(real(line, "bytes_per_step"))});
    rows.push_back({"<b>all</b>", "", "", number(real(ledger, "parameters"), 12),
                    "<b>" + bytes(real(ledger, "weight_bytes") + real(ledger, "state_bytes")) + "</b>",
                    "<b>" + bytes(real(ledger, "bytes_per_step")) + "</b>"});
    html += fmt::format("<h3>Byte ledger: context {}, batch {}</h3>", text(ledger["context"]), text(ledger["batch"])) +
            table({"group", "format", "#tensors", "#parameters", "#stored", "#read per step"}, rows);
    const double saved = 1 - real(ledger, "weight_bytes") / real(ledger, "f32_weight_bytes");
    html += fmt::format("<p class=\"note\">Weights take {} instead of {} in f32: {:.1f} % of the bytes saved.</p>",
                        bytes(real(ledger, "weight_bytes")), bytes(real(ledger, "f32_weight_bytes")), 100 * saved);
  }
  return section("speed", "Speed", html);
}

}  // namespace firstlight::harness::report
