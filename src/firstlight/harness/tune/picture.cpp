// The points as an SVG: predicted speed to the right, top-1 upwards, 95 % intervals of the paired difference as bars.
#include <fmt/format.h>

#include <algorithm>

#include "firstlight/harness/tune/tune.h"
#include "firstlight/io/html.h"

namespace firstlight::harness::tune {
namespace {

constexpr double kWidth = 760;
constexpr double kHeight = 420;
constexpr double kLeft = 64;
constexpr double kRight = 24;
constexpr double kTop = 20;
constexpr double kBottom = 48;
constexpr int kTicks = 5;

struct Axis {
  double low = 0;
  double high = 1;
  void take(double value) {
    low = std::min(low, value);
    high = std::max(high, value);
  }
  void widen() {
    const double margin = std::max(1e-9, 0.06 * (high - low));
    low -= margin;
    high += margin;
  }
  double at(double value) const { return (value - low) / (high - low); }
};

}  // namespace

std::string picture(const Result& result) {
  if (result.points.empty()) return "";
  const Point& any = result.points.front();
  const double start = any.top1 - any.top1_difference.mean;  // top-1 of the start, which differences are from
  Axis x{any.tokens_per_s_per_user, any.tokens_per_s_per_user};
  Axis y{start, start};
  for (const Point& point : result.points) {
    x.take(point.tokens_per_s_per_user);
    y.take(start + point.top1_difference.low);
    y.take(start + point.top1_difference.high);
  }
  x.widen();
  y.widen();
  const auto px = [&](double value) { return kLeft + x.at(value) * (kWidth - kLeft - kRight); };
  const auto py = [&](double value) { return kHeight - kBottom - y.at(value) * (kHeight - kTop - kBottom); };
  std::string svg = fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {0} {1}\" width=\"{0}\" height=\"{1}\" "
      "font-family=\"sans-serif\" font-size=\"12\">\n<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n",
      kWidth, kHeight);
  for (int tick = 0; tick <= kTicks; ++tick) {
    const double vx = x.low + (x.high - x.low) * tick / kTicks;
    const double vy = y.low + (y.high - y.low) * tick / kTicks;
    svg += fmt::format(
        "<line x1=\"{0:.1f}\" y1=\"{1}\" x2=\"{0:.1f}\" y2=\"{2}\" stroke=\"#eee\"/><text x=\"{0:.1f}\" y=\"{3}\" "
        "text-anchor=\"middle\">{4:.3g}</text>\n",
        px(vx), kTop, kHeight - kBottom, kHeight - kBottom + 16, vx);
    svg += fmt::format(
        "<line x1=\"{1}\" y1=\"{0:.1f}\" x2=\"{2}\" y2=\"{0:.1f}\" stroke=\"#eee\"/><text x=\"{3}\" y=\"{0:.1f}\" "
        "text-anchor=\"end\">{4:.1f}</text>\n",
        py(vy), kLeft, kWidth - kRight, kLeft - 6, 100 * vy);
  }
  svg += fmt::format(
      "<text x=\"{}\" y=\"{}\" text-anchor=\"middle\">predicted t/s/u</text>"
      "<text x=\"14\" y=\"{}\" transform=\"rotate(-90 14 {})\" text-anchor=\"middle\">top-1, % (bars: 95 % interval of "
      "the "
      "paired difference from the start)</text>\n",
      (kLeft + kWidth - kRight) / 2, kHeight - 8, (kTop + kHeight - kBottom) / 2, (kTop + kHeight - kBottom) / 2);
  std::vector<const Point*> front;
  for (const Point& point : result.points)
    if (point.on_front) front.push_back(&point);
  std::ranges::sort(front, {}, [](const Point* point) { return point->tokens_per_s_per_user; });
  std::string line;
  for (const Point* point : front)
    line += fmt::format("{:.1f},{:.1f} ", px(point->tokens_per_s_per_user), py(point->top1));
  svg += fmt::format("<polyline points=\"{}\" fill=\"none\" stroke=\"#36c\" stroke-dasharray=\"4 3\"/>\n", line);
  for (std::size_t i = 0; i < result.points.size(); ++i) {
    const Point& point = result.points[i];
    const char* colour = point.choice.empty() ? "#c60" : point.holds ? "#36c" : "#999";
    const double cx = px(point.tokens_per_s_per_user);
    svg += fmt::format(
        "<line x1=\"{0:.1f}\" y1=\"{1:.1f}\" x2=\"{0:.1f}\" y2=\"{2:.1f}\" stroke=\"{3}\"/><circle cx=\"{0:.1f}\" "
        "cy=\"{4:.1f}\" r=\"{5}\" fill=\"{3}\"><title>{6}: {7:.4g} t/s/u, top-1 {8:.2f} %, top-5 {9:.2f} "
        "%</title></circle>"
        "<text x=\"{10:.1f}\" y=\"{11:.1f}\">{6}</text>\n",
        cx, py(start + point.top1_difference.low), py(start + point.top1_difference.high), colour, py(point.top1),
        static_cast<int>(i) == result.chosen ? 7 : 4, io::html_text(point.name), point.tokens_per_s_per_user,
        100 * point.top1, 100 * point.top5, cx + 8, py(point.top1) - 6);
  }
  return svg + "</svg>\n";
}

}  // namespace firstlight::harness::tune
