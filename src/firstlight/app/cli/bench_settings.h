// What `bench` measures under: one setting of the policy, device, ISA, threads, chunk and trace; and a second one
// beside it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "firstlight/app/cli/flags.h"

namespace firstlight::app {

struct BenchSetting {
  DeviceFlags device;
  std::string policy;
  std::int64_t chunk = 512;
  bool trace = true;  // decode steps are replayed where they can be
};

// At commas outside braces: a policy may be spelled out ("precision_cfg = {ff1_3: bfp4, ff2: bfp4}").
std::vector<std::string> split_list(std::string_view text);

// `base` with the changes of "policy=bfp4,threads=1" made. Throws kUsage naming what can be changed.
BenchSetting changed(const BenchSetting& base, std::string_view changes);

}  // namespace firstlight::app
