// Look-ups with types.
#include "firstlight/text/fields.h"

#include <algorithm>

#include "firstlight/base/error.h"
#include "firstlight/text/unicode.h"

namespace firstlight::text {

Fields::Fields(const Json& json, std::string where) : json_(json), where_(std::move(where)) {
  if (!json.is_object()) fail(Category::kBadInput, where_, "expected an object, found {}", json.type_name());
}

const Json* Fields::find(std::string_view key) {
  read_.emplace_back(key);
  const auto found = json_.find(key);
  return found == json_.end() || found->is_null() ? nullptr : &*found;
}

const Json& Fields::at(std::string_view key) {
  const Json* value = find(key);
  if (value == nullptr) fail(Category::kBadInput, where_, "field '{}' is missing", key);
  return *value;
}

std::optional<std::string> Fields::optional_text(std::string_view key) {
  const Json* value = find(key);
  if (value == nullptr) return std::nullopt;
  if (!value->is_string()) fail(Category::kBadInput, where(key), "expected a string, found {}", value->type_name());
  const std::string& text = value->get_ref<const std::string&>();
  if (!is_valid_utf8(text)) fail(Category::kBadInput, where(key), "not UTF-8");
  return text;
}

std::string Fields::text(std::string_view key) {
  at(key);
  return *optional_text(key);
}

bool Fields::boolean(std::string_view key) {
  const Json& value = at(key);
  if (!value.is_boolean()) fail(Category::kBadInput, where(key), "expected true or false, found {}", value.type_name());
  return value.get<bool>();
}

bool Fields::boolean(std::string_view key, bool otherwise) { return find(key) == nullptr ? otherwise : boolean(key); }

std::int64_t Fields::integer(std::string_view key, std::int64_t least, std::int64_t most) {
  const Json& value = at(key);
  const bool fits =
      value.is_number_integer() && !(value.is_number_unsigned() && value.get<std::uint64_t>() > INT64_MAX);
  if (!fits || value.get<std::int64_t>() < least || value.get<std::int64_t>() > most)
    fail(Category::kBadInput, where(key), "expected an integer from {} to {}, found {}", least, most, json_text(value));
  return value.get<std::int64_t>();
}

char32_t Fields::character(std::string_view key) {
  const std::string value = text(key);
  if (value.empty() || code_point_at(value, 0).bytes != value.size())
    fail(Category::kBadInput, where(key), "expected one character, found '{}'", value);
  return code_point_at(value, 0).value;
}

const Json& Fields::array(std::string_view key) {
  const Json& value = at(key);
  if (!value.is_array()) fail(Category::kBadInput, where(key), "expected an array, found {}", value.type_name());
  return value;
}

void Fields::ignore(std::initializer_list<std::string_view> keys) {
  read_.insert(read_.end(), keys.begin(), keys.end());
}

void Fields::done() const {
  for (const auto& item : json_.items())
    if (!item.value().is_null() && std::find(read_.begin(), read_.end(), item.key()) == read_.end())
      fail(Category::kUnsupported, where_, "field '{}' is not supported", item.key());
}

}  // namespace firstlight::text
