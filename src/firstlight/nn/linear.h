// A linear layer, and parts of its output.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "firstlight/nn/decoder_spec.h"
#include "firstlight/run/ops.h"
#include "firstlight/run/weights.h"

namespace firstlight::nn {

class Linear {
 public:
  Linear() = default;
  // What a checkpoint tensor gives: all of it by default.
  using Source = std::function<run::WeightExpr(const std::string& tensor)>;
  // Declares `key`.weight and, where the projection has one, `key`.bias.
  Linear(run::WeightSink& sink, std::string key, run::Group group, std::int64_t inputs, std::int64_t outputs,
         const Projection& projection, const Source& source = nullptr);
  // A weight without a bias from a source of its own. `read_share`: see run::WeightRequest.
  Linear(run::WeightSink& sink, std::string key, run::Group group, std::int64_t inputs, std::int64_t outputs,
         run::WeightExpr source, double read_share);

  const std::string& key() const { return key_; }
  run::Tensor operator()(run::Session& session, const run::Tensor& x) const;
  // The same, stored as f32 under every policy.
  run::Tensor f32(run::Session& session, const run::Tensor& x) const;

 private:
  std::string key_;
  run::Weight weight_;
  run::Weight bias_;
};

// x in a format whose rows can be cut and reshaped without moving them: x itself, or its values as f32 where it is
// stored in blocks.
run::Tensor divisible(run::Session& session, std::string_view key, const run::Tensor& x);

}  // namespace firstlight::nn
