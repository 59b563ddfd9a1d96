// A reference capsule: what another run of the model said about one text, kept with where it came from. Ids, the five
// best next tokens per position, logits of sampled positions, hashes of what made it.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "firstlight/pipeline/engine.h"
#include "firstlight/tensor/tensor.h"

namespace firstlight::harness {

struct Capsule {
  std::string origin;        // "firstlight reference device", "reference.json", "x.refpt"
  bool independent = false;  // made by another implementation: only then may a verdict say "accurate"
  std::vector<std::int32_t> ids;
  // top5[i] are the five best next tokens after position first_position + i, best first.
  std::int64_t first_position = 0;
  std::vector<std::array<std::int32_t, 5>> top5;
  // Difference of the two best logits per row where known (empty otherwise): separates near ties from errors.
  std::vector<float> margins;
  // Positions with full logits, and outputs of components at sampled positions, where the capsule has them.
  std::vector<std::int32_t> sampled_positions;
  HostTensor sampled_logits;                      // [S, V]
  std::map<std::string, HostTensor> activations;  // component key -> [S, width]
  std::map<std::string, std::string> hashes;      // file or tensor -> XXH3-128

  std::string verdict_word() const { return independent ? "accurate" : "consistent"; }
};

// Reads a capsule: our own .safetensors, a .refpt, or a reference.json of the bundled models' layout. Throws kBadInput.
Capsule load_capsule(const std::filesystem::path& path);

// Throws kMismatch when a capsule that was read cannot be of this model: ids outside of its vocabulary, or tokens that
// its tokenizer, where it has one, would not have made.
void check_belongs(pipeline::Engine& engine, const Capsule& capsule);

// The capsule that stands beside a checkpoint (reference.json, then *.refpt, then reference.safetensors), or an empty
// path.
std::filesystem::path find_capsule(const std::filesystem::path& folder);

// Makes one by running the engine (of the reference device) over the ids. `samples` positions keep full logits and the
// outputs of the model's components. Self-tested before it is returned: prefill in chunks must equal the whole.
Capsule make_capsule(pipeline::Engine& engine, std::span<const std::int32_t> ids, int samples);

void save_capsule(const Capsule& capsule, const std::filesystem::path& path);
// The stack's CI file (tt_stack.md §4.1), marked as made by us.
void save_refpt(const Capsule& capsule, const std::filesystem::path& path);

// The accuracy text's first `count` ids under the engine's tokenizer. `text` empty: models/eval beside the checkpoint,
// or the project's own.
std::vector<std::int32_t> accuracy_ids(pipeline::Engine& engine, const std::filesystem::path& text, std::int64_t count);

// Keeps every tapped output of the wanted keys, in call order.
class Recorder : public run::Observer {
 public:
  explicit Recorder(std::vector<std::string> keys);
  bool wants(std::string_view key) const override;
  run::Tensor tap(run::Session& session, std::string_view key, const run::Tensor& value) override;
  // All recordings of a key, oldest first.
  const std::vector<HostTensor>& of(const std::string& key) const;
  std::size_t bytes() const { return bytes_; }

 private:
  std::map<std::string, std::vector<HostTensor>, std::less<>> values_;
  std::size_t bytes_ = 0;
};

}  // namespace firstlight::harness
