// The HTML report of a bring-up: one self-contained page made from the record's lines, so that it can be made again
// from the record alone. Verdict first, then accuracy, components, speed, environment, and how to repeat it.
#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "firstlight/base/json.h"

namespace firstlight::harness {

// `lines` as Record writes them. Throws kBadInput when they are no record of a run.
std::string html_report(std::span<const Json> lines);

// The page of a bench alone: `measurements` and `comparisons` are arrays of Measurement and Comparison JSON, `command`
// is what repeats it.
std::string bench_report(std::string_view title, std::string_view command, const Json& measurements,
                         const Json& comparisons);

// Reads record.jsonl: every line an object with "kind", the first of kind "run". Throws kBadInput with the line.
std::vector<Json> read_record(const std::filesystem::path& path);

}  // namespace firstlight::harness
