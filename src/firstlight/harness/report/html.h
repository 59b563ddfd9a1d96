// Pieces of the report: each section returns its HTML, or nothing when the record has no data for it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "firstlight/base/json.h"

namespace firstlight::harness::report {

// The record, sorted by what the sections need.
struct Run {
  Json header;
  std::vector<Json> phases;                                  // "phase" lines in order
  std::vector<Json> verdicts;                                // "verdict" lines in order
  const Json* details(std::string_view phase_prefix) const;  // of the phase "3 components", by "3"
};

std::string text(const Json& value);                 // escaped; numbers shortened
std::string number(double value, int digits = 4);    // 1234.5 -> "1,234", 0.000123 -> "1.23e-04"
std::string bytes(double value);                     // "6.89 MB"
double real(const Json& object, const char* field);  // NaN when absent; reads "nan"/"inf" texts
std::string pill(std::string_view outcome);          // a coloured word
std::string section(std::string_view id, std::string_view title, std::string_view body);
std::string table(const std::vector<std::string>& head, const std::vector<std::vector<std::string>>& rows,
                  std::string_view css_class = "");
std::string bar(double share, const std::vector<double>& marks, std::string_view label);  // 0..1 with tier marks

// Of bench measurements (Measurement::json). The chart is empty where no probe was made.
std::string measurements_table(const Json& measurements);
std::string roofline_chart(const Json& measurements);

std::string verdict_section(const Run& run);
std::string accuracy_section(const Run& run);
std::string components_section(const Run& run);
std::string speed_section(const Run& run);
std::string model_section(const Run& run);
std::string environment_section(const Run& run);

extern const char* const kStyle;

}  // namespace firstlight::harness::report
