// Text files line by line.
#pragma once

#include <cstddef>
#include <string_view>

namespace firstlight::text {

// Calls body(number from 1, line without its end). A line ends at \n, before which one \r goes.
template <typename Body>
void for_each_line(std::string_view text, const Body& body) {
  for (std::size_t number = 1; !text.empty(); ++number) {
    const std::size_t end = text.find('\n');
    std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (line.ends_with('\r')) line.remove_suffix(1);
    body(number, line);
  }
}

}  // namespace firstlight::text
