// Checkpoints with random weights of the shapes that a model or a block asks for.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "firstlight/base/rng.h"
#include "firstlight/io/safetensors.h"
#include "firstlight/run/weights.h"

namespace firstlight::testing {

// Tensors by name, as a publisher stores them.
struct NamedValues {
  Shape shape;
  std::vector<float> values;
};
using RandomWeights = std::map<std::string, NamedValues>;

// Norms around 1, biases small, products that keep the size of their input and queries that make attention peaked.
inline RandomWeights random_weights(const std::vector<run::WeightRequest>& requests, std::uint64_t seed) {
  RandomWeights weights;
  for (const run::WeightRequest& request : requests) {
    Shape shape = request.shape;
    const bool outputs_first = request.kind == run::WeightKind::kLinear && !request.source.transposed;
    if (outputs_first) std::swap(shape[0], shape[1]);
    for (const run::WeightExpr::Part& part : request.source.parts) {
      if (part.row_end >= 0) {  // a piece of a larger tensor
        EXPECT_TRUE(outputs_first || shape.rank() == 1) << request.key;
        shape[0] = std::max(shape[0], part.row_end);
      }
    }
    weights[request.source.parts[0].name] = {shape, {}};
  }
  Rng rng(seed);
  for (auto& [name, tensor] : weights) {
    const bool vector = tensor.shape.rank() == 1;
    const float centre = vector && name.ends_with("weight") ? 1 : 0;
    const float spread = vector ? 0.2F : 1.5F / std::sqrt(static_cast<float>(tensor.shape[-1]));
    tensor.values.resize(static_cast<std::size_t>(tensor.shape.elements()));
    for (float& value : tensor.values) value = centre + spread * rng.normal();
  }
  return weights;
}

inline void write_weights(const std::filesystem::path& folder, const RandomWeights& weights) {
  std::vector<io::SafetensorsWriter::Declaration> declared;
  for (const auto& [name, tensor] : weights) declared.push_back({name, Format::f32, tensor.shape});
  io::SafetensorsWriter writer(folder / "model.safetensors", declared);
  for (const auto& [name, tensor] : weights) writer.write(name, std::as_bytes(std::span(tensor.values)));
  writer.finish();
}

}  // namespace firstlight::testing
