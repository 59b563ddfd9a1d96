// cos and sin by position, for every way of rotating that the sequences of a state use.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "firstlight/nn/rope_frequencies.h"
#include "firstlight/op/rope.h"
#include "firstlight/run/session.h"

namespace firstlight::nn {

// How a layer rotates its queries and keys.
struct RopeSpec {
  io::RopeConfig config;
  std::int64_t head_dim = 0;
  op::RopePairing pairing = op::RopePairing::kHalfSplit;
  std::string where;  // the config file, for errors
};

// Rows 0 ... positions - 1: cos and sin of float(position) * inv_freq, each product and each result rounded to f32 as
// the Hugging Face implementation does. Appends positions * pairs values to each.
void append_rope_rows(const RopeFrequencies& frequencies, std::int64_t positions, std::vector<float>& cos,
                      std::vector<float>& sin);

// The tables of one RopeSpec on the device. Sequences that declare lengths with other frequencies (short and long
// factors) get a block of rows each, one after the other, so that one rope call serves them all.
class RopeTables {
 public:
  // The session outlives the tables.
  RopeTables(run::Session& session, const RopeSpec& spec, std::int64_t max_length);

  // The first row of the block for this declared length; makes the block when it is new.
  std::int64_t first_row(std::int64_t declared_length);
  const run::Tensor& cos() const { return cos_; }  // f32 [blocks * max_length, rotary_dim / 2]
  const run::Tensor& sin() const { return sin_; }
  int rotary_dim() const { return rotary_dim_; }
  std::size_t bytes() const;

 private:
  run::Session& session_;
  RopeSpec spec_;
  std::int64_t max_length_;
  int rotary_dim_ = 0;
  std::vector<RopeFrequencies> blocks_;
  run::Tensor cos_;
  run::Tensor sin_;
};

}  // namespace firstlight::nn
