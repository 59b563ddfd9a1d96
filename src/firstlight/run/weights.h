// Weights as a model declares them: what each is made of, and in which group it stands. The same declaration serves a
// plan (dimensions only, no files) and a load (checkpoint, ledger, cache, placement).
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

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
  bool transposed = false;  // the tensors are stored [K, N] (GPT-2's Conv1D) instead of [N, K]

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
};

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
  Weight linear(std::string key, Group group, std::int64_t inputs, std::int64_t outputs, WeightExpr source);
  Weight table(std::string key, Group group, std::int64_t rows, std::int64_t columns, WeightExpr source);
  Weight vector(std::string key, std::int64_t size, WeightExpr source);
  // `name` may stand in the checkpoint as a second copy of `of` (a tied head); it must then be byte-equal.
  virtual void stored_copy(std::string name, std::string of) = 0;
  // Tensors that the publisher's implementation does not read either (glob pattern, with the reason shown).
  virtual void ignore(std::string pattern, std::string reason) = 0;

 protected:
  virtual Weight add(WeightRequest request) = 0;
};

// Dimensions only: collects what a model asks for.
class WeightPlanSink : public WeightSink {
 public:
  void stored_copy(std::string name, std::string of) override;
  void ignore(std::string pattern, std::string reason) override;
  const std::vector<WeightRequest>& requests() const { return requests_; }
  // Whether a checkpoint tensor that no request names was foreseen: an ignored buffer or a stored copy.
  bool explained(std::string_view tensor) const;
  // Parameters as publishers count them: every tensor once.
  std::int64_t parameters() const;

 protected:
  Weight add(WeightRequest request) override;

 private:
  std::vector<WeightRequest> requests_;
  std::vector<std::string> explained_;  // names and globs
};

}  // namespace firstlight::run
