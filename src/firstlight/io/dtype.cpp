// The dtype table.
#include "firstlight/io/dtype.h"

#include <algorithm>

namespace firstlight::io {
namespace {

// Source: the Dtype enum of the safetensors library, 0.6.
constexpr Dtype kDtypes[] = {
    {"F32", 32, Format::f32},     {"F16", 16, Format::f16},     {"BF16", 16, Format::bf16},
    {"F64", 64, Format::f64},     {"I64", 64, Format::i64},     {"I32", 32, Format::i32},
    {"U8", 8, Format::u8},        {"I8", 8, std::nullopt},      {"I16", 16, std::nullopt},
    {"U16", 16, std::nullopt},    {"U32", 32, std::nullopt},    {"U64", 64, std::nullopt},
    {"BOOL", 8, std::nullopt},    {"C64", 64, std::nullopt},    {"F8_E4M3", 8, std::nullopt},
    {"F8_E5M2", 8, std::nullopt}, {"F8_E8M0", 8, std::nullopt}, {"F6_E2M3", 6, std::nullopt},
    {"F6_E3M2", 6, std::nullopt}, {"F4", 4, std::nullopt},
};

}  // namespace

std::span<const Dtype> dtypes() { return kDtypes; }

const Dtype* find_dtype(std::string_view name) {
  const auto* found = std::ranges::find(kDtypes, name, &Dtype::name);
  return found == std::end(kDtypes) ? nullptr : found;
}

const Dtype* find_dtype(Format format) {
  const auto* found = std::ranges::find(kDtypes, std::optional(format), &Dtype::format);
  return found == std::end(kDtypes) ? nullptr : found;
}

}  // namespace firstlight::io
