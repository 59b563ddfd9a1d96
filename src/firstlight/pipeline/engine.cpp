// Opening a checkpoint folder, with every check before the first forward call.
#include "firstlight/pipeline/engine.h"

#include <fmt/ranges.h>

#include <algorithm>

#include "firstlight/base/error.h"
#include "firstlight/base/paths.h"
#include "firstlight/run/key.h"

namespace firstlight::pipeline {
namespace {

// Fields that the model did not ask for might change what it computes. Returns the waivers that were needed.
std::vector<std::string> check_unread(const io::Config& config, const std::vector<std::string>& waivers) {
  std::vector<std::string> waived;
  std::vector<std::string> unread;
  for (const std::string& field : config.unread()) {
    const bool may =
        std::ranges::any_of(waivers, [&](const std::string& waiver) { return run::matches(waiver, field); });
    (may ? waived : unread).push_back(field);
  }
  if (!unread.empty()) {
    fail(Category::kMismatch, config.file(),
         "unread fields: {}: the model's code does not know what they change; waive them by name (--waive) to go on",
         fmt::join(unread, ", "));
  }
  return waived;
}

std::optional<std::filesystem::path> hash_folder(const std::filesystem::path& cache_dir) {
  if (cache_dir == "none") return std::nullopt;
  return cache_dir.empty() ? default_cache_dir() : cache_dir;
}

}  // namespace

std::string model_name(const std::filesystem::path& folder) {
  std::filesystem::path full = std::filesystem::absolute(folder).lexically_normal();
  if (!full.has_filename()) full = full.parent_path();
  return full.filename().string();
}

void check_policy(const run::Policy& policy, const io::Config& config) {
  run::WeightPlanSink plan;
  const std::unique_ptr<model::Model> model = model::make_model(config);
  model->declare(plan);
  std::vector<std::string> keys;
  for (const auto& layer : model->state_layers()) keys.push_back(layer.key);
  for (const run::WeightRequest& request : plan.requests()) keys.push_back(request.key);
  for (const auto& component : model->components()) keys.push_back(component.key);
  policy.check_used(keys);
}

Engine::Engine(const std::filesystem::path& folder, device::Device& device, const EngineOptions& options)
    : folder_(folder) {
  config_ = std::make_unique<io::Config>(io::Config::load(folder / "config.json"));
  model_ = model::make_model(*config_);
  waived_ = check_unread(*config_, options.waivers);
  run::Policy policy = run::Policy::load(options.policy, name(), static_cast<int>(model_->description().layers));
  check_policy(policy, *config_);

  checkpoint_ = std::make_unique<io::Checkpoint>(folder, hash_folder(options.cache_dir));
  session_ = std::make_unique<run::Session>(device, std::move(policy));
  run::Loader loader(*session_, *checkpoint_, {.cache_dir = options.cache_dir, .waivers = options.waivers});
  model_->declare(loader);
  ledger_ = loader.finish();
  for (const run::LedgerLine& line : ledger_.lines) {
    if (line.use == "waived") waived_.push_back(line.tensor);
  }
}

std::string Engine::name() const { return model_name(folder_); }

bool Engine::has_tokenizer() const { return text::Tokenizer::exists(folder_); }

const text::Tokenizer& Engine::tokenizer() {
  if (!tokenizer_) tokenizer_.emplace(text::Tokenizer::load(folder_));
  return *tokenizer_;
}

}  // namespace firstlight::pipeline
