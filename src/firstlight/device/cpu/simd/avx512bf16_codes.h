// Codes of block formats as pairs of bf16: the J-th two inputs of 16 words. Included by avx512bf16.h.
#pragma once

namespace firstlight::device::cpu::FL_ISA {
namespace {

// A pair times 2^-kPowerBelow is what the codes stand for where their block's exponent is 127.
#if defined(FL_HALVES)
constexpr int kHalvesBelow = 104;
#else
constexpr int kHalvesBelow = 0;
#endif
template <int kBits>
constexpr int kPowerBelow = kBits == 8 ? 6 - kHalvesBelow : kBits - 2;

// The exponent of bf16 of 1, and what it is where the largest exponent of a block, 255, makes it so.
constexpr int kOneExponent = 127;
template <int kBits>
constexpr int kTopExponent = 255 - (kBits - 2);

// bf16 of a magnitude.
constexpr int bf16_bits(int magnitude, int exponent_of_one) {
  if (magnitude == 0) return 0;
  int power = 0;
  while (magnitude >> power > 1) ++power;
  return (exponent_of_one + power - 1) * 128 + (magnitude * 128 >> power);
}

// Codes of four and of two bits are looked up: the index is the low five bits of a half word, of which those above the
// code may be anything.
struct PairTable {
  alignas(64) uint16_t of[32];
};
template <int kBits, int kExponentOfOne>
constexpr PairTable kPairTable = [] {
  PairTable table{};
  for (int i = 0; i < 32; ++i) {
    const int code = i % (1 << kBits);
    const bool negative = code >> (kBits - 1) != 0;
    table.of[i] = static_cast<uint16_t>(bf16_bits(negative ? (1 << kBits) - code : code, kExponentOfOne) +
                                        (negative ? 0x8000 : 0));
  }
  return table;
}();
template <int kBits, int J, int kExponentOfOne>
FL_INLINE Pair looked_up_pair(__m512i words) {
  const __m512i index = J == 0 ? words : _mm512_srli_epi16(words, kBits * J);
  const PairTable& table = kPairTable<kBits, kExponentOfOne>;
  return _mm512_permutexvar_epi16(index, _mm512_load_si512(table.of));
}

#if defined(FIRSTLIGHT_SIMDE)
template <int J>
FL_INLINE Pair codes8_pair(const uint8_t* p) {
  const Vec down = set1(0x1p-24F);
  return join(mul(codes<8, 2 * J>(p), down), mul(codes<8, 2 * J + 1>(p), down));
}
#elif defined(FL_HALVES)
// By way of f16: 2^8 times a code is exact in it, and its bits moved down by three are those of a bf16 whose exponent
// counts from 15 instead of 127.
template <int J>
FL_INLINE Pair codes8_pair(const uint8_t* p) {
  const __m512i each_word = _mm512_set_epi32(12, 8, 4, 0, 12, 8, 4, 0, 12, 8, 4, 0, 12, 8, 4, 0);
  const __m512i to_top = _mm512_add_epi32(_mm512_mullo_epi32(each_word, _mm512_set1_epi32(0x01000100)),
                                          _mm512_set1_epi32(0x02800080 + 0x01000100 * J));
  const __m512i codes = _mm512_shuffle_epi8(_mm512_loadu_si512(p), to_top);
  const __m512i halves = _mm512_castph_si512(_mm512_cvtepi16_ph(codes));
  return _mm512_and_si512(_mm512_srai_epi16(halves, 3), _mm512_set1_epi16(static_cast<short>(0x8FFF)));
}
#else
// The bytes of bf16 of 0 to 127, low and high, and how the J-th of half words meet.
struct ByteTables {
  alignas(64) uint8_t low[128];
  alignas(64) uint8_t high[128];
  alignas(64) uint8_t join[2][64];
};
constexpr ByteTables kByteTables = [] {
  ByteTables tables{};
  for (int i = 0; i < 128; ++i) {
    tables.low[i] = static_cast<uint8_t>(bf16_bits(i, kOneExponent) & 255);
    tables.high[i] = static_cast<uint8_t>(bf16_bits(i, kOneExponent) >> 8);
  }
  for (int i = 0; i < 128; ++i)
    tables.join[i / 64][i % 64] = static_cast<uint8_t>(i % 64 / 2 * 2 + i / 64 + i % 2 * 64);
  return tables;
}();
FL_INLINE __m512i looked_up_bytes(const uint8_t* table, __m512i index) {
  return _mm512_permutex2var_epi8(_mm512_load_si512(table), index, _mm512_load_si512(table + 64));
}
template <int J>
FL_INLINE Pair codes8_pair(const uint8_t* p) {
  const __m512i words = _mm512_loadu_si512(p);
  const __m512i magnitudes = _mm512_abs_epi8(words);  // no code is -128
  const __m512i low = looked_up_bytes(kByteTables.low, magnitudes);
  const __m512i high = _mm512_ternarylogic_epi64(looked_up_bytes(kByteTables.high, magnitudes), words,
                                                 _mm512_set1_epi8(-128), 0xF8);  // a | (b & c)
  return _mm512_permutex2var_epi8(low, _mm512_load_si512(kByteTables.join[J]), high);
}
#endif

template <int kBits, int J>
FL_INLINE Pair codes_pair(const uint8_t* p) {
  if constexpr (kBits == 8) return codes8_pair<J>(p);
  return looked_up_pair<kBits, J, kOneExponent>(_mm512_loadu_si512(p));
}

// ---- Codes by their exponents ------------------------------------------------------------------------------------

// A scale stands for kInputs inputs. Zeros stay; nothing else may leave the range of normal numbers.
#if defined(FIRSTLIGHT_SIMDE) || defined(FL_HALVES)
template <int kBits>
struct CodeScale {
  using Type = uint32_t;
  static constexpr int kInputs = 2;
};
template <int kBits>
FL_INLINE void store_code_scales(const uint8_t* exponents, uint32_t* out) {
  store_shifts(out, pair_shifts(exponents, kPowerBelow<kBits>));
}
template <int kBits, int J>
FL_INLINE Pair scaled_codes(const uint8_t* p, const uint32_t* scales) {
  return scale_pair(codes_pair<kBits, J>(p), scales[J]);
}
#else
// By instructions that Zen 4 runs beside products of bf16: a look-up in two registers, an absolute value, a comparison,
// a multishift or a saturating subtraction takes the place of one.
template <int kBits>
struct CodeScale {
  using Type = uint32_t;
  static constexpr int kInputs = 2;
};
template <>
struct CodeScale<8> {
  using Type = float;
  static constexpr int kInputs = 1;
};

// Four and two bits: a code as it is by the largest exponent, 255, moved down by 255 - E from there. A code of 0 lies
// below itself then.
template <int kBits>
FL_INLINE void store_code_scales(const uint8_t* exponents, uint32_t* out) {
  const __m512i down = _mm512_xor_si512(_mm512_cvtepu8_epi16(load_si256(exponents)), _mm512_set1_epi16(255));
  _mm512_storeu_si512(out, _mm512_slli_epi16(down, 7));
}
template <int kBits, int J>
FL_INLINE Pair scaled_codes(const uint8_t* p, const uint32_t* scales) {
  const Pair top = looked_up_pair<kBits, J, kTopExponent<kBits> >(_mm512_loadu_si512(p));
  return _mm512_min_epu16(_mm512_sub_epi16(top, _mm512_set1_epi32(static_cast<int>(scales[J]))), top);
}

// Eight bits: by way of f32, a scale for each input.
template <int kBits>
FL_INLINE void store_code_scales(const uint8_t* exponents, float* out) {
  constexpr int kUp = 24 + kPowerBelow<kBits>;  // a code is at the top of its word
  for (int i = 0; i < 32; i += 16) {
    const __m512i powers =
        _mm512_sub_epi32(_mm512_cvtepu8_epi32(load_bytes(exponents + i)), _mm512_set1_epi32(kOneExponent + kUp));
    _mm512_storeu_ps(out + i, _mm512_cvtepi32_ps(powers));
  }
}
struct ByteOrder {
  alignas(64) uint8_t of[64];
};
// A byte of each word to its top.
template <int kByte>
constexpr ByteOrder kToTop = [] {
  ByteOrder order{};
  for (int i = 0; i < 64; ++i) order.of[i] = static_cast<uint8_t>(i % 4 == 3 ? i % 16 / 4 * 4 + kByte : 0x80);
  return order;
}();
// The high half of each word to its low one.
constexpr ByteOrder kToLowHalf = [] {
  ByteOrder order{};
  for (int i = 0; i < 64; ++i) order.of[i] = static_cast<uint8_t>(i % 16 / 4 * 4 + i % 2 + 2);
  return order;
}();
template <int kBits, int J>
FL_INLINE Pair scaled_codes(const uint8_t* p, const float* scales) {
  const __m512i words = _mm512_loadu_si512(p);
  const auto value = [&](const ByteOrder& to_top, float scale) {
    const __m512i code = _mm512_shuffle_epi8(words, _mm512_load_si512(to_top.of));
    return _mm512_castps_si512(_mm512_scalef_ps(_mm512_cvtepi32_ps(code), _mm512_set1_ps(scale)));
  };
  const __m512i even = value(kToTop<J>, scales[2 * J]);
  const __m512i odd = value(kToTop<J + 2>, scales[2 * J + 1]);
  return _mm512_mask_shuffle_epi8(odd, 0x3333333333333333U, even, _mm512_load_si512(kToLowHalf.of));
}
#endif

}  // namespace
}  // namespace firstlight::device::cpu::FL_ISA
