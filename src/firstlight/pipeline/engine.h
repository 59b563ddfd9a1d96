// A model that is ready to run: checkpoint folder + device + policy -> loaded weights, tokenizer, session.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "firstlight/io/checkpoint.h"
#include "firstlight/io/config.h"
#include "firstlight/model/model.h"
#include "firstlight/pipeline/feed.h"
#include "firstlight/run/loader.h"
#include "firstlight/run/session.h"
#include "firstlight/text/tokenizer.h"

namespace firstlight::pipeline {

struct EngineOptions {
  std::string policy = "f32";
  std::filesystem::path cache_dir;   // as in run::LoadOptions
  std::vector<std::string> waivers;  // tensors and config fields (dotted) that may stay unread
};

// Refuses (kUsage) a policy that speaks of components which the model of this config does not have.
void check_policy(const run::Policy& policy, const io::Config& config);

// What a checkpoint folder is called in records, and by the exceptions of policies: its last name.
std::string model_name(const std::filesystem::path& folder);

class Engine {
 public:
  // Opens, checks and loads. Refuses unread config fields and unplaced tensors unless waived by name.
  Engine(const std::filesystem::path& folder, device::Device& device, const EngineOptions& options);

  const std::filesystem::path& folder() const { return folder_; }
  std::string name() const;  // the folder's name
  run::Session& session() { return *session_; }
  const model::Model& model() const { return *model_; }
  const io::Config& config() const { return *config_; }
  const io::Checkpoint& checkpoint() const { return *checkpoint_; }
  const run::Ledger& ledger() const { return ledger_; }
  const std::vector<std::string>& waived() const { return waived_; }  // waivers that were needed: shown in reports
  bool has_tokenizer() const;
  // Throws kBadInput when the folder has none.
  const text::Tokenizer& tokenizer();

 private:
  std::filesystem::path folder_;
  std::unique_ptr<io::Config> config_;
  std::unique_ptr<io::Checkpoint> checkpoint_;
  std::unique_ptr<model::Model> model_;
  std::unique_ptr<run::Session> session_;
  run::Ledger ledger_;
  std::vector<std::string> waived_;
  std::optional<text::Tokenizer> tokenizer_;
};

}  // namespace firstlight::pipeline
