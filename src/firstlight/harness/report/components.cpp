// Components as a heat map: one row a component, one column a layer, the colour is -log10 of its own (forced) NMSE.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "firstlight/harness/report/html.h"
#include "firstlight/io/html.h"

namespace firstlight::harness::report {
namespace {

// Error 1 -> red, 1e-2 -> yellow, 1e-8 and below -> green.
std::string colour(double nmse) {
  if (!std::isfinite(nmse)) return "#8250df";
  const double digits = nmse <= 0 ? 12 : std::clamp(-std::log10(nmse), 0.0, 12.0);
  const double hue = digits < 2 ? 22 * digits : 44 + std::min(1.0, (digits - 2) / 6) * 96;
  return fmt::format("hsl({:.0f} 62% {:.0f}%)", hue, 58 + std::max(0.0, digits - 8) * 3.5);
}

// A component's name without its layer: what rows of a table of layers have in common.
std::string name_of(const Json& row) {
  const int layer = row.value("layer", -1);
  const std::string key = row.value("key", std::string());
  if (layer < 0) return key;
  const std::string index = fmt::format(".{}", layer);
  const auto place = key.find(index + ".");
  return place == std::string::npos ? "(layer output)" : key.substr(place + index.size() + 1);
}

// One line a component and phase: of its layers, the one nearest its bound.
std::string bounds_table(const Json& rows) {
  std::vector<std::pair<std::string, const Json*>> lines;
  std::int64_t judged = 0;
  std::int64_t within = 0;
  std::int64_t judged_rows = 0;
  for (const Json& row : rows) {
    if (!row.contains("own") || row["own"].is_null()) continue;
    ++judged;
    within += row["own"].value("beyond", 1) == 0;
    judged_rows = std::max<std::int64_t>(judged_rows, row["own"].value("rows", 0));
    const std::string name = name_of(row) + ", " + row.value("phase", "");
    const auto found = std::ranges::find(lines, name, &std::pair<std::string, const Json*>::first);
    if (found == lines.end())
      lines.emplace_back(name, &row);
    else if (real(row["own"], "largest_share") > real((*found->second)["own"], "largest_share"))
      found->second = &row;
  }
  if (lines.empty()) return "";
  std::vector<std::vector<std::string>> cells;
  for (const auto& [name, row] : lines) {
    const Json& own = (*row)["own"];
    cells.push_back({text((*row)["key"]), text((*row)["phase"]), number(real(own, "error"), 3),
                     number(real(own, "stored"), 3), number(real(own, "arithmetic"), 3), number(real(own, "bound"), 3),
                     number(real(own, "arithmetic_bound"), 3),
                     fmt::format("{:.0f} %", 100 * real(own, "largest_share")), number(real(own, "defects"))});
  }
  return fmt::format(
             "<h3>Own error against its computed bound</h3><p class=\"note\">Root mean squares as shares of the "
             "reference's, over the last {} rows of a call given the reference's inputs: y the device's result, g the "
             "reference's, y* the exact one of the operands as the device stores them. The bound of y - y* follows "
             "from "
             "formats, fidelity phases, Dst and K for every element; that of y - g adds |y* - g|. {} of {} components "
             "lie within. Of a component's layers, the one with an element nearest its bound. Defects are elements "
             "that only a "
             "known defect of the hardware accounts for, bounded by what it can do.</p>",
             judged_rows, within, judged) +
         table({"component", "phase", "#y - g", "#y* - g: formats", "#y - y*: arithmetic", "#bound of y - g",
                "#bound of y - y*", "#nearest element", "#defects"},
               cells);
}

std::string heat_map(const Json& rows, const std::string& phase) {
  std::vector<std::string> names;
  std::map<std::string, std::map<int, const Json*>> cells;
  std::vector<std::string> loose_names;
  int layers = 0;
  for (const Json& row : rows) {
    if (row.value("phase", "") != phase) continue;
    const int layer = row.value("layer", -1);
    const std::string name = name_of(row);
    if (!cells.contains(name)) (layer >= 0 ? names : loose_names).push_back(name);
    cells[name][layer] = &row;
    layers = std::max(layers, layer + 1);
  }
  if (cells.empty()) return "";
  const double left = 210;
  const double width = layers == 0 ? 0 : std::clamp(760.0 / layers, 9.0, 60.0);
  const double height = 19;
  const std::size_t count = names.size() + loose_names.size();
  std::string svg = fmt::format("<div class=\"scroll\"><svg width=\"{:.0f}\" height=\"{:.0f}\" role=\"img\">",
                                left + std::max(width * layers, 90.0) + 12, height * static_cast<double>(count) + 26);
  for (int layer = 0; layer < layers; layer += std::max(1, layers / 16))
    svg += fmt::format("<text class=\"axis\" x=\"{:.1f}\" y=\"12\" text-anchor=\"middle\">{}</text>",
                       left + width * (layer + 0.5), layer);
  double y = 18;
  const auto draw = [&](const std::string& name, double x, double w, const Json& row) {
    const Json& forced = row["forced"];
    const Json& cumulative = row["cumulative"];
    svg += fmt::format(
        "<rect x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"{:.1f}\" rx=\"2\" fill=\"{}\"><title>{}\nown error: "
        "PCC "
        "{:.9g}, NMSE {}, max abs {}, {} ULP, scale {:.6g}\ncumulative: PCC {:.9g}, NMSE {}</title></rect>",
        x + 0.5, y + 0.5, w - 1, height - 1, colour(real(forced, "nmse")), io::html_text(row.value("key", name)),
        real(forced, "pcc"), number(real(forced, "nmse")), number(real(forced, "max_abs")),
        number(real(forced, "max_ulp")), real(forced, "scale"), real(cumulative, "pcc"),
        number(real(cumulative, "nmse")));
    if (w >= 40)
      svg += fmt::format(
          "<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"middle\" style=\"pointer-events:none\">{}</text>", x + w / 2,
          y + 13.5, real(forced, "nmse") == 0 ? "0" : fmt::format("{:.0e}", real(forced, "nmse")));
  };
  for (const auto* list : {&names, &loose_names})
    for (const std::string& name : *list) {
      svg += fmt::format("<text x=\"{:.0f}\" y=\"{:.1f}\" text-anchor=\"end\">{}</text>", left - 8, y + 13.5,
                         io::html_text(name));
      for (const auto& [layer, row] : cells[name])
        draw(name, left + (layer < 0 ? 0 : width * layer), layer < 0 ? std::max(width, 60.0) : width, *row);
      y += height;
    }
  return svg + "</svg></div>";
}

}  // namespace

std::string components_section(const Run& run) {
  const Json* details = run.details("3");
  if (details == nullptr || !details->contains("components")) return "";
  const Json& check = (*details)["components"];
  const Json& rows = check["rows"];
  std::string html =
      "<p class=\"note\">Each cell is a component's own error: NMSE of its output when it is given the reference's "
      "inputs "
      "(hover for PCC, ULP, fitted scale, and the cumulative error). Rows from top to bottom follow the computation; "
      "columns "
      "are layers. Green: 1e-8 and below, yellow: 1e-2, red: 1, purple: not finite.</p>";
  for (const auto& [phase, title] :
       {std::pair<std::string, std::string>{"decode", "Decode: one token, a batch of users"},
        {"prefill", fmt::format("Prefill: {} tokens", number(real(check, "prefill_tokens"), 6))}}) {
    const std::string map = heat_map(rows, phase);
    if (!map.empty()) html += "<h3>" + title + "</h3>" + map;
  }
  std::vector<const Json*> worst;
  for (const Json& row : rows) worst.push_back(&row);
  std::ranges::stable_sort(
      worst, [](const Json* a, const Json* b) { return real((*a)["forced"], "nmse") > real((*b)["forced"], "nmse"); });
  std::vector<std::vector<std::string>> lines;
  for (std::size_t i = 0; i < std::min<std::size_t>(8, worst.size()); ++i) {
    const Json& row = *worst[i];
    const Json& f = row["forced"];
    lines.push_back({text(row["key"]), text(row["phase"]), fmt::format("{:.8g}", real(f, "pcc")),
                     number(real(f, "nmse")), number(real(f, "max_abs")), number(real(f, "max_ulp")),
                     fmt::format("{:.6g}", real(f, "scale")), number(real(f, "offset")),
                     fmt::format("{:.8g}", real(row["cumulative"], "pcc"))});
  }
  html +=
      "<h3>Largest own errors</h3>" +
      table({"component", "phase", "#PCC", "#NMSE", "#max abs", "#ULP", "#scale", "#offset", "#cumulative PCC"}, lines);
  html += bounds_table(rows);
  return section("components", "Components", html);
}

}  // namespace firstlight::harness::report
