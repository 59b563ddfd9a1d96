// Making, reading and writing capsules.
#include "firstlight/harness/capsule.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "firstlight/base/error.h"
#include "firstlight/base/file.h"
#include "firstlight/base/json.h"
#include "firstlight/base/paths.h"
#include "firstlight/base/progress.h"
#include "firstlight/device/contract.h"
#include "firstlight/harness/metrics.h"
#include "firstlight/io/refpt.h"
#include "firstlight/io/safetensors.h"

namespace firstlight::harness {
namespace {

constexpr std::string_view kKind = "firstlight reference capsule";

std::vector<std::int32_t> ids_of(const Json& list, const std::string& where) {
  if (!list.is_array()) fail(Category::kBadInput, where, "expected a list of token ids");
  std::vector<std::int32_t> ids;
  for (const Json& id : list) {
    if (!id.is_number_integer() || id.get<std::int64_t>() < 0 || id.get<std::int64_t>() > INT32_MAX)
      fail(Category::kBadInput, where, "expected token ids, found {}", json_text(id));
    ids.push_back(id.get<std::int32_t>());
  }
  return ids;
}

// The layout of models/*/reference.json: docs/phi3_nano_reference.md.
Capsule from_reference_json(const std::filesystem::path& path) {
  const Json json = read_json_file(path);
  const std::string where = path.string();
  Capsule capsule;
  capsule.origin = path.filename().string();
  capsule.independent = true;
  if (!json.is_object() || !json.contains("ids") || !json.contains("long_1024") || !json["long_1024"].is_object())
    fail(Category::kBadInput, where, "expected 'ids' and 'long_1024'");
  const Json& section = json["long_1024"];
  for (const char* field : {"first_position", "top5_ids", "top5_logits"})
    if (!section.contains(field)) fail(Category::kBadInput, where, "'long_1024' has no '{}'", field);
  if (!section["first_position"].is_number_unsigned() || !section["top5_ids"].is_array() ||
      !section["top5_logits"].is_array() || section["top5_logits"].size() != section["top5_ids"].size())
    fail(Category::kBadInput, where, "'long_1024' needs first_position and as many top5_logits as top5_ids");
  capsule.ids = ids_of(json["ids"], where);
  capsule.first_position = section["first_position"].get<std::int64_t>();
  for (std::size_t row = 0; row < section["top5_ids"].size(); ++row) {
    const auto ids = ids_of(section["top5_ids"][row], where);
    const Json& logits = section["top5_logits"][row];
    if (ids.size() != 5 || !logits.is_array() || logits.size() != 5 || !logits[0].is_number() || !logits[1].is_number())
      fail(Category::kBadInput, where, "row {} of 'top5_ids' or 'top5_logits' does not have five entries", row);
    capsule.top5.push_back({ids[0], ids[1], ids[2], ids[3], ids[4]});
    capsule.margins.push_back(logits[0].get<float>() - logits[1].get<float>());
  }
  return capsule;
}

Capsule from_refpt(const std::filesystem::path& path) {
  const io::Refpt refpt = io::read_refpt(path);
  Capsule capsule;
  capsule.origin = path.filename().string();
  capsule.independent = !refpt.made_by_firstlight;
  capsule.ids = refpt.tokens;
  capsule.top5 = refpt.top5;
  return capsule;
}

Capsule from_safetensors(const std::filesystem::path& path) {
  const io::SafetensorsFile file(path);
  const auto& meta = file.metadata();
  const auto kind = meta.find("kind");
  if (kind == meta.end() || kind->second != kKind)
    fail(Category::kBadInput, path.string(), "is no {}: its metadata does not say so", kKind);
  const auto text = [&](const char* key) {
    const auto found = meta.find(key);
    if (found == meta.end()) fail(Category::kBadInput, path.string(), "metadata has no '{}'", key);
    return found->second;
  };
  const auto i32 = [&](const char* name, int rank) {
    const View view = file.view(name);
    if (view.format != Format::i32 || view.shape.rank() != rank)
      fail(Category::kBadInput, path.string(), "tensor '{}' should be i32 of rank {}", name, rank);
    std::vector<std::int32_t> values(static_cast<std::size_t>(view.shape.elements()));
    if (!values.empty()) std::memcpy(values.data(), view.data, values.size() * sizeof(std::int32_t));
    return values;
  };
  const auto f32 = [&](const std::string& name) {
    HostTensor tensor(Format::f32, file.view(name).shape);
    copy_to_f32(file.view(name), tensor.f32().data());
    return tensor;
  };
  Capsule capsule;
  capsule.origin = text("origin");
  capsule.independent = text("independent") == "true";
  const Json numbers = parse_json(text("numbers"), path.string());
  if (!numbers.is_object() || !numbers.contains("first_position") || !numbers["first_position"].is_number_unsigned())
    fail(Category::kBadInput, path.string(), "metadata 'numbers' has no first_position");
  capsule.first_position = numbers["first_position"].get<std::int64_t>();
  const Json hashes = numbers.value("hashes", Json::object());
  for (const auto& [name, hash] : hashes.items())
    capsule.hashes[name] = hash.is_string() ? hash.get<std::string>() : "";
  capsule.ids = i32("ids", 1);
  capsule.sampled_positions = i32("sampled_positions", 1);
  const auto top5 = i32("top5", 2);
  if (file.view("top5").shape[-1] != 5) fail(Category::kBadInput, path.string(), "tensor 'top5' should be [N, 5]");
  for (std::size_t row = 0; row * 5 < top5.size(); ++row)
    capsule.top5.push_back({top5[row * 5], top5[row * 5 + 1], top5[row * 5 + 2], top5[row * 5 + 3], top5[row * 5 + 4]});
  const HostTensor margins = f32("margins");
  capsule.margins.assign(margins.f32().begin(), margins.f32().end());
  if (!capsule.margins.empty() && capsule.margins.size() != capsule.top5.size())
    fail(Category::kBadInput, path.string(), "'margins' and 'top5' have different lengths");
  capsule.sampled_logits = f32("sampled_logits");
  constexpr std::string_view kPrefix = "activation/";
  for (const io::TensorInfo& tensor : file.tensors())
    if (tensor.name.starts_with(kPrefix)) capsule.activations[tensor.name.substr(kPrefix.size())] = f32(tensor.name);
  return capsule;
}

}  // namespace

Capsule load_capsule(const std::filesystem::path& path) {
  if (!std::filesystem::exists(path)) fail(Category::kBadInput, path.string(), "no such reference");
  const auto extension = path.extension();
  Capsule capsule = extension == ".json"    ? from_reference_json(path)
                    : extension == ".refpt" ? from_refpt(path)
                                            : from_safetensors(path);
  if (capsule.ids.size() < 2 || capsule.top5.empty())
    fail(Category::kBadInput, path.string(), "a reference needs at least two tokens and one row of top-5");
  return capsule;
}

std::filesystem::path find_capsule(const std::filesystem::path& folder) {
  if (std::filesystem::exists(folder / "reference.json")) return folder / "reference.json";
  std::vector<std::filesystem::path> refpts;
  for (const auto& entry : std::filesystem::directory_iterator(folder))
    if (entry.path().extension() == ".refpt") refpts.push_back(entry.path());
  if (!refpts.empty()) return *std::ranges::min_element(refpts);
  if (std::filesystem::exists(folder / "reference.safetensors")) return folder / "reference.safetensors";
  return {};
}

Capsule make_capsule(pipeline::Engine& engine, std::span<const std::int32_t> ids, int samples) {
  if (ids.size() < 2) fail(Category::kUsage, "", "a reference needs at least two tokens, got {}", ids.size());
  run::Session& session = engine.session();
  const model::Model& model = engine.model();
  const auto count = static_cast<std::int64_t>(ids.size());
  Capsule capsule;
  capsule.origin = fmt::format("{} by Firstlight's own {}", engine.name(), session.device().description().summary);
  capsule.independent = false;
  capsule.ids.assign(ids.begin(), ids.end());
  for (int i = 0; i < samples && samples > 0; ++i)
    capsule.sampled_positions.push_back(
        static_cast<std::int32_t>(samples == 1 ? count - 1 : i * (count - 1) / (samples - 1)));
  capsule.sampled_positions.erase(std::unique(capsule.sampled_positions.begin(), capsule.sampled_positions.end()),
                                  capsule.sampled_positions.end());

  // In chunks, so that long texts show progress and need the logits of one chunk only; taps keep sampled rows.
  nn::StateOptions options;
  options.max_length = count;
  options.declared_length = std::max<std::int64_t>(1, count - 1);
  const auto state = model.new_state(session, options);
  const auto vocabulary = static_cast<std::size_t>(model.description().vocab_size);
  std::vector<std::string> keys;
  for (const auto& component : model.components()) keys.push_back(component.key);
  std::map<std::string, std::vector<float>> rows;
  std::vector<float> sampled;
  constexpr std::int64_t kChunk = 256;
  Progress progress("reference", count, "tokens");
  for (std::int64_t begin = 0; begin < count; begin += kChunk) {
    const std::int64_t length = std::min(kChunk, count - begin);
    Recorder recorder(keys);
    HostTensor logits;
    {
      const run::Attached attached(session, recorder);
      logits =
          pipeline::prefill(session, model, *state, 0,
                            ids.subspan(static_cast<std::size_t>(begin), static_cast<std::size_t>(length)), 0, true);
    }
    for (std::int64_t i = 0; i < length; ++i) {
      const auto row = std::as_const(logits).f32().subspan(static_cast<std::size_t>(i) * vocabulary, vocabulary);
      const auto best = top_k(row, 5);
      std::array<std::int32_t, 5> five{};
      for (std::size_t k = 0; k < 5; ++k) five[k] = k < best.size() ? best[k] : best.back();
      capsule.top5.push_back(five);
      capsule.margins.push_back(
          best.size() < 2 ? 0 : row[static_cast<std::size_t>(best[0])] - row[static_cast<std::size_t>(best[1])]);
      if (std::ranges::find(capsule.sampled_positions, static_cast<std::int32_t>(begin + i)) ==
          capsule.sampled_positions.end())
        continue;
      sampled.insert(sampled.end(), row.begin(), row.end());
      for (const std::string& key : keys) {
        const auto& recordings = recorder.of(key);
        if (recordings.empty() || recordings.back().shape().rank() < 2 || recordings.back().shape()[0] != length)
          continue;
        const HostTensor& value = recordings.back();
        const auto width = static_cast<std::size_t>(value.shape().elements() / length);
        const auto part = value.f32().subspan(static_cast<std::size_t>(i) * width, width);
        rows[key].insert(rows[key].end(), part.begin(), part.end());
      }
    }
    progress.set(begin + length);
  }
  const auto sample_count = static_cast<std::int64_t>(capsule.sampled_positions.size());
  capsule.sampled_logits = HostTensor::from(sampled, Shape{sample_count, static_cast<std::int64_t>(vocabulary)});
  for (const auto& [key, values] : rows)
    capsule.activations[key] = HostTensor::from(
        values,
        Shape{sample_count, static_cast<std::int64_t>(values.size()) / std::max<std::int64_t>(1, sample_count)});
  for (const auto& line : engine.ledger().lines) capsule.hashes[line.tensor] = line.hash;

  // Self-test: the chunks above must agree to the bit with another cut of the head of the text.
  const std::int64_t head = std::min<std::int64_t>(count, 48);
  const auto other = model.new_state(session, options);
  const HostTensor whole =
      pipeline::prefill(session, model, *other, 0, ids.first(static_cast<std::size_t>(head)), 7, true);
  for (std::int64_t i = 0; i < head; ++i) {
    const auto row = std::as_const(whole).f32().subspan(static_cast<std::size_t>(i) * vocabulary, vocabulary);
    if (argmax(row) != capsule.top5[static_cast<std::size_t>(i)][0])
      fail(Category::kInternal, engine.name(),
           "the reference disagrees with itself at position {} when the text is cut "
           "into chunks of 7",
           i);
  }
  return capsule;
}

void save_capsule(const Capsule& capsule, const std::filesystem::path& path) {
  std::vector<std::int32_t> top5;
  for (const auto& row : capsule.top5) top5.insert(top5.end(), row.begin(), row.end());
  const auto rows = static_cast<std::int64_t>(capsule.top5.size());
  Json numbers;
  numbers["first_position"] = capsule.first_position;
  numbers["hashes"] = capsule.hashes;
  std::vector<std::pair<std::string, HostTensor>> tensors;
  tensors.emplace_back("ids", HostTensor::from(capsule.ids, Shape{static_cast<std::int64_t>(capsule.ids.size())}));
  tensors.emplace_back("margins",
                       HostTensor::from(capsule.margins, Shape{static_cast<std::int64_t>(capsule.margins.size())}));
  tensors.emplace_back("sampled_logits",
                       capsule.sampled_logits.empty() ? HostTensor(Format::f32, Shape{0, 0}) : capsule.sampled_logits);
  tensors.emplace_back(
      "sampled_positions",
      HostTensor::from(capsule.sampled_positions, Shape{static_cast<std::int64_t>(capsule.sampled_positions.size())}));
  tensors.emplace_back("top5", HostTensor::from(top5, Shape{rows, 5}));
  for (const auto& [key, value] : capsule.activations) tensors.emplace_back("activation/" + key, value);
  std::vector<io::SafetensorsWriter::Declaration> declarations;
  for (const auto& [name, tensor] : tensors) declarations.push_back({name, tensor.format(), tensor.shape()});
  io::SafetensorsWriter writer(path, std::move(declarations),
                               {{"kind", std::string(kKind)},
                                {"origin", capsule.origin},
                                {"independent", capsule.independent ? "true" : "false"},
                                {"numbers", json_text(numbers)}});
  for (const auto& [name, tensor] : tensors) writer.write(name, tensor.view());
  writer.finish();
}

void save_refpt(const Capsule& capsule, const std::filesystem::path& path) {
  if (capsule.first_position != 0)
    fail(Category::kMismatch, path.string(), "a .refpt starts at position 0; this capsule at {}",
         capsule.first_position);
  io::Refpt refpt;
  refpt.made_by_firstlight = !capsule.independent;
  refpt.tokens = capsule.ids;
  refpt.top5 = capsule.top5;
  refpt.top5.resize(capsule.ids.size() - 1);  // row i predicts token i + 1 (tt_stack.md §4.1)
  io::write_refpt(path, refpt);
}

std::vector<std::int32_t> accuracy_ids(pipeline::Engine& engine, const std::filesystem::path& text,
                                       std::int64_t count) {
  if (!engine.has_tokenizer())
    fail(
        Category::kBadInput, engine.folder().string(),
        "no tokenizer, so no token ids of a text: `firstlight reference MODEL --ids FILE --out FILE` makes a reference "
        "of ids, which --reference takes");
  std::filesystem::path file = text;
  if (file.empty()) {
    file = engine.folder() / ".." / "eval" / "tale-of-two-cities.txt";
    if (!std::filesystem::exists(file)) file = data_home() / "models" / "eval" / "tale-of-two-cities.txt";
  }
  auto ids = engine.tokenizer().encode(read_text_file(file), {});
  if (static_cast<std::int64_t>(ids.size()) < count)
    fail(Category::kMismatch, file.string(), "gives {} tokens; {} are needed", ids.size(), count);
  ids.resize(static_cast<std::size_t>(count));
  return ids;
}

Recorder::Recorder(std::vector<std::string> keys) {
  for (std::string& key : keys) values_[std::move(key)];
}

bool Recorder::wants(std::string_view key) const { return values_.find(key) != values_.end(); }

run::Tensor Recorder::tap(run::Session& session, std::string_view key, const run::Tensor& value) {
  HostTensor copy = session.download(value);
  bytes_ += copy.size_bytes();
  values_.find(key)->second.push_back(std::move(copy));
  return value;
}

const std::vector<HostTensor>& Recorder::of(const std::string& key) const {
  static const std::vector<HostTensor> kNone;
  const auto found = values_.find(key);
  return found == values_.end() ? kNone : found->second;
}

}  // namespace firstlight::harness
