// The words of a stretch of text on their way to the model: ranges of one buffer, so that cutting copies nothing.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "firstlight/text/regex.h"

namespace firstlight::text {

struct Words {
  std::string text;
  std::vector<Range> ranges;    // in order, disjoint, none empty
  std::size_t start_bytes = 0;  // as many bytes of text come from the first character of the input
  // The model is to see each word's bytes as characters (byte_level.h). Written late: most words are found in a cache
  // by their bytes.
  bool in_bytes = false;

  // Starts over with all of `from` as one word.
  void assign(std::string_view from, bool from_start);
  std::string_view word(Range range) const {
    return std::string_view(text).substr(range.begin, range.end - range.begin);
  }
  bool is_at_start(Range range) const { return range.begin < start_bytes; }
  // Carries out `in_bytes` in the buffer.
  void write_bytes();
};

// Rewrites words one after the other into a new buffer.
class WordsWriter {
 public:
  explicit WordsWriter(Words& words) : words_(words) { text_.reserve(words.text.size() + words.text.size() / 2 + 8); }
  std::string& text() { return text_; }
  // What was written since the last call becomes a word, if it is anything.
  void end_word() {
    if (begin_ < text_.size()) ranges_.push_back({begin_, text_.size()});
    begin_ = text_.size();
  }
  // `start_bytes` of what was written, where that is more than one character of a text that is at the start.
  void finish(std::size_t start_bytes = 1) {
    const bool at_start = !words_.ranges.empty() && words_.is_at_start(words_.ranges.front());
    words_.start_bytes = at_start ? start_bytes : 0;
    words_.text = std::move(text_);
    words_.ranges = std::move(ranges_);
  }

 private:
  Words& words_;
  std::string text_;
  std::vector<Range> ranges_;
  std::size_t begin_ = 0;
};

}  // namespace firstlight::text
