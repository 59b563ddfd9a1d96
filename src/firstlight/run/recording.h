// A run of op calls recorded once and replayed on the same buffers: what its inputs hold may change, their shapes not.
#pragma once

#include <memory>
#include <vector>

#include "firstlight/device/contract.h"
#include "firstlight/op/attention.h"
#include "firstlight/run/pool.h"
#include "firstlight/run/session.h"

namespace firstlight::run {

class Recording {
 public:
  std::int64_t launches() const { return static_cast<std::int64_t>(trace_->launches()); }

  // What attention costs follows its rows' positions: change(op::Attention&) gives each call the counts of the replay
  // to come. Kernels take positions from their operands.
  template <typename Change>
  void recount_attention(const Change& change) {
    for (AttentionCall& call : attention_) change(call.args);
  }

 private:
  friend class Session;
  struct AttentionCall {
    op::Attention args;
    std::vector<op::TensorSpec> in;
    op::TensorSpec out;
  };

  op::Cost cost() const;  // of one run

  std::unique_ptr<device::Trace> trace_;
  std::shared_ptr<Pool> pool_;  // of what the calls made: nobody else's
  Counters counters_;           // of one run; the cost is that of every op but attention
  std::vector<AttentionCall> attention_;
  bool needs_host_ = false;  // values went to the host or came from it between the calls
};

}  // namespace firstlight::run
