// Loading: every tensor of the checkpoint is placed exactly once, in its policy's format and the device's order,
// through a content-addressed cache on disk.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "firstlight/io/checkpoint.h"
#include "firstlight/run/session.h"
#include "firstlight/run/weights.h"

namespace firstlight::run {

struct LoadOptions {
  std::filesystem::path cache_dir;   // empty: default_cache_dir(); "none": no cache, weights live in memory only
  std::vector<std::string> waivers;  // names (or globs) of tensors that may stay unplaced
};

// One line of the weight ledger.
struct LedgerLine {
  std::string tensor;      // checkpoint tensor
  std::string use;         // "placed", "copy of X", "ignored: reason", "waived"
  std::string component;   // component key, for placed ones
  std::string expression;  // WeightExpr::str()
  std::string hash;        // of the source bytes
  Format format = Format::f32;
  std::int64_t source_bytes = 0;
  std::int64_t placed_bytes = 0;
};

struct Ledger {
  std::vector<LedgerLine> lines;
  std::int64_t source_bytes = 0;
  std::int64_t placed_bytes = 0;
  int cache_hits = 0;
  int cache_misses = 0;
  int cache_rebuilt = 0;             // entries found damaged and made anew
  double seconds = 0;                // that the load took
  std::vector<std::string> damaged;  // what was found wrong with each
};

class Loader : public WeightSink {
 public:
  // Checkpoint and session outlive the loader. Errors: kMismatch for a tensor whose shape is not what the model says
  // or that is missing, unplaced or used twice (naming it); kResource when it does not fit in memory.
  Loader(Session& session, const io::Checkpoint& checkpoint, LoadOptions options);
  ~Loader() override;

  void stored_copy(std::string name, std::string of) override;
  void ignore(std::string pattern, std::string reason) override;
  void optional_prefix(std::string prefix) override;

  // Places everything that was declared (in parallel, with progress), then checks that nothing is left over.
  Ledger finish();

 protected:
  Weight add(WeightRequest request) override;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace firstlight::run
