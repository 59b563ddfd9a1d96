// A decode step of a state, recorded when the same number of rows comes twice in a row, then replayed: the ids,
// positions and pages change, the launches do not.
#pragma once

#include <functional>
#include <memory>

#include "firstlight/nn/batch_tensors.h"
#include "firstlight/run/recording.h"

namespace firstlight::nn {

class DecoderStep {
 public:
  // Whether run() may serve this call: a step of as many rows as the call before, every row with its logits, and
  // nothing that keeps the session from recording. Asked once for each call.
  bool serves(const run::Session& session, const Batch& batch);
  // What compute() gives for the batch, by replay where it is recorded. The result lies where that of the last run of
  // as many rows lay.
  run::Tensor run(run::Session& session, const Batch& batch, DecoderState& state,
                  const std::function<run::Tensor(const BatchTensors&)>& compute);
  // Forgets the recording: something that it refers to is replaced.
  void reset();

 private:
  std::int64_t last_rows_ = 0;  // of the call before, 0 unless it was a step
  bool needs_host_ = false;     // this model's step cannot be recorded
  BatchTensors tensors_;
  run::Tensor result_;
  std::unique_ptr<run::Recording> recording_;  // goes before the tensors that it reads
};

}  // namespace firstlight::nn
