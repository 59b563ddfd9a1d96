// One table of names. Source: ACT2FN in activations.py of transformers 5.23; names whose formulas differ in rounding
// only are one function here.
#include "firstlight/model/activations.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "firstlight/base/error.h"

namespace firstlight::model {
namespace {

constexpr std::pair<std::string_view, op::UnaryKind> kActivations[] = {
    {"silu", op::UnaryKind::kSilu},
    {"swish", op::UnaryKind::kSilu},
    {"gelu", op::UnaryKind::kGelu},
    {"gelu_python", op::UnaryKind::kGelu},
    {"gelu_new", op::UnaryKind::kGeluTanh},
    {"gelu_fast", op::UnaryKind::kGeluTanh},
    {"gelu_accurate", op::UnaryKind::kGeluTanh},
    {"gelu_pytorch_tanh", op::UnaryKind::kGeluTanh},
    {"gelu_python_tanh", op::UnaryKind::kGeluTanh},
    {"quick_gelu", op::UnaryKind::kQuickGelu},
    {"relu", op::UnaryKind::kRelu},
    {"tanh", op::UnaryKind::kTanh},
    {"sigmoid", op::UnaryKind::kSigmoid},
};

}  // namespace

op::UnaryKind read_activation(const io::Config& config, std::string_view field, std::string_view otherwise) {
  const std::string name = config.string_or(field, otherwise);
  const auto* found = std::ranges::find_if(kActivations, [&](const auto& entry) { return entry.first == name; });
  if (found != std::end(kActivations)) return found->second;
  std::vector<std::string_view> known;
  for (const auto& [known_name, kind] : kActivations) known.push_back(known_name);
  fail(Category::kUnsupported, config.where(field), "activation '{}' is not supported; known: {}", name,
       fmt::join(known, ", "));
}

}  // namespace firstlight::model
