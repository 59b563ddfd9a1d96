// What a config.json alone tells: dimensions, tile alignment, special features, memory per context length, the boards
// it fits on, and the theoretical maximum in three definitions.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "firstlight/harness/plan/fit.h"
#include "firstlight/harness/roofline.h"

namespace firstlight::harness {

// A dimension that 32x32 tiles do not divide, and what padding it costs.
struct AlignmentNote {
  std::string what;  // "head_dim", "vocab_size", ...
  std::int64_t value = 0;
  std::int64_t padded = 0;
  std::string note;
};

struct MemoryLine {
  std::int64_t context = 0;  // one user
  double weight_bytes = 0;
  double state_bytes = 0;
};

struct Inspection {
  std::string name;
  std::string model_type;
  bool supported = false;
  std::string unsupported_because;   // error text; the rest is empty then, but the nearest relatives are named
  std::vector<std::string> nearest;  // known architectures, nearest first
  std::optional<model::Description> description;
  std::int64_t parameters = 0;
  std::vector<std::string> unread_fields;
  std::vector<std::string> unplaced_tensors;  // where a checkpoint stands beside the config
  std::vector<AlignmentNote> alignment;
  std::vector<MemoryLine> memory;
  std::optional<ByteLedger> ledger;          // at `context`, one user, tile padding
  std::vector<plan::Fit> fits;               // one user at `context`
  std::vector<std::string> fit_assumptions;  // the constants that fits rest on
  struct BoardMaximum {
    std::string board;
    std::vector<Maximum> maxima;
  };
  std::vector<BoardMaximum> board_maxima;
  Json json() const;
};

struct InspectOptions {
  std::string policy = "bfp8";
  std::int64_t context = 1024;
  std::string board;  // empty: every board
};

// `path` is a checkpoint folder or a config.json. Unknown architectures are answered, not refused.
Inspection inspect(const std::filesystem::path& path, const InspectOptions& options);

}  // namespace firstlight::harness
