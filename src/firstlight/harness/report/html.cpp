// Small HTML helpers and the page's style.
#include "firstlight/harness/report/html.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "firstlight/io/html.h"

namespace firstlight::harness::report {

const char* const kStyle = R"css(
:root{--ink:#1b1f24;--soft:#57606a;--line:#d8dee4;--paper:#fff;--wash:#f6f8fa;--good:#1a7f37;--bad:#cf222e;--meh:#9a6700;--accent:#0b5cad}
*{box-sizing:border-box}
body{margin:0;background:var(--wash);color:var(--ink);font:15px/1.5 system-ui,"DejaVu Sans",sans-serif}
main{max-width:1080px;margin:0 auto;padding:28px 24px 60px}
header.top{display:flex;gap:20px;align-items:center;flex-wrap:wrap;margin-bottom:18px}
header.top h1{font-size:26px;margin:0;font-weight:650}
header.top .sub{color:var(--soft);margin-top:2px}
.seal{font-size:20px;font-weight:700;padding:12px 20px;border-radius:8px;color:#fff;background:var(--good)}
.seal.bad{background:var(--bad)}
section{background:var(--paper);border:1px solid var(--line);border-radius:8px;padding:18px 20px;margin:16px 0}
h2{font-size:17px;margin:0 0 12px}
h3{font-size:14px;margin:18px 0 6px;color:var(--soft);font-weight:600}
table{border-collapse:collapse;width:100%;font-size:13.5px}
th{text-align:left;font-weight:600;color:var(--soft);border-bottom:1px solid var(--line);padding:4px 10px 4px 0}
td{border-bottom:1px solid #eef1f4;padding:4px 14px 4px 0;vertical-align:top}
td:first-child{white-space:nowrap}
td.n,th.n{text-align:right;white-space:nowrap;font-variant-numeric:tabular-nums}
tr:last-child td{border-bottom:0}
.pill{display:inline-block;padding:0 8px;border-radius:10px;font-size:12px;font-weight:600;border:1px solid currentColor}
.passed{color:var(--good)}.failed{color:var(--bad)}.skipped{color:var(--meh)}.reported{color:var(--soft)}
.note{color:var(--soft);font-size:12.5px}
.big{display:flex;gap:28px;flex-wrap:wrap;margin:4px 0 10px}
.big div{min-width:120px}.big b{display:block;font-size:25px;font-weight:650;font-variant-numeric:tabular-nums}
.bar{position:relative;height:18px;background:#eaeef2;border-radius:4px;overflow:hidden;min-width:220px}
.bar i{position:absolute;left:0;top:0;bottom:0;background:var(--accent);border-radius:4px 0 0 4px}
.bar u{position:absolute;top:0;bottom:0;width:2px;background:#fff;mix-blend-mode:difference}
.bar span{position:absolute;right:6px;top:0;font-size:12px;line-height:18px;color:var(--ink)}
pre{background:var(--wash);border:1px solid var(--line);border-radius:6px;padding:10px 12px;overflow:auto;font-size:13px;margin:6px 0;white-space:pre-wrap}
svg text{font:11px system-ui,"DejaVu Sans",sans-serif;fill:var(--ink)}
svg .axis{fill:var(--soft)}
details summary{cursor:pointer;color:var(--accent);margin:8px 0}
.scroll{overflow-x:auto}
@media print{body{background:#fff}section{break-inside:avoid}}
)css";

const Json* Run::details(std::string_view phase_prefix) const {
  for (const Json& phase : phases)
    if (phase.value("phase", std::string()).starts_with(phase_prefix) && phase.contains("details"))
      return &phase["details"];
  return nullptr;
}

std::string text(const Json& value) {
  if (value.is_string()) return io::html_text(value.get_ref<const std::string&>());
  if (value.is_number_float()) return number(value.get<double>());
  return io::html_text(json_text(value));
}

std::string number(double value, int digits) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "inf" : "-inf";
  if (value == 0) return "0";
  const double magnitude = std::abs(value);
  if (magnitude < 1e-3) return fmt::format("{:.2e}", value);
  if (magnitude < 1e4) return fmt::format("{:.{}g}", value, digits);
  const std::string digits_only = fmt::format("{:.0f}", magnitude);
  std::string grouped = value < 0 ? "-" : "";
  for (std::size_t i = 0; i < digits_only.size(); ++i) {
    if (i > 0 && (digits_only.size() - i) % 3 == 0) grouped.push_back(',');
    grouped.push_back(digits_only[i]);
  }
  return grouped;
}

std::string bytes(double value) {
  if (value >= 1e9) return fmt::format("{:.2f} GB", value / 1e9);
  if (value >= 1e6) return fmt::format("{:.2f} MB", value / 1e6);
  if (value >= 1e3) return fmt::format("{:.1f} kB", value / 1e3);
  return fmt::format("{:.0f} B", value);
}

double real(const Json& object, const char* field) {
  const auto found = object.find(field);
  if (found == object.end()) return std::nan("");
  if (found->is_number()) return found->get<double>();
  if (found->is_string() && *found == "inf") return std::numeric_limits<double>::infinity();
  if (found->is_string() && *found == "-inf") return -std::numeric_limits<double>::infinity();
  return std::nan("");
}

std::string pill(std::string_view outcome) {
  const std::string word = io::html_attribute(std::string(outcome));
  return fmt::format("<span class=\"pill {}\">{}</span>", word, word);
}

std::string section(std::string_view id, std::string_view title, std::string_view body) {
  if (body.empty()) return "";
  return fmt::format("<section id=\"{}\"><h2>{}</h2>{}</section>\n", id, title, body);
}

std::string table(const std::vector<std::string>& head, const std::vector<std::vector<std::string>>& rows,
                  std::string_view css_class) {
  // A head that starts with '#' is a column of numbers.
  std::string html = fmt::format("<div class=\"scroll\"><table class=\"{}\"><thead><tr>", css_class);
  for (const std::string& cell : head)
    html += cell.starts_with('#') ? fmt::format("<th class=\"n\">{}</th>", cell.substr(1))
                                  : fmt::format("<th>{}</th>", cell);
  html += "</tr></thead><tbody>";
  for (const auto& row : rows) {
    html += "<tr>";
    for (std::size_t i = 0; i < row.size(); ++i)
      html += fmt::format("<td{}>{}</td>", i < head.size() && head[i].starts_with('#') ? " class=\"n\"" : "", row[i]);
    html += "</tr>";
  }
  return html + "</tbody></table></div>";
}

std::string bar(double share, const std::vector<double>& marks, std::string_view label) {
  const double shown = std::isfinite(share) ? std::clamp(share, 0.0, 1.0) : 0.0;
  std::string html = fmt::format("<div class=\"bar\"><i style=\"width:{:.1f}%\"></i>", shown * 100);
  for (const double mark : marks) html += fmt::format("<u style=\"left:{:.1f}%\"></u>", mark * 100);
  return html + fmt::format("<span>{}</span></div>", label);
}

}  // namespace firstlight::harness::report
