// Any bytes as a chat template, rendered with a small conversation.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "firstlight/text/chat_template.h"
#include "fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace firstlight;
  static const Json messages = Json::parse(
      R"([{"role":"system","content":" s "},{"role":"user","content":"é\n<b>"},{"role":"assistant","content":null,
          "tool_calls":[{"id":"abcdefghi","function":{"name":"f","arguments":{"x":[1,2.5,true,null]}}}]}])");
  fuzz::expect_error_or_success([&] {
    const std::string_view source(reinterpret_cast<const char*>(data), size);
    text::ChatOptions options;
    options.now = 0;
    options.extra = {{"bos_token", "<s>"}, {"eos_token", "</s>"}};
    text::ChatTemplate::from_text(source, "fuzz").render(messages, options);
  });
  return 0;
}
