// The roofline: what each measured phase computes per second against how much it computes per byte, under the two
// roofs that the machine's probes set. An SVG that needs nothing from outside.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "firstlight/harness/report/html.h"
#include "firstlight/io/html.h"

namespace firstlight::harness::report {
namespace {

constexpr double kWidth = 760;
constexpr double kHeight = 340;
constexpr double kLeft = 64;
constexpr double kRight = 16;
constexpr double kTop = 14;
constexpr double kBottom = 42;

struct Point {
  double intensity = 0;  // FLOP/byte
  double rate = 0;       // FLOP/s
  std::string label;
};

// A logarithmic axis over whole decades.
struct Axis {
  double low = 0;  // log10
  double high = 1;
  double from = 0;  // pixels
  double to = 0;
  double at(double value) const { return from + (to - from) * (std::log10(value) - low) / (high - low); }
};

Axis axis(double least, double most, double from, double to) {
  const double low = std::floor(std::log10(least));
  return {low, std::max(low + 1, std::ceil(std::log10(most))), from, to};
}

std::vector<Point> points_of(const Json& measurements) {
  std::vector<Point> points;
  for (const Json& m : measurements) {
    const double flops = real(m, "flops_per_step");
    const double bytes = real(m, "bytes_per_step");
    const double steps = real(m, "steps_per_s");
    if (!(flops > 0 && bytes > 0 && steps > 0) || !std::isfinite(flops * steps)) continue;
    points.push_back({flops / bytes, flops * steps,
                      fmt::format("{} {}, batch {}, prompt {}, depth {}", text(m["policy"]), text(m["phase"]),
                                  text(m["batch"]), text(m["prompt"]), text(m["depth"]))});
  }
  return points;
}

std::string decade(double exponent) {
  constexpr const char* kUnits[] = {"", "k", "M", "G", "T", "P"};
  const int place = static_cast<int>(exponent);
  if (place < 0 || place > 17) return fmt::format("1e{}", place);
  return fmt::format("{}{}", static_cast<int>(std::pow(10, place % 3)), kUnits[place / 3]);
}

std::string line(double x1, double y1, double x2, double y2, std::string_view style) {
  return fmt::format("<line x1=\"{:.1f}\" y1=\"{:.1f}\" x2=\"{:.1f}\" y2=\"{:.1f}\" style=\"{}\"/>", x1, y1, x2, y2,
                     style);
}

}  // namespace

std::string roofline_chart(const Json& measurements) {
  double bandwidth = 0;
  double peak = 0;
  for (const Json& m : measurements) {
    if (real(m, "bandwidth") > bandwidth) bandwidth = real(m, "bandwidth");
    if (real(m, "peak_flops") > peak) peak = real(m, "peak_flops");
  }
  const std::vector<Point> points = points_of(measurements);
  if (points.empty() || bandwidth <= 0 || peak <= 0) return "";
  const double ridge = peak / bandwidth;
  double least_x = ridge;
  double most_x = ridge;
  double least_y = peak;
  for (const Point& point : points) {
    least_x = std::min(least_x, point.intensity);
    most_x = std::max(most_x, point.intensity);
    least_y = std::min(least_y, point.rate);
  }
  const Axis x = axis(least_x / 1.5, most_x * 2, kLeft, kWidth - kRight);
  const Axis y = axis(least_y / 1.5, peak * 1.2, kHeight - kBottom, kTop);

  std::string svg = fmt::format(
      "<svg viewBox=\"0 0 {} {}\" width=\"100%\" role=\"img\" aria-label=\"Roofline: FLOP per second over FLOP per "
      "byte\">",
      kWidth, kHeight);
  for (double e = x.low; e <= x.high; ++e) {
    const double at = x.at(std::pow(10, e));
    svg += line(at, kTop, at, kHeight - kBottom, "stroke:var(--line)") +
           fmt::format("<text class=\"axis\" x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"middle\">{}</text>", at,
                       kHeight - kBottom + 16, e < 0 ? fmt::format("{:g}", std::pow(10, e)) : decade(e));
  }
  for (double e = y.low; e <= y.high; ++e) {
    const double at = y.at(std::pow(10, e));
    svg += line(kLeft, at, kWidth - kRight, at, "stroke:var(--line)") +
           fmt::format("<text class=\"axis\" x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"end\">{}</text>", kLeft - 6,
                       at + 4, decade(e));
  }
  svg += fmt::format("<text class=\"axis\" x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"middle\">FLOP per byte</text>",
                     (kLeft + kWidth - kRight) / 2, kHeight - 6);
  svg += fmt::format("<text class=\"axis\" x=\"4\" y=\"{:.1f}\">FLOP/s</text>", kTop + 4);

  // The roofs, cut at the edges of the picture.
  const double left = std::max(std::pow(10, x.low), std::pow(10, y.low) / bandwidth);
  constexpr const char* kRoof = "stroke:var(--ink);stroke-width:1.6";
  svg += line(x.at(left), y.at(left * bandwidth), x.at(ridge), y.at(peak), kRoof);
  svg += line(x.at(ridge), y.at(peak), kWidth - kRight, y.at(peak), kRoof);
  svg += fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"end\">{}FLOP/s</text>", kWidth - kRight - 2,
                     y.at(peak) - 5, number(peak / 1e9, 4) + " G");
  svg += fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\">{}/s read</text>", x.at(left) + 8, y.at(left * bandwidth) - 6,
                     bytes(bandwidth));
  int index = 0;
  for (const Point& point : points) {
    const double roof = std::min(peak, point.intensity * bandwidth);
    svg += fmt::format(
        "<g><title>{}: {} GFLOP/s at {} FLOP/byte, {:.1f} % of the roof</title><circle cx=\"{:.1f}\" cy=\"{:.1f}\" "
        "r=\"4.5\" style=\"fill:var(--accent)\"/><text x=\"{:.1f}\" y=\"{:.1f}\">{}</text></g>",
        point.label, number(point.rate / 1e9), number(point.intensity), 100 * point.rate / roof, x.at(point.intensity),
        y.at(point.rate), x.at(point.intensity) + 7, y.at(point.rate) + 4, ++index);
  }
  svg += "</svg>";
  std::string legend = "<ol class=\"note\">";
  for (const Point& point : points)
    legend += fmt::format("<li>{}: {} GFLOP/s at {} FLOP/byte, {:.1f} % of the roof there</li>", point.label,
                          number(point.rate / 1e9), number(point.intensity),
                          100 * point.rate / std::min(peak, point.intensity * bandwidth));
  return svg + legend + "</ol>";
}

}  // namespace firstlight::harness::report
