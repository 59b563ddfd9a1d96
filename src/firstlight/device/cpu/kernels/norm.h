// Norms and rotary embedding of one row. Text compiled once per ISA.
#pragma once

#include "firstlight/device/cpu/kernels/math.h"

namespace firstlight::device::cpu::FL_ISA {
namespace {

FL_INLINE float inverse_root(float x) { return 1.0F / __builtin_sqrtf(x); }

// out = x / sqrt(mean(x^2) + eps) * (weight + weight_offset)
void rms_norm(float eps, float weight_offset, Source x, const float* weight, Sink out, int64_t n) {
  const float squares = fold_sum(x, n, 0, [](Vec v) { return mul(v, v); });
  const Vec scale = set1(inverse_root(squares / static_cast<float>(n) + eps));
  const Vec offset = set1(weight_offset);
  map(x, source(weight), out, n, [&](Vec v, Vec w) { return mul(mul(v, scale), add(w, offset)); });
}

// out = (x - mean) / sqrt(mean((x - mean)^2) + eps) * weight (+ bias)
void layer_norm(float eps, Source x, const float* weight, const float* bias, Sink out, int64_t n) {
  const float mean = fold_sum(x, n, 0, [](Vec v) { return v; }) / static_cast<float>(n);
  const Vec center = set1(mean);
  const float squares = fold_sum(x, n, mean, [&](Vec v) { return mul(sub(v, center), sub(v, center)); });
  const Vec scale = set1(inverse_root(squares / static_cast<float>(n) + eps));
  const auto normal = [&](Vec v) { return mul(sub(v, center), scale); };
  if (bias == nullptr) {
    map(x, source(weight), out, n, [&](Vec v, Vec w) { return mul(normal(v), w); });
    return;
  }
  float x_buffer[kPart];
  float w_buffer[kPart];
  float b_buffer[kPart];
  float out_buffer[kPart];
  for (int64_t i = 0; i < n; i += kPart) {
    const int64_t count = smaller(kPart, n - i);
    const float* v = read(x, i, count, 0, x_buffer);
    const float* w = read(source(weight), i, count, 0, w_buffer);
    const float* b = read(source(bias), i, count, 0, b_buffer);
    float* y = target(out, i, count, out_buffer);
    for (int64_t j = 0; j < count; j += 16) store(y + j, fma(normal(load(v + j)), load(w + j), load(b + j)));
    write(out, i, count, y);
  }
}

// out[i] = x[i] cos - x[j] sin, out[j] = x[j] cos + x[i] sin over the first `rotary` elements; both orders of pairs
// round alike: each product, then the sum.
void rope(bool interleaved, Source x, const float* cos, const float* sin, Sink out, int64_t rotary, int64_t n) {
  float a_buffer[kPart];
  float b_buffer[kPart];
  float c_buffer[kPart];
  float s_buffer[kPart];
  float out_a[kPart];
  float out_b[kPart];
  const int64_t half = rotary / 2;
  for (int64_t i = 0; i < half; i += kPart) {
    const int64_t count = smaller(kPart, half - i);
    const float* a = a_buffer;
    const float* b = b_buffer;
    if (interleaved) {
      for (int64_t j = 0; j < count; ++j) {
        a_buffer[j] = load_one(x, 2 * (i + j));
        b_buffer[j] = load_one(x, 2 * (i + j) + 1);
      }
    } else {
      a = read(x, i, count, 0, a_buffer);
      b = read(x, half + i, count, 0, b_buffer);
    }
    const float* c = read(source(cos), i, count, 0, c_buffer);
    const float* s = read(source(sin), i, count, 0, s_buffer);
    for (int64_t j = 0; j < count; j += 16) {
      const Vec va = load(a + j);
      const Vec vb = load(b + j);
      const Vec vc = load(c + j);
      const Vec vs = load(s + j);
      store(out_a + j, sub(mul(va, vc), mul(vb, vs)));
      store(out_b + j, add(mul(vb, vc), mul(va, vs)));
    }
    if (interleaved) {
      for (int64_t j = 0; j < count; ++j) {
        store_one(out, 2 * (i + j), out_a[j]);
        store_one(out, 2 * (i + j) + 1, out_b[j]);
      }
    } else {
      write(out, i, count, out_a);
      write(out, half + i, count, out_b);
    }
  }
  for (int64_t i = rotary; i < n; i += kPart) {
    const int64_t count = smaller(kPart, n - i);
    write(out, i, count, read(x, i, count, 0, a_buffer));
  }
}

}  // namespace
}  // namespace firstlight::device::cpu::FL_ISA
