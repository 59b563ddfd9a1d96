// The device over the emulated tables.
#include "device/cpu/simulated.h"

#include "firstlight/base/error.h"
#include "firstlight/device/cpu/device.h"
#include "firstlight/device/cpu/rows.h"

namespace firstlight::device::cpu {

extern const RowKernels kSimdeRows;
extern const ProductKernels kSimdeProducts;
extern const AttentionKernels kSimdeBf16Attention;
extern const ProductKernels kSimdeBf16Products;
extern const IntegerKernels kSimdeVnniIntegers;
extern const IntegerKernels kSimdeVnniWords;
extern const AttentionKernels kSimdeAmxAttention;
extern const ProductKernels kSimdeAmxProducts;

namespace {

bool usable() {
#if defined(__x86_64__)
  return __builtin_cpu_supports("avx2") != 0 && __builtin_cpu_supports("fma") != 0;
#else
  return false;
#endif
}

constexpr Kernels kAvx512{kSimdeRows,         kSimdeBf16Attention, kSimdeProducts,
                          kSimdeBf16Products, kSimdeVnniIntegers,  nullptr};
constexpr Kernels kVnni{kSimdeRows,     kSimdeBf16Attention, kSimdeProducts,
                        kSimdeProducts, kSimdeVnniIntegers,  &kSimdeVnniWords};
constexpr Kernels kAmx{kSimdeRows, kSimdeAmxAttention, kSimdeProducts, kSimdeAmxProducts, kSimdeVnniIntegers, nullptr};

constexpr Isa kSimulated[] = {
    {"avx512_simde", usable, &kAvx512, kRows<kAvx512>},
    {"avx512vnni_simde", usable, &kVnni, kRows<kVnni>},
    {"amx_simde", usable, &kAmx, kRows<kAmx>},
};

const Isa& simulated(std::string_view table) {
  for (const Isa& isa : kSimulated)
    if (isa.name == table) return isa;
  fail(Category::kInternal, "", "no emulated table is named '{}'", table);
}

}  // namespace

std::vector<std::string_view> simulated_tables() {
  std::vector<std::string_view> names;
  if (usable())
    for (const Isa& isa : kSimulated) names.push_back(isa.name);
  return names;
}

const Kernels& simulated_kernels(std::string_view table) { return *simulated(table).kernels; }

std::unique_ptr<Device> open_simulated(std::string_view table, int threads) {
  return std::make_unique<CpuDevice>(simulated(table), threads);
}

}  // namespace firstlight::device::cpu
