// What a model keeps between calls for each sequence: KV pages now, recurrent matrices and convolution tails later.
// Made by the model, owned by the caller.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace firstlight::nn {

// How large a state may become, and the length that length-dependent position embeddings are fixed to.
struct StateOptions {
  int sequences = 1;                 // users, each with a slot
  std::int64_t max_length = 0;       // positions a sequence may reach; pages are taken as they fill
  std::int64_t declared_length = 0;  // what LongRoPE and dynamic RoPE take as the total length; 0 = max_length
  int page_size = 32;                // positions
  // Seed of the permutation in which pages are handed out; 0 = in order. Results do not depend on it.
  std::uint64_t page_seed = 0;
};

class State {
 public:
  virtual ~State() = default;
  virtual int sequences() const = 0;
  virtual std::int64_t length(int sequence) const = 0;
  virtual std::int64_t max_length() const = 0;
  // The total length that length-dependent position embeddings of a sequence are fixed to: StateOptions' at first.
  virtual std::int64_t declared_length(int sequence) const = 0;
  // Fixes it anew, for a sequence that is empty: what it holds is never reinterpreted.
  virtual void declare_length(int sequence, std::int64_t length) = 0;
  // Forgets the positions from `length` on (0: the whole sequence).
  virtual void trim(int sequence, std::int64_t length) = 0;
  // Copies everything that sequence `from` holds into the empty sequence `to`.
  virtual void copy_sequence(int from, int to) = 0;
  virtual std::size_t bytes() const = 0;
};

// The rows of one forward call: row r is token ids[r] at positions[r] of sequences[r]. The rows of one sequence are
// consecutive positions from state.length(sequence) on, in order. Logits are computed for `logit_rows` only.
struct Batch {
  std::vector<std::int32_t> ids;
  std::vector<std::int32_t> sequences;
  std::vector<std::int32_t> positions;
  std::vector<std::int32_t> logit_rows;

  std::int64_t rows() const { return static_cast<std::int64_t>(ids.size()); }
  // Whether logits are asked for row by row.
  bool every_row_has_logits() const;
};

}  // namespace firstlight::nn
