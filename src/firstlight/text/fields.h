// Strict reading of one JSON object: wrong types, missing fields and fields nobody read are errors that name the place.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "firstlight/base/json.h"

namespace firstlight::text {

class Fields {
 public:
  // `where` names the object ("tokenizer.json: normalizer"). Throws kBadInput when `json` is not an object.
  Fields(const Json& json, std::string where);

  const std::string& where() const { return where_; }
  std::string where(std::string_view key) const { return where_ + "." + std::string(key); }

  // The value, or nullptr when it is absent or null. Marks it as read.
  const Json* find(std::string_view key);
  const Json& at(std::string_view key);  // kBadInput when absent or null

  std::string text(std::string_view key);  // valid UTF-8
  std::optional<std::string> optional_text(std::string_view key);
  bool boolean(std::string_view key, bool otherwise);
  bool boolean(std::string_view key);
  std::int64_t integer(std::string_view key, std::int64_t least, std::int64_t most);
  char32_t character(std::string_view key);  // exactly one code point
  const Json& array(std::string_view key);

  // Fields that carry nothing for us.
  void ignore(std::initializer_list<std::string_view> keys);
  // Throws kUnsupported naming a field that nothing read.
  void done() const;

 private:
  const Json& json_;
  std::string where_;
  std::vector<std::string> read_;
};

}  // namespace firstlight::text
