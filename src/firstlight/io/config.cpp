// Typed getters over one JSON object, and the record of what they read.
#include "firstlight/io/config.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>

#include "firstlight/base/error.h"
#include "firstlight/base/json.h"
#include "firstlight/io/bookkeeping.h"

namespace firstlight::io {
namespace {

constexpr std::size_t kMaxConfigBytes = std::size_t{16} << 20;
constexpr std::int64_t kLargestPositive = std::int64_t{1} << 31;

std::string shown(const Json& value) {
  std::string text = json_text(value);
  if (text.size() > 80) text = text.substr(0, 77) + "...";
  return text;
}

std::optional<std::int64_t> as_integer(const Json& value) {
  if (value.is_number_unsigned() && value.get<std::uint64_t>() > INT64_MAX) return std::nullopt;
  if (!value.is_number_integer()) return std::nullopt;
  return value.get<std::int64_t>();
}

std::optional<double> as_number(const Json& value) {
  if (!value.is_number()) return std::nullopt;
  return value.get<double>();
}

std::optional<std::string> as_string(const Json& value) {
  if (!value.is_string()) return std::nullopt;
  return value.get<std::string>();
}

template <typename Value>
std::optional<std::vector<Value>> as_list(const Json& value, std::optional<Value> (*convert)(const Json&)) {
  if (!value.is_array()) return std::nullopt;
  std::vector<Value> list;
  for (const Json& item : value) {
    std::optional<Value> one = convert(item);
    if (!one) return std::nullopt;
    list.push_back(*std::move(one));
  }
  return list;
}

bool off(const Json& value) {
  if (value.is_boolean()) return !value.get<bool>();
  if (value.is_number()) return value.get<double>() == 0;
  return value.empty() && !value.is_string();  // null, [] or {}
}

}  // namespace

// Values are told apart by their address: a dotted name could be spelt in two ways.
struct Config::Document {
  struct Ignored {
    std::string name;
    std::string reason;
  };
  Json root;
  std::string where;
  std::map<const Json*, std::string> read;  // -> dotted name
  std::map<const Json*, Ignored> ignored;
  std::set<const Json*> entered;  // objects whose fields are tracked one by one

  void list_unread(const Json& object, const std::string& prefix, std::vector<std::string>& names) const {
    for (const auto& item : object.items()) {
      const Json* value = &item.value();
      if (value->is_null() || read.contains(value) || ignored.contains(value)) continue;
      if (entered.contains(value)) {
        list_unread(*value, prefix + item.key() + ".", names);
      } else {
        names.push_back(prefix + item.key());
      }
    }
  }
};

Config Config::load(const std::filesystem::path& path) {
  Config config;
  config.document_ = std::make_shared<Document>();
  config.document_->where = path.string();
  config.document_->root = read_json_file(path, kMaxConfigBytes);
  config.object_ = &config.document_->root;
  if (!config.object_->is_object()) fail(Category::kBadInput, path.string(), "expected a JSON object of fields");
  return config;
}

Config Config::parse(std::string_view text, std::string_view where) {
  Config config;
  config.document_ = std::make_shared<Document>();
  config.document_->where = where;
  config.document_->root = parse_json(text, where);
  config.object_ = &config.document_->root;
  if (!config.object_->is_object()) fail(Category::kBadInput, where, "expected a JSON object of fields");
  return config;
}

const Json* Config::find(std::string_view name) const {
  const auto found = object_->find(name);
  return found == object_->end() ? nullptr : &*found;
}

bool Config::has(std::string_view name) const {
  const Json* value = find(name);
  return value != nullptr && !value->is_null();
}

bool Config::is_null(std::string_view name) const {
  const Json* value = find(name);
  return value != nullptr && value->is_null();
}

bool Config::is_object(std::string_view name) const {
  const Json* value = find(name);
  return value != nullptr && value->is_object();
}

std::vector<std::string> Config::fields() const {
  std::vector<std::string> names;
  for (const auto& item : object_->items()) names.push_back(item.key());
  return names;
}

std::string Config::dotted(std::string_view name) const {
  return prefix_.empty() ? std::string(name) : fmt::format("{}.{}", prefix_, name);
}

std::string Config::where(std::string_view name) const {
  return fmt::format("{}: field '{}'", document_->where, dotted(name));
}

const std::string& Config::file() const { return document_->where; }

std::string Config::text() const { return object_->dump(-1, ' ', false, Json::error_handler_t::replace); }

bool Config::given(std::string_view name) const {
  const Json* value = find(name);
  if (value == nullptr) return false;
  if (value->is_null()) document_->read.emplace(value, dotted(name));
  return !value->is_null();
}

template <typename Convert>
auto Config::read(std::string_view name, std::string_view expected, const Convert& convert) const {
  const Json* value = find(name);
  if (value == nullptr) fail(Category::kBadInput, where(name), "missing; expected {}", expected);
  auto result = convert(*value);
  if (!result) fail(Category::kBadInput, where(name), "expected {}, found {}", expected, shown(*value));
  document_->read.emplace(value, dotted(name));
  return *std::move(result);
}

std::int64_t Config::integer(std::string_view name) const { return read(name, "an integer", as_integer); }

std::int64_t Config::positive(std::string_view name) const {
  return read(name, "an integer from 1 to 2^31", [](const Json& value) {
    std::optional<std::int64_t> number = as_integer(value);
    if (number && (*number < 1 || *number > kLargestPositive)) number.reset();
    return number;
  });
}

double Config::number(std::string_view name) const { return read(name, "a number", as_number); }

double Config::positive_number(std::string_view name) const {
  return read(name, "a positive number", [](const Json& value) {
    std::optional<double> number = as_number(value);
    if (number && !(*number > 0)) number.reset();
    return number;
  });
}

bool Config::boolean(std::string_view name) const {
  return read(name, "true or false",
              [](const Json& value) { return value.is_boolean() ? std::optional(value.get<bool>()) : std::nullopt; });
}

std::string Config::string(std::string_view name) const { return read(name, "a string", as_string); }

std::vector<std::int64_t> Config::integers(std::string_view name) const {
  return read(name, "a list of integers", [](const Json& value) { return as_list(value, as_integer); });
}

std::vector<std::int64_t> Config::one_or_more_integers(std::string_view name) const {
  return read(name, "an integer or a list of integers", [](const Json& value) {
    if (const std::optional<std::int64_t> one = as_integer(value)) return std::optional(std::vector{*one});
    auto list = as_list(value, as_integer);
    if (list && list->empty()) list.reset();
    return list;
  });
}

std::vector<double> Config::numbers(std::string_view name) const {
  return read(name, "a list of numbers", [](const Json& value) { return as_list(value, as_number); });
}

std::vector<std::string> Config::strings(std::string_view name) const {
  return read(name, "a list of strings", [](const Json& value) { return as_list(value, as_string); });
}

std::int64_t Config::integer_or(std::string_view name, std::int64_t otherwise) const {
  return given(name) ? integer(name) : otherwise;
}
std::int64_t Config::positive_or(std::string_view name, std::int64_t otherwise) const {
  return given(name) ? positive(name) : otherwise;
}
double Config::number_or(std::string_view name, double otherwise) const {
  return given(name) ? number(name) : otherwise;
}
double Config::positive_number_or(std::string_view name, double otherwise) const {
  return given(name) ? positive_number(name) : otherwise;
}
bool Config::boolean_or(std::string_view name, bool otherwise) const { return given(name) ? boolean(name) : otherwise; }
std::string Config::string_or(std::string_view name, std::string_view otherwise) const {
  return given(name) ? string(name) : std::string(otherwise);
}

std::string Config::choice(std::string_view name, std::span<const std::string_view> accepted) const {
  std::string value = string(name);
  if (std::ranges::find(accepted, value) == accepted.end())
    fail(Category::kUnsupported, where(name), "'{}' is not supported; known: {}", value, fmt::join(accepted, ", "));
  return value;
}
std::string Config::choice(std::string_view name, std::initializer_list<std::string_view> accepted) const {
  return choice(name, std::span(accepted.begin(), accepted.size()));
}
std::string Config::choice_or(std::string_view name, std::initializer_list<std::string_view> accepted,
                              std::string_view otherwise) const {
  return given(name) ? choice(name, accepted) : std::string(otherwise);
}

Config Config::object(std::string_view name) const {
  const Json* value = find(name);
  if (value == nullptr) fail(Category::kBadInput, where(name), "missing; expected an object");
  if (!value->is_object()) fail(Category::kBadInput, where(name), "expected an object, found {}", shown(*value));
  document_->entered.insert(value);
  Config inner = *this;
  inner.object_ = value;
  inner.prefix_ = dotted(name);
  return inner;
}

void Config::ignore(std::string_view name, std::string_view reason) const {
  if (const Json* value = find(name))
    document_->ignored.insert_or_assign(value, Document::Ignored{dotted(name), std::string(reason)});
}

void Config::ignore_bookkeeping() const {
  for (const auto& item : object_->items()) {
    const BookkeepingField* field = find_bookkeeping_field(item.key());
    if (field != nullptr && (!field->only_when_off || off(item.value()))) ignore(item.key(), field->reason);
  }
}

std::vector<Config::Field> Config::fields_read() const {
  std::vector<Field> fields;
  for (const auto& [value, name] : document_->read)
    fields.push_back({name, value->dump(-1, ' ', false, Json::error_handler_t::replace)});
  std::ranges::sort(fields, {}, &Field::name);
  return fields;
}

std::vector<Config::Field> Config::ignored() const {
  std::vector<Field> fields;
  for (const auto& [value, entry] : document_->ignored)
    if (!document_->read.contains(value)) fields.push_back({entry.name, entry.reason});
  std::ranges::sort(fields, {}, &Field::name);
  return fields;
}

std::vector<std::string> Config::unread() const {
  std::vector<std::string> names;
  document_->list_unread(document_->root, "", names);
  return names;
}

}  // namespace firstlight::io
