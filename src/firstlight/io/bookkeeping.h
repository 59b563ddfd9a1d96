// Fields of config.json that cannot change what a model computes at inference.
#pragma once

#include <span>
#include <string_view>

namespace firstlight::io {

struct BookkeepingField {
  std::string_view name;  // a leading '*' stands for any text
  std::string_view reason;
  bool only_when_off = false;  // ignored only while it is false, 0 or empty: switched on, it could matter
};

// What PretrainedConfig of Hugging Face transformers 4 and 5 writes for every model, and settings of training. Fields
// of one architecture are that model's to ignore.
std::span<const BookkeepingField> ignored_bookkeeping_fields();
// The row for a field; nullptr where there is none.
const BookkeepingField* find_bookkeeping_field(std::string_view name);

}  // namespace firstlight::io
