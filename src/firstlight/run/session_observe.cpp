// Telling observers of calls, and letting them see or replace results.
#include <algorithm>

#include "firstlight/base/error.h"
#include "firstlight/run/fallback.h"
#include "firstlight/run/session_impl.h"

namespace firstlight::run {

bool Session::Impl::wants_times() const {
  return muted_ == 0 && std::ranges::any_of(observers, &Observer::wants_times);
}

// A fused kernel hides what an observer wants to see: "scores,weights" under the key of its call.
bool Session::Impl::wants_hidden(std::string_view key, std::string_view hides) const {
  if (observers.empty() || muted_ > 0) return false;
  while (!hides.empty()) {
    const std::size_t comma = hides.find(',');
    const std::string name = fmt::format("{}.{}", key, hides.substr(0, comma));
    if (std::ranges::any_of(observers, [&](const Observer* observer) { return observer->wants(name); })) return true;
    hides = comma == std::string_view::npos ? std::string_view() : hides.substr(comma + 1);
  }
  return false;
}

// Primitives of a fallback go by the op's name below the key of the op they stand for.
std::string Session::Impl::shown_key(const Call& call) const {
  if (depth_ == 0 && !call.suffixed) return std::string(call.key);
  return fmt::format("{}.{}", call.key, op::row(call.op).name);
}

void Session::Impl::show(const Call& call, device::KernelCall kernel_call, const Tensor& result) {
  if (observers.empty() || depth_ > 0) return;
  const std::string key = shown_key(call);
  const View out = result.view();
  kernel_call.out = {&out, 1};
  const std::vector<Observer*> attached = observers;
  for (Observer* observer : attached) {
    if (!observer->wants_launch(key)) continue;
    stream->synchronize();
    const Deeper muted(muted_);
    observer->on_launch(session, {call.op, key, kernel_call, result.values()});
  }
}

void Session::Impl::record(const Call& call, const op::Cost& cost, std::chrono::nanoseconds duration, bool fell_back) {
  // What a fallback's primitives cost is in the op's own cost, which no device changes.
  if (depth_ == 0) session.counters_.cost += cost;
  if (observers.empty()) return;
  const std::string key = shown_key(call);
  const CallRecord record{.op = call.op,
                          .key = key,
                          .phase = session.phase_,
                          .fallback = fell_back,
                          .nested = depth_ > 0,
                          .cost = cost,
                          .duration = duration};
  for (Observer* observer : observers) observer->on_call(record);
}

Tensor Session::Impl::tap(const Call& call, Tensor result) {
  if (observers.empty()) return result;
  const std::string key = shown_key(call);
  const std::vector<Observer*> attached = observers;  // a tap may attach or detach
  for (Observer* observer : attached) {
    if (!observer->wants(key)) continue;
    const Deeper muted(muted_);
    Tensor replaced = observer->tap(session, key, result);
    if (replaced.empty() || !(replaced.shape() == result.shape()))
      fail(Category::kInternal, key, "a tap gave {} in place of {}",
           replaced.empty() ? "nothing" : replaced.shape().str(), result.shape().str());
    // What follows gets the policy's format, whoever made the values.
    if (replaced.values() != result.values() || replaced.format() != result.format())
      replaced = Primitives(session, call.key).copy(replaced, result.values());
    result = std::move(replaced);
  }
  return result;
}

}  // namespace firstlight::run
