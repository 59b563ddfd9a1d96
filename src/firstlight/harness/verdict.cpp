// Judging, and the bars of a target file.
#include "firstlight/harness/verdict.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

#include "firstlight/base/error.h"
#include "firstlight/base/paths.h"

namespace firstlight::harness {
namespace {

bool holds(double value, const std::string& relation, double bar) {
  if (std::isnan(value)) return false;
  if (relation == ">") return value > bar;
  if (relation == ">=") return value >= bar;
  if (relation == "<") return value < bar;
  if (relation == "<=") return value <= bar;
  FL_CHECK(relation == "==");
  return value == bar;
}

}  // namespace

std::string_view outcome_name(Outcome outcome) {
  switch (outcome) {
    case Outcome::kPassed:
      return "passed";
    case Outcome::kFailed:
      return "failed";
    case Outcome::kReported:
      return "reported";
    case Outcome::kSkipped:
      return "skipped";
  }
  return "failed";
}

Json Verdict::json() const {
  Json json;
  json["name"] = name;
  // JSON has no NaN or infinity: they are written as text, so that a record never hides one.
  json["value"] = std::isfinite(value) ? Json(value) : Json(fmt::format("{}", value));
  if (bar) {
    json["bar"] = *bar;
    json["relation"] = relation;
  }
  json["unit"] = unit;
  json["outcome"] = outcome_name(outcome);
  json["note"] = note;
  return json;
}

Verdict judge(std::string name, double value, std::string relation, double bar, std::string unit, std::string note) {
  const Outcome outcome = holds(value, relation, bar) ? Outcome::kPassed : Outcome::kFailed;
  return {std::move(name), value, bar, std::move(relation), std::move(unit), outcome, std::move(note)};
}

Verdict reported(std::string name, double value, std::string unit, std::string note) {
  return {std::move(name), value, std::nullopt, "", std::move(unit), Outcome::kReported, std::move(note)};
}

Verdict skipped(std::string name, std::string note) {
  return {std::move(name), std::nan(""), std::nullopt, "", "", Outcome::kSkipped, std::move(note)};
}

bool all_passed(const std::vector<Verdict>& verdicts) {
  return std::ranges::none_of(verdicts, [](const Verdict& v) { return v.outcome == Outcome::kFailed; });
}

Target Target::load(std::string_view name) {
  const auto path = data_home() / "targets" / fmt::format("{}.json", name);
  const std::vector<std::string> names = data_names("targets");
  if (std::ranges::find(names, name) == names.end()) {
    fail(Category::kUsage, "--target", "no target is named '{}'; there are: {}", name, fmt::join(names, ", "));
  }
  Target target;
  target.name_ = name;
  target.json_ = read_json_file(path);
  for (const auto& [key, entry] : target.json_.items()) {
    if (!entry.is_object() || !entry.contains("bar")) continue;
    const std::string relation = entry.value("relation", "");
    if (!entry["bar"].is_number() || (relation != ">" && relation != ">=" && relation != "<" && relation != "<="))
      fail(Category::kBadInput, path.string(), "'{}' needs a number 'bar' and a 'relation' of >, >=, <, <=", key);
  }
  for (const Json& tier : target.json_.value("tiers", Json::array())) {
    if (!tier.is_object() || !tier.contains("name") || !tier.contains("share") || !tier["share"].is_number())
      fail(Category::kBadInput, path.string(), "each of 'tiers' needs a 'name' and a number 'share'");
    target.tiers_.push_back({tier["name"].get<std::string>(), tier["share"].get<double>()});
  }
  std::ranges::sort(target.tiers_, {}, &Tier::share);
  return target;
}

Verdict Target::judge(std::string_view bar, double value, std::string unit, std::string note) const {
  const auto found = json_.find(std::string(bar));
  if (found == json_.end()) fail(Category::kBadInput, fmt::format("targets/{}.json", name_), "has no bar '{}'", bar);
  const double scale = unit == "%" ? 100 : 1;
  return harness::judge(std::string(bar), value * scale, (*found)["relation"].get<std::string>(),
                        (*found)["bar"].get<double>() * scale, std::move(unit), std::move(note));
}

double Target::number(std::string_view bar, std::string_view field) const {
  const auto found = json_.find(std::string(bar));
  if (found == json_.end() || !found->contains(std::string(field)) || !(*found)[std::string(field)].is_number())
    fail(Category::kBadInput, fmt::format("targets/{}.json", name_), "'{}' has no number '{}'", bar, field);
  return (*found)[std::string(field)].get<double>();
}

Outcome PhaseResult::outcome() const {
  if (!stopped_by.empty()) return Outcome::kFailed;
  if (verdicts.empty()) return Outcome::kReported;
  if (!all_passed(verdicts)) return Outcome::kFailed;
  const auto judged = [](const Verdict& v) { return v.outcome == Outcome::kPassed; };
  if (std::ranges::any_of(verdicts, judged)) return Outcome::kPassed;
  const auto skipped = [](const Verdict& v) { return v.outcome == Outcome::kSkipped; };
  return std::ranges::all_of(verdicts, skipped) ? Outcome::kSkipped : Outcome::kReported;
}

}  // namespace firstlight::harness
