// Loads a checkpoint and prints the five most likely next tokens of a prompt, on this machine's fast device and on the
// reference device, with the distance between the two.
//
//   examples/build/logits models/phi3-nano "It was the best of times, it was the"
#include <fmt/format.h>

#include <exception>

#include "firstlight/device/contract.h"
#include "firstlight/harness/metrics.h"
#include "firstlight/pipeline/engine.h"

namespace fl = firstlight;

namespace {

// The logits after the last token of the prompt: [V].
std::vector<float> next_token_logits(const char* folder, std::string_view device_name, const std::string& policy,
                                     const std::string& prompt) {
  const auto device = fl::device::open_device(device_name, {});
  fl::pipeline::EngineOptions options;
  options.policy = policy;
  options.cache_dir = "none";
  fl::pipeline::Engine engine(folder, *device, options);

  const std::vector<std::int32_t> ids = engine.tokenizer().encode(prompt, {});
  fl::nn::StateOptions state_options;
  state_options.max_length = static_cast<std::int64_t>(ids.size());
  const auto state = engine.model().new_state(engine.session(), state_options);
  const fl::HostTensor logits =
      fl::pipeline::prefill(engine.session(), engine.model(), *state, 0, ids, 0, /*all=*/false);

  fmt::print("{}\n", device->description().summary);
  for (const std::int32_t id : fl::harness::top_k(logits.f32(), 5)) {
    const std::vector<std::int32_t> one{id};
    fmt::print("  {:8.4f}  {}\n", logits.f32()[static_cast<std::size_t>(id)], engine.tokenizer().decode(one, false));
  }
  return logits.values();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    fmt::print(stderr, "usage: {} MODEL PROMPT\n", argv[0]);
    return 2;
  }
  try {
    const auto fast = next_token_logits(argv[1], fl::device::default_device(), "bfp8", argv[2]);
    const auto exact = next_token_logits(argv[1], fl::device::reference_device(), "f32", argv[2]);
    const fl::harness::Metrics metrics = fl::harness::compare(exact, fast);
    fmt::print("PCC {:.6f}, NMSE {:.2e}, scale {:.4f}\n", metrics.pcc, metrics.nmse, metrics.scale);
    return 0;
  } catch (const std::exception& error) {
    fmt::print(stderr, "{}: {}\n", argv[0], error.what());
    return 1;
  }
}
