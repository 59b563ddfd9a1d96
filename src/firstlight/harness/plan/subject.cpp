// Subjects from a config, through the model's own declaration.
#include "firstlight/harness/plan/subject.h"

#include <fmt/ranges.h>

#include <algorithm>

#include "firstlight/base/error.h"
#include "firstlight/base/json.h"
#include "firstlight/base/nearest.h"

namespace firstlight::harness::plan {

Subject subject_from_config(const io::Config& config, std::string name) {
  Subject subject;
  subject.name = std::move(name);
  const std::unique_ptr<model::Model> model = model::make_model(config);
  subject.description = model->description();
  run::WeightPlanSink sink;
  model->declare(sink);
  subject.requests = sink.requests();
  subject.parameters = sink.parameters();
  subject.kv_layers = model->state_layers();
  // Publishers' two spellings.
  for (const char* field : {"num_local_experts", "num_experts"})
    if (config.has(field)) subject.experts = config.positive(field);
  if (subject.experts > 0)
    subject.experts_per_token = std::min(subject.experts, config.positive_or("num_experts_per_tok", subject.experts));
  return subject;
}

Subject subject_from_config(const std::filesystem::path& path) {
  const bool is_file = std::filesystem::is_regular_file(path);
  const std::filesystem::path file = is_file ? path : path / "config.json";
  const auto folder = std::filesystem::absolute(file).lexically_normal().parent_path();
  return subject_from_config(io::Config::load(file), folder.filename().string());
}

std::vector<Subject> load_subjects(const std::filesystem::path& path, std::string_view entry) {
  std::error_code ignored;
  if (std::filesystem::is_regular_file(path, ignored)) {
    if (const Json json = read_json_file(path); is_dimension_table(json)) {
      std::vector<Subject> subjects = subjects_from_table(json, path.string());
      if (entry.empty()) return subjects;
      std::vector<std::string> names;
      for (Subject& subject : subjects) {
        if (subject.name == entry) return {std::move(subject)};
        if (std::ranges::find(subject.also, entry) != subject.also.end()) {
          subject.name = entry;
          return {std::move(subject)};
        }
        names.push_back(subject.name);
      }
      fail(Category::kUsage, "--entry", "'{}' is not in {}; there are: {}", entry, path.string(),
           fmt::join(names, ", "));
    }
  } else if (!std::filesystem::exists(path, ignored)) {
    fail(Category::kBadInput, path.string(),
         "no such file or folder; expected a checkpoint folder, a config.json or a table of dimensions");
  }
  if (!entry.empty()) fail(Category::kUsage, "--entry", "{} is not a table of dimensions", path.string());
  return {subject_from_config(path)};
}

}  // namespace firstlight::harness::plan
