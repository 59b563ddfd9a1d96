// Buffer handling of Words.
#include "firstlight/text/words.h"

#include "firstlight/text/byte_level.h"
#include "firstlight/text/unicode.h"

namespace firstlight::text {

void Words::assign(std::string_view from, bool from_start) {
  text.assign(from);
  ranges.clear();
  if (!from.empty()) ranges.push_back({0, from.size()});
  start_bytes = from_start && !from.empty() ? code_point_at(from, 0).bytes : 0;
  in_bytes = false;
}

void Words::write_bytes() {
  if (!in_bytes) return;
  WordsWriter writer(*this);
  std::size_t written = 1;  // of the bytes of the first character
  for (const Range range : ranges) {
    append_characters(writer.text(), word(range));
    writer.end_word();
    if (range.begin < start_bytes && range.end >= start_bytes) {
      std::string first;
      append_characters(first, std::string_view(text).substr(range.begin, start_bytes - range.begin));
      written = first.size();
    }
  }
  writer.finish(written);
  in_bytes = false;
}

}  // namespace firstlight::text
