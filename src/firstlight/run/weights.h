// Weights as a model declares them: what each is made of, and in which group it stands. The same declaration serves a
// plan (dimensions only, no files) and a load (checkpoint, ledger, cache, placement).
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "firstlight/io/checkpoint.h"
#include "firstlight/run/key.h"
#include "firstlight/run/tensor.h"

namespace firstlight::run {

// How a weight is made from tensors of a checkpoint: parts put one after the other along the outputs.
struct WeightExpr {
  struct Part {
    std::string name;            // checkpoint tensor
    std::int64_t row_begin = 0;  // outputs [row_begin, row_end) of it; row_end -1 = all
    std::int64_t row_end = -1;
  };
  std::vector<Part> parts;
  bool transposed = false;  // the tensors are stored [K, N] instead of [N, K]
  bool stacked = false;     // the tensors are stored [E, N, K]: a row's index counts over both outer axes
  // The same weight as other exports spell it: the first spelling whose tensors a checkpoint has is taken.
  std::vector<WeightExpr> otherwise;

  WeightExpr() = default;
  WeightExpr(std::string name) : parts{{std::move(name), 0, -1}} {}  // NOLINT: a name is a weight
  WeightExpr(const char* name) : WeightExpr(std::string(name)) {}    // NOLINT
  static WeightExpr rows(std::string name, std::int64_t begin, std::int64_t end);
  // "rows(a, 0, 64) + b", for the ledger and the cache key.
  std::string str() const;
};

enum class WeightKind : std::uint8_t { kLinear, kTable, kVector };

// What was declared.
struct WeightRequest {
  std::string key;  // component key: "model.layers.3.self_attn.q_proj" (its bias: "....q_proj.bias")
  Group group = Group::kVector;
  WeightKind kind = WeightKind::kVector;
  Shape shape;  // logical: linear [K, N], table [V, H], vector [N]
  WeightExpr source;
  double read_share = 1;  // the part of it that a decode step reads for one row: less than 1 for experts
};

// The source of a request as a checkpoint spells it: one of its spellings, each name with or without a prefix that may
// be left out. Where none is complete: the first spelling, for the errors.
WeightExpr spelled_in(const io::Checkpoint& checkpoint, const WeightExpr& source,
                      std::span<const std::string> optional_prefixes);
// A name as a checkpoint has it, with or without such a prefix; the name itself when it is not there at all.
std::string name_in(const io::Checkpoint& checkpoint, const std::string& name,
                    std::span<const std::string> optional_prefixes);

// A handle that operands are made from. It is valid once the sink has finished.
class Weight {
 public:
  Weight() = default;
  explicit Weight(std::shared_ptr<Tensor> slot) : slot_(std::move(slot)) {}
  bool declared() const { return slot_ != nullptr; }
  // Throws kInternal before the load has finished.
  const Tensor& tensor() const;

 private:
  std::shared_ptr<Tensor> slot_;
};

// Takes the declarations of a model.
class WeightSink {
 public:
  virtual ~WeightSink() = default;
  // A linear weight of K inputs and N outputs, stored [N, K] as publishers do (or [K, N] when source.transposed).
  Weight linear(std::string key, Group group, std::int64_t inputs, std::int64_t outputs, WeightExpr source,
                double read_share = 1);
  Weight table(std::string key, Group group, std::int64_t rows, std::int64_t columns, WeightExpr source);
  Weight vector(std::string key, std::int64_t size, WeightExpr source);
  // `name` may stand in the checkpoint as a second copy of `of` (a tied head); it must then be byte-equal.
  virtual void stored_copy(std::string name, std::string of) = 0;
  // Tensors that the publisher's implementation does not read either (glob pattern, with the reason shown).
  virtual void ignore(std::string pattern, std::string reason) = 0;
  // Names that begin with `prefix` may stand in the checkpoint without it: an export of the decoder alone.
  virtual void optional_prefix(std::string prefix) = 0;

 protected:
  virtual Weight add(WeightRequest request) = 0;
};

// Dimensions only: collects what a model asks for.
class WeightPlanSink : public WeightSink {
 public:
  void stored_copy(std::string name, std::string of) override;
  void ignore(std::string pattern, std::string reason) override;
  void optional_prefix(std::string prefix) override { optional_prefixes_.push_back(std::move(prefix)); }
  const std::vector<WeightRequest>& requests() const { return requests_; }
  // Tensors of a checkpoint that no request is made of and that nothing foresaw (ignored buffers, stored copies).
  std::vector<std::string> unplaced(const io::Checkpoint& checkpoint) const;
  // Parameters as publishers count them: every tensor once.
  std::int64_t parameters() const;

 protected:
  Weight add(WeightRequest request) override;

 private:
  std::vector<WeightRequest> requests_;
  std::vector<std::string> explained_;  // names and globs
  std::vector<std::string> optional_prefixes_;
};

}  // namespace firstlight::run
