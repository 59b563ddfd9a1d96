// The post-processor of tokenizer.json: the special tokens around one encoded text.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "firstlight/base/json.h"

namespace firstlight::text {

// What goes before and after the ids of the text; every supported post-processor comes down to that.
struct PostProcessor {
  std::vector<std::int32_t> before, after;
};

// By "type": TemplateProcessing (its template for a single text), BertProcessing, RobertaProcessing, ByteLevel (which
// changes offsets only), Sequence. Throws kUnsupported for any other.
PostProcessor make_post_processor(const Json& json, const std::string& where);

}  // namespace firstlight::text
