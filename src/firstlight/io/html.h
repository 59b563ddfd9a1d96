// Escaping for the HTML reports.
#pragma once

#include <string>
#include <string_view>

namespace firstlight::io {

// For text between tags: & < > become entities; bytes that are not UTF-8 and control characters that HTML forbids
// become U+FFFD.
std::string html_text(std::string_view text);
// For a double- or single-quoted attribute value: also " and '.
std::string html_attribute(std::string_view text);

}  // namespace firstlight::io
