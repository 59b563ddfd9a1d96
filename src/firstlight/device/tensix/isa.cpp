// Best first; the processor and the operating system are asked.
#include "firstlight/device/tensix/isa.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <vector>

#include "firstlight/base/error.h"

namespace firstlight::device::tensix {
namespace {

struct Isa {
  std::string_view name;
  bool (*usable)();
  const Kernels* kernels;
};

constexpr Isa kTensixIsas[] = {
#if defined(__x86_64__)
    {"avx512",
     [] {
       return __builtin_cpu_supports("avx512f") != 0 && __builtin_cpu_supports("avx512bw") != 0 &&
              __builtin_cpu_supports("avx512dq") != 0 && __builtin_cpu_supports("avx512vl") != 0 &&
              __builtin_cpu_supports("fma") != 0;
     },
     &kAvx512Kernels},
    {"avx2", [] { return __builtin_cpu_supports("avx2") != 0 && __builtin_cpu_supports("fma") != 0; }, &kAvx2Kernels},
#endif
    {"portable", [] { return true; }, &kPortableKernels},
};

std::vector<std::string_view> isa_names(bool usable) {
  std::vector<std::string_view> names;
  for (const Isa& isa : kTensixIsas)
    if (!usable || isa.usable()) names.push_back(isa.name);
  return names;
}

}  // namespace

const Kernels& choose_kernels(std::string_view isa) {
  if (isa.empty()) return *std::ranges::find_if(kTensixIsas, [](const Isa& one) { return one.usable(); })->kernels;
  const auto* found = std::ranges::find(kTensixIsas, isa, &Isa::name);
  if (found == std::end(kTensixIsas))
    fail(Category::kUsage, "--isa", "no kernels are named '{}'; there are: {}", isa, fmt::join(isa_names(false), ", "));
  if (!found->usable())
    fail(Category::kUnsupported, "--isa", "this machine lacks {}; it has: {}", isa, fmt::join(isa_names(true), ", "));
  return *found->kernels;
}

}  // namespace firstlight::device::tensix
