// Reading a dump, and judging it against what precision explains.
#include "firstlight/harness/dump_check.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "firstlight/base/error.h"
#include "firstlight/base/nearest.h"
#include "firstlight/harness/capsule.h"
#include "firstlight/io/safetensors.h"

namespace firstlight::harness {
namespace {

constexpr std::string_view kIds = "ids";
// The board may be twice as far from the reference as the emulation, in amplitude: sums of another order at every step.
constexpr double kDumpSlack = 4;  // of NMSE

// The shape without leading axes of 1, at least [rows, width].
std::vector<std::int64_t> without_ones(const Shape& shape) {
  std::vector<std::int64_t> dims(shape.dims().begin(), shape.dims().end());
  while (dims.size() > 2 && dims.front() == 1) dims.erase(dims.begin());
  return dims;
}

template <typename Integer>
std::vector<std::int32_t> as_ids(std::span<const std::byte> bytes, const std::string& where) {
  std::vector<std::int32_t> ids;
  for (std::size_t at = 0; at + sizeof(Integer) <= bytes.size(); at += sizeof(Integer)) {
    Integer value = 0;
    std::memcpy(&value, bytes.data() + at, sizeof(Integer));
    if (value < 0 || value > std::numeric_limits<std::int32_t>::max())
      fail(Category::kBadInput, where, "holds {}, which is no token id", value);
    ids.push_back(static_cast<std::int32_t>(value));
  }
  return ids;
}

std::vector<std::int32_t> read_ids(const io::SafetensorsFile& file, const io::TensorInfo& info,
                                   const std::string& where) {
  if (info.format == Format::i32) return as_ids<std::int32_t>(file.bytes(info.name), where);
  if (info.format == Format::i64) return as_ids<std::int64_t>(file.bytes(info.name), where);
  fail(Category::kBadInput, where, "expected I32 or I64, found {}", info.dtype);
}

HostTensor widened(const View& view) {
  HostTensor tensor(Format::f32, view.shape);
  copy_to_f32(view, tensor.f32().data());
  return tensor;
}

// The values as they are stored: zeros of both signs differ.
bool same_bits(const HostTensor& a, const HostTensor& b) {
  return std::ranges::equal(std::as_bytes(a.f32()), std::as_bytes(b.f32()));
}

Recorder record_prefill(pipeline::Engine& engine, const std::vector<std::string>& keys,
                        std::span<const std::int32_t> ids) {
  Recorder recorder(keys);
  nn::StateOptions options;
  options.max_length = static_cast<std::int64_t>(ids.size());
  const auto state = engine.model().new_state(engine.session(), options);
  const run::Attached attached(engine.session(), recorder);
  pipeline::prefill(engine.session(), engine.model(), *state, 0, ids, 0, false);
  return recorder;
}

}  // namespace

Dump load_dump(const std::filesystem::path& folder) {
  std::error_code error;
  if (!std::filesystem::is_directory(folder, error))
    fail(Category::kBadInput, folder.string(),
         "is not a folder; expected one of *.safetensors named by component keys");
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(folder))
    if (entry.path().extension() == ".safetensors") files.push_back(entry.path());
  std::ranges::sort(files);
  if (files.empty()) fail(Category::kBadInput, folder.string(), "holds no *.safetensors");
  Dump dump;
  for (const auto& path : files) {
    const io::SafetensorsFile file(path);
    for (const io::TensorInfo& info : file.tensors()) {
      const std::string where = fmt::format("{}: tensor '{}'", path.string(), info.name);
      std::int64_t rows = 0;
      if (info.name == kIds) {
        if (!dump.ids.empty()) fail(Category::kBadInput, where, "stands twice");
        dump.ids = read_ids(file, info, where);
        rows = static_cast<std::int64_t>(dump.ids.size());
      } else {
        const View view = file.view(info.name);
        const std::vector<std::int64_t> dims = without_ones(view.shape);
        if (dims.size() < 2) fail(Category::kBadInput, where, "expected [tokens, width], found {}", view.shape.str());
        rows = dims.front();
        if (!dump.tensors.emplace(info.name, widened(view)).second) fail(Category::kBadInput, where, "stands twice");
      }
      if (rows < 1) fail(Category::kBadInput, where, "has no rows");
      if (dump.tokens != 0 && dump.tokens != rows)
        fail(Category::kBadInput, where, "has {} rows, the tensors before it have {}", rows, dump.tokens);
      dump.tokens = rows;
    }
  }
  if (dump.tensors.empty()) fail(Category::kBadInput, folder.string(), "holds no tensor of a component");
  return dump;
}

std::string_view dump_verdict_name(DumpVerdict verdict) {
  switch (verdict) {
    case DumpVerdict::kExact:
      return "exact";
    case DumpVerdict::kPrecision:
      return "precision";
    case DumpVerdict::kBug:
      return "bug";
  }
  return "bug";
}

DumpCheck check_dump(pipeline::Engine& reference, pipeline::Engine& device, const Dump& dump,
                     std::span<const std::int32_t> ids) {
  const std::vector<model::Model::Component> components = device.model().components();
  std::vector<std::string> known;
  for (const auto& component : components) known.push_back(component.key);
  std::vector<std::string> keys;
  for (const auto& [key, tensor] : dump.tensors) {
    if (std::ranges::find(known, key) == known.end())
      fail(Category::kBadInput, key, "is no component of the model; the nearest are {}",
           fmt::join(nearest_names(key, known, 3), ", "));
    keys.push_back(key);
  }
  const std::span<const std::int32_t> text = dump.ids.empty() ? ids : std::span<const std::int32_t>(dump.ids);
  if (static_cast<std::int64_t>(text.size()) < dump.tokens)
    fail(Category::kMismatch, "dump", "has {} rows, the text {} tokens", dump.tokens, text.size());
  const auto fed = text.first(static_cast<std::size_t>(dump.tokens));
  pipeline::check_ids(fed, device.model().description().vocab_size);
  const Recorder golden = record_prefill(reference, keys, fed);
  const Recorder emulated = record_prefill(device, keys, fed);

  DumpCheck check;
  check.tokens = dump.tokens;
  bool bug_before = false;
  for (const auto& component : components) {
    const auto found = dump.tensors.find(component.key);
    if (found == dump.tensors.end()) continue;
    const std::vector<HostTensor>& truth = golden.of(component.key);
    const std::vector<HostTensor>& ours = emulated.of(component.key);
    if (truth.empty() || ours.empty()) fail(Category::kMismatch, component.key, "is not computed in a prefill");
    const HostTensor& expected = truth.back();
    const HostTensor& recorded = found->second;
    // A component of the last row only (the head) is judged on as many rows as the prefill computes.
    if (recorded.shape().elements() != expected.shape().elements() ||
        without_ones(recorded.shape()).front() != without_ones(expected.shape()).front())
      fail(Category::kMismatch, component.key, "shape {} in the dump, {} expected", recorded.shape().str(),
           expected.shape().str());
    const Format stored = device.session().policy().format(component.key, run::Group::kActivation);
    DumpRow row;
    row.key = component.key;
    row.module = component.module;
    row.emulated = compare(expected.f32(), ours.back().f32(), stored);
    row.recorded = compare(expected.f32(), recorded.f32(), stored);
    // Below the rounding of the stored format nothing is a bug.
    const double rounding = firstlight::row(stored).error_bound(1.0, 1.0);
    row.bound = kDumpSlack * std::max(row.emulated.nmse, rounding * rounding);
    const bool same = same_bits(recorded, ours.back());
    const bool near = row.recorded.nmse <= row.bound;
    row.verdict = !row.recorded.finite() ? DumpVerdict::kBug
                  : same                 ? DumpVerdict::kExact
                  : near                 ? DumpVerdict::kPrecision
                                         : DumpVerdict::kBug;
    row.inherited = bug_before && row.verdict == DumpVerdict::kBug;
    bug_before = bug_before || row.verdict == DumpVerdict::kBug;
    check.rows.push_back(std::move(row));
  }
  return check;
}

std::vector<Verdict> verdicts(const DumpCheck& check) {
  const auto bugs = std::ranges::count(check.rows, DumpVerdict::kBug, &DumpRow::verdict);
  const auto first = std::ranges::find(check.rows, DumpVerdict::kBug, &DumpRow::verdict);
  const auto exact = std::ranges::count(check.rows, DumpVerdict::kExact, &DumpRow::verdict);
  const std::string note =
      first == check.rows.end()
          ? fmt::format("{} of {} components exact, the others within precision", exact, check.rows.size())
          : fmt::format("the first is {}: NMSE {:.2e}, precision explains {:.2e}", first->key, first->recorded.nmse,
                        first->bound);
  return {judge("recorded components with a bug", static_cast<double>(bugs), "==", 0, "", note)};
}

Json DumpCheck::json() const {
  Json list = Json::array();
  for (const DumpRow& row : rows)
    list.push_back({{"key", row.key},
                    {"module", row.module},
                    {"verdict", dump_verdict_name(row.verdict)},
                    {"inherited", row.inherited},
                    {"bound", row.bound},
                    {"emulated", row.emulated.json()},
                    {"recorded", row.recorded.json()}});
  return {{"tokens", tokens}, {"rows", std::move(list)}};
}

}  // namespace firstlight::harness
