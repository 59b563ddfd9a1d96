// Sums of op times.
#include "firstlight/harness/plan/speed.h"

#include <algorithm>
#include <cmath>

namespace firstlight::harness::plan {

Step predict_step(const std::vector<Work>& works, const Subject& subject, const Board& board, const Split& split,
                  const Constants& constants, const Load& load, const Mode& mode, run::Phase phase) {
  Step step;
  for (const Work& work : works) {
    OpLine line{work, op_time(work, board, constants, mode), 0};
    line.seconds = line.time.total() * work.times;
    step.ops_seconds += line.seconds;
    step.ops.push_back(std::move(line));
  }
  if (phase == run::Phase::kDecode) {
    const double users = static_cast<double>(ceil_div(load.batch, split.replicas));
    step.host_seconds = 1e-6 * (constants.step_us + constants.replica_us * (split.replicas - 1));
    if (mode.host_sampling)
      step.host_seconds +=
          1e-9 * constants.host_ns_per_logit * users * static_cast<double>(subject.description.vocab_size);
  } else {
    step.host_seconds = 1e-6 * constants.prefill_step_us;
  }
  return step;
}

Speed predict(const Subject& subject, const Precision& precision, const Board& board, const Split& split,
              const Constants& constants, const Load& load, const Mode& mode) {
  const auto step = [&](run::Phase phase) {
    return predict_step(step_work(subject, precision, split, load, phase), subject, board, split, constants, load, mode,
                        phase);
  };
  Speed speed;
  speed.decode = step(run::Phase::kDecode);
  speed.prefill = step(run::Phase::kPrefill);
  speed.tokens_per_s_per_user = 1 / speed.decode.seconds();
  speed.tokens_per_s = speed.tokens_per_s_per_user * load.batch;
  speed.ttft_ms = 1e3 * speed.prefill.seconds();
  return speed;
}

std::vector<Lever> levers(const Subject& subject, const Precision& precision, const Board& board, const Split& split,
                          const Constants& constants, const Load& load, const Mode& mode) {
  const auto rate = [&](const Precision& changed, const Mode& how) {
    const auto works = step_work(subject, changed, split, load, run::Phase::kDecode);
    return 1 / predict_step(works, subject, board, split, constants, load, how, run::Phase::kDecode).seconds();
  };
  const double now = rate(precision, mode);
  std::vector<Lever> result;
  const auto add = [&](const char* kind, std::string what, double speed) {
    result.push_back({kind, std::move(what), speed, speed / now - 1});
  };
  constexpr run::Group kProducts[] = {run::Group::kWqkv, run::Group::kWo, run::Group::kFf1_3, run::Group::kFf2,
                                      run::Group::kLmHead};
  Precision lofi = precision;
  Precision narrow = precision;
  for (const run::Group group : kProducts) {
    const std::string name(run::group_name(group));
    const Precision bfp4 = precision.with(group, Format::bfp4);
    add("format", name + " in bfp4, fidelity as it is", rate(bfp4, mode));
    add("fidelity", name + " at LoFi, format as it is", rate(precision.with_phases(group, 1), mode));
    add("format and fidelity", name + " in bfp4 at LoFi", rate(bfp4.with_phases(group, 1), mode));
    lofi = lofi.with_phases(group, 1);
    narrow = narrow.with(group, Format::bfp4).with_phases(group, 1);
  }
  add("format", "kv_cache in bfp8", rate(precision.with(run::Group::kKvCache, Format::bfp8), mode));
  add("format", "kv_cache in bfp4", rate(precision.with(run::Group::kKvCache, Format::bfp4), mode));
  add("fidelity", "every product at LoFi", rate(lofi, mode));
  add("format and fidelity", "every product in bfp4 at LoFi", rate(narrow, mode));
  const auto with = [&](auto change) {
    Mode changed = mode;
    change(changed);
    return rate(precision, changed);
  };
  add("trace", mode.traced ? "without it" : "with it", with([](Mode& m) { m.traced = !m.traced; }));
  add("sharded reads", mode.sharded ? "without them" : "with them", with([](Mode& m) { m.sharded = !m.sharded; }));
  add("fusion", mode.fused ? "without it" : "element-wise ops fused into products",
      with([](Mode& m) { m.fused = !m.fused; }));
  add("sampling", mode.host_sampling ? "on the device" : "on the host",
      with([](Mode& m) { m.host_sampling = !m.host_sampling; }));
  // Levers that change nothing say nothing.
  std::erase_if(result, [](const Lever& lever) { return std::abs(lever.gain) < 5e-4; });
  return result;
}

}  // namespace firstlight::harness::plan
