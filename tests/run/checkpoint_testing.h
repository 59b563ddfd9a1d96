// Small checkpoints for tests of the loader.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "firstlight/io/safetensors.h"
#include "run/run_testing.h"
#include "testing/testing.h"

namespace firstlight::testing {

struct NamedTensor {
  std::string name;
  HostTensor tensor;
};

// A folder with a model.safetensors of these tensors.
inline std::filesystem::path write_checkpoint(const std::vector<NamedTensor>& tensors) {
  const std::filesystem::path folder = scratch_dir("checkpoint");
  std::vector<io::SafetensorsWriter::Declaration> declared;
  for (const NamedTensor& t : tensors) declared.push_back({t.name, t.tensor.format(), t.tensor.shape()});
  io::SafetensorsWriter writer(folder / "model.safetensors", declared);
  for (const NamedTensor& t : tensors) writer.write(t.name, t.tensor.view());
  writer.finish();
  return folder;
}

// Random values, stored in a format that safetensors has.
inline HostTensor stored(std::uint64_t seed, const Shape& shape, Format format = Format::bf16) {
  HostTensor result(format, shape);
  copy_from_f32(random_values(seed, shape.elements()).data(), result.view());
  return result;
}

}  // namespace firstlight::testing
