// The generators behind cases(), one for each op.
#pragma once

#include <fmt/format.h>

#include <array>

#include "device/parity/cases.h"

namespace firstlight::parity {

inline constexpr std::array kActivationFormats{Format::f32, Format::bf16};
// Formats that a device may decline between ops; it is listed then.
inline constexpr std::array kMoreFormats{Format::f32, Format::bf16, Format::f16, Format::bfp8};
inline constexpr std::array kWeightFormats{Format::f32,  Format::bf16, Format::f16,
                                           Format::bfp8, Format::bfp4, Format::bfp2};

// "_bf16_bfp8"
template <typename... Formats>
std::string suffix(Formats... formats) {
  std::string result;
  ((result += fmt::format("_{}", format_name(formats))), ...);
  return result;
}

std::vector<Case> embedding_cases();
std::vector<Case> linear_cases();
std::vector<Case> matmul_cases();
std::vector<Case> binary_cases();
std::vector<Case> unary_cases();
std::vector<Case> affine_cases();
std::vector<Case> reduce_cases();
std::vector<Case> softmax_cases();
std::vector<Case> copy_cases();
std::vector<Case> concat_cases();
std::vector<Case> gather_rows_cases();
std::vector<Case> cache_append_cases();
std::vector<Case> cache_gather_cases();
std::vector<Case> norm_cases(op::Op op);
std::vector<Case> rope_cases();
std::vector<Case> gated_cases();
std::vector<Case> attention_cases();
std::vector<Case> route_cases();
std::vector<Case> add_gathered_cases();

}  // namespace firstlight::parity
