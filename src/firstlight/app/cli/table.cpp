// Layout of tables and numbers.
#include "firstlight/app/cli/table.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cmath>
#include <cstdio>
#include <cstdlib>

namespace firstlight::app {
namespace {

std::size_t width(std::string_view text) {
  return static_cast<std::size_t>(
      std::ranges::count_if(text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; }));
}

// A number, perhaps with a relation before it or a unit after it: "0.99", "> 80", "12.3 GB/s".
bool numeric(std::string_view text) {
  if (text.empty()) return true;
  const std::size_t first = text.find_first_not_of("<>=-+ ");
  return first != std::string_view::npos && std::isdigit(static_cast<unsigned char>(text[first])) != 0 &&
         std::ranges::count(text, ' ') <= 1;
}

std::string_view colour_of(std::string_view cell) {
  if (cell == "passed" || cell == "yes") return "\x1b[32m";
  if (cell == "failed") return "\x1b[1;31m";
  if (cell == "skipped") return "\x1b[33m";
  return "";
}

}  // namespace

void Table::add(std::vector<std::string> row) {
  row.resize(head_.size());
  rows_.push_back(std::move(row));
}

std::string Table::str(bool colour) const {
  std::vector<std::size_t> widths;
  std::vector<bool> right;
  for (std::size_t column = 0; column < head_.size(); ++column) {
    std::size_t widest = width(head_[column]);
    bool numbers = !rows_.empty() && column > 0;  // the first column is a name, even when it begins with a digit
    for (const auto& row : rows_) {
      widest = std::max(widest, width(row[column]));
      numbers = numbers && numeric(row[column]);
    }
    widths.push_back(widest);
    right.push_back(numbers);
  }
  std::string text;
  const auto line = [&](const std::vector<std::string>& cells) {
    std::string one;
    for (std::size_t column = 0; column < cells.size(); ++column) {
      const std::string padding(widths[column] - width(cells[column]), ' ');
      const std::string_view tint = colour ? colour_of(cells[column]) : "";
      if (right[column]) one += padding;
      one += tint;
      one += cells[column];
      if (!tint.empty()) one += "\x1b[0m";
      if (!right[column]) one += padding;
      if (column + 1 < cells.size()) one += "  ";
    }
    one.erase(one.find_last_not_of(' ') + 1);
    text += one + "\n";
  };
  if (std::ranges::any_of(head_, [](const std::string& cell) { return !cell.empty(); })) line(head_);
  for (const auto& row : rows_) line(row);
  return text;
}

bool colour_on_stdout() {
  const char* off = std::getenv("NO_COLOR");
  const char* terminal = std::getenv("TERM");
  return ::isatty(STDOUT_FILENO) != 0 && (off == nullptr || *off == '\0') && terminal != nullptr &&
         std::string_view(terminal) != "dumb";
}

std::string human_rate(double value, std::string_view unit) {
  constexpr std::array<std::string_view, 6> kPrefixes = {"", "k", "M", "G", "T", "P"};
  std::size_t prefix = 0;
  while (std::abs(value) >= 999.5 && prefix + 1 < kPrefixes.size()) {
    value /= 1000;
    ++prefix;
  }
  return fmt::format("{:.3g} {}{}", value, kPrefixes[prefix], unit);
}

std::string human_number(double value) {
  if (std::abs(value) < 1000) return fmt::format("{:.4g}", value);
  return std::abs(value) < 1e15 ? human_count(std::llround(value)) : fmt::format("{:.4g}", value);
}

std::string human_bytes(double bytes) { return human_rate(bytes, "B"); }

std::string human_count(std::int64_t count) {
  std::string text = std::to_string(count);
  const std::size_t digits_begin = count < 0 ? 1 : 0;
  for (std::size_t place = text.size(); place > digits_begin + 3; place -= 3) text.insert(place - 3, 1, ',');
  return text;
}

void print_json(const Json& json) { fmt::print("{}\n", json_text(json, 2)); }

void print_json_line(const Json& json) {
  fmt::print("{}\n", json_text(json));
  std::fflush(stdout);
}

}  // namespace firstlight::app
