// Declaration and call of a linear layer.
#include "firstlight/nn/linear.h"

#include <fmt/format.h>

#include <utility>

namespace firstlight::nn {

Linear::Linear(run::WeightSink& sink, std::string key, run::Group group, std::int64_t inputs, std::int64_t outputs,
               bool bias)
    : key_(std::move(key)) {
  weight_ = sink.linear(key_, group, inputs, outputs, key_ + ".weight");
  if (bias) bias_ = sink.vector(key_ + ".bias", outputs, key_ + ".bias");
}

run::Tensor Linear::operator()(run::Session& session, const run::Tensor& x) const {
  return run::linear(session, key_, x, weight_, bias_);
}

run::Tensor divisible(run::Session& session, std::string_view key, const run::Tensor& x) {
  if (row(x.format()).block_elements == 1) return x;
  return run::copy(session, fmt::format("{}.copy", key), x, Format::f32);
}

}  // namespace firstlight::nn
