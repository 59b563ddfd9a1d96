// The list of models.
#include "firstlight/text/model.h"

#include "firstlight/base/error.h"
#include "firstlight/text/fields.h"
#include "firstlight/text/tokenizer_file.h"

namespace firstlight::text {

std::unique_ptr<Model> make_model(TokenizerFile& file, const std::string& where) {
  const auto json = file.root.find("model");
  if (json == file.root.end()) fail(Category::kBadInput, where, "field is missing");
  Fields fields(*json, where);
  // Old files leave the type out; merges give BPE away.
  const std::string type = fields.optional_text("type").value_or(file.has_merges ? "BPE" : "");
  if (type == "BPE") return make_bpe(file, where);
  fail(Category::kUnsupported, where, "model '{}'; accepted is BPE", type);
}

}  // namespace firstlight::text
