// Reading and writing constants: every one must be there with a source, and no other field.
#include "firstlight/harness/plan/constants.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "firstlight/base/error.h"
#include "firstlight/base/paths.h"

namespace firstlight::harness::plan {
namespace {

constexpr ConstantRow kConstantRows[] = {
#define FL_CONSTANT(name, unit, what) {#name, unit, what, &Constants::name},
#include "firstlight/harness/plan/constants_list.h"
#undef FL_CONSTANT
};

std::string text_field(const Json& json, const char* name, std::string_view where) {
  const auto found = json.find(name);
  if (found == json.end() || !found->is_string()) fail(Category::kBadInput, where, "needs a text '{}'", name);
  return found->get<std::string>();
}

}  // namespace

std::span<const ConstantRow> constant_rows() { return kConstantRows; }

std::string_view default_constants() { return "tt_transformers"; }

Constants Constants::from_json(const Json& json, std::string_view where) {
  if (!json.is_object()) fail(Category::kBadInput, where, "expected an object, found {}", json.type_name());
  Constants constants;
  constants.name = text_field(json, "name", where);
  constants.summary = text_field(json, "summary", where);
  const auto values = json.find("constants");
  if (values == json.end() || !values->is_object()) fail(Category::kBadInput, where, "needs an object 'constants'");
  for (const auto& [name, value] : json.items())
    if (name != "name" && name != "summary" && name != "constants")
      fail(Category::kBadInput, where, "unknown field '{}'; expected name, summary, constants", name);
  for (const ConstantRow& row : kConstantRows) {
    const std::string place = fmt::format("{}: constants: {}", where, row.name);
    const auto found = values->find(std::string(row.name));
    if (found == values->end()) fail(Category::kBadInput, place, "missing ({}, {})", row.what, row.unit);
    if (!found->is_object()) fail(Category::kBadInput, place, "expected an object, found {}", found->type_name());
    for (const auto& [field, value] : found->items())
      if (field != "value" && field != "source" && field != "unit")
        fail(Category::kBadInput, place, "unknown field '{}'; expected value, unit, source", field);
    const auto value = found->find("value");
    if (value == found->end() || !value->is_number() || !std::isfinite(value->get<double>()) ||
        value->get<double>() < 0)
      fail(Category::kBadInput, place, "needs a number 'value' of at least 0");
    constants.*row.value = value->get<double>();
    constants.sources.push_back(text_field(*found, "source", place));
  }
  for (const auto& [name, value] : values->items())
    if (std::ranges::find(kConstantRows, name, &ConstantRow::name) == std::end(kConstantRows))
      fail(Category::kBadInput, where, "no constant is named '{}'", name);
  for (const double share : {constants.sharded_share, constants.interleaved_share})
    if (!(share > 0 && share <= 1))
      fail(Category::kBadInput, where, "a share of the DRAM rate must be above 0 and at most 1");
  for (const auto& [name, value] : {std::pair{"sfpu_lanes", constants.sfpu_lanes},
                                    {"attention_cores", constants.attention_cores},
                                    {"fold_tokens", constants.fold_tokens},
                                    {"chunk_tokens", constants.chunk_tokens},
                                    {"block_tiles", constants.block_tiles},
                                    {"decode_chunk_tokens", constants.decode_chunk_tokens},
                                    {"prefill_chunk_tokens", constants.prefill_chunk_tokens}})
    if (!(value >= 1 && value <= 0x1p24)) fail(Category::kBadInput, where, "'{}' must be from 1 to 2^24", name);
  return constants;
}

Constants Constants::load(std::string_view spec) {
  const std::filesystem::path folder = std::filesystem::path("boards") / "timing";
  const std::vector<std::string> names = data_names(folder);
  std::filesystem::path file(spec);
  std::error_code ignored;
  if (std::ranges::find(names, spec) != names.end()) {
    file = data_home() / folder / (std::string(spec) + ".json");
  } else if (file.extension() != ".json" && !std::filesystem::is_regular_file(file, ignored)) {
    fail(Category::kUsage, "--timing", "no constants are named '{}'; there are: {}, or the path of a file", spec,
         fmt::join(names, ", "));
  }
  return from_json(read_json_file(file), file.string());
}

Json Constants::json() const {
  Json values = Json::object();
  for (std::size_t i = 0; i < std::size(kConstantRows); ++i)
    values[std::string(kConstantRows[i].name)] = {{"value", this->*kConstantRows[i].value},
                                                  {"unit", kConstantRows[i].unit},
                                                  {"source", i < sources.size() ? sources[i] : ""}};
  return {{"name", name}, {"summary", summary}, {"constants", std::move(values)}};
}

std::string Constants::file_text() const {
  const Json whole = json();
  std::vector<std::string> lines;
  for (const auto& [field, value] : whole["constants"].items())
    lines.push_back(fmt::format("    {}: {}", json_text(Json(field)), json_text(value)));
  return fmt::format("{{\n  \"name\": {},\n  \"summary\": {},\n  \"constants\": {{\n{}\n  }}\n}}\n",
                     json_text(Json(name)), json_text(Json(summary)), fmt::join(lines, ",\n"));
}

}  // namespace firstlight::harness::plan
