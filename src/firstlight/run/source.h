// The values of a declared weight, read from the checkpoint where it lies. Internal to run.
#pragma once

#include <string>
#include <vector>

#include "firstlight/device/contract.h"
#include "firstlight/io/checkpoint.h"
#include "firstlight/run/weights.h"

namespace firstlight::run {

// A part of a checkpoint tensor and the outputs that it gives. Made by the ledger, which has checked it.
struct PlacedPart {
  std::string name;
  std::int64_t row_begin = 0;  // of the tensor's rows (columns, when transposed)
  std::int64_t row_end = 0;
  std::int64_t rows() const { return row_end - row_begin; }
};

class CheckpointSource : public device::WeightSource {
 public:
  CheckpointSource(const io::Checkpoint& checkpoint, const WeightRequest& request, std::span<const PlacedPart> parts);
  void read(std::int64_t begin, std::int64_t end, float* dst) const override;

 private:
  struct Part {
    View view;
    std::int64_t row_begin;  // first row of the tensor that is used
    std::int64_t rows;
  };
  bool transposed_;
  std::int64_t length_;  // of one output
  std::vector<Part> parts_;
};

}  // namespace firstlight::run
