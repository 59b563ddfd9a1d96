// Cases of mixtures of experts.
#include "device/parity/generators.h"
#include "firstlight/op/experts.h"

namespace firstlight::parity {

std::vector<Case> route_cases() {
  struct Size {
    std::int64_t rows, experts;
    std::int32_t top;
  };
  std::vector<Case> result;
  for (const Format format : kMoreFormats)
    for (const bool normalise : {true, false}) {
      const std::string tail = (normalise ? "_normalised" : "") + suffix(format);
      for (const Size size : {Size{1, 1, 1}, Size{5, 8, 2}, Size{0, 4, 2}, Size{7, 4, 4}, Size{3, 130, 6}})
        result.push_back(make_case(fmt::format("{}x{}_top{}{}", size.rows, size.experts, size.top, tail), op::Op::route,
                                   op::Route{.top = size.top, .normalise = normalise},
                                   {activation({size.rows, size.experts}, format)}, format));
      // Of equal logits the lower index counts; far apart, the last weights vanish.
      Operand equal = activation({3, 5}, format);
      equal.values = {1, 2, 2, 1, 2, 0, 0, 0, 0, 0, -300, 7, 7, -300, -400};
      result.push_back(make_case("equal_logits" + tail, op::Op::route, op::Route{.top = 2, .normalise = normalise},
                                 {equal}, format));
    }
  return result;
}

std::vector<Case> add_gathered_cases() {
  std::vector<Case> result;
  for (const Format format : kMoreFormats) {
    const auto add = [&](const std::string& name, std::int64_t n, std::int64_t sources,
                         std::vector<std::int32_t> indices, bool strided) {
      const auto rows = static_cast<std::int64_t>(indices.size());
      Operand weight = activation({rows, 1});
      if (strided) weight = weight.wide(2, 3);
      result.push_back(make_case(
          name + suffix(format), op::Op::add_gathered, op::AddGathered{},
          {activation({rows, n}, format), activation({sources, n}, format), weight, index({rows}, std::move(indices))},
          format));
    };
    add("1x1", 1, 1, {0}, false);
    add("6x33", 33, 4, {3, -1, 0, 0, -1, 2}, true);
    add("all_absent_3x20", 20, 1, {-1, -1, -1}, false);
    add("none_0x8", 8, 2, {}, false);
    add("5x300", 300, 5, {4, 3, 2, 1, 0}, true);
  }
  return result;
}

}  // namespace firstlight::parity
