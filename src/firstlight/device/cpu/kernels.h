// What an instruction set provides: tables of plain functions over plain structs, each compiled from a file of its own
// (tables/). The files that are compiled with an instruction set's flags see nothing else of the house, so that no
// inline function of theirs can reach the linker and run on a machine that lacks the instructions
// (scripts/check_isa_symbols.py).
#pragma once

#include <stdint.h>

#include <cstddef>

namespace firstlight::device::cpu {

// ---- Rows of activations -----------------------------------------------------------------------------------------

enum class Element : uint8_t { kF32, kBf16 };

struct Source {
  const void* data;
  Element element;
};
struct Sink {
  void* data;
  Element element;
};

enum class BinaryCode : uint8_t { kAdd, kSubtract, kMultiply };
enum class UnaryCode : uint8_t {
  kSilu,
  kGelu,
  kGeluTanh,
  kQuickGelu,
  kRelu,
  kTanh,
  kSigmoid,
  kExp,
  kSquare,
  kRsqrt,
};
enum class ReduceCode : uint8_t { kSum, kMax };

// ---- Products ----------------------------------------------------------------------------------------------------

inline constexpr int64_t kLine = 64;   // bytes of a cache line
inline constexpr int64_t kPanel = 16;  // columns of a panel, and elements of a shared exponent

// Of a block format: inputs whose exponents stand together, and panels that take turns in memory with every word of
// codes: a product of few rows, which needs several chains of sums, then reads one stream in order.
inline constexpr int64_t kGroup = 64;
inline constexpr int64_t kBundle = 4;
inline constexpr int64_t kWordBytes = 64;  // 32 bits for each column: inputs of a panel in 32 / kBits
// How far up in a word the code of its i-th input stands: the even inputs fill the low half and the odd ones the high
// half, so that one shift brings two neighbours to where pairs of 16 bits have them.
constexpr int code_shift(int bits, int i) { return i % 2 * 16 + i / 2 * bits; }
// The input whose code stands there.
constexpr int code_input(int bits, int shift) { return shift % 16 / bits * 2 + shift / 16; }
// Where those of a panel stand, bytes: exponents from `first` on, `group_stride` apart; codes of the same inputs
// `panels` kGroup behind them, its words `panels` kWordBytes apart.
struct BundlePlace {
  int64_t first;
  int64_t group_stride;
  int64_t panels;
};
constexpr BundlePlace bundle_place(int64_t panel, int64_t n, int64_t panel_bytes, int64_t group_bytes) {
  const int64_t bundle = panel / kBundle * kBundle;
  const int64_t beyond = (n + kPanel - 1) / kPanel - bundle;
  const int64_t panels = beyond < kBundle ? beyond : kBundle;
  return {bundle * panel_bytes + (panel - bundle) * kGroup, panels * group_bytes, panels};
}

enum class WeightCode : uint8_t { kF32, kF16, kBf16, kBfp8, kBfp4, kBfp2 };

// A packed linear weight (pack.h says how its bytes lie).
struct PanelWeight {
  const uint8_t* data;
  int64_t panel_bytes;
  int64_t k;  // inputs
  int64_t n;  // outputs
  WeightCode code;
};

// How a product takes its inputs. kFloats: f32 by f32, one after the other. kPairs: two bf16 by two bf16 a step, added
// to f32 by the instruction that does so; only for activations that are bf16 already. kTiles: 32 bf16 by 32 bf16 a
// step, as AMX adds them (kernels/tiles.h).
enum class Inputs : uint8_t { kFloats, kPairs, kTiles };

struct LinearTask {
  PanelWeight weight;
  // Few rows: [rows, K] floats (kTiles too), or for kPairs bf16 with one zero more where K is odd. Many rows: tiles
  // (product_tile_begin) one after the other, each [K][rows of the tile] floats or [K / 2][rows of the tile] pairs; for
  // kTiles each [K / 32][16 rows, or all where they are fewer][32], zeros beyond K and the rows. Integers: what
  // `quantise` made, [rows, K padded to kIntegerGroup], with x_scales [rows, groups] beside it; for `lanes` what
  // `quantise_lane` made, tiles of kLaneRows rows one after the other.
  const void* x;
  int64_t x_stride;  // few rows, and integers: elements
  const float* x_scales;
  int64_t rows;
  const float* bias;   // [N] or null
  uint8_t* out;        // [rows, N]
  int64_t out_stride;  // bytes
  Element out_element;
  // Few rows: the smallest and the largest biased exponent of the nonzero x (exponent_range).
  int x_lowest;
  int x_highest;
  // Integers, few rows: bytes, how far ahead the lines of a bundle are asked for.
  int64_t ahead;
};

inline constexpr int64_t kDirectRows = 4;        // up to here weights are used as they are decoded, without a buffer
inline constexpr int64_t kRowBlock = 192;        // rows that share one decoding of a weight in the blocked product
inline constexpr int64_t kPanelGroup = kBundle;  // panels that share a pass over the inputs of the blocked product
inline constexpr int64_t kBlockFloats = 16384;   // of weights of panels used together, as the product takes them
inline constexpr int64_t kMostUnitSteps = 8;     // pairs of inputs in a word of codes
// Floats of scratch that the blocked product needs for each worker.
inline constexpr int64_t kBlockedFloats = kBlockFloats + kPanelGroup * (kMostUnitSteps * kPanel + kRowBlock * kPanel);

// Tiles.
inline constexpr int64_t kTileSide = 16;         // rows of a tile of inputs, columns of one of weights
inline constexpr int64_t kTileDepth = 32;        // inputs of a tile
inline constexpr int64_t kTileBlockPanels = 16;  // panels that a worker multiplies by at a time, at most
inline constexpr int64_t kTileBlockDepth = 256;  // inputs of two panels that are decoded at a time: they stay in L1
inline constexpr int64_t kTileBlockRows = 512;   // rows that share one decoding of a weight
// Floats of scratch that their blocked product needs for each worker.
inline constexpr int64_t kTileBlockFloats = kPanel * kTileBlockDepth + kTileBlockPanels * kPanel * kTileBlockRows;

// Integers.
inline constexpr int64_t kIntegerGroup = kGroup;  // inputs that share a scale; groups start at its multiples
inline constexpr float kLeastInput = 0x1p-100F;   // 32512 / x and its products stay finite
inline constexpr int64_t kIntegerSpread = 8192;   // bytes of codes of a panel that are spread out at a time
// Bytes of scratch that linear_integer needs for each worker where there are more than kDirectRows rows.
inline constexpr int64_t kIntegerScratch = kIntegerSpread + kBundle * kRowBlock * kPanel * 4;

// The same by lanes: rows of a tile, inputs of a panel whose codes are spread out at a time, bytes of those of
// kPanelGroup panels, and bytes of scratch for each worker.
inline constexpr int64_t kLaneRows = 16;
inline constexpr int64_t kLaneDepth = 256;
inline constexpr int64_t kLaneCodeBytes = kPanelGroup * (kLaneDepth * (kPanel + 2) + kLaneDepth / kIntegerGroup * 128);
inline constexpr int64_t kLaneScratch = kLaneCodeBytes + kPanelGroup * kRowBlock * kPanel * 4;

constexpr int64_t integer_groups(int64_t k) { return (k + kIntegerGroup - 1) / kIntegerGroup; }
constexpr int64_t tile_count(int64_t rows, int64_t tile_rows) { return (rows + tile_rows - 1) / tile_rows; }
// The first row of a tile: tiles differ by one row at most, larger ones first.
constexpr int64_t tile_begin(int64_t rows, int64_t tiles, int64_t tile) { return (rows * tile + tiles - 1) / tiles; }
// The same of the blocked product, whose first tile decodes the weights for all, beside its products: so it has as many
// rows as leave half a tile to each of the others.
constexpr int64_t first_tile_rows(int64_t rows, int64_t tiles, int64_t tile_rows) {
  const int64_t others = (tiles - 1) * ((tile_rows + 1) / 2);
  return rows - others < tile_rows ? rows - others : tile_rows;
}
constexpr int64_t product_tile_begin(int64_t rows, int64_t tiles, int64_t tile_rows, int64_t tile) {
  if (tile == 0) return 0;
  const int64_t first = first_tile_rows(rows, tiles, tile_rows);
  return tile == 1 ? first : first + tile_begin(rows - first, tiles - 1, tile - 1);
}

// out [rows, n] += x [rows, k] w [k, n] in f32; n a multiple of kPanel.
struct MultiplyTask {
  const float* x;
  int64_t x_stride;
  int64_t rows;
  const float* w;
  int64_t w_stride;
  int64_t k;
  int64_t n;
  float* out;
  int64_t out_stride;
};

// ---- Attention ---------------------------------------------------------------------------------------------------

enum class CacheCode : uint8_t { kF32, kBf16, kBfp8, kOther };

// The pages of keys, or of values. Strides in bytes.
struct CacheSide {
  const uint8_t* data;
  int64_t page_stride;
  int64_t head_stride;
  int64_t row_stride;
  int64_t dim;
  CacheCode code;
  void (*decode)(const std::byte* src, int64_t n, float* dst);  // any format's row, where the code is kOther
};

inline constexpr int64_t kKeyBlock = 64;  // positions; blocks start at its multiples
inline constexpr int64_t kMostQueries = 192;

struct AttentionTask {
  const uint8_t* q;
  int64_t q_row_stride;   // bytes
  int64_t q_head_stride;  // bytes
  Element q_element;
  uint8_t* out;
  int64_t out_row_stride;  // bytes
  Element out_element;
  CacheSide keys;
  CacheSide values;
  const int32_t* sequences;  // [R]
  const int32_t* positions;  // [R]
  const int32_t* table;      // [S, P]
  int64_t table_stride;      // elements
  int64_t page_size;
  int64_t group;  // query heads of a KV head
  int64_t window;
  float scale;
  float softcap;
};

constexpr int64_t padded_lanes(int64_t n) { return (n + kPanel - 1) / kPanel * kPanel; }
// In whole tiles, where one does not hold them.
constexpr int64_t padded_queries(int64_t n) { return n <= kTileSide ? n : (n + kTileSide - 1) / kTileSide * kTileSide; }

// Floats of scratch for `queries` = rows x group query heads of one KV head.
constexpr int64_t attention_floats(int64_t queries, int64_t dim, int64_t value_dim) {
  const int64_t d = padded_lanes(dim);
  const int64_t dv = padded_lanes(value_dim);
  return padded_queries(queries) * (d + dv + kKeyBlock + 2 * kPanel)  // q, sums, scores, running maximum and total
         + kPanel * d + d * kKeyBlock + kKeyBlock * dv + dv;  // key rows, keys transposed, values, half a pair of them
}

// ---- Tables ------------------------------------------------------------------------------------------------------

// One row of n elements each.
struct RowKernels {
  void (*convert)(Source x, Sink out, int64_t n);
  void (*binary)(BinaryCode code, Source a, Source b, bool one_b, Sink out, int64_t n);  // one_b: b has one element
  void (*unary)(UnaryCode code, Source x, Sink out, int64_t n);
  void (*gated)(UnaryCode code, Source gate, Source up, Sink out, int64_t n);
  void (*affine)(float scale, float offset, Source x, Sink out, int64_t n);
  float (*reduce)(ReduceCode code, Source x, int64_t n);
  void (*softmax)(float scale, Source x, Sink out, int64_t n, int64_t begin, int64_t end);
  void (*rms_norm)(float eps, float weight_offset, Source x, const float* weight, Sink out, int64_t n);
  void (*layer_norm)(float eps, Source x, const float* weight, const float* bias, Sink out, int64_t n);
  void (*rope)(bool interleaved, Source x, const float* cos, const float* sin, Sink out, int64_t rotary, int64_t n);
  void (*exponent_range)(const float* x, int64_t n, int* lowest, int* highest);  // widens [lowest, highest]
  float (*stream_sum)(const float* data, int64_t n);                             // probe: reads all, returns the sum
};

// Linear products of inputs of one kind.
struct ProductKernels {
  Inputs inputs;
  int64_t tile_rows;         // of pack_tile, at most
  const int* direct_panels;  // panels that `direct` keeps in flight, by rows 0..kDirectRows
  // K elements of each row to a tile; a row whose data is null is zeros (kTiles only).
  void (*pack_tile)(const Source* rows, int64_t count, int64_t k, void* tile);
  // The columns of the panels [begin, end), for at most kDirectRows rows; `begin` starts a bundle of a block format;
  // kTiles: of a block format.
  void (*direct)(const LinearTask& task, int64_t begin, int64_t end);
  // The same for any number of rows, with kBlockedFloats of scratch; kTiles: of at most kTileBlockRows rows and
  // kTileBlockPanels panels, with kTileBlockFloats.
  void (*blocked)(const LinearTask& task, int64_t begin, int64_t end, float* scratch);
  double (*rounds)(int64_t count, float* sink);  // probe: floating-point operations done by `count` rounds
};

struct IntegerKernels {
  // x [K] to 16 bits a value in the order in which `linear` reads them, and a scale for each group: a NaN where one of
  // its inputs is no finite number, and then false.
  bool (*quantise)(const float* x, int64_t k, int16_t* out, float* scales);
  // The columns of the panels [begin, end), `begin` starting a bundle, for at most kRowBlock rows, with kIntegerScratch
  // where they are many.
  void (*linear)(const LinearTask& task, int64_t begin, int64_t end, uint8_t* scratch);
  // From so many rows on the other two are quicker; null where a table has none. A row to the lane of a tile,
  // [groups][kIntegerGroup / 4][kLaneRows][4], and its scales, [groups][kLaneRows]; then at most kRowBlock rows with
  // kLaneScratch.
  int64_t least_lanes;
  bool (*quantise_lane)(const float* x, int64_t k, WeightCode code, int64_t lane, int16_t* tile, float* scales);
  void (*lanes)(const LinearTask& task, int64_t begin, int64_t end, uint8_t* scratch);
};

struct AttentionKernels {
  int64_t queries;   // rows by heads of one KV head that a call of `attention` is to have; at most kMostQueries
  bool value_pairs;  // softmax weights are rounded to bf16 where q and the values are bf16
  void (*multiply)(const MultiplyTask& task);
  // The query rows [begin, end), which share a sequence, against one KV head.
  void (*attention)(const AttentionTask& task, int64_t begin, int64_t end, int64_t head, float* scratch);
};

// All that a device runs, some of it from the tables of a lesser instruction set.
struct Kernels {
  const RowKernels& rows;
  const AttentionKernels& attention;
  const ProductKernels& floats;
  const ProductKernels& bf16;      // of activations in bf16 by weights of at most 8 significant bits
  const IntegerKernels& integers;  // of inputs of 8 bits
  const IntegerKernels* words;     // of bf16 by block formats, in 16 bits; null where `bf16` is quicker
};

extern const RowKernels kPortableRows;
extern const AttentionKernels kPortableAttention;
extern const ProductKernels kPortableProducts;
extern const IntegerKernels kPortableIntegers;

extern const RowKernels kAvx2Rows;
extern const AttentionKernels kAvx2Attention;
extern const ProductKernels kAvx2Products;
extern const IntegerKernels kAvx2Integers;
extern const IntegerKernels kAvx2Words;

extern const RowKernels kAvx512Rows;
extern const AttentionKernels kAvx512Attention;
extern const ProductKernels kAvx512Products;

extern const IntegerKernels kAvx512VnniIntegers;
extern const IntegerKernels kAvx512VnniWords;

extern const AttentionKernels kAvx512Bf16Attention;
extern const ProductKernels kAvx512Bf16Products;  // of pairs

extern const AttentionKernels kAmxAttention;
extern const ProductKernels kAmxProducts;  // of tiles

}  // namespace firstlight::device::cpu
