// Random weights for every tensor that a model declares: what each tensor's shape is, and what its values are.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "firstlight/base/threads.h"
#include "firstlight/format/format.h"
#include "firstlight/run/weights.h"

namespace firstlight::harness {

// A tensor as a publisher would store it, with the distribution of its values.
struct RandomTensor {
  std::string name;
  Shape shape;
  float centre = 0;
  float spread = 1;  // standard deviation
};

// The tensors that the requests are made of, each once, in the order first named. A matrix of fan-in K has the spread
// 1/sqrt(K), so that its outputs are as large as its inputs; norms lie around 1 and biases around 0. Throws
// kUnsupported when the requests leave a shape open.
std::vector<RandomTensor> random_tensors(const std::vector<run::WeightRequest>& requests);

// Normal values (65,536 quantiles of the distribution, so none beyond 4.33 spreads), a function of (seed, tensor name,
// place in the tensor) alone.
class RandomValues {
 public:
  // `format` has one element a block.
  RandomValues(const RandomTensor& tensor, Format format, std::uint64_t seed);
  // The elements [begin, begin + dst.size() / element size); `begin` is a multiple of kStep.
  void fill(std::int64_t begin, std::span<std::byte> dst, Executor& executor) const;
  static constexpr std::int64_t kStep = 8;  // elements that one draw gives

 private:
  template <std::size_t Bytes>
  void fill_elements(std::int64_t begin, std::span<std::byte> dst, Executor& executor) const;

  std::uint64_t seed_;
  std::uint64_t stream_;
  std::size_t element_bytes_;
  std::vector<std::byte> quantiles_;  // encoded
};

}  // namespace firstlight::harness
