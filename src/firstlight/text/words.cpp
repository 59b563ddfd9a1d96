// Buffer handling of Words.
#include "firstlight/text/words.h"

#include "firstlight/text/byte_level.h"

namespace firstlight::text {

void Words::assign(std::string_view from, bool from_start) {
  text.assign(from);
  ranges.clear();
  if (!from.empty()) ranges.push_back({0, from.size()});
  at_start = from_start;
  in_bytes = false;
}

void Words::write_bytes() {
  if (!in_bytes) return;
  WordsWriter writer(*this);
  for (const Range range : ranges) {
    append_characters(writer.text(), word(range));
    writer.end_word();
  }
  writer.finish();
  in_bytes = false;
}

}  // namespace firstlight::text
