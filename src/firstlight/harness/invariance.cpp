// Each check computes the same logits in two ways and compares the bits.
#include "firstlight/harness/invariance.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <optional>

#include "firstlight/base/error.h"
#include "firstlight/base/progress.h"
#include "firstlight/device/contract.h"

namespace firstlight::harness {
namespace {

using Ids = std::span<const std::int32_t>;

struct Check {
  pipeline::Engine& engine;
  std::int64_t vocabulary;

  std::unique_ptr<nn::State> state(int sequences, std::int64_t length, std::uint64_t page_seed = 0) const {
    nn::StateOptions options;
    options.sequences = sequences;
    options.max_length = length;
    options.declared_length = length;
    options.page_seed = page_seed;
    return engine.model().new_state(engine.session(), options);
  }

  // Logits [T, V] of a text in one sequence.
  HostTensor text(Ids ids, std::int64_t chunk, std::uint64_t page_seed = 0, int sequences = 1, int slot = 0) const {
    const auto s = state(sequences, static_cast<std::int64_t>(ids.size()), page_seed);
    return pipeline::prefill(engine.session(), engine.model(), *s, slot, ids, chunk, true);
  }

  HostTensor token_by_token(Ids ids) const {
    const auto s = state(1, static_cast<std::int64_t>(ids.size()));
    std::vector<float> rows;
    const std::int32_t sequence = 0;
    for (std::size_t i = 0; i < ids.size(); ++i) {
      const HostTensor row = pipeline::decode(engine.session(), engine.model(), *s, {&sequence, 1}, ids.subspan(i, 1));
      rows.insert(rows.end(), row.f32().begin(), row.f32().end());
    }
    return HostTensor::from(rows, Shape{static_cast<std::int64_t>(ids.size()), vocabulary});
  }
};

InvarianceResult bits(std::string name, const HostTensor& expected, const HostTensor& actual, std::int64_t vocabulary) {
  InvarianceResult result;
  result.name = std::move(name);
  if (expected.shape() != actual.shape()) {
    result.where = fmt::format("shape {} against {}", actual.shape().str(), expected.shape().str());
    return result;
  }
  const auto a = expected.f32();
  const auto b = actual.f32();
  result.equal = true;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (std::bit_cast<std::uint32_t>(a[i]) == std::bit_cast<std::uint32_t>(b[i])) continue;
    if (result.equal)
      result.where = fmt::format("first at row {}, token id {}", static_cast<std::int64_t>(i) / vocabulary,
                                 static_cast<std::int64_t>(i) % vocabulary);
    result.equal = false;
    const double difference = std::abs(static_cast<double>(a[i]) - b[i]);
    result.max_abs = std::isnan(difference) ? difference : std::max(result.max_abs, difference);
  }
  return result;
}

// Users with prompts of different lengths decode `steps` tokens together; each must get what it gets alone.
struct BatchRun {
  std::vector<std::vector<std::int32_t>> prompts;
  std::vector<std::vector<std::int32_t>> forced;  // the tokens fed step by step
};

BatchRun batch_of(Ids ids, int users, int steps) {
  BatchRun run;
  for (int user = 0; user < users; ++user) {
    const std::size_t length = 3 + static_cast<std::size_t>(user) * 5 % 23;
    std::vector<std::int32_t> prompt;
    std::vector<std::int32_t> forced;
    for (std::size_t i = 0; i < length; ++i)
      prompt.push_back(ids[(static_cast<std::size_t>(user) * 17 + i) % ids.size()]);
    for (int step = 0; step < steps; ++step)
      forced.push_back(ids[(static_cast<std::size_t>(user) * 29 + static_cast<std::size_t>(step)) % ids.size()]);
    run.prompts.push_back(std::move(prompt));
    run.forced.push_back(std::move(forced));
  }
  return run;
}

// Logits [users * steps, V], user-major. Slot of user u is (u + rotate) % users.
HostTensor decode_batch(const Check& check, const BatchRun& run, int first, int users, int steps, int rotate) {
  const auto state = check.state(users, 64);
  std::vector<std::int32_t> slots;
  for (int u = 0; u < users; ++u) {
    slots.push_back((u + rotate) % users);
    pipeline::prefill(check.engine.session(), check.engine.model(), *state, slots.back(),
                      run.prompts[static_cast<std::size_t>(first + u)], 0, false);
  }
  HostTensor all(Format::f32, Shape{static_cast<std::int64_t>(users) * steps, check.vocabulary});
  const auto width = static_cast<std::size_t>(check.vocabulary);
  for (int step = 0; step < steps; ++step) {
    std::vector<std::int32_t> tokens;
    for (int u = 0; u < users; ++u)
      tokens.push_back(run.forced[static_cast<std::size_t>(first + u)][static_cast<std::size_t>(step)]);
    const HostTensor logits = pipeline::decode(check.engine.session(), check.engine.model(), *state, slots, tokens);
    for (int u = 0; u < users; ++u)
      std::ranges::copy(logits.f32().subspan(static_cast<std::size_t>(u) * width, width),
                        all.f32().begin() +
                            static_cast<std::ptrdiff_t>((static_cast<std::size_t>(u) * static_cast<std::size_t>(steps) +
                                                         static_cast<std::size_t>(step)) *
                                                        width));
  }
  return all;
}

constexpr std::size_t kTracedTokens = 48;  // past a page's end

// Steps recorded and replayed beside the same steps call by call. Nothing where none was replayed.
std::optional<InvarianceResult> traced_is_eager(const Check& check, Ids ids) {
  run::Session& session = check.engine.session();
  const std::int64_t before = session.counters().replays;
  const HostTensor traced = check.token_by_token(ids);
  if (session.counters().replays == before) return std::nullopt;
  session.set_tracing(false);
  const HostTensor eager = check.token_by_token(ids);
  session.set_tracing(true);
  return bits("traced = eager", eager, traced, check.vocabulary);
}

}  // namespace

std::vector<InvarianceResult> check_invariance(pipeline::Engine& engine, Ids ids, const InvarianceOptions& options,
                                               const EngineFactory& with_threads) {
  FL_CHECK(!ids.empty());
  const Check check{engine, engine.model().description().vocab_size};
  std::int64_t tokens = options.tokens;
  if (const std::int64_t positions = engine.model().description().max_positions; positions > 0)
    tokens = std::min(tokens, positions);
  std::vector<std::int32_t> text;
  for (std::int64_t i = 0; i < tokens; ++i) text.push_back(ids[static_cast<std::size_t>(i) % ids.size()]);

  std::vector<InvarianceResult> results;
  Progress progress(
      "invariance",
      static_cast<std::int64_t>(5 + options.chunks.size() + options.batches.size() + options.threads.size()), "checks");
  const auto add = [&](InvarianceResult result) {
    results.push_back(std::move(result));
    progress.add(1);
  };

  const HostTensor whole = check.text(text, 0);
  add(bits("repeat", whole, check.text(text, 0), check.vocabulary));
  // A device whose decode takes other steps than its prefill does not claim this one.
  if ((engine.session().device().capabilities().invariances & op::kPhase) != 0)
    add(bits("prefill = decode", whole, check.token_by_token(text), check.vocabulary));
  // A model whose steps need the host between their ops is never traced.
  if (std::optional<InvarianceResult> traced =
          traced_is_eager(check, Ids(text).first(std::min<std::size_t>(text.size(), kTracedTokens))))
    add(*std::move(traced));
  for (const std::int64_t chunk : options.chunks)
    add(bits(fmt::format("chunk {} = whole", chunk), whole, check.text(text, chunk), check.vocabulary));
  add(bits("page order", whole, check.text(text, 0, 1234), check.vocabulary));
  add(bits("slot", whole, check.text(text, 0, 99, 4, 3), check.vocabulary));

  constexpr int kSteps = 3;
  const int most = options.batches.empty() ? 0 : *std::ranges::max_element(options.batches);
  const BatchRun run = batch_of(text, most, kSteps);
  std::vector<HostTensor> alone;
  for (int user = 0; user < most; ++user) alone.push_back(decode_batch(check, run, user, 1, kSteps, 0));
  for (const int users : options.batches) {
    std::vector<float> expected;
    for (int user = 0; user < users; ++user) {
      const auto rows = alone[static_cast<std::size_t>(user)].f32();
      expected.insert(expected.end(), rows.begin(), rows.end());
    }
    const HostTensor together = decode_batch(check, run, 0, users, kSteps, users / 2);
    add(bits(fmt::format("batch {} = alone", users),
             HostTensor::from(expected, Shape{static_cast<std::int64_t>(users) * kSteps, check.vocabulary}), together,
             check.vocabulary));
  }
  for (const int threads : options.threads) {
    const auto other = with_threads(threads);
    add(bits(fmt::format("threads {}", threads), whole, Check{*other, check.vocabulary}.text(text, 0),
             check.vocabulary));
  }
  return results;
}

std::vector<Verdict> verdicts(const std::vector<InvarianceResult>& results) {
  std::vector<Verdict> list;
  for (const InvarianceResult& result : results)
    list.push_back(judge(result.name, result.equal ? 1 : 0, "==", 1, "bit-equal",
                         result.equal ? "" : fmt::format("differs by up to {:.3g}; {}", result.max_abs, result.where)));
  return list;
}

}  // namespace firstlight::harness
