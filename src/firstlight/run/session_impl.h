// The inside of a Session. Internal to run.
#pragma once

#include <array>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "firstlight/device/contract.h"
#include "firstlight/run/pool.h"
#include "firstlight/run/session.h"

namespace firstlight::run {

// The most operands an op has (attention: 6), with room.
inline constexpr int kMaxOperands = 8;

// The operands of a call as ops and kernels see them. Specs carry the formats of the values, which is what costs are
// counted in; Views carry those of the bytes.
struct Operands {
  std::array<op::TensorSpec, kMaxOperands> specs;
  std::array<View, kMaxOperands> views;
  std::size_t count = 0;

  explicit Operands(std::span<const Tensor> in);
  std::span<const op::TensorSpec> spec_span() const { return {specs.data(), count}; }
  std::span<const View> view_span() const { return {views.data(), count}; }
};

// What is resolved once for a component key.
struct KeyEntry {
  Format activation = Format::f32;
  std::optional<Group> group;
  // Kernel settings by phase, for linear ops and for attention.
  std::array<const void*, 2> linear{};
  std::array<const void*, 2> attention{};
};

class Session::Impl {
 public:
  explicit Impl(Session& session);

  // What call_erased is told, together.
  struct Call {
    op::Op op;
    const void* args;
    std::size_t args_bytes;
    std::span<const Tensor> in;
    std::string_view key;
    bool suffixed;
  };
  Tensor call(const Call& call, std::optional<Format> format);
  void call_in_place(const Call& call, const Tensor& state);

  // ---- session_memory.cpp
  // A tensor of the device's form for `format`, or of f32 where the device does not store that.
  Tensor allocate_pooled(Format format, const Shape& shape);
  // The same, in memory of its own.
  Tensor allocate_plain(Format format, const Shape& shape);
  Tensor allocate_zeroed(Format format, const Shape& shape);
  void write(const HostTensor& from, const Tensor& into);
  HostTensor read(const Tensor& tensor);
  // The values of a tensor whose bytes are f32, rounded as `format` stores them.
  Tensor rounded(const Tensor& tensor, Format format, std::string_view key);

  // ---- session_record.cpp
  // Tells the recording of a call's cost, and that the host takes part.
  void note(const Call& call, const op::Cost& cost, const Operands& operands, const op::TensorSpec& out_spec);
  void note_host();

  // ---- session_keys.cpp
  KeyEntry& entry(std::string_view key);
  void note_group(std::string_view key, Group group);

  Session& session;
  device::Device& device;
  const device::Capabilities capabilities;
  const std::unique_ptr<device::Stream> stream;
  std::shared_ptr<Pool> pool;
  std::vector<Observer*> observers;
  Recording* recording = nullptr;  // of the calls that are being made

 private:
  struct KeyHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view key) const { return std::hash<std::string_view>()(key); }
  };
  // Counts one up for as long as it lives.
  class Deeper {
   public:
    explicit Deeper(int& depth) : depth_(depth) { ++depth_; }
    Deeper(const Deeper&) = delete;
    Deeper& operator=(const Deeper&) = delete;
    ~Deeper() { --depth_; }

   private:
    int& depth_;
  };

  // The kernel for these operands, or null.
  const device::KernelRow* choose(const Call& call, const device::KernelCall& kernel_call) const;
  bool wants_hidden(std::string_view key, std::string_view hides) const;
  device::KernelContext context(const Call& call, const KeyEntry& entry) const;
  // The time it took where an observer wants times, else 0.
  std::chrono::nanoseconds launch(const device::KernelRow& row, device::KernelCall& kernel_call);
  Tensor fall_back(const Call& call, Format format);
  // Brings the operands of an activation's kind into contiguous f32, what every kernel takes. False when they are that.
  bool make_plain(const Call& call, std::vector<Tensor>& in);
  [[noreturn]] void unsupported(const Call& call) const;
  bool copy_through(const Tensor& tensor, Format format, std::string_view key);

  // ---- session_observe.cpp
  bool wants_times() const;
  void show(const Call& call, device::KernelCall kernel_call, const Tensor& result);
  void record(const Call& call, const op::Cost& cost, std::chrono::nanoseconds duration, bool fell_back);
  Tensor tap(const Call& call, Tensor result);
  std::string shown_key(const Call& call) const;

  void resolve(std::string_view key, KeyEntry& entry) const;

  std::vector<std::vector<const device::KernelRow*>> rows_;  // by op
  std::unordered_map<std::string, KeyEntry, KeyHash, std::equal_to<>> keys_;
  std::unique_ptr<device::Memory> scratch_;
  int depth_ = 0;  // of fallbacks
  int muted_ = 0;  // within a tap: what an observer calls is neither observed nor counted
};

}  // namespace firstlight::run
