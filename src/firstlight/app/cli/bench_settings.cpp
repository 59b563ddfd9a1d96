// Reading --versus.
#include "firstlight/app/cli/bench_settings.h"

#include <charconv>

#include "firstlight/base/error.h"

namespace firstlight::app {
namespace {

constexpr std::string_view kFlag = "--versus";

std::int64_t whole_number(std::string_view name, std::string_view text, std::int64_t most) {
  std::int64_t value = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failed != std::errc() || end != text.data() + text.size() || value < 0 || value > most)
    fail(Category::kUsage, kFlag, "{}='{}' is not a number from 0 to {}", name, text, most);
  return value;
}

}  // namespace

std::vector<std::string> split_list(std::string_view text) {
  std::vector<std::string> parts(1);
  int depth = 0;
  for (const char c : text) {
    depth += c == '{' ? 1 : c == '}' ? -1 : 0;
    if (c == ',' && depth == 0)
      parts.emplace_back();
    else
      parts.back() += c;
  }
  return parts;
}

BenchSetting changed(const BenchSetting& base, std::string_view changes) {
  constexpr std::int64_t kMostThreads = 1024;
  constexpr std::int64_t kLongestChunk = std::int64_t{1} << 31;
  BenchSetting setting = base;
  for (const std::string& change : split_list(changes)) {
    const std::size_t equals = change.find('=');
    const std::string name = change.substr(0, equals);
    const std::string value = equals == std::string::npos ? "" : change.substr(equals + 1);
    if (value.empty()) fail(Category::kUsage, kFlag, "'{}': expected NAME=VALUE", change);
    if (name == "policy") {
      setting.policy = value;
    } else if (name == "device") {
      setting.device.device = value;
      setting.device.isa.clear();
    } else if (name == "isa") {
      setting.device.isa = value;
    } else if (name == "threads") {
      setting.device.threads = static_cast<int>(whole_number(name, value, kMostThreads));
    } else if (name == "chunk") {
      setting.chunk = whole_number(name, value, kLongestChunk);
    } else if (name == "trace") {
      if (value != "on" && value != "off") fail(Category::kUsage, kFlag, "trace='{}': expected on or off", value);
      setting.trace = value == "on";
    } else {
      fail(Category::kUsage, kFlag, "'{}' is not one of policy, device, isa, threads, chunk, trace", name);
    }
  }
  return setting;
}

}  // namespace firstlight::app
