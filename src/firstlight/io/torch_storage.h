// The storage classes of PyTorch that files name, one row each.
#pragma once

#include <optional>
#include <span>
#include <string_view>

#include "firstlight/format/format.h"

namespace firstlight::io {

struct TorchStorage {
  std::string_view name;  // "torch.FloatStorage"
  int element_bytes;
  std::optional<Format> format;
};

std::span<const TorchStorage> torch_storages();
const TorchStorage* find_torch_storage(std::string_view name);
const TorchStorage* find_torch_storage(Format format);

}  // namespace firstlight::io
