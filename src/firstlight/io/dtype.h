// The element types that safetensors headers name: their size, and the format that reads them where we have one.
#pragma once

#include <optional>
#include <span>
#include <string_view>

#include "firstlight/format/format.h"

namespace firstlight::io {

struct Dtype {
  std::string_view name;         // as the header spells it: "BF16"
  int bits;                      // of one element
  std::optional<Format> format;  // absent: known, so that sizes are checked, but not readable as a View
};

std::span<const Dtype> dtypes();
const Dtype* find_dtype(std::string_view name);
// The dtype that stores a format; nullptr for block formats, which safetensors cannot hold.
const Dtype* find_dtype(Format format);

}  // namespace firstlight::io
