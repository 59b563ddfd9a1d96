// The model's facts, the machine, and the command that repeats the run.
#include <fmt/format.h>

#include "firstlight/harness/report/html.h"

namespace firstlight::harness::report {

std::string model_section(const Run& run) {
  const Json* details = run.details("2");
  if (details == nullptr || !details->contains("inspection")) return "";
  const Json& inspection = (*details)["inspection"];
  if (!inspection.value("supported", false)) return "";
  std::vector<std::vector<std::string>> rows;
  rows.push_back({"architecture", text(inspection["architecture"])});
  rows.push_back({"parameters", number(real(inspection, "parameters"), 15)});
  for (const auto& [name, value] : inspection["dimensions"].items()) rows.push_back({text(Json(name)), text(value)});
  std::string features;
  for (const Json& feature : inspection["features"]) features += (features.empty() ? "" : ", ") + text(feature);
  rows.push_back({"features", features});
  for (const Json& note : inspection["alignment"])
    rows.push_back({"tile alignment", fmt::format("{} {} is padded to {}: {}", text(note["what"]), text(note["value"]),
                                                  text(note["padded"]), text(note["note"]))});
  if (details->contains("ledger")) {
    const Json& ledger = (*details)["ledger"];
    rows.push_back(
        {"weight ledger",
         fmt::format("{} tensors, each placed once; {} in the checkpoint, {} placed; cache: {} hits, {} made, {} "
                     "rebuilt",
                     ledger["lines"].size(), bytes(real(ledger, "source_bytes")), bytes(real(ledger, "placed_bytes")),
                     text(ledger["cache_hits"]), text(ledger["cache_misses"]), text(ledger["cache_rebuilt"]))});
    for (const Json& damaged : ledger["damaged"]) rows.push_back({"cache entry rebuilt", text(damaged)});
  }
  return section("model", "Model", table({"", ""}, rows));
}

std::string environment_section(const Run& run) {
  std::string html;
  if (const Json* details = run.details("1"); details != nullptr) {
    std::vector<std::vector<std::string>> rows;
    if (details->contains("environment"))
      for (const auto& [name, value] : (*details)["environment"].items())
        rows.push_back({text(Json(name)), text(value)});
    if (details->contains("peaks")) {
      const Json& peaks = (*details)["peaks"];
      rows.push_back({"measured read bandwidth", bytes(real(peaks, "read_bandwidth")) + "/s"});
      rows.push_back({"measured peak, f32", fmt::format("{} GFLOP/s", number(real(peaks, "flops_f32") / 1e9))});
      rows.push_back({"measured peak, bf16", fmt::format("{} GFLOP/s", number(real(peaks, "flops_bf16") / 1e9))});
    }
    html += table({"", ""}, rows);
  }
  html += "<h3>To repeat this</h3><pre>" + text(run.header.value("command", Json(""))) + "</pre>";
  return section("environment", "Environment", html);
}

}  // namespace firstlight::harness::report
