// Drawing of the progress line.
#include "firstlight/base/progress.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

namespace firstlight {
namespace {

bool quiet = false;

std::string human(double seconds) {
  if (seconds < 100) return fmt::format("{:.1f} s", seconds);
  if (seconds < 6000) return fmt::format("{:.0f} min", seconds / 60);
  return fmt::format("{:.1f} h", seconds / 3600);
}

}  // namespace

void Progress::set_quiet(bool value) { quiet = value; }

Progress::Progress(std::string label, std::int64_t total, std::string unit)
    : label_(std::move(label)), unit_(std::move(unit)), total_(total), start_(Clock::now()), drawn_(start_) {}

Progress::~Progress() { finish(); }

void Progress::set(std::int64_t done) {
  done_ = done;
  const bool terminal = ::isatty(2) != 0;
  const auto now = Clock::now();
  const auto gap = !shown_ ? std::chrono::milliseconds(1000) : std::chrono::milliseconds(terminal ? 200 : 5000);
  if (quiet || now - drawn_ < gap) return;
  drawn_ = now;
  shown_ = true;
  draw(false);
}

void Progress::finish() {
  if (finished_) return;
  finished_ = true;
  if (shown_ && !quiet) draw(true);
}

void Progress::draw(bool last) {
  const bool terminal = ::isatty(2) != 0;
  const double seconds = std::max(1e-9, std::chrono::duration<double>(Clock::now() - start_).count());
  const double rate = static_cast<double>(done_) / seconds;
  std::string line;
  if (last) {
    line = fmt::format("{}: {} {} in {}, {:.3g} {}/s", label_, done_, unit_, human(seconds), rate, unit_);
  } else {
    line = fmt::format("{}: {}/{} {}, {:.3g} {}/s", label_, done_, total_, unit_, rate, unit_);
    if (rate > 0)
      line += fmt::format(", {} left", human(static_cast<double>(std::max<std::int64_t>(0, total_ - done_)) / rate));
  }
  if (terminal)
    fmt::print(stderr, "\r\x1b[K{}{}", line, last ? "\n" : "");
  else
    fmt::print(stderr, "{}\n", line);
  std::fflush(stderr);
}

}  // namespace firstlight
