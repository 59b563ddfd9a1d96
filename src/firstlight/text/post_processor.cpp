// Reading post-processors into what stands before and after.
#include "firstlight/text/post_processor.h"

#include <fmt/format.h>

#include "firstlight/base/error.h"
#include "firstlight/text/fields.h"
#include "firstlight/text/vocabulary.h"

namespace firstlight::text {
namespace {

std::int32_t token_id(const Json& json, const std::string& where) {
  if (!json.is_number_unsigned() || json.get<std::uint64_t>() > static_cast<std::uint64_t>(kMaxTokenId))
    fail(Category::kBadInput, where, "expected a token id, found {}", json_text(json));
  return json.get<std::int32_t>();
}

// The ids that a template's special token stands for.
std::vector<std::int32_t> special_ids(const Json& specials, const std::string& name, const std::string& where) {
  const auto found = specials.find(name);
  if (found == specials.end()) fail(Category::kBadInput, where, "special token '{}' is used but not listed", name);
  Fields fields(*found, fmt::format("{}['{}']", where, name));
  std::vector<std::int32_t> ids;
  for (const Json& id : fields.array("ids")) ids.push_back(token_id(id, fields.where("ids")));
  fields.ignore({"id", "tokens"});
  fields.done();
  return ids;
}

PostProcessor read_template(Fields& fields) {
  PostProcessor processor;
  const Json& specials = fields.at("special_tokens");
  if (!specials.is_object()) fail(Category::kBadInput, fields.where("special_tokens"), "expected an object");
  bool seen_text = false;
  const Json& single = fields.array("single");
  for (std::size_t i = 0; i < single.size(); ++i) {
    Fields entry(single[i], fmt::format("{}[{}]", fields.where("single"), i));
    if (const Json* special = entry.find("SpecialToken")) {
      Fields token(*special, entry.where("SpecialToken"));
      const auto ids = special_ids(specials, token.text("id"), fields.where("special_tokens"));
      auto& side = seen_text ? processor.after : processor.before;
      side.insert(side.end(), ids.begin(), ids.end());
      token.ignore({"type_id"});
      token.done();
    } else {
      Fields sequence(entry.at("Sequence"), entry.where("Sequence"));
      if (sequence.text("id") != "A" || seen_text)
        fail(Category::kUnsupported, entry.where(), "expected the text (\"A\") once in the template for one text");
      seen_text = true;
      sequence.ignore({"type_id"});
      sequence.done();
    }
    entry.done();
  }
  if (!seen_text) fail(Category::kBadInput, fields.where("single"), "the template has no place for the text");
  fields.ignore({"pair"});  // for two texts, which nothing here encodes
  return processor;
}

std::int32_t named_token(const Json& json, const std::string& where) {
  if (!json.is_array() || json.size() != 2) fail(Category::kBadInput, where, "expected [\"token\", id]");
  return token_id(json[1], where);
}

}  // namespace

PostProcessor make_post_processor(const Json& json, const std::string& where) {
  Fields fields(json, where);
  const std::string type = fields.text("type");
  PostProcessor processor;
  if (type == "TemplateProcessing") {
    processor = read_template(fields);
  } else if (type == "BertProcessing" || type == "RobertaProcessing") {
    processor.before = {named_token(fields.at("cls"), fields.where("cls"))};
    processor.after = {named_token(fields.at("sep"), fields.where("sep"))};
    fields.ignore({"trim_offsets", "add_prefix_space"});
  } else if (type == "ByteLevel") {
    fields.ignore({"trim_offsets", "add_prefix_space", "use_regex"});
  } else if (type == "Sequence") {
    const Json& list = fields.array("processors");
    for (std::size_t i = 0; i < list.size(); ++i) {
      const auto step = make_post_processor(list[i], fmt::format("{}[{}]", fields.where("processors"), i));
      processor.before.insert(processor.before.begin(), step.before.begin(), step.before.end());
      processor.after.insert(processor.after.end(), step.after.begin(), step.after.end());
    }
  } else {
    fail(Category::kUnsupported, where,
         "post-processor '{}'; accepted are TemplateProcessing, BertProcessing, RobertaProcessing, ByteLevel, Sequence",
         type);
  }
  fields.done();
  return processor;
}

}  // namespace firstlight::text
