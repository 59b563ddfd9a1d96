// What a model author calls. Every function is one op call through the session's choke point; `key` is the component
// key (policy, taps, profile, errors). Shapes as in op/*.h; R is the number of rows (tokens) of the call.
#pragma once

#include <optional>
#include <string_view>

#include "firstlight/op/all.h"
#include "firstlight/run/session.h"
#include "firstlight/run/weights.h"

namespace firstlight::run {

using op::RopePairing;
using op::UnaryKind;

// table [V, H], or a linear weight [H, V] when tied; ids i32 [R] -> [R, H]
Tensor embedding(Session& s, std::string_view key, const Weight& table, const Tensor& ids, bool tied = false);
// x [..., K] -> [..., N]; bias may be undeclared
Tensor linear(Session& s, std::string_view key, const Tensor& x, const Weight& weight, const Weight& bias = {});
// The same with an output format of its own (an LM head gives f32 under every policy).
Tensor linear_f32(Session& s, std::string_view key, const Tensor& x, const Weight& weight, const Weight& bias = {});
Tensor rms_norm(Session& s, std::string_view key, const Tensor& x, const Weight& weight, float eps,
                float weight_offset = 0);
Tensor layer_norm(Session& s, std::string_view key, const Tensor& x, const Weight& weight, const Weight& bias,
                  float eps);
// x [R, H, D] -> [R, H, D]
Tensor rope(Session& s, std::string_view key, const Tensor& x, const Tensor& cos, const Tensor& sin,
            const Tensor& positions, int rotary_dim, RopePairing pairing = RopePairing::kHalfSplit);
// x [R, H, D] into the pages of `cache`
void cache_append(Session& s, std::string_view key, const Tensor& x, const Tensor& cache, const Tensor& sequences,
                  const Tensor& positions, const Tensor& table);
// q [R, Hq, D] -> [R, Hq * Dv]
Tensor attention(Session& s, std::string_view key, const op::Attention& args, const Tensor& q, const Tensor& keys,
                 const Tensor& values, const Tensor& sequences, const Tensor& positions, const Tensor& table);
Tensor gated(Session& s, std::string_view key, UnaryKind activation, const Tensor& gate, const Tensor& up);
Tensor unary(Session& s, std::string_view key, UnaryKind kind, const Tensor& x);
Tensor add(Session& s, std::string_view key, const Tensor& a, const Tensor& b);
Tensor multiply(Session& s, std::string_view key, const Tensor& a, const Tensor& b);
Tensor affine(Session& s, std::string_view key, const Tensor& x, float scale, float offset = 0);
Tensor matmul(Session& s, std::string_view key, const Tensor& a, const Tensor& b, bool transpose_b = false);
Tensor softmax(Session& s, std::string_view key, const Tensor& x, float scale = 1);
Tensor concat(Session& s, std::string_view key, const Tensor& a, const Tensor& b);
Tensor gather_rows(Session& s, std::string_view key, const Tensor& x, const Tensor& index);
// logits [R, E] -> the weights of the experts, f32 [R, E]
Tensor route(Session& s, std::string_view key, const Tensor& logits, const op::Route& args);
// x [R, N] + weight [R, 1] * rows of y [M, N]
Tensor add_gathered(Session& s, std::string_view key, const Tensor& x, const Tensor& y, const Tensor& weight,
                    const Tensor& index, std::optional<Format> format = std::nullopt);
Tensor copy(Session& s, std::string_view key, const Tensor& x, Format format);

}  // namespace firstlight::run
