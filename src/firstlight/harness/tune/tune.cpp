// Sensitivity of each choice alone, a path by loss given up for time gained, measured points along it.
#include "firstlight/harness/tune/tune.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "firstlight/base/error.h"
#include "firstlight/base/json.h"
#include "firstlight/base/progress.h"

namespace firstlight::harness::tune {
namespace {

constexpr double kSmallestLoss = 1e-6;  // a choice that costs nothing, or less, is taken first
constexpr std::string_view kCandidate = "candidate";

struct Search {
  const Evaluate& evaluate;
  std::int64_t layers;
  const plan::Subject& subject;
  const Board& board;
  const plan::Constants& constants;
  plan::Request request;
  plan::Split split;
  const Options& options;
  Result result;

  std::string policy(const Choice& choice) const {
    return json_text(policy_json(result.space, choice, layers, kCandidate));
  }
  // Seconds of a decode step of the subject under a policy.
  double seconds(const std::string& spec) const {
    const auto policy = run::Policy::load(spec, subject.name, static_cast<int>(subject.description.layers));
    const auto works = plan::step_work(subject, plan::Precision(policy), split, request.load, run::Phase::kDecode);
    return plan::predict_step(works, subject, board, split, constants, request.load, request.mode, run::Phase::kDecode)
        .seconds();
  }
  double seconds(const Choice& choice) const {
    return seconds(json_text(policy_json(result.space, choice, subject.description.layers, kCandidate)));
  }
  Scores measure(const std::string& spec) {
    ++result.evaluations;
    return evaluate(spec);
  }
  void add_point(std::string name, std::string spec, Choice choice, double step_seconds, const Scores& scores,
                 const Scores& start) {
    Point point;
    point.name = std::move(name);
    point.policy = std::move(spec);
    point.choice = std::move(choice);
    point.tokens_per_s_per_user = 1 / step_seconds;
    point.top1 = mean(scores.top1);
    point.top5 = mean(scores.top5);
    point.loss = mean(scores.loss);
    point.top1_difference = paired(scores.top1, start.top1);
    point.loss_difference = paired(scores.loss, start.loss);
    point.holds = point.top1 > options.top1_bar && point.top5 > options.top5_bar;
    result.points.push_back(std::move(point));
  }
};

void measure_sensitivities(Search& search, const Scores& start) {
  const Space& space = search.result.space;
  const double base = search.seconds(space.start());
  std::int64_t runs = 0;
  for (const Knob& knob : space.knobs) runs += static_cast<std::int64_t>(knob.options.size()) - 1;
  Progress progress("sensitivity", runs, "runs");
  for (std::size_t knob = 0; knob < space.knobs.size(); ++knob) {
    for (int option = 1; option < static_cast<int>(space.knobs[knob].options.size()); ++option) {
      Choice choice = space.start();
      choice[knob] = option;
      const Scores scores = search.measure(search.policy(choice));
      search.result.sensitivities.push_back({knob, option, paired(scores.loss, start.loss),
                                             paired(scores.top1, start.top1), base / search.seconds(choice) - 1});
      progress.set(static_cast<std::int64_t>(search.result.sensitivities.size()));
    }
  }
}

// From the start to everything narrow: each step takes the change that gives up the least loss for the time it saves,
// losses taken as additive.
std::vector<Choice> make_path(const Search& search) {
  const Space& space = search.result.space;
  const auto loss_of = [&](std::size_t knob, int option) {
    for (const Sensitivity& s : search.result.sensitivities)
      if (s.knob == knob && s.option == option) return s.loss.mean;
    return 0.0;  // option 0
  };
  std::vector<Choice> path = {space.start()};
  double now = search.seconds(path.back());
  while (true) {
    double best_price = std::numeric_limits<double>::infinity();
    Choice best;
    double best_seconds = 0;
    for (std::size_t knob = 0; knob < space.knobs.size(); ++knob) {
      for (int option = 0; option < static_cast<int>(space.knobs[knob].options.size()); ++option) {
        if (option == path.back()[knob]) continue;
        Choice choice = path.back();
        choice[knob] = option;
        const double seconds = search.seconds(choice);
        if (seconds >= now * (1 - 1e-9)) continue;
        const double loss = std::max(kSmallestLoss, loss_of(knob, option) - loss_of(knob, path.back()[knob]));
        const double price = loss / (now - seconds);
        if (price < best_price) {
          best_price = price;
          best = std::move(choice);
          best_seconds = seconds;
        }
      }
    }
    if (best.empty()) return path;
    path.push_back(std::move(best));
    now = best_seconds;
  }
}

// Measured along the path: evenly, then between the last that holds and the first that does not.
void measure_path(Search& search, const std::vector<Choice>& path, const Scores& start) {
  const auto last = static_cast<int>(path.size()) - 1;
  const int points = std::max(2, search.options.points);
  std::vector<int> done;
  Progress progress("path", std::min(points, last + 1), "runs");
  const auto measure = [&](int at) {
    if (std::ranges::find(done, at) != done.end()) return;
    done.push_back(at);
    const Choice& choice = path[static_cast<std::size_t>(at)];
    const std::string spec = search.policy(choice);
    search.add_point(fmt::format("path {}", at), spec, choice, search.seconds(choice),
                     at == 0 ? start : search.measure(spec), start);
    progress.set(static_cast<std::int64_t>(done.size()));
  };
  for (int i = 0; i < points; ++i) measure(static_cast<int>(std::lround(static_cast<double>(i) * last / (points - 1))));
  const auto holds = [&](int at) {
    const auto found = std::ranges::find(search.result.points, fmt::format("path {}", at), &Point::name);
    return found->holds;
  };
  while (true) {
    std::ranges::sort(done);
    int low = -1;
    int high = -1;
    for (const int at : done)
      if (holds(at)) low = at;
    for (const int at : done)
      if (at > low && high < 0) high = at;
    if (low < 0 || high < 0 || high - low <= 1) return;
    measure(low + (high - low) / 2);
  }
}

void mark_front(std::vector<Point>& points) {
  for (Point& point : points)
    point.on_front = std::ranges::none_of(points, [&](const Point& other) {
      const bool as_good = other.tokens_per_s_per_user >= point.tokens_per_s_per_user && other.top1 >= point.top1;
      return as_good && (other.tokens_per_s_per_user > point.tokens_per_s_per_user || other.top1 > point.top1);
    });
}

std::string compare_with_stock(const Result& result) {
  const auto stock = [&](const Point& point) { return point.choice.empty(); };
  if (result.chosen < 0) {
    const auto best = std::ranges::max_element(result.points, {}, &Point::top1);
    return fmt::format("no policy holds the bar: the most accurate, {}, has top-1 {:.2f} %, top-5 {:.2f} %", best->name,
                       100 * best->top1, 100 * best->top5);
  }
  const Point& chosen = result.points[static_cast<std::size_t>(result.chosen)];
  if (stock(chosen))
    return fmt::format(
        "the stock profile {} is the fastest that holds the bar: nothing on the path is faster and holds", chosen.name);
  std::string text = fmt::format("{} holds the bar at {:.4g} t/s/u", chosen.name, chosen.tokens_per_s_per_user);
  for (const Point& point : result.points)
    if (stock(point))
      text += fmt::format("; {} has {:.4g} t/s/u ({:+.1f} %) and {}", point.name, point.tokens_per_s_per_user,
                          100 * (chosen.tokens_per_s_per_user / point.tokens_per_s_per_user - 1),
                          point.holds ? "holds it too" : "misses it");
  return text;
}

Json paired_json(const Paired& value) { return {{"mean", value.mean}, {"low", value.low}, {"high", value.high}}; }

}  // namespace

Result search(const Evaluate& evaluate, std::int64_t layers, const plan::Subject& subject, const Board& board,
              const plan::Constants& constants, const plan::Request& request, const std::vector<std::string>& stock,
              const Options& options) {
  if (options.bands < 1 || options.bands > layers || options.bands > subject.description.layers)
    fail(Category::kUsage, "--bands", "{} bands of layers; the model has {} layers, the planned one {}", options.bands,
         layers, subject.description.layers);
  const int replicas = request.replicas > 0 ? request.replicas : 1;
  Search search{evaluate, layers,  subject, board, constants, request, plan::split_board(board, replicas),
                options,  Result{}};
  search.result.space = make_space(options.bands, options.fidelities);
  search.result.layers = layers;
  const Choice first = search.result.space.start();
  const Scores start = search.measure(search.policy(first));
  {
    Progress progress("stock profiles", static_cast<std::int64_t>(stock.size()), "runs");
    for (const std::string& name : stock) {
      search.add_point(name, name, {}, search.seconds(name), search.measure(name), start);
      progress.add(1);
    }
  }
  measure_sensitivities(search, start);
  measure_path(search, make_path(search), start);
  Result& result = search.result;
  mark_front(result.points);
  for (std::size_t i = 0; i < result.points.size(); ++i) {
    const Point& point = result.points[i];
    if (point.holds &&
        (result.chosen < 0 ||
         point.tokens_per_s_per_user > result.points[static_cast<std::size_t>(result.chosen)].tokens_per_s_per_user))
      result.chosen = static_cast<int>(i);
  }
  result.verdict = compare_with_stock(result);
  return std::move(result);
}

Json Result::json() const {
  Json json = {{"bands", space.bands},
               {"layers", layers},
               {"evaluations", evaluations},
               {"verdict", verdict},
               {"chosen", chosen < 0 ? Json(nullptr) : Json(points[static_cast<std::size_t>(chosen)].name)}};
  json["sensitivities"] = Json::array();
  for (const Sensitivity& s : sensitivities)
    json["sensitivities"].push_back({{"what", space.knobs[s.knob].name(space.bands)},
                                     {"from", space.knobs[s.knob].options[0].str()},
                                     {"to", space.knobs[s.knob].options[static_cast<std::size_t>(s.option)].str()},
                                     {"loss_difference", paired_json(s.loss)},
                                     {"top1_difference", paired_json(s.top1)},
                                     {"speed_gain", s.speed_gain}});
  json["points"] = Json::array();
  for (const Point& point : points)
    json["points"].push_back(
        {{"name", point.name},
         {"policy", point.choice.empty() ? Json(point.policy) : parse_json(point.policy, "policy")},
         {"tokens_per_s_per_user", point.tokens_per_s_per_user},
         {"top1", point.top1},
         {"top5", point.top5},
         {"loss", point.loss},
         {"top1_difference", paired_json(point.top1_difference)},
         {"loss_difference", paired_json(point.loss_difference)},
         {"holds", point.holds},
         {"on_front", point.on_front}});
  return json;
}

}  // namespace firstlight::harness::tune
