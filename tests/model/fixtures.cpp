// Loading and making of test models.
#include "model/fixtures.h"

#include <cmath>
#include <map>
#include <numeric>
#include <set>

#include "firstlight/base/file.h"
#include "firstlight/base/rng.h"
#include "firstlight/io/checkpoint.h"
#include "firstlight/io/safetensors.h"
#include "firstlight/run/loader.h"
#include "testing/testing.h"

namespace firstlight::testing {

std::vector<DeviceChoice> exact_devices() {
  std::vector<DeviceChoice> choices = {{"ref", "", 1e-10}};
  for (const char* isa : {"portable", "avx2", "avx512"}) {
    try {
      device::open_device("cpu", {.threads = 1, .isa = isa});
      choices.push_back({"cpu", isa, 1e-9});
    } catch (const Error& error) {
      EXPECT_EQ(error.category(), Category::kUnsupported) << error.what();
    }
  }
  return choices;
}

std::string device_name(const ::testing::TestParamInfo<DeviceChoice>& info) {
  return info.param.isa.empty() ? info.param.device : info.param.device + "_" + info.param.isa;
}

Loaded load(const std::filesystem::path& folder, const DeviceChoice& choice, const std::string& policy, int threads) {
  Loaded loaded;
  loaded.device = device::open_device(choice.device, {.threads = threads, .isa = choice.isa});
  const io::Config config = io::Config::load(folder / "config.json");
  loaded.model = model::make_model(config);
  EXPECT_THAT(config.unread(), ::testing::IsEmpty());
  loaded.session = std::make_unique<run::Session>(*loaded.device, run::Policy::load(policy));
  const io::Checkpoint checkpoint(folder);
  run::Loader loader(*loaded.session, checkpoint, {.cache_dir = "none", .waivers = {}});
  loaded.model->declare(loader);
  loader.finish();
  return loaded;
}

HostTensor whole_logits(Loaded& loaded, std::span<const std::int32_t> ids, std::int64_t declared_length) {
  nn::StateOptions options;
  options.max_length = static_cast<std::int64_t>(ids.size());
  options.declared_length = declared_length;
  const auto state = loaded.model->new_state(*loaded.session, options);
  nn::Batch batch;
  batch.ids.assign(ids.begin(), ids.end());
  batch.sequences.assign(ids.size(), 0);
  batch.positions.resize(ids.size());
  std::iota(batch.positions.begin(), batch.positions.end(), 0);
  batch.logit_rows = batch.positions;
  return loaded.session->download(loaded.model->forward(*loaded.session, batch, *state));
}

double nmse(std::span<const float> got, std::span<const float> want) {
  EXPECT_EQ(got.size(), want.size());
  double error = 0;
  double power = 0;
  for (std::size_t i = 0; i < std::min(got.size(), want.size()); ++i) {
    if (!std::isfinite(got[i])) return INFINITY;
    error += (static_cast<double>(got[i]) - want[i]) * (static_cast<double>(got[i]) - want[i]);
    power += static_cast<double>(want[i]) * want[i];
  }
  return error / power;
}

namespace {

// The shape of every checkpoint tensor that a model asks for, as a publisher stores it.
std::map<std::string, Shape> stored_shapes(const std::string& config) {
  run::WeightPlanSink plan;
  const auto model = model::make_model(io::Config::parse(config, "tiny config"));
  model->declare(plan);
  std::map<std::string, Shape> shapes;
  for (const run::WeightRequest& request : plan.requests()) {
    EXPECT_EQ(request.source.parts.size(), 1U);
    Shape shape = request.shape;
    if (request.kind == run::WeightKind::kLinear && !request.source.transposed) std::swap(shape[0], shape[1]);
    shapes[request.source.parts[0].name] = shape;
  }
  return shapes;
}

}  // namespace

std::filesystem::path make_checkpoint(const std::string& config, std::uint64_t seed) {
  const std::filesystem::path folder = scratch_dir("model");
  write_text_file(folder / "config.json", config);
  const std::map<std::string, Shape> shapes = stored_shapes(config);
  std::vector<io::SafetensorsWriter::Declaration> declared;
  for (const auto& [name, shape] : shapes) declared.push_back({name, Format::f32, shape});
  io::SafetensorsWriter writer(folder / "model.safetensors", declared);
  Rng rng(seed);
  for (const auto& [name, shape] : shapes) {
    // Norms around 1, biases small, products that keep the size of their input.
    const bool vector = shape.rank() == 1;
    const float centre = vector && name.ends_with("weight") ? 1 : 0;
    const float spread = vector ? 0.2F : 1.5F / std::sqrt(static_cast<float>(shape[-1]));
    std::vector<float> values(static_cast<std::size_t>(shape.elements()));
    for (float& value : values) value = centre + spread * rng.normal();
    writer.write(name, std::as_bytes(std::span(values)));
  }
  writer.finish();
  return folder;
}

}  // namespace firstlight::testing
