// One recording on the reference device; on the device under test one run a level (forced) and one free (cumulative).
#include "firstlight/harness/component_check.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>

#include "firstlight/base/error.h"
#include "firstlight/base/progress.h"
#include "firstlight/harness/capsule.h"

namespace firstlight::harness {
namespace {

using Components = std::vector<model::Model::Component>;

// Compares every wanted output with the recording; forced keys get the recorded value in their place.
class Comparer : public run::Observer {
 public:
  Comparer(const Recorder& golden, const Components& components, const std::function<bool(Level)>& force)
      : golden_(golden) {
    for (const auto& component : components) entries_[component.key] = Entry{force(level_of(component)), {}, 0};
  }

  bool wants(std::string_view key) const override { return entries_.find(key) != entries_.end(); }

  run::Tensor tap(run::Session& session, std::string_view key, const run::Tensor& value) override {
    Entry& entry = entries_.find(key)->second;
    const auto& recordings = golden_.of(std::string(key));
    if (entry.calls >= recordings.size())
      fail(Category::kInternal, key, "called more often than on the reference device");
    const HostTensor& golden = recordings[entry.calls++];
    const HostTensor actual = session.download(value);
    if (actual.shape() != golden.shape())
      fail(Category::kMismatch, key, "shape {} on the device, {} on the reference", actual.shape().str(),
           golden.shape().str());
    entry.metrics =
        compare(golden.f32(), actual.f32(), value.format());  // the last call of a key is the one that is judged
    if (!entry.force) return value;
    // The reference's value takes this output's place, stored as this device stores it.
    const run::Tensor forced = session.allocate(value.format(), value.shape());
    if (value.format() == Format::f32) {
      session.upload(golden, forced);
    } else {
      HostTensor stored(value.format(), value.shape());
      copy_from_f32(golden.f32().data(), stored.view());
      session.upload(stored, forced);
    }
    return forced;
  }

  const Metrics& metrics(const std::string& key) const { return entries_.find(key)->second.metrics; }

 private:
  struct Entry {
    bool force = false;
    Metrics metrics;
    std::size_t calls = 0;
  };
  const Recorder& golden_;
  std::map<std::string, Entry, std::less<>> entries_;
};

// The work that is recorded and compared: for a decode step every user's prompt is prefilled first, under the same
// observer, so that a forced run has the reference's keys and values in its cache.
using Work = std::function<void(run::Session&, const model::Model&)>;

Work decode_work(std::span<const std::int32_t> ids, int batch, std::int64_t context) {
  return [=](run::Session& session, const model::Model& model) {
    nn::StateOptions options;
    options.sequences = batch;
    options.max_length = context + 1;
    const auto state = model.new_state(session, options);
    std::vector<std::int32_t> sequences;
    std::vector<std::int32_t> next;
    for (int user = 0; user < batch; ++user) {
      const std::int64_t length = 1 + user * (context - 1) / std::max(1, batch - 1);
      std::vector<std::int32_t> prompt;
      for (std::int64_t i = 0; i < length; ++i)
        prompt.push_back(ids[static_cast<std::size_t>(user * 31 + i) % ids.size()]);
      pipeline::prefill(session, model, *state, user, prompt, 0, false);
      sequences.push_back(user);
      next.push_back(ids[static_cast<std::size_t>(user * 31 + length) % ids.size()]);
    }
    pipeline::decode(session, model, *state, sequences, next);
  };
}

Work prefill_work(std::span<const std::int32_t> ids, std::int64_t tokens) {
  return [=](run::Session& session, const model::Model& model) {
    nn::StateOptions options;
    options.max_length = tokens;
    const auto state = model.new_state(session, options);
    std::vector<std::int32_t> prompt;
    for (std::int64_t i = 0; i < tokens; ++i) prompt.push_back(ids[static_cast<std::size_t>(i) % ids.size()]);
    pipeline::prefill(session, model, *state, 0, prompt, 0, false);
  };
}

void run_phase(const std::string& phase, const Work& work, pipeline::Engine& reference, pipeline::Engine& device,
               std::int64_t bound_rows, ComponentCheck& check, Progress& progress) {
  const Components components = device.model().components();
  std::vector<std::string> keys;
  for (const auto& component : components) keys.push_back(component.key);

  Recorder golden(keys);
  {
    const run::Attached attached(reference.session(), golden);
    work(reference.session(), reference.model());
  }
  progress.add(4);

  // A level's own error: everything at or above the level is forced, what lies inside runs free.
  std::map<Level, std::unique_ptr<Comparer>> forced;
  OwnErrors own(golden, reference.session().device(), bound_rows);
  for (const Level level : {Level::kOp, Level::kModule, Level::kDecoder}) {
    forced[level] = std::make_unique<Comparer>(golden, components, [=](Level other) { return other >= level; });
    const run::Attached attached(device.session(), *forced[level]);
    // At the level of ops every component gets the reference's inputs.
    std::optional<run::Attached> bounding;
    if (level == Level::kOp && bound_rows > 0) bounding.emplace(device.session(), own);
    work(device.session(), device.model());
    progress.add(1);
  }
  Comparer cumulative(golden, components, [](Level) { return false; });
  {
    const run::Attached attached(device.session(), cumulative);
    work(device.session(), device.model());
  }
  progress.add(1);

  for (const auto& component : components) {
    ComponentRow row;
    row.phase = phase;
    row.key = component.key;
    row.module = component.module;
    row.layer = component.layer;
    row.level = level_of(component);
    row.forced = forced[row.level]->metrics(component.key);
    row.cumulative = cumulative.metrics(component.key);
    if (const OwnError* error = own.of(component.key)) row.own = *error;
    check.finite = check.finite && row.forced.finite() && row.cumulative.finite();
    check.rows.push_back(std::move(row));
  }
}

// Whether every component's own arithmetic stays within its computed bound.
std::optional<Verdict> judge_bounds(const ComponentCheck& check) {
  std::int64_t judged = 0;
  std::int64_t within = 0;
  std::int64_t defects = 0;
  const ComponentRow* worst = nullptr;
  for (const ComponentRow& row : check.rows) {
    if (!row.own) continue;
    ++judged;
    defects += row.own->defects;
    within += row.own->within();
    if (worst == nullptr || row.own->largest_share > worst->own->largest_share) worst = &row;
  }
  if (worst == nullptr) return std::nullopt;
  return judge(
      "own error within its bound", static_cast<double>(within), "==", static_cast<double>(judged), "components",
      fmt::format("nearest is {} ({}): {:.0f} % of the bound of its arithmetic{}", worst->key, worst->phase,
                  100 * worst->own->largest_share,
                  defects > 0 ? fmt::format("; a known defect of the hardware hit {} elements", defects) : ""));
}

}  // namespace

std::string_view level_name(Level level) {
  switch (level) {
    case Level::kOp:
      return "op";
    case Level::kModule:
      return "module";
    case Level::kDecoder:
      return "decoder";
  }
  return "op";
}

Level level_of(const model::Model::Component& component) {
  if (component.module == "decoder" || component.module == "embedding") return Level::kDecoder;
  if (component.module == "attention" || component.module == "mlp" || component.module == "norm" ||
      component.module == "lm_head")
    return Level::kModule;
  return Level::kOp;
}

ComponentCheck check_components(pipeline::Engine& reference, pipeline::Engine& device,
                                std::span<const std::int32_t> ids, const ComponentOptions& options) {
  FL_CHECK(!ids.empty());
  ComponentCheck check;
  const std::int64_t positions = device.model().description().max_positions;
  check.prefill_tokens = positions > 0 ? std::min(options.prefill_tokens, positions) : options.prefill_tokens;
  Progress progress("component check", options.prefill ? 16 : 8, "steps");
  run_phase("decode", decode_work(ids, options.batch, options.context), reference, device, options.bound_rows, check,
            progress);
  if (options.prefill)
    run_phase("prefill", prefill_work(ids, check.prefill_tokens), reference, device, options.bound_rows, check,
              progress);
  return check;
}

std::vector<Verdict> verdicts(const ComponentCheck& check, const Target& target) {
  std::vector<Verdict> result;
  const auto worst = [&](std::string_view bar, std::string_view phase, bool decoder, const auto& value, bool largest,
                         const std::string& what) {
    const ComponentRow* found = nullptr;
    for (const ComponentRow& row : check.rows) {
      if ((!phase.empty() && row.phase != phase) || (row.level == Level::kDecoder) != decoder) continue;
      if (decoder && row.module != "decoder") continue;
      if (found == nullptr || std::isnan(value(row)) ||
          (largest ? value(row) > value(*found) : value(row) < value(*found)))
        found = &row;
    }
    if (found == nullptr) return;
    result.push_back(
        target.judge(bar, value(*found), "", fmt::format("{}: worst is {} ({})", what, found->key, found->phase)));
  };
  const auto pcc = [](const ComponentRow& row) { return row.forced.pcc; };
  const auto scale = [](const ComponentRow& row) { return row.forced.scale_error(); };
  const auto offset = [](const ComponentRow& row) { return row.forced.offset_error(); };
  Verdict finite = judge("finite", check.finite ? 1 : 0, "==", 1, "", "no component has a NaN or an infinity");
  result.push_back(std::move(finite));
  worst("module_pcc", "", false, pcc, false, "every op and module, forced inputs, both phases");
  worst("decoder_pcc", "decode", true, pcc, false, "decoder layers, forced inputs");
  worst("prefill_pcc", "prefill", true, pcc, false,
        fmt::format("decoder layers, forced inputs, {} tokens", check.prefill_tokens));
  worst("scale_error", "", false, scale, true, "fitted scale of every op and module");
  worst("offset_error", "", false, offset, true, "fitted offset of every op and module");
  if (std::optional<Verdict> bound = judge_bounds(check)) result.push_back(std::move(*bound));
  return result;
}

Json ComponentCheck::json() const {
  Json list = Json::array();
  for (const ComponentRow& row : rows)
    list.push_back({{"phase", row.phase},
                    {"key", row.key},
                    {"module", row.module},
                    {"layer", row.layer},
                    {"level", level_name(row.level)},
                    {"forced", row.forced.json()},
                    {"cumulative", row.cumulative.json()},
                    {"own", row.own ? row.own->json() : Json(nullptr)}});
  return {{"prefill_tokens", prefill_tokens}, {"rows", std::move(list)}};
}

}  // namespace firstlight::harness
