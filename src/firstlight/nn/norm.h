// A norm over the last axis, by its kind.
#pragma once

#include <cstdint>
#include <string>

#include "firstlight/nn/decoder_spec.h"
#include "firstlight/run/ops.h"
#include "firstlight/run/weights.h"

namespace firstlight::nn {

class Norm {
 public:
  Norm() = default;
  // Declares `key`.weight and, where the spec has one, `key`.bias.
  Norm(run::WeightSink& sink, std::string key, std::int64_t size, const NormSpec& spec);

  const std::string& key() const { return key_; }
  run::Tensor operator()(run::Session& session, const run::Tensor& x) const;

 private:
  std::string key_;
  NormSpec spec_;
  run::Weight weight_;
  run::Weight bias_;
};

}  // namespace firstlight::nn
