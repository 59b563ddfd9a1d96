// Bench measurements as tables, and the page that `bench` writes of its own.
#include <fmt/format.h>

#include "firstlight/base/error.h"
#include "firstlight/harness/report.h"
#include "firstlight/harness/report/html.h"
#include "firstlight/io/html.h"

namespace firstlight::harness {
namespace report {

std::string measurements_table(const Json& measurements) {
  std::vector<std::vector<std::string>> rows;
  for (const Json& m : measurements) {
    const bool prefill = m.value("phase", "") == "prefill";
    const auto share = [&](const char* field) {
      return real(m, field) > 0 ? fmt::format("{:.1f} %", 100 * real(m, field)) : std::string();
    };
    rows.push_back({text(m["policy"]), text(m["phase"]), text(m["batch"]), text(m["prompt"]), text(m["depth"]),
                    number(real(m, "tokens_per_s")), number(real(m, "tokens_per_s_per_user")),
                    fmt::format("{:.1f} %", 100 * real(m, "spread")),
                    prefill ? fmt::format("TTFT {} ms", number(real(m, "ttft_ms"), 3))
                            : fmt::format("{} / {} / {} ms", number(real(m, "latency_ms_p50"), 3),
                                          number(real(m, "latency_ms_p90"), 3), number(real(m, "latency_ms_p99"), 3)),
                    share("share_of_bandwidth"), share("share_of_peak")});
  }
  return table({"policy", "phase", "#batch", "#prompt", "#depth", "#t/s", "#t/s/u", "#spread", "#latency (p50/p90/p99)",
                "#of bandwidth", "#of peak"},
               rows);
}

namespace {

std::string comparisons_table(const Json& comparisons) {
  const auto side = [](const Json& setting) {
    return fmt::format("{} {}, {} threads, chunk {}", text(setting["policy"]), text(setting["isa"]),
                       text(setting["threads"]), text(setting["chunk"]));
  };
  std::vector<std::vector<std::string>> rows;
  for (const Json& c : comparisons)
    rows.push_back({text(c["phase"]), text(c["batch"]), text(c["prompt"]), text(c["depth"]), side(c["a"]),
                    number(real(c["a"], "tokens_per_s")), side(c["b"]), number(real(c["b"], "tokens_per_s")),
                    fmt::format("{:.3f}", real(c, "ratio")),
                    fmt::format("{:.3f} to {:.3f}", real(c, "ratio_low"), real(c, "ratio_high"))});
  return table({"phase", "#batch", "#prompt", "#depth", "a", "#t/s", "b", "#t/s", "#a / b", "#95 % interval"}, rows);
}

}  // namespace
}  // namespace report

std::string bench_report(std::string_view title, std::string_view command, const Json& measurements,
                         const Json& comparisons) {
  using namespace report;
  std::string body = section("speed", "Speed", measurements_table(measurements));
  if (!comparisons.empty()) body += section("turns", "Measured in turns", comparisons_table(comparisons));
  body += section("roofline", "Roofline", roofline_chart(measurements));
  body += section("repeat", "To repeat this", fmt::format("<pre>{}</pre>", io::html_text(std::string(command))));
  const std::string name = io::html_text(std::string(title));
  return fmt::format(
      "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" "
      "content=\"width=device-width, initial-scale=1\"><title>{0} - Firstlight</title><style>{1}</style></head>"
      "<body><main>\n<header class=\"top\"><h1>{0}</h1></header>{2}</main></body></html>\n",
      name, kStyle, body);
}

}  // namespace firstlight::harness
