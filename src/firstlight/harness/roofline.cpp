// The byte ledger and the three definitions.
#include "firstlight/harness/roofline.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "firstlight/base/error.h"

namespace firstlight::harness {
namespace {

constexpr double kBountyUtilisation = 0.7;  // tt_stack.md §6.5, definition (b)
constexpr double kBountyBytesPerParameter = 1.0625;
constexpr double kReachableShare = 240.0 / 288.0;  // DRAM-sharded rate over nominal, definition (c)

double matrix_bytes(Format format, std::int64_t rows, std::int64_t columns, Padding padding) {
  if (padding == Padding::kTiles) {
    rows = round_up(rows, 32);
    columns = round_up(columns, 32);
  } else {
    columns = round_up(columns, 16);
  }
  return static_cast<double>(rows) * static_cast<double>(row_bytes(format, columns));
}

std::string giga(double bytes) { return fmt::format("{:.4g} GB", bytes / 1e9); }

}  // namespace

double ExpertUse::share(int batch) const {
  if (all <= 0 || per_token >= all) return 1;
  // A user leaves an expert out with probability 1 - k/E.
  return 1 - std::pow(1 - static_cast<double>(per_token) / static_cast<double>(all), batch);
}

bool is_expert(const run::WeightRequest& request) { return request.key.find(".experts.") != std::string::npos; }

ByteLedger byte_ledger(const model::Model& model, const std::vector<run::WeightRequest>& requests,
                       const run::Policy& policy, std::int64_t context, int batch, Padding padding) {
  const Format state_format = policy.format(model.description().layer_prefix + "0", run::Group::kKvCache);
  return byte_ledger(LedgerSource{requests, model.state_bytes_read(policy, context), state_format, {}}, policy, context,
                     batch, padding);
}

ByteLedger byte_ledger(const LedgerSource& source, const run::Policy& policy, std::int64_t context, int batch,
                       Padding padding) {
  ByteLedger ledger;
  ledger.policy = policy.name();
  ledger.context = context;
  ledger.batch = batch;
  struct Sum {
    ByteLine line;
    std::set<std::string> formats;
  };
  std::vector<std::string> order;
  std::map<std::string, Sum> sums;
  for (const run::WeightRequest& request : source.requests) {
    const std::string name(run::group_name(request.group));
    if (!sums.contains(name)) order.push_back(name);
    Sum& sum = sums[name];
    sum.line.name = name;
    const Format format =
        request.kind == run::WeightKind::kVector ? Format::f32 : policy.format(request.key, request.group);
    const std::int64_t parameters = request.shape.elements();
    double stored = 0;
    double read = 0;
    if (request.kind == run::WeightKind::kVector) {
      stored = read = 4.0 * static_cast<double>(parameters);
    } else {
      stored = matrix_bytes(format, request.shape[0], request.shape[1], padding);
      // Of a look-up table only the rows of the batch are read; of experts those that the rows choose, at worst as many
      // as there are rows for.
      read = request.kind == run::WeightKind::kTable
                 ? static_cast<double>(batch) * static_cast<double>(row_bytes(format, request.shape[1]))
                 : stored * std::min(1.0, request.read_share * batch);
    }
    if (source.experts.all > 0 && is_expert(request)) read = stored * source.experts.share(batch);
    sum.formats.insert(std::string(format_name(format)));
    sum.line.tensors += 1;
    sum.line.parameters += parameters;
    sum.line.stored_bytes += stored;
    sum.line.bytes_per_step += read;
    ledger.parameters += parameters;
    ledger.f32_weight_bytes += 4.0 * static_cast<double>(parameters);
    ledger.source_weight_bytes += 2.0 * static_cast<double>(parameters);
  }
  for (const std::string& name : order) {
    Sum& sum = sums[name];
    sum.line.format = fmt::format("{}", fmt::join(sum.formats, " + "));
    ledger.weight_bytes += sum.line.stored_bytes;
    ledger.bytes_per_step += sum.line.bytes_per_step;
    ledger.lines.push_back(std::move(sum.line));
  }
  ledger.state_bytes = source.state_bytes * batch;
  ledger.bytes_per_step += ledger.state_bytes;
  ByteLine kv;
  kv.name = fmt::format("kv_cache ({} positions x {} users)", context, batch);
  kv.format = format_name(source.state_format);
  kv.stored_bytes = kv.bytes_per_step = ledger.state_bytes;
  ledger.lines.push_back(std::move(kv));
  return ledger;
}

Json ByteLedger::json() const {
  Json list = Json::array();
  for (const ByteLine& line : lines)
    list.push_back({{"name", line.name},
                    {"format", line.format},
                    {"tensors", line.tensors},
                    {"parameters", line.parameters},
                    {"stored_bytes", line.stored_bytes},
                    {"bytes_per_step", line.bytes_per_step}});
  return {{"policy", policy},
          {"context", context},
          {"batch", batch},
          {"parameters", parameters},
          {"weight_bytes", weight_bytes},
          {"state_bytes", state_bytes},
          {"bytes_per_step", bytes_per_step},
          {"f32_weight_bytes", f32_weight_bytes},
          {"bf16_weight_bytes", source_weight_bytes},
          {"lines", std::move(list)}};
}

std::vector<Maximum> maxima(const ByteLedger& ledger, double bandwidth, std::string_view bandwidth_origin) {
  const double all = static_cast<double>(ledger.parameters) * kBountyBytesPerParameter;
  const auto rate = [](double bytes_per_s, double bytes) { return bytes > 0 ? bytes_per_s / bytes : 0; };
  return {
      {"strict",
       fmt::format("{}/s ({}) / {} read per step ({} at context {}, batch {})", giga(bandwidth), bandwidth_origin,
                   giga(ledger.bytes_per_step), ledger.policy, ledger.context, ledger.batch),
       ledger.bytes_per_step, bandwidth, rate(bandwidth, ledger.bytes_per_step)},
      {"bounty",
       fmt::format("0.7 x {}/s / ({:.4g} M parameters x 1.0625 bytes)", giga(bandwidth),
                   static_cast<double>(ledger.parameters) / 1e6),
       all, kBountyUtilisation * bandwidth, rate(kBountyUtilisation * bandwidth, all)},
      {"reachable", fmt::format("240/288 x {}/s / {} read per step", giga(bandwidth), giga(ledger.bytes_per_step)),
       ledger.bytes_per_step, kReachableShare * bandwidth, rate(kReachableShare * bandwidth, ledger.bytes_per_step)},
  };
}

std::vector<TierResult> tiers(double tokens_per_s_per_user, const std::vector<Maximum>& maxima, const Target& target) {
  std::vector<TierResult> results;
  for (const Maximum& maximum : maxima) {
    TierResult result;
    result.definition = maximum.definition;
    result.share = maximum.tokens_per_s_per_user > 0 ? tokens_per_s_per_user / maximum.tokens_per_s_per_user : 0;
    for (const Target::Tier& tier : target.tiers())
      if (result.share >= tier.share) result.tier = tier.name;
    results.push_back(std::move(result));
  }
  return results;
}

std::string tier_note(double tokens_per_s_per_user, const Maximum& maximum, const TierResult& reached) {
  std::string note = fmt::format("{:.4g} of {:.4g} t/s/u; tier: {}", tokens_per_s_per_user,
                                 maximum.tokens_per_s_per_user, reached.tier.empty() ? "none" : reached.tier);
  if (maximum.definition == "strict" && reached.share > 1)
    note += "; more than memory was measured to give: as a rule, what a step reads stays in a cache";
  return note;
}

}  // namespace firstlight::harness
