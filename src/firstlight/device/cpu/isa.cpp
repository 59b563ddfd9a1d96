// The list of instruction sets, and which of them this machine has.
#include "firstlight/device/cpu/isa.h"

#include <fmt/ranges.h>
#if defined(__x86_64__)
#include <cpuid.h>
#endif
#if defined(__x86_64__) && defined(__linux__)
#include <sys/syscall.h>
#include <unistd.h>
#endif

#include <algorithm>
#include <string>
#include <vector>

#include "firstlight/base/error.h"
#include "firstlight/device/cpu/cpu.h"
#include "firstlight/device/cpu/rows.h"

namespace firstlight::device {
namespace cpu {
namespace {

#if defined(__x86_64__)
// Tiles, and AVX512-FP16 beside them: the processor's bits (CPUID 7.0 EDX 22 to 24), and the permission that Linux
// gives a process for their registers on request (Documentation/arch/x86/xstate.rst).
bool has_amx() {
#if defined(__linux__)
  constexpr unsigned kBf16 = 1U << 22;
  constexpr unsigned kHalf = 1U << 23;
  constexpr unsigned kTile = 1U << 24;
  constexpr unsigned kAll = kBf16 | kHalf | kTile;
  constexpr int kRequestPermission = 0x1023;  // ARCH_REQ_XCOMP_PERM
  constexpr int kTileData = 18;               // XFEATURE_XTILEDATA
  unsigned eax = 0;
  unsigned ebx = 0;
  unsigned ecx = 0;
  unsigned edx = 0;
  return __get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx) != 0 && (edx & kAll) == kAll &&
         syscall(SYS_arch_prctl, kRequestPermission, kTileData) == 0;
#else
  return false;
#endif
}

bool has_avx512() {
  return __builtin_cpu_supports("avx512f") != 0 && __builtin_cpu_supports("avx512bw") != 0 &&
         __builtin_cpu_supports("avx512dq") != 0 && __builtin_cpu_supports("avx512vl") != 0 &&
         __builtin_cpu_supports("fma") != 0;
}

// Cascade Lake, Ice Lake.
bool has_avx512vnni() { return has_avx512() && __builtin_cpu_supports("avx512vnni") != 0; }

// With VNNI and VBMI: Zen 4, Sapphire Rapids and what came after them.
bool has_avx512bf16() {
  return has_avx512vnni() && __builtin_cpu_supports("avx512bf16") != 0 && __builtin_cpu_supports("avx512vbmi") != 0;
}
#endif

#if defined(__x86_64__)
// AMD's family 25, which Zen 3 has too, without AVX-512.
bool is_zen_4() {
  unsigned eax = 0;
  unsigned ebx = 0;
  unsigned ecx = 0;
  unsigned edx = 0;
  if (__get_cpuid(0, &eax, &ebx, &ecx, &edx) == 0 || ebx != signature_AMD_ebx) return false;
  if (__get_cpuid(1, &eax, &ebx, &ecx, &edx) == 0) return false;
  return (eax >> 8 & 15) + (eax >> 20 & 255) == 25 && has_avx512();
}

constexpr Kernels kAvx2{kAvx2Rows, kAvx2Attention, kAvx2Products, kAvx2Products, kAvx2Integers, &kAvx2Words};
constexpr Kernels kAvx512{kAvx512Rows, kAvx512Attention, kAvx512Products, kAvx512Products, kAvx2Integers, nullptr};
constexpr Kernels kAvx512Vnni{kAvx512Rows,     kAvx512Attention,    kAvx512Products,
                              kAvx512Products, kAvx512VnniIntegers, &kAvx512VnniWords};
constexpr Kernels kAvx512Bf16{kAvx512Rows,         kAvx512Bf16Attention, kAvx512Products,
                              kAvx512Bf16Products, kAvx512VnniIntegers,  nullptr};
constexpr Kernels kAmx{kAvx512Rows, kAmxAttention, kAvx512Products, kAmxProducts, kAvx512VnniIntegers, nullptr};
#endif
constexpr Kernels kPortable{kPortableRows,     kPortableAttention, kPortableProducts,
                            kPortableProducts, kPortableIntegers,  nullptr};

// __builtin_cpu_supports also asks the operating system (XGETBV) for the AVX families.
constexpr Isa kIsas[] = {
#if defined(__x86_64__)
    {"amx", [] { return has_avx512bf16() && has_amx(); }, &kAmx, kRows<kAmx>},
    {"avx512bf16", has_avx512bf16, &kAvx512Bf16, kRows<kAvx512Bf16>},
    {"avx512vnni", has_avx512vnni, &kAvx512Vnni, kRows<kAvx512Vnni>},
    {"avx512", has_avx512, &kAvx512, kRows<kAvx512>},
    {"avx2",
     // Every processor with AVX2 and FMA converts f16 too (F16C is older than AVX2).
     [] { return __builtin_cpu_supports("avx2") != 0 && __builtin_cpu_supports("fma") != 0; }, &kAvx2, kRows<kAvx2>},
#endif
    {"portable", [] { return true; }, &kPortable, kRows<kPortable>},
};

}  // namespace

std::span<const Isa> isas() { return kIsas; }

const Isa& choose_isa(std::string_view name) {
  if (name.empty()) return *std::ranges::find_if(kIsas, [](const Isa& isa) { return isa.usable(); });
  const auto* found = std::ranges::find(kIsas, name, &Isa::name);
  if (found == std::end(kIsas)) {
    std::vector<std::string_view> names;
    for (const Isa& isa : kIsas) names.push_back(isa.name);
    fail(Category::kUsage, "--isa", "no kernels are named '{}'; there are: {}", name, fmt::join(names, ", "));
  }
  if (!found->usable())
    fail(Category::kUnsupported, "--isa", "this machine lacks {}; it has: {}", name, fmt::join(usable_isas(), ", "));
  return *found;
}

// As measured (docs/performance.md): codes of 8 bits do best by 2 KB on Zen 4; those of 4 bits lose by that where
// memory is quick.
std::int64_t lines_ahead([[maybe_unused]] WeightCode weight) {
#if defined(__x86_64__)
  static const bool near = is_zen_4();
  if (near && weight == WeightCode::kBfp8) return 2048;
#endif
  return 8192;
}

}  // namespace cpu

std::vector<std::string> usable_isas() {
  std::vector<std::string> names;
  for (const cpu::Isa& isa : cpu::isas())
    if (isa.usable()) names.emplace_back(isa.name);
  return names;
}

}  // namespace firstlight::device
