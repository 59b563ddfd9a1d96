// The assumed constants of the board model, read from boards/timing/<name>.json: each with its source, or "fitted".
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "firstlight/base/json.h"

namespace firstlight::harness::plan {

// One software stack on any board.
struct Constants {
#define FL_CONSTANT(name, unit, what) double name = 0;
#include "firstlight/harness/plan/constants_list.h"
#undef FL_CONSTANT

  std::string name;
  std::string summary;
  std::vector<std::string> sources;  // in the order of the list

  // A name in boards/timing, or the path of a JSON file. Throws kUsage or kBadInput naming file and field.
  static Constants load(std::string_view spec);
  static Constants from_json(const Json& json, std::string_view where);
  Json json() const;              // as the file has it
  std::string file_text() const;  // the file, a constant a line
};

// A line of the list, to print, to read and to fit.
struct ConstantRow {
  std::string_view name;
  std::string_view unit;
  std::string_view what;
  double Constants::*value;
};
std::span<const ConstantRow> constant_rows();

// The stack whose constants are taken when none is named.
std::string_view default_constants();

}  // namespace firstlight::harness::plan
