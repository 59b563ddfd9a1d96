// The model list: one line a model.
#include <fmt/ranges.h>

#include <algorithm>
#include <numeric>
#include <vector>

#include "firstlight/base/error.h"
#include "firstlight/model/model.h"
#include "firstlight/model/rows.h"

namespace firstlight::model {
namespace {

// Insertions, deletions and replacements that make one of the other.
std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i + 1;
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t replaced = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({replaced, row[j] + 1, diagonal + 1});
    }
  }
  return row.back();
}

[[noreturn]] void unknown_model(const io::Config& config, std::string_view model_type) {
  std::vector<std::string_view> names;
  for (const ModelRow& row : models()) names.push_back(row.model_type);
  const std::vector<std::string_view> known = names;
  std::ranges::stable_sort(names, {}, [&](std::string_view name) { return edit_distance(model_type, name); });
  names.resize(std::min<std::size_t>(names.size(), 3));
  fail(Category::kUnsupported, config.where("model_type"), "'{}' is not a known architecture; nearest: {}; known: {}",
       model_type.substr(0, 64), fmt::join(names, ", "), fmt::join(known, ", "));
}

}  // namespace

std::span<const ModelRow> models() {
  static const ModelRow kModels[] = {
      llama_row(),
      phi3_row(),
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
