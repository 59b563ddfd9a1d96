// Token accuracy, its misses, the invariance suite and the sample text.
#include <fmt/format.h>

#include <cmath>

#include "firstlight/harness/report/html.h"

namespace firstlight::harness::report {
namespace {

// Where in the text the misses lie: one tick per scored position.
std::string miss_strip(const Json& forcing) {
  const double scored = real(forcing, "scored");
  const double first = real(forcing, "prefill") - 1;
  if (!(scored > 0)) return "";
  std::string svg =
      "<svg viewBox=\"0 0 1000 34\" width=\"100%\" height=\"34\" role=\"img\"><rect x=\"0\" y=\"4\" width=\"1000\" "
      "height=\"14\" fill=\"#dafbe1\"/>";
  for (const Json& miss : forcing["misses"]) {
    const double x = (real(miss, "position") - first) / scored * 1000;
    svg += fmt::format(
        "<rect x=\"{:.1f}\" y=\"4\" width=\"{:.1f}\" height=\"14\" fill=\"{}\"><title>position {}: {} "
        "instead of {}</title></rect>",
        x, std::max(1.0, 1000 / scored), miss.value("in_top5", false) ? "#d4a72c" : "#cf222e",
        number(real(miss, "position"), 6), text(miss["predicted"]), text(miss["expected"]));
  }
  return svg + fmt::format(
                   "<text class=\"axis\" x=\"0\" y=\"31\">position {}</text><text class=\"axis\" x=\"1000\" y=\"31\" "
                   "text-anchor=\"end\">{}</text></svg>",
                   number(first, 6), number(first + scored - 1, 6));
}

}  // namespace

std::string accuracy_section(const Run& run) {
  const Json* details = run.details("4");
  if (details == nullptr) return "";
  std::string html;
  if (details->contains("teacher_forcing")) {
    const Json& f = (*details)["teacher_forcing"];
    std::string origin;
    if (const Json* base = run.details("2"); base != nullptr && base->contains("reference"))
      origin = fmt::format("{} ({})", text((*base)["reference"]["origin"]),
                           (*base)["reference"].value("independent", false)
                               ? "made by another implementation, so a pass reads &ldquo;accurate&rdquo;"
                               : "our own reference device, so a pass reads &ldquo;consistent&rdquo;");
    html += fmt::format(
        "<div class=\"big\"><div><b>{:.2f} %</b>top-1</div><div><b>{:.2f} %</b>top-5</div><div><b>{}</b>positions "
        "scored</div>"
        "<div><b>{} / {}</b>top-1 misses that were near ties</div></div><p class=\"note\">Teacher forced after {} "
        "prefilled "
        "tokens, against {}. Yellow: the reference's five best hold the prediction; red: they do not.</p>",
        100 * real(f, "top1"), 100 * real(f, "top5"), number(real(f, "scored"), 6),
        number(real(f, "near_tie_misses"), 6), f["misses"].size(), number(real(f, "prefill"), 6), origin);
    html += miss_strip(f);
  }
  if (details->contains("invariance")) {
    std::string cells;
    for (const Json& check : (*details)["invariance"]) {
      const bool equal = check.value("equal", false);
      cells += fmt::format("<span class=\"pill {}\" title=\"{}\">{}</span> ", equal ? "passed" : "failed",
                           text(check.value("where", Json(""))), text(check["name"]));
    }
    html +=
        "<h3>Same bits, whatever the chunk, the batch, the slot, the pages and the threads</h3><p>" + cells + "</p>";
  }
  if (details->contains("sample"))
    html += "<h3>Greedy text</h3><pre>" + text((*details)["sample"]["prompt"]) + "<b>" +
            text((*details)["sample"]["text"]) + "</b></pre>";
  return section("accuracy", "Accuracy", html);
}

}  // namespace firstlight::harness::report
