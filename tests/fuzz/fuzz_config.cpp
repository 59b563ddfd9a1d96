// Any bytes as a config.json and as a generation_config.json: rotary settings and every getter.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "firstlight/io/config.h"
#include "firstlight/io/generation_config.h"
#include "firstlight/io/rope_config.h"
#include "fuzz.h"

namespace {

using firstlight::fuzz::expect_error_or_success;
using firstlight::io::Config;

void read_everything(const Config& config, int depth) {
  for (const std::string& name : config.fields()) {
    expect_error_or_success([&] { config.integer(name); });
    expect_error_or_success([&] { config.positive_or(name, 1); });
    expect_error_or_success([&] { config.positive_number_or(name, 1); });
    expect_error_or_success([&] { config.boolean(name); });
    expect_error_or_success([&] { config.choice(name, {"silu", "gelu"}); });
    expect_error_or_success([&] { config.one_or_more_integers(name); });
    expect_error_or_success([&] { config.numbers(name); });
    expect_error_or_success([&] { config.strings(name); });
    if (config.is_object(name) && depth < 4) read_everything(config.object(name), depth + 1);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace firstlight;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  expect_error_or_success([&] { io::parse_generation_config(text, "fuzz"); });
  expect_error_or_success([&] {
    const Config config = Config::parse(text, "fuzz");
    config.ignore_bookkeeping();
    expect_error_or_success([&] { io::parse_rope_configs(config, {.original_max_position = 4096}); });
    expect_error_or_success([&] { io::parse_rope_config(config); });
    config.unread();
    read_everything(config, 0);
    config.fields_read();
    config.ignored();
    config.text();
  });
  return 0;
}
