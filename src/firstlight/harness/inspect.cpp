// Plans a model from its config without touching weights.
#include "firstlight/harness/inspect.h"

#include <algorithm>
#include <set>

#include "firstlight/base/error.h"
#include "firstlight/base/nearest.h"
#include "firstlight/harness/plan/plan.h"
#include "firstlight/io/checkpoint.h"

namespace firstlight::harness {
namespace {

void note_alignment(Inspection& result, const std::vector<run::WeightRequest>& requests) {
  const model::Description& d = *result.description;
  const auto check = [&](std::string what, std::int64_t value, std::string note) {
    if (value > 0 && value % 32 != 0)
      result.alignment.push_back({std::move(what), value, round_up(value, 32), std::move(note)});
  };
  check("hidden_size", d.hidden_size, "every activation row is padded");
  check("head_dim", d.head_dim, "pad heads with zeros but keep the scale of the true head_dim");
  check("intermediate_size", d.intermediate_size, "MLP columns are padded");
  check("vocab_size", d.vocab_size, "padded logits must never win the argmax");
  // Projections whose outputs are not covered by the named dimensions (fused ones, odd head counts).
  std::set<std::int64_t> seen{d.hidden_size, d.intermediate_size, d.vocab_size};
  for (const auto& request : requests) {
    if (request.kind != run::WeightKind::kLinear) continue;
    const std::int64_t outputs = request.shape[1];
    if (seen.insert(outputs).second) check(request.key + " outputs", outputs, "columns are padded");
  }
}

std::vector<std::string> nearest_models(std::string_view model_type) {
  std::vector<std::string> names;
  for (const model::ModelRow& row : model::models()) names.emplace_back(row.model_type);
  const std::size_t count = names.size();
  return nearest_names(model_type, std::move(names), count);
}

}  // namespace

Inspection inspect(const std::filesystem::path& path, const InspectOptions& options) {
  const bool is_file = std::filesystem::is_regular_file(path);
  const std::filesystem::path file = is_file ? path : path / "config.json";
  const io::Config config = io::Config::load(file);
  Inspection result;
  const auto folder = std::filesystem::absolute(file).lexically_normal().parent_path();
  result.name = folder.filename().string();
  result.model_type = config.string_or("model_type", "");
  result.nearest = nearest_models(result.model_type);

  std::unique_ptr<model::Model> model;
  try {
    model = model::make_model(config);
  } catch (const Error& error) {
    if (error.category() != Category::kUnsupported) throw;
    result.unsupported_because = error.what();
    return result;
  }
  result.supported = true;
  result.description = model->description();
  result.unread_fields = config.unread();
  run::WeightPlanSink plan;
  model->declare(plan);
  result.parameters = plan.parameters();
  note_alignment(result, plan.requests());
  if (!is_file && (std::filesystem::exists(path / "model.safetensors") ||
                   std::filesystem::exists(path / "model.safetensors.index.json")))
    result.unplaced_tensors = plan.unplaced(io::Checkpoint(path));

  const auto policy = run::Policy::load(options.policy, result.name, static_cast<int>(model->description().layers));
  const std::int64_t positions = model->description().max_positions;
  const std::int64_t context = positions > 0 ? std::min(options.context, positions) : options.context;
  const plan::Subject subject = plan::subject_from_config(config, result.name);
  result.ledger = plan::subject_ledger(subject, policy, context, 1);
  const double per_position = model->state_bytes_per_position(policy);
  for (std::int64_t length = 1024; length <= std::max<std::int64_t>(1024, positions); length *= 4) {
    const std::int64_t bounded = positions > 0 ? std::min(length, positions) : length;
    result.memory.push_back({bounded, result.ledger->weight_bytes, per_position * static_cast<double>(bounded)});
  }
  if (positions > 0 && result.memory.back().context != positions)
    result.memory.push_back({positions, result.ledger->weight_bytes, per_position * static_cast<double>(positions)});

  const std::vector<Board> boards = options.board.empty() ? load_boards() : std::vector{load_board(options.board)};
  const auto constants = plan::Constants::load(plan::default_constants());
  const plan::Precision precision(policy);
  const plan::Load load{.context = context, .batch = 1, .prompt = context};
  for (const Board& board : boards)
    result.fits.push_back(plan::fit_board(subject, precision, board, plan::split_board(board, 1), constants, load));
  for (const plan::ConstantRow& row : plan::constant_rows())
    for (const std::string_view used : {"chunk_tokens", "trace_bytes_per_launch", "dram_reserve_bytes_per_bank"})
      if (row.name == used)
        result.fit_assumptions.push_back(
            fmt::format("{} = {:g} {} ({})", row.name, constants.*row.value, row.unit, row.what));
  for (const Board& board : boards)
    result.board_maxima.push_back(
        {board.name, maxima(*result.ledger, board.dram_bytes_per_s(), board.name + ", nominal")});
  return result;
}

Json Inspection::json() const {
  Json json;
  json["name"] = name;
  json["model_type"] = model_type;
  json["supported"] = supported;
  if (!supported) {
    json["unsupported_because"] = unsupported_because;
    json["nearest"] = nearest;
    return json;
  }
  const model::Description& d = *description;
  json["architecture"] = d.architecture;
  json["parameters"] = parameters;
  json["dimensions"] = {{"vocab_size", d.vocab_size},
                        {"hidden_size", d.hidden_size},
                        {"layers", d.layers},
                        {"heads", d.heads},
                        {"kv_heads", d.kv_heads},
                        {"head_dim", d.head_dim},
                        {"intermediate_size", d.intermediate_size},
                        {"max_positions", d.max_positions},
                        {"tied_embeddings", d.tied_embeddings}};
  json["features"] = d.features;
  json["unread_fields"] = unread_fields;
  json["unplaced_tensors"] = unplaced_tensors;
  json["alignment"] = Json::array();
  for (const auto& note : alignment)
    json["alignment"].push_back(
        {{"what", note.what}, {"value", note.value}, {"padded", note.padded}, {"note", note.note}});
  json["memory"] = Json::array();
  for (const auto& line : memory)
    json["memory"].push_back(
        {{"context", line.context}, {"weight_bytes", line.weight_bytes}, {"state_bytes", line.state_bytes}});
  json["ledger"] = ledger->json();
  json["fit_assumptions"] = fit_assumptions;
  json["boards"] = Json::array();
  for (std::size_t i = 0; i < fits.size(); ++i) {
    Json maxima = Json::array();
    for (const Maximum& maximum : board_maxima[i].maxima)
      maxima.push_back({{"definition", maximum.definition},
                        {"formula", maximum.formula},
                        {"tokens_per_s_per_user", maximum.tokens_per_s_per_user}});
    Json board = fits[i].json();
    board["maxima"] = std::move(maxima);
    json["boards"].push_back(std::move(board));
  }
  return json;
}

}  // namespace firstlight::harness
