// Asking memory for what is multiplied next, beside the products of now. Text compiled once per ISA.
#pragma once

#include "firstlight/device/cpu/kernels/weights.h"

namespace firstlight::device::cpu::FL_ISA {
namespace {

// The lines of some bytes that will be written: stores that miss wait for their lines one after another.
FL_INLINE void ask_to_write(const void* data, int64_t bytes) {
  const auto* line = static_cast<const uint8_t*>(data);
  for (int64_t i = 0; i < bytes; i += kLine) {
#if defined(__x86_64__)
    asm volatile("prefetchw %0" : : "m"(line[i]) : "memory");
#else
    __builtin_prefetch(line + i, 1);
#endif
  }
}

// A part of what is multiplied next: a loop asks for a line of each of some streams, then for none for some steps. Each
// line is asked for once: to ask again takes as much of the way to the second cache as a line that is missing.
struct Ahead {
  const uint8_t* data;
  int64_t apart;   // of the streams, bytes
  int64_t period;  // steps from a line to the next
};

// Of `parts` loops of `steps` steps each that ask for `bytes` of each stream together, what one asks for; for
// no bytes, a line that may be there already.
FL_INLINE Ahead part_ahead(const uint8_t* data, int64_t bytes, int64_t apart, int64_t parts, int64_t part,
                           int64_t steps) {
  const int64_t lines = (bytes + kLine - 1) / kLine;
  const int64_t begin = lines * part / parts;
  const int64_t count = lines * (part + 1) / parts - begin;
  return {data + begin * kLine, apart, count > 0 ? (steps > count ? steps / count : 1) : steps + 1};
}

// A loop's place in its part.
template <int kStreams>
class AskAhead {
 public:
  explicit AskAhead(const Ahead& ahead)
      : line_(ahead.data), apart_(ahead.apart), period_(ahead.period), left_(ahead.period) {}
  // Into the first cache, from where lines that wait go to the second.
  void step() {
    if (--left_ != 0) return;
    left_ = period_;
    for (int i = 0; i < kStreams; ++i) __builtin_prefetch(line_ + i * apart_);
    line_ += kLine;
  }

 private:
  const uint8_t* line_;
  int64_t apart_;
  int64_t period_;
  int64_t left_;
};

}  // namespace
}  // namespace firstlight::device::cpu::FL_ISA
