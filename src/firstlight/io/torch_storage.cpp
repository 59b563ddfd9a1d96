// The storage table.
#include "firstlight/io/torch_storage.h"

#include <algorithm>

namespace firstlight::io {
namespace {

// Source: torch/storage.py of PyTorch 2.13.
constexpr TorchStorage kStorages[] = {
    {"torch.FloatStorage", 4, Format::f32},         {"torch.HalfStorage", 2, Format::f16},
    {"torch.BFloat16Storage", 2, Format::bf16},     {"torch.DoubleStorage", 8, Format::f64},
    {"torch.LongStorage", 8, Format::i64},          {"torch.IntStorage", 4, Format::i32},
    {"torch.ByteStorage", 1, Format::u8},           {"torch.CharStorage", 1, std::nullopt},
    {"torch.ShortStorage", 2, std::nullopt},        {"torch.BoolStorage", 1, std::nullopt},
    {"torch.ComplexFloatStorage", 8, std::nullopt}, {"torch.ComplexDoubleStorage", 16, std::nullopt},
};

}  // namespace

std::span<const TorchStorage> torch_storages() { return kStorages; }

const TorchStorage* find_torch_storage(std::string_view name) {
  const auto* found = std::ranges::find(kStorages, name, &TorchStorage::name);
  return found == std::end(kStorages) ? nullptr : found;
}

const TorchStorage* find_torch_storage(Format format) {
  const auto* found = std::ranges::find(kStorages, std::optional(format), &TorchStorage::format);
  return found == std::end(kStorages) ? nullptr : found;
}

}  // namespace firstlight::io
