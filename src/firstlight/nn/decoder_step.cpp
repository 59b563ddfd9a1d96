// When to record and when to replay.
#include "firstlight/nn/decoder_step.h"

#include "firstlight/nn/decoder_state.h"

namespace firstlight::nn {

bool DecoderStep::serves(const run::Session& session, const Batch& batch) {
  const bool step = session.phase() == run::Phase::kDecode && batch.every_row_has_logits();
  const bool again = step && batch.rows() == last_rows_;
  last_rows_ = step ? batch.rows() : 0;
  return again && !needs_host_ && session.may_record();
}

run::Tensor DecoderStep::run(run::Session& session, const Batch& batch, DecoderState& state,
                             const std::function<run::Tensor(const BatchTensors&)>& compute) {
  if (recording_ != nullptr && tensors_.rows() == batch.rows()) {
    update_batch_tensors(session, batch, state, tensors_);
    recording_->recount_attention([&](op::Attention& args) { args.attended = tensors_.attended(args.window); });
    session.replay(*recording_);
    return result_;
  }
  reset();
  tensors_ = make_lasting_batch_tensors(session, batch, state);
  recording_ = session.record([&] { result_ = compute(tensors_); });
  needs_host_ = recording_ == nullptr;
  const run::Tensor result = result_;
  if (needs_host_) reset();
  return result;
}

void DecoderStep::reset() {
  recording_.reset();
  result_ = {};
  tensors_ = {};
}

}  // namespace firstlight::nn
