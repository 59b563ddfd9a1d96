// The choke point: every op call of every model goes through a Session. It infers shapes, applies the precision policy,
// allocates outputs in the device's form, picks the kernel or the fallback, and tells observers.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "firstlight/run/observer.h"
#include "firstlight/run/policy.h"
#include "firstlight/run/tensor.h"
#include "firstlight/tensor/tensor.h"

namespace firstlight::device {
class Device;
}

namespace firstlight::run {

class Recording;

// How often ops ran as fallbacks, by op name; and everything's cost.
struct Counters {
  std::map<std::string, std::int64_t, std::less<>> fallbacks;
  std::int64_t launches = 0;
  std::int64_t replays = 0;  // of recordings; their launches and costs are counted like any
  op::Cost cost;
};

class Session {
 public:
  // The device outlives the session.
  Session(device::Device& device, Policy policy);
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;
  ~Session();

  device::Device& device() const { return device_; }
  const Policy& policy() const { return policy_; }
  Phase phase() const { return phase_; }
  void set_phase(Phase phase) { phase_ = phase; }

  // Calls an op (args: one of op/*.h). The output is stored in `format`, by default the policy's activation format for
  // `key`. `key` is the component key; an output whose op is not the component's only one is tapped and reported as
  // "key.op_name" when `suffixed`.
  template <typename Args>
  Tensor call(op::Op op, const Args& args, std::span<const Tensor> in, std::string_view key,
              std::optional<Format> format = std::nullopt, bool suffixed = false) {
    return call_erased(op, &args, sizeof(Args), in, key, format, suffixed);
  }
  // An in-place op: `state` is updated.
  template <typename Args>
  void call_in_place(op::Op op, const Args& args, std::span<const Tensor> in, const Tensor& state,
                     std::string_view key) {
    call_in_place_erased(op, &args, sizeof(Args), in, state, key);
  }

  // Says which policy group the component `key` stands in, so that its kernel setting can be resolved. The loader does.
  void note_group(std::string_view key, Group group);

  // A zero-filled tensor that is not an op's output: state, inputs. Not pooled.
  Tensor allocate(Format format, const Shape& shape);
  // Host -> device in the tensor's own format; i32 and f32 are always possible. Where the device does not store the
  // format, f32 stands in for it: Tensor::values() still says which values it holds.
  Tensor upload(const HostTensor& tensor);
  // Overwrites a tensor of the same shape and format.
  void upload(const HostTensor& tensor, const Tensor& into);
  // Device -> host, decoded to f32 (i32 stays i32).
  HostTensor download(const Tensor& tensor);
  void synchronize();

  // Whether calls may be recorded, and recordings replayed: the device has traces, nobody observes, nobody forbids.
  bool may_record() const;
  // Records the calls that it makes, which also run. Null when one of them needs the host (a fallback that computes
  // there, a download, an upload): their results stand all the same. What a recording was given as operands must
  // outlive it, and no other call may be under way.
  std::unique_ptr<Recording> record(const std::function<void()>& calls);
  // Runs them once more on what their operands hold now; results lie where they lay.
  void replay(Recording& recording);
  void set_tracing(bool allowed) { tracing_ = allowed; }

  // Observers are asked in the order of attachment; each outlives its attachment.
  void attach(Observer& observer);
  void detach(Observer& observer);

  const Counters& counters() const { return counters_; }
  void reset_counters() { counters_ = {}; }
  // Bytes of pooled activation memory at its largest.
  std::size_t peak_activation_bytes() const;

 private:
  Tensor call_erased(op::Op op, const void* args, std::size_t args_bytes, std::span<const Tensor> in,
                     std::string_view key, std::optional<Format> format, bool suffixed);
  void call_in_place_erased(op::Op op, const void* args, std::size_t args_bytes, std::span<const Tensor> in,
                            const Tensor& state, std::string_view key);

  class Impl;
  device::Device& device_;
  Policy policy_;
  Phase phase_ = Phase::kPrefill;
  Counters counters_;
  bool tracing_ = true;
  std::size_t recorded_bytes_ = 0;  // of the largest recording's results
  std::unique_ptr<Impl> impl_;
};

// An observer that is attached for as long as this lives.
class Attached {
 public:
  Attached(Session& session, Observer& observer) : session_(session), observer_(observer) {
    session_.attach(observer_);
  }
  ~Attached() { session_.detach(observer_); }
  Attached(const Attached&) = delete;
  Attached& operator=(const Attached&) = delete;

 private:
  Session& session_;
  Observer& observer_;
};

}  // namespace firstlight::run
