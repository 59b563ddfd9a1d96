// The model list: one line a model.
#include <fmt/ranges.h>

#include <algorithm>
#include <vector>

#include "firstlight/base/error.h"
#include "firstlight/base/nearest.h"
#include "firstlight/model/model.h"
#include "firstlight/model/rows.h"

namespace firstlight::model {
namespace {

[[noreturn]] void unknown_model(const io::Config& config, std::string_view model_type) {
  std::vector<std::string> known;
  for (const ModelRow& row : models()) known.emplace_back(row.model_type);
  constexpr std::size_t kNearest = 3;
  fail(Category::kUnsupported, config.where("model_type"), "'{}' is not a known architecture; nearest: {}; known: {}",
       model_type.substr(0, 64), fmt::join(nearest_names(model_type.substr(0, 64), known, kNearest), ", "),
       fmt::join(known, ", "));
}

}  // namespace

std::span<const ModelRow> models() {
  static const ModelRow kModels[] = {
      llama_row(), mistral_row(), ministral_row(),  mixtral_row(),     qwen2_row(), qwen3_row(),
      phi_row(),   phi3_row(),    starcoder2_row(), gpt_bigcode_row(), gpt2_row(),
  };
  return kModels;
}

const ModelRow& find_model(const io::Config& config) {
  const std::string model_type = config.string("model_type");
  const auto found = std::ranges::find(models(), model_type, &ModelRow::model_type);
  if (found == models().end()) unknown_model(config, model_type);
  if (config.has("architectures")) {
    const std::vector<std::string> named = config.strings("architectures");
    if (!named.empty() && std::ranges::find(named, found->architecture) == named.end()) {
      fail(Category::kUnsupported, config.where("architectures"), "{} of model_type {}; known: {}", named.front(),
           model_type, found->architecture);
    }
  }
  return *found;
}

std::unique_ptr<Model> make_model(const io::Config& config) { return find_model(config).make(config); }

}  // namespace firstlight::model
