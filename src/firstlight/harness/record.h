// The machine's record of a run: JSON lines, one object a line, every one with "kind". Written under a temporary name
// and renamed, so a record is whole or absent.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "firstlight/base/json.h"
#include "firstlight/harness/verdict.h"

namespace firstlight::harness {

class Record {
 public:
  // The first line: what was run, by which version, where.
  explicit Record(Json header);
  void add(std::string_view kind, Json line);
  void add(const PhaseResult& phase);  // a "phase" line, then a "verdict" line each
  const std::vector<Json>& lines() const { return lines_; }
  void write(const std::filesystem::path& path) const;

 private:
  std::vector<Json> lines_;
};

// This machine and build: CPU, cores, memory, kernel, compiler, versions.
Json environment(const std::string& device_summary);

std::string version();  // "0.1.0"

}  // namespace firstlight::harness
