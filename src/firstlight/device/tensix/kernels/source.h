// Tiles from L1 as slices: what the unpacker (arithmetic/unpack.h) and the multipliers' masks do. A face row, 16 data
// under one exponent, lies in one half of a row of the row-major slices.
#pragma once

#include "firstlight/device/tensix/kernels/kernels.h"

namespace firstlight::device::tensix::FL_ISA {
namespace {

constexpr int kFaceRow = 16;
constexpr int32_t kExponentMask = 0x7F800000;

// x where `when` is above 0, else y.
FL_INLINE I select_positive(I when, I x, I y) {
  const I zero = set(0);
  return either(keep_greater(x, when, zero), keep_greater(y, set(1), when));
}

// Block-float codes widened to bfp8's: normalised by a conversion to float, whose exponent holds the leading zeros.
FL_INLINE I words_of_codes(I codes, int exponent) {
  const I magnitude = both(codes, set(0x7F));
  const I sign = shl<24>(both(codes, set(0x80)));
  const I normal = bits(to_float(magnitude));                                            // 2^(6 - zeros) 1.m
  const I e = both(add(normal, set((exponent - 133) * (1 << 23))), set(kExponentMask));  // modulo 256
  const I word = either(either(sign, e), both(normal, set(0x007FFFFF)));
  return select_positive(magnitude, word, both(sar<8>(sign), set(static_cast<int32_t>(0xFF800000U))));
}

// kLanes words of face row `index` (0 .. 63, in face order) from its `first` datum on.
template <TileCode kCode, bool kTf32>
FL_INLINE I source_words(const uint8_t* tile, int index, int first, const uint8_t* codes) {
  const int at = index * kFaceRow + first;
  if constexpr (kCode == TileCode::kF32) {
    const I word = load_words(reinterpret_cast<const uint32_t*>(tile) + at);
    if constexpr (kTf32) return both(word, set(static_cast<int32_t>(0xFFFFE000U)));
    return both(
        word, select_positive(both(word, set(kExponentMask)), set(static_cast<int32_t>(0xFFFF0000U)), set(INT32_MIN)));
  } else if constexpr (kCode == TileCode::kBf16) {
    return shl<16>(widen_halves(tile + at * 2));
  } else {
    return words_of_codes(widen_bytes(codes + first), tile[index]);
  }
}

// The codes of face row `index`, a byte each, left-aligned.
template <TileCode kCode>
FL_INLINE const uint8_t* face_codes(const uint8_t* tile, int index, uint8_t* buffer) {
  if constexpr (kCode == TileCode::kBfp8) return tile + 64 + index * kFaceRow;
  if constexpr (kCode == TileCode::kBfp4) {
    const uint8_t* bytes = tile + 64 + index * 8;
    for (int i = 0; i < kFaceRow; i += 2) {
      buffer[i] = static_cast<uint8_t>(bytes[i / 2] << 4);
      buffer[i + 1] = static_cast<uint8_t>(bytes[i / 2] & 0xF0);
    }
  }
  if constexpr (kCode == TileCode::kBfp2) {
    const uint8_t* bytes = tile + 64 + index * 4;
    for (int i = 0; i < kFaceRow; ++i) buffer[i] = static_cast<uint8_t>(bytes[i / 4] >> (i % 4 * 2) << 6);
  }
  return buffer;
}

// Where face row `index` begins in row-major order.
FL_INLINE int row_major(int index) { return (index / 32 * 16 + index % 16) * kSide + index / 16 % 2 * 16; }

// body(words, place) over the tile's rows below `rows`; returns the largest biased exponent.
template <TileCode kCode, bool kTf32, typename Body>
FL_INLINE int for_words(const uint8_t* tile, int rows, const Body& body) {
  I largest = set(0);
  for (int index = 0; index < 64; ++index) {
    const int at = row_major(index);
    if (at / kSide >= rows) continue;
    uint8_t buffer[kFaceRow];
    const uint8_t* codes = face_codes<kCode>(tile, index, buffer);
    for (int first = 0; first < kFaceRow; first += kLanes) {
      const I words = source_words<kCode, kTf32>(tile, index, first, codes);
      const I e = shr<23>(both(words, set(kExponentMask)));
      largest = max(largest, e);
      body(words, e, at + first);
    }
  }
  alignas(64) uint32_t lanes[kLanes];
  store_words(lanes, largest);
  uint32_t most = 0;
  for (int i = 0; i < kLanes; ++i) most = lanes[i] > most ? lanes[i] : most;
  return static_cast<int>(most);
}

template <TileCode kCode, bool kTf32>
int load_a_as(const uint8_t* tile, SlicesA* out) {
  return for_words<kCode, kTf32>(tile, kSide, [&](I words, I e, int at) {
    const I kept = both(words, set(static_cast<int32_t>(kTf32 ? 0xFFFFC000U : 0xFFFF0000U)));  // bit 0 of 11 is unused
    const I whole = keep_greater(kept, e, set(0));
    const F high = floats(both(whole, set(static_cast<int32_t>(0xFFF80000U))));
    store(out->high + at, high);
    store(out->low + at, sub(floats(whole), high));
    store_narrow(out->exponents + at, select_positive(e, e, set(kNoExponent)));
  });
}

template <TileCode kCode, bool kTf32>
int load_b_as(const uint8_t* tile, int rows, SlicesB* out) {
  const F tilt = set(1.0F + 1.0F / 8192.0F);
  return for_words<kCode, kTf32>(tile, rows, [&](I words, I e, int at) {
    const I kept = both(words, set(static_cast<int32_t>(kTf32 ? 0xFFFFE000U : 0xFFFF0000U)));
    const I whole = keep_greater(kept, e, set(0));
    const F high = floats(both(whole, set(static_cast<int32_t>(0xFFFE0000U))));
    store(out->high + at, mul(high, tilt));
    store(out->low + at, mul(sub(floats(whole), high), tilt));
    const I known = select_positive(e, e, set(kNoExponent));
    store_words(reinterpret_cast<uint32_t*>(out->exponents + at), either(shl<16>(known), both(known, set(0xFFFF))));
  });
}

int load_a(TileCode code, const uint8_t* tile, bool tf32, SlicesA* out) {
  switch (code) {
    case TileCode::kF32:
      return tf32 ? load_a_as<TileCode::kF32, true>(tile, out) : load_a_as<TileCode::kF32, false>(tile, out);
    case TileCode::kBf16:
      return load_a_as<TileCode::kBf16, false>(tile, out);
    case TileCode::kBfp8:
      return load_a_as<TileCode::kBfp8, false>(tile, out);
    case TileCode::kBfp4:
      return load_a_as<TileCode::kBfp4, false>(tile, out);
    case TileCode::kBfp2:
      return load_a_as<TileCode::kBfp2, false>(tile, out);
  }
  return 0;
}

int load_b(TileCode code, const uint8_t* tile, bool tf32, int rows, SlicesB* out) {
  switch (code) {
    case TileCode::kF32:
      return tf32 ? load_b_as<TileCode::kF32, true>(tile, rows, out)
                  : load_b_as<TileCode::kF32, false>(tile, rows, out);
    case TileCode::kBf16:
      return load_b_as<TileCode::kBf16, false>(tile, rows, out);
    case TileCode::kBfp8:
      return load_b_as<TileCode::kBfp8, false>(tile, rows, out);
    case TileCode::kBfp4:
      return load_b_as<TileCode::kBfp4, false>(tile, rows, out);
    case TileCode::kBfp2:
      return load_b_as<TileCode::kBfp2, false>(tile, rows, out);
  }
  return 0;
}

}  // namespace
}  // namespace firstlight::device::tensix::FL_ISA
