// What may watch or replace the results of op calls. Models and kernels know none of it.
#pragma once

#include <chrono>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "firstlight/op/op.h"
#include "firstlight/run/tensor.h"

namespace firstlight::device {
struct KernelCall;
}

namespace firstlight::run {

class Session;

enum class Phase : std::uint8_t { kPrefill, kDecode };

// One op call as the choke point saw it.
struct CallRecord {
  op::Op op;
  std::string_view key;  // "model.layers.3.self_attn.q_proj"; the op's name is its suffix where the key has several ops
  Phase phase;
  bool fallback = false;  // ran as primitives; those are calls of their own
  bool nested = false;    // a primitive inside a fallback
  op::Cost cost;
  std::chrono::nanoseconds duration{0};  // 0 unless an observer asked for times
};

// A kernel's call as it was launched, while its operands are still where they were. The output is the kernel's, ahead
// of taps.
struct Launch {
  op::Op op;
  std::string_view key;  // as in CallRecord
  const device::KernelCall& call;
  Format stored;  // the format whose values the output holds
};

class Observer {
 public:
  virtual ~Observer() = default;
  // True: every call is timed (the stream is synchronised around it).
  virtual bool wants_times() const { return false; }
  virtual void on_call(const CallRecord& record) { (void)record; }

  // Whether the kernel that makes the output named `key` is shown with its operands. Ops that fell back have none.
  virtual bool wants_launch(std::string_view key) const { return (void)key, false; }
  virtual void on_launch(Session& session, const Launch& launch) { (void)session, (void)launch; }

  // Whether the output named `key` is tapped. Asked for every call while the observer is attached.
  virtual bool wants(std::string_view key) const { return (void)key, false; }
  // Gets the tapped output; what it returns goes on in its place: the same tensor (observing) or another of the same
  // shape (forcing).
  virtual Tensor tap(Session& session, std::string_view key, const Tensor& value) {
    return (void)session, (void)key, value;
  }
};

}  // namespace firstlight::run
