// Fits the constants of the board model that are marked "fitted" to published speeds, leave one model out, and writes
// docs/predicted_vs_published.md:
//   build/release/bin/fit_boards --dims ../shared/data/configs/dims.json --write
// Constants of decode are fitted to t/s/u, those of prefill to TTFT. The loss of a row is ln(1 + (e / 0.15)^2), e = ln
// (predicted / published), so that no single row decides; the search is a pattern search over the logarithms of the
// constants, without random numbers.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <functional>
#include <map>
#include <set>

#include "firstlight/base/error.h"
#include "firstlight/base/file.h"
#include "firstlight/base/paths.h"
#include "firstlight/harness/plan/speed.h"

namespace firstlight::harness {
namespace {

using plan::Constants;

struct Row {
  std::string section;
  std::string model;
  std::string family;  // rows of one set of dimensions are left out together
  std::string policy;
  std::string left_out;
  Board board;
  plan::Split split;
  plan::Load load;
  plan::Mode mode;
  double published = 0;  // t/s/u
  double published_ttft = 0;
  plan::Subject subject;
  std::vector<plan::Work> decode;
  std::vector<plan::Work> prefill;
  double predicted = 0;  // by constants fitted without its family
  double predicted_ttft = 0;
  double shipped = 0;  // by the constants fitted to all
  double shipped_ttft = 0;

  double rate(const Constants& constants) const {
    return 1 / plan::predict_step(decode, subject, board, split, constants, load, mode, run::Phase::kDecode).seconds();
  }
  double ttft_ms(const Constants& constants) const {
    return 1e3 *
           plan::predict_step(prefill, subject, board, split, constants, load, mode, run::Phase::kPrefill).seconds();
  }
  bool used() const { return left_out.empty(); }
};

std::vector<Row> read_rows(const std::filesystem::path& file, const std::vector<plan::Subject>& subjects) {
  const Json json = read_json_file(file);
  std::vector<Row> rows;
  for (const Json& line : json.at("rows")) {
    Row row;
    row.section = line.at("section").get<std::string>();
    row.model = line.at("model").get<std::string>();
    const auto subject = std::ranges::find_if(subjects, [&](const plan::Subject& s) {
      return s.name == row.model || std::ranges::find(s.also, row.model) != s.also.end();
    });
    if (subject == subjects.end()) fail(Category::kBadInput, file.string(), "no dimensions of '{}'", row.model);
    row.subject = *subject;
    row.family = subject->name;
    row.subject.name = row.model;
    row.policy = line.at("policy").get<std::string>();
    row.left_out = line.value("left_out", "");
    row.board = load_board(line.at("board").get<std::string>());
    row.split = plan::split_board(row.board, line.value("replicas", 1));
    row.load = {.context = line.at("context").get<std::int64_t>(),
                .batch = line.at("batch").get<int>(),
                .prompt = line.at("prompt").get<std::int64_t>()};
    row.mode.host_sampling = line.value("sampling", "device") == "host";
    row.published = line.at("tokens_per_s_per_user").get<double>();
    row.published_ttft = line.value("ttft_ms", 0.0);
    const auto policy = run::Policy::load(row.policy, row.model, static_cast<int>(row.subject.description.layers));
    const plan::Precision precision(policy);
    row.decode = plan::step_work(row.subject, precision, row.split, row.load, run::Phase::kDecode);
    row.prefill = plan::step_work(row.subject, precision, row.split, row.load, run::Phase::kPrefill);
    rows.push_back(std::move(row));
  }
  return rows;
}

// What a constant should be near, where the rows leave it open: being off by a factor of e costs as much as one row
// that is wrong by a sixth. Launches: llms.md's goal of 6 us between ops, and 756 us of gaps for 19 untraced ones
// (tt_stack.md §8.1, §8.3); the rest are first estimates from differences of single rows (docs/boards.md).
constexpr std::pair<std::string_view, double> kPriors[] = {
    {"decode_tile_cycles", 10},
    {"decode_score_cycles", 2000},
    {"decode_head_cycles", 5000},
    {"launch_us", 6},
    {"step_us", 2500},
    {"host_ns_per_logit", 1},
    {"replica_us", 700},
    {"collective_us", 10},
    {"two_axis_us", 50},
    {"hop_us", 3},
    {"prefill_tile_cycles", 20},
    {"prefill_score_cycles", 700},
    {"prefill_launch_us", 40},
    {"prefill_step_us", 3000},
};

// Where every search starts, so that a run does not depend on the one before.
void start_at_priors(Constants& constants) {
  for (const plan::ConstantRow& row : plan::constant_rows())
    for (const auto& [name, value] : kPriors)
      if (name == row.name) constants.*row.value = value;
}

double prior_loss(const Constants& constants, const std::vector<const plan::ConstantRow*>& free) {
  double total = 0;
  for (const plan::ConstantRow* row : free)
    for (const auto& [name, value] : kPriors)
      if (name == row->name) total += std::pow(std::log(constants.*row->value / value), 2);
  return total;
}

double loss(double predicted, double published) {
  const double e = std::log(predicted / published) / 0.15;
  return std::log1p(e * e);
}

// Minimises `cost` over the named constants, each by a factor at a time that shrinks when nothing helps.
void pattern_search(Constants& constants, const std::vector<const plan::ConstantRow*>& free,
                    const std::function<double(const Constants&)>& cost) {
  double best = cost(constants);
  for (double step = 0.5; step > 0.002;) {
    bool better = false;
    for (const plan::ConstantRow* row : free) {
      for (const double factor : {std::exp(step), std::exp(-step)}) {
        Constants tried = constants;
        tried.*row->value *= factor;
        if (const double value = cost(tried); value < best - 1e-9) {
          best = value;
          constants = std::move(tried);
          better = true;
          break;
        }
      }
    }
    if (!better) step /= 2;
  }
}

Constants fit(const Constants& start, const std::vector<Row>& rows, const std::string& without) {
  std::vector<const plan::ConstantRow*> decode;
  std::vector<const plan::ConstantRow*> prefill;
  for (std::size_t i = 0; i < plan::constant_rows().size(); ++i)
    if (start.sources[i].starts_with("fitted"))
      (plan::constant_rows()[i].name.starts_with("prefill") ? prefill : decode).push_back(&plan::constant_rows()[i]);
  Constants constants = start;
  const auto sum = [&](const Constants& tried, bool ttft) {
    double total = 0;
    for (const Row& row : rows) {
      if (!row.used() || row.family == without) continue;
      if (!ttft) total += loss(row.rate(tried), row.published);
      if (ttft && row.published_ttft > 0) total += loss(row.ttft_ms(tried), row.published_ttft);
    }
    return total;
  };
  pattern_search(constants, decode,
                 [&](const Constants& tried) { return sum(tried, false) + prior_loss(tried, decode); });
  pattern_search(constants, prefill,
                 [&](const Constants& tried) { return sum(tried, true) + prior_loss(tried, prefill); });
  return constants;
}

struct Errors {
  double median = 0;
  double ninetieth = 0;
  std::size_t rows = 0;
};

// Of |predicted / published - 1|; the 90th percentile by nearest rank.
Errors errors(std::vector<double> values) {
  if (values.empty()) return {};
  std::ranges::sort(values);
  const std::size_t n = values.size();
  const double median = n % 2 == 1 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
  return {median, values[static_cast<std::size_t>(std::ceil(0.9 * static_cast<double>(n))) - 1], n};
}

std::string short_policy(const std::string& policy) {
  return policy.size() < 16
             ? policy
             : fmt::format("`{}`", policy.substr(policy.find('{') + 1, policy.rfind('}') - policy.find('{') - 1));
}

std::string table(const std::vector<Row>& rows, const Json& source, const Constants& constants,
                  const std::map<std::string, Constants>& folds) {
  std::string text =
      "# Predicted beside published speeds\n\n"
      "Made by `fit_boards --dims ../shared/data/configs/dims.json --write` (tools/fit_boards.cpp); do not edit. "
      "The model and its limits: [boards.md](boards.md).\n\n"
      "\"Predicted\" is with every fitted constant fitted to the other models' rows only (leave one model out: rows of "
      "the "
      "same dimensions are left out together); \"all\" is with the shipped constants, fitted to all rows. Errors are "
      "predicted / published - 1.\n\n";
  text += fmt::format("Published: {}.\n\n", source.at("source").get<std::string>());
  for (const Json& note : source.at("notes")) text += fmt::format("- {}\n", note.get<std::string>());
  std::vector<double> rate_errors;
  std::vector<double> shipped_errors;
  std::vector<double> ttft_errors;
  for (const Row& row : rows) {
    if (!row.used()) continue;
    rate_errors.push_back(std::abs(row.predicted / row.published - 1));
    shipped_errors.push_back(std::abs(row.shipped / row.published - 1));
    if (row.published_ttft > 0) ttft_errors.push_back(std::abs(row.predicted_ttft / row.published_ttft - 1));
  }
  const auto line = [&](const char* what, const Errors& e) {
    text += fmt::format("| {} | {} | {:.1f} % | {:.1f} % |\n", what, e.rows, 100 * e.median, 100 * e.ninetieth);
  };
  text += "\n| | rows | median absolute error | 90th percentile |\n|---|---|---|---|\n";
  line("t/s/u, leave one model out", errors(rate_errors));
  line("t/s/u, fitted to all", errors(shipped_errors));
  line("TTFT, leave one model out", errors(ttft_errors));
  text +=
      "\n| § | model | board | policy | batch | context | t/s/u published | predicted | error | all | TTFT ms "
      "published | "
      "predicted | error |\n|---|---|---|---|---|---|---|---|---|---|---|---|---|\n";
  for (const Row& row : rows) {
    if (!row.used()) continue;
    const std::string board =
        row.split.replicas > 1 ? fmt::format("{} DP{}", row.board.name, row.split.replicas) : row.board.name;
    const std::string ttft = row.published_ttft > 0
                                 ? fmt::format("{:.4g} | {:.4g} | {:+.0f} %", row.published_ttft, row.predicted_ttft,
                                               100 * (row.predicted_ttft / row.published_ttft - 1))
                                 : fmt::format("| {:.4g} |", row.predicted_ttft);
    text += fmt::format("| {} | {} | {} | {} | {} | {} | {:.4g} | {:.4g} | {:+.0f} % | {:.4g} | {} |\n", row.section,
                        row.model, board, short_policy(row.policy), row.load.batch, row.load.context, row.published,
                        row.predicted, 100 * (row.predicted / row.published - 1), row.shipped, ttft);
  }
  text +=
      "\n## Left out\n\n| § | model | board | batch | t/s/u published | predicted | reason "
      "|\n|---|---|---|---|---|---|---|\n";
  for (const Row& row : rows)
    if (!row.used())
      text += fmt::format("| {} | {} | {} | {} | {:.4g} | {:.4g} | {} |\n", row.section, row.model, row.board.name,
                          row.load.batch, row.published, row.predicted, row.left_out);
  text +=
      "\n## Fitted constants\n\nThe range is over the fits with one model left out.\n\n| constant | value | range | "
      "unit | what |\n|---|---|---|---|---|\n";
  for (std::size_t i = 0; i < plan::constant_rows().size(); ++i) {
    const plan::ConstantRow& row = plan::constant_rows()[i];
    if (!constants.sources[i].starts_with("fitted")) continue;
    double low = constants.*row.value;
    double high = low;
    for (const auto& [name, fold] : folds) {
      low = std::min(low, fold.*row.value);
      high = std::max(high, fold.*row.value);
    }
    text += fmt::format("| `{}` | {:.4g} | {:.4g} to {:.4g} | {} | {} |\n", row.name, constants.*row.value, low, high,
                        row.unit, row.what);
  }
  return text;
}

}  // namespace

int fit_boards(const std::filesystem::path& dims, std::filesystem::path rows_file, bool write) {
  if (rows_file.empty()) rows_file = data_home() / "tools" / "published_speed.json";
  const std::vector<plan::Subject> subjects = plan::load_subjects(dims, "");
  std::vector<Row> rows = read_rows(rows_file, subjects);
  Constants start = Constants::load(plan::default_constants());
  start_at_priors(start);
  Constants all = fit(start, rows, "");
  for (std::size_t i = 0; i < plan::constant_rows().size(); ++i)  // as the file will hold them
    if (const auto value = plan::constant_rows()[i].value; all.sources[i].starts_with("fitted"))
      all.*value = std::stod(fmt::format("{:.4g}", all.*value));
  std::set<std::string> families;
  for (const Row& row : rows) families.insert(row.family);
  std::map<std::string, Constants> folds;
  for (const std::string& family : families) folds.emplace(family, fit(all, rows, family));
  for (Row& row : rows) {
    const Constants& fold = folds.at(row.family);
    row.predicted = row.rate(fold);
    row.predicted_ttft = row.ttft_ms(fold);
    row.shipped = row.rate(all);
    row.shipped_ttft = row.ttft_ms(all);
  }
  const std::string text = table(rows, read_json_file(rows_file), all, folds);
  fmt::print("{}", text);
  if (write) {
    write_text_file(data_home() / "docs" / "predicted_vs_published.md", text);
    write_text_file(data_home() / "boards" / "timing" / (std::string(plan::default_constants()) + ".json"),
                    all.file_text());
  }
  return 0;
}

}  // namespace firstlight::harness

int main(int argc, char** argv) {
  CLI::App app("Fits the board model to published speeds, leave one model out");
  std::filesystem::path dims;
  std::filesystem::path rows;
  bool write = false;
  app.add_option("--dims", dims, "Table of dimensions (shared/data/configs/dims.json)")->required();
  app.add_option("--rows", rows, "Published speeds, by default tools/published_speed.json");
  app.add_flag("--write", write, "Write docs/predicted_vs_published.md and boards/timing/*.json of the source tree");
  CLI11_PARSE(app, argc, argv);
  try {
    return firstlight::harness::fit_boards(dims, rows, write);
  } catch (const std::exception& error) {
    fmt::print(stderr, "fit_boards: {}\n", error.what());
    return 3;
  }
}
