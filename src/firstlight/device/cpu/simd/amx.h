// AMX (TILE, BF16): what avx512bf16.h has, and products of tiles. Eight tile registers belong to a thread between
// open_tiles() and close_tiles(), each of 64 bytes a row: 0 to 5 of as many rows as that says, 6 and 7 of 16.
#pragma once

#if !defined(FIRSTLIGHT_SIMDE)
#define FL_HALVES  // AVX512-FP16, which every processor with AMX has
#endif
#include "firstlight/device/cpu/simd/avx512bf16.h"

#define FL_TILES

namespace firstlight::device::cpu::FL_ISA {
namespace {

#if defined(FIRSTLIGHT_SIMDE)
FL_INLINE void open_tiles(int64_t rows) { emulated_open_tiles(static_cast<int>(rows)); }
FL_INLINE void close_tiles() {}
template <int kTile>
FL_INLINE void zero_tile() {
  emulated_zero_tile(kTile);
}
template <int kTile>
FL_INLINE void load_tile(const void* p) {
  emulated_load_tile(kTile, p);
}
template <int kTile>
FL_INLINE void store_tile(void* p) {
  emulated_store_floats(kTile, static_cast<float*>(p), 16);
}
template <int kTile>
FL_INLINE void load_floats(const float* p, int64_t stride) {
  emulated_load_floats(kTile, p, stride);
}
template <int kTile>
FL_INLINE void store_floats(float* p, int64_t stride) {
  emulated_store_floats(kTile, p, stride);
}
template <int kSum, int kA, int kB>
FL_INLINE void multiply_tiles() {
  emulated_multiply_tiles(kSum, kA, kB);
}
#else
// Instructions are written out: the intrinsics of GCC 12 take no template parameter as the number of a tile.
FL_INLINE void open_tiles(int64_t rows) {
  const auto height = static_cast<uint8_t>(rows);
  const struct {
    uint8_t palette;
    uint8_t start_row;
    uint8_t reserved[14];
    uint16_t row_bytes[16];
    uint8_t rows[16];
  } shapes = {1, 0, {}, {64, 64, 64, 64, 64, 64, 64, 64}, {height, height, height, height, height, height, 16, 16}};
  asm volatile("ldtilecfg %0" : : "m"(shapes));
}
FL_INLINE void close_tiles() { asm volatile("tilerelease"); }
template <int kTile>
FL_INLINE void zero_tile() {
  asm volatile("tilezero %%tmm%c0" : : "i"(kTile));
}
// 64 bytes a row, one after the other.
template <int kTile>
FL_INLINE void load_tile(const void* p) {
  asm volatile("tileloadd (%0,%1,1), %%tmm%c2" : : "r"(p), "r"(int64_t{64}), "i"(kTile) : "memory");
}
template <int kTile>
FL_INLINE void store_tile(void* p) {
  asm volatile("tilestored %%tmm%c2, (%0,%1,1)" : : "r"(p), "r"(int64_t{64}), "i"(kTile) : "memory");
}
// Rows of 16 floats, `stride` floats apart.
template <int kTile>
FL_INLINE void load_floats(const float* p, int64_t stride) {
  asm volatile("tileloadd (%0,%1,1), %%tmm%c2" : : "r"(p), "r"(stride * 4), "i"(kTile) : "memory");
}
template <int kTile>
FL_INLINE void store_floats(float* p, int64_t stride) {
  asm volatile("tilestored %%tmm%c2, (%0,%1,1)" : : "r"(p), "r"(stride * 4), "i"(kTile) : "memory");
}
// sum [rows][16] += A [rows][32] B [16][16][2] of bf16: in each lane the products of even and those of odd inputs are
// two chains of multiply-adds from zero, and sum = sum + (even + odd); subnormal numbers count as zero.
template <int kSum, int kA, int kB>
FL_INLINE void multiply_tiles() {
  asm volatile("tdpbf16ps %%tmm%c2, %%tmm%c1, %%tmm%c0" : : "i"(kSum), "i"(kA), "i"(kB));
}
#endif

// Subnormal numbers as zero from here on, as tiles have them; returns the state for restore_subnormals(). (No class
// with a destructor: the table's object would define a symbol for exceptions.)
FL_INLINE unsigned flush_subnormals() {
  const unsigned before = _mm_getcsr();
  _mm_setcsr(before | 0x8040U);  // FTZ, DAZ
  return before;
}
FL_INLINE void restore_subnormals(unsigned before) { _mm_setcsr(before); }

}  // namespace
}  // namespace firstlight::device::cpu::FL_ISA
