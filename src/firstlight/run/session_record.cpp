// Recording and replaying.
#include <utility>

#include "firstlight/base/error.h"
#include "firstlight/run/recording.h"
#include "firstlight/run/session_impl.h"

namespace firstlight::run {

op::Cost Recording::cost() const {
  op::Cost sum = counters_.cost;
  for (const AttentionCall& call : attention_)
    sum += op::row(op::Op::attention).cost(&call.args, call.in, {&call.out, 1});
  return sum;
}

bool Session::may_record() const {
  return tracing_ && impl_->capabilities.traces && impl_->observers.empty() && impl_->recording == nullptr;
}

std::unique_ptr<Recording> Session::record(const std::function<void()>& calls) {
  FL_CHECK(may_record());
  auto recording = std::make_unique<Recording>();
  recording->pool_ = std::make_shared<Pool>(device_, !impl_->capabilities.computes, Pool::Keep::kEveryBlock);
  const Counters before = counters_;
  const std::shared_ptr<Pool> pool = std::exchange(impl_->pool, recording->pool_);
  impl_->recording = recording.get();
  impl_->stream->begin_capture();
  const auto end = [&] {
    recording->trace_ = impl_->stream->end_capture();
    impl_->recording = nullptr;
    impl_->pool = pool;
  };
  try {
    calls();
  } catch (...) {
    end();
    throw;
  }
  end();
  if (recording->needs_host_) return nullptr;
  recording->counters_.launches = counters_.launches - before.launches;
  for (const auto& [name, count] : counters_.fallbacks) {
    const auto earlier = before.fallbacks.find(name);
    const std::int64_t own = count - (earlier == before.fallbacks.end() ? 0 : earlier->second);
    if (own > 0) recording->counters_.fallbacks[name] = own;
  }
  recorded_bytes_ = std::max(recorded_bytes_, recording->pool_->peak_bytes());
  return recording;
}

void Session::replay(Recording& recording) {
  FL_CHECK(may_record());
  recording.trace_->replay(*impl_->stream);
  counters_.launches += recording.counters_.launches;
  for (const auto& [name, count] : recording.counters_.fallbacks) counters_.fallbacks[name] += count;
  counters_.cost += recording.cost();
  ++counters_.replays;
}

void Session::Impl::note(const Call& call, const op::Cost& cost, const Operands& operands,
                         const op::TensorSpec& out_spec) {
  if (recording == nullptr || depth_ > 0 || muted_ > 0) return;
  if (call.op != op::Op::attention) {
    recording->counters_.cost += cost;
    return;
  }
  const auto in = operands.spec_span();
  recording->attention_.push_back({*static_cast<const op::Attention*>(call.args), {in.begin(), in.end()}, out_spec});
}

void Session::Impl::note_host() {
  if (recording != nullptr) recording->needs_host_ = true;
}

}  // namespace firstlight::run
