// Declaration and call of a norm.
#include "firstlight/nn/norm.h"

#include <utility>

namespace firstlight::nn {

Norm::Norm(run::WeightSink& sink, std::string key, std::int64_t size, const NormSpec& spec)
    : key_(std::move(key)), spec_(spec) {
  weight_ = sink.vector(key_, size, key_ + ".weight");
  if (spec.bias) bias_ = sink.vector(key_ + ".bias", size, key_ + ".bias");
}

run::Tensor Norm::operator()(run::Session& session, const run::Tensor& x) const {
  if (spec_.kind == NormKind::kLayer) return run::layer_norm(session, key_, x, weight_, bias_, spec_.eps);
  return run::rms_norm(session, key_, x, weight_, spec_.eps, spec_.weight_offset);
}

}  // namespace firstlight::nn
