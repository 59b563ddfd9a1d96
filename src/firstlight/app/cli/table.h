// Aligned text tables for stdout, and numbers as people read them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "firstlight/base/json.h"

namespace firstlight::app {

// Columns are as wide as their widest cell (in code points), two spaces apart. All but the first are aligned to the
// right when every cell is a number, with or without a unit.
class Table {
 public:
  explicit Table(std::vector<std::string> head) : head_(std::move(head)) {}
  void add(std::vector<std::string> row);
  bool empty() const { return rows_.empty(); }
  // Cells that are an outcome's name are coloured when `colour`.
  std::string str(bool colour = false) const;

 private:
  std::vector<std::string> head_;
  std::vector<std::vector<std::string>> rows_;
};

// stdout is a terminal that shows colours, and NO_COLOR (no-color.org) is not set.
bool colour_on_stdout();

std::string human_bytes(double bytes);                        // 6890000 -> "6.89 MB"
std::string human_rate(double value, std::string_view unit);  // 1.23e10, "B/s" -> "12.3 GB/s"
std::string human_number(double value);                       // 0.98764 -> "0.9876", 36151.2 -> "36,151"
std::string human_count(std::int64_t count);                  // 12345678 -> "12,345,678"

// To stdout. Invalid UTF-8 is replaced, as JSON cannot hold it.
void print_json(const Json& json);       // indented
void print_json_line(const Json& json);  // one line, flushed

}  // namespace firstlight::app
