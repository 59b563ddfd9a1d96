// A progress line on stderr for long work: done of total, rate, time left. Redrawn in place on a terminal, a line every
// few seconds elsewhere. Work shorter than a second shows nothing.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace firstlight {

class Progress {
 public:
  // `total` and later counts are in `unit` ("tokens", "MiB", "ops"). Enabled by default; see set_quiet().
  Progress(std::string label, std::int64_t total, std::string unit);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void set(std::int64_t done);
  void add(std::int64_t step) { set(done_ + step); }
  // Ends the line ("label: 1024 tokens in 3.1 s, 330 tokens/s"). Called by the destructor too.
  void finish();

  // Process-wide: --quiet and tests turn progress off. Call before any thread starts.
  static void set_quiet(bool quiet);

 private:
  using Clock = std::chrono::steady_clock;
  void draw(bool last);

  std::string label_;
  std::string unit_;
  std::int64_t total_;
  std::int64_t done_ = 0;
  Clock::time_point start_;
  Clock::time_point drawn_;
  bool shown_ = false;
  bool finished_ = false;
};

}  // namespace firstlight
