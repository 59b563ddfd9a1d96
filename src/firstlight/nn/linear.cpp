// Declaration and call of a linear layer.
#include "firstlight/nn/linear.h"

#include <fmt/format.h>

#include <utility>

namespace firstlight::nn {

Linear::Linear(run::WeightSink& sink, std::string key, run::Group group, std::int64_t inputs, std::int64_t outputs,
               const Projection& projection, const Source& source)
    : key_(std::move(key)) {
  const auto made_of = [&](const std::string& tensor) {
    run::WeightExpr expr = source ? source(tensor) : run::WeightExpr(tensor);
    expr.transposed = projection.transposed;
    return expr;
  };
  weight_ = sink.linear(key_, group, inputs, outputs, made_of(key_ + ".weight"));
  if (projection.bias) bias_ = sink.vector(key_ + ".bias", outputs, made_of(key_ + ".bias"));
}

Linear::Linear(run::WeightSink& sink, std::string key, run::Group group, std::int64_t inputs, std::int64_t outputs,
               run::WeightExpr source, double read_share)
    : key_(std::move(key)) {
  weight_ = sink.linear(key_, group, inputs, outputs, std::move(source), read_share);
}

run::Tensor Linear::operator()(run::Session& session, const run::Tensor& x) const {
  return run::linear(session, key_, x, weight_, bias_);
}

run::Tensor Linear::f32(run::Session& session, const run::Tensor& x) const {
  return run::linear_f32(session, key_, x, weight_, bias_);
}

run::Tensor divisible(run::Session& session, std::string_view key, const run::Tensor& x) {
  if (row(x.format()).block_elements == 1) return x;
  return run::copy(session, fmt::format("{}.copy", key), x, Format::f32);
}

}  // namespace firstlight::nn
