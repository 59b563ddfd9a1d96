// AVX512-BF16 dot products: an instruction adds two products to each of 16 lanes.
#include "firstlight/device/cpu/probe_bf16.h"

#if defined(__x86_64__)
#include <immintrin.h>

namespace firstlight::device::cpu {

double bf16_dot_rounds(int64_t count, float* sink) {
  constexpr int kChains = 24;
  __m512 acc[kChains];
  for (int i = 0; i < kChains; ++i) acc[i] = _mm512_set1_ps(static_cast<float>(i));
  const __m512bh a = _mm512_cvtne2ps_pbh(_mm512_set1_ps(*sink), _mm512_set1_ps(*sink));
  const __m512bh b = _mm512_cvtne2ps_pbh(_mm512_set1_ps(0.25F), _mm512_set1_ps(-0.25F));
  for (int64_t round = 0; round < count; ++round)
    for (int i = 0; i < kChains; ++i) acc[i] = _mm512_dpbf16_ps(acc[i], a, b);
  __m512 all = acc[0];
  for (int i = 1; i < kChains; ++i) all = _mm512_add_ps(all, acc[i]);
  float lanes[16];
  _mm512_storeu_ps(lanes, all);
  *sink = lanes[0] * 0x1p-20F;
  return static_cast<double>(count) * kChains * 32 * 2;
}

}  // namespace firstlight::device::cpu
#else
namespace firstlight::device::cpu {

double bf16_dot_rounds(int64_t, float*) { return 0; }

}  // namespace firstlight::device::cpu
#endif
