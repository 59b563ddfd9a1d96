// Bounded JSON parsing, and writing.
#include "firstlight/base/json.h"

#include <set>
#include <string>
#include <utility>
#include <vector>

#include "firstlight/base/error.h"
#include "firstlight/base/file.h"

namespace firstlight {
namespace {

constexpr std::size_t kMaxDepth = 128;

// Builds the document from parser events. Members are appended straight to the ordered object's vector: its own insert
// searches all members, which takes minutes on a vocabulary or a weight map of 100,000 names.
class Builder final : public nlohmann::json_sax<Json> {
 public:
  explicit Builder(std::string_view where) : where_(where) {}
  Json take() { return std::move(root_); }

  bool null() override { return put(nullptr); }
  bool boolean(bool value) override { return put(value); }
  bool number_integer(number_integer_t value) override { return put(value); }
  bool number_unsigned(number_unsigned_t value) override { return put(value); }
  bool number_float(number_float_t value, const string_t&) override { return put(value); }
  bool string(string_t& value) override { return put(std::move(value)); }
  bool binary(binary_t& value) override { return put(std::move(value)); }

  bool start_object(std::size_t) override {
    open(Json::object());
    keys_.emplace_back();
    return true;
  }
  bool key(string_t& name) override {
    if (!keys_.back().insert(name).second)
      fail(Category::kBadInput, where_, "JSON key '{}' stands twice in one object", name);
    slot_ = &open_.back()->get_ref<Json::object_t&>().emplace_back(std::move(name), nullptr).second;
    return true;
  }
  bool end_object() override {
    keys_.pop_back();
    open_.pop_back();
    return true;
  }
  bool start_array(std::size_t) override {
    open(Json::array());
    return true;
  }
  bool end_array() override {
    open_.pop_back();
    return true;
  }
  bool parse_error(std::size_t, const std::string&, const nlohmann::detail::exception& error) override {
    fail(Category::kBadInput, where_, "not JSON: {}", error.what());
  }

 private:
  template <typename Value>
  bool put(Value&& value) {
    place() = std::forward<Value>(value);
    return true;
  }
  // Where the next value goes: the root, the end of the open array, or the member whose key came last.
  Json& place() {
    if (open_.empty()) return root_;
    if (open_.back()->is_array()) return open_.back()->get_ref<Json::array_t&>().emplace_back();
    return *slot_;
  }
  void open(Json&& container) {
    if (open_.size() >= kMaxDepth) fail(Category::kBadInput, where_, "JSON nested deeper than {}", kMaxDepth);
    Json& placed = place();
    placed = std::move(container);
    open_.push_back(&placed);  // stays where it is: only the innermost open container grows
  }

  std::string_view where_;
  Json root_;
  std::vector<Json*> open_;
  std::vector<std::set<std::string>> keys_;  // of the open objects
  Json* slot_ = nullptr;
};

}  // namespace

Json parse_json(std::string_view text, std::string_view where) {
  Builder builder(where);
  Json::sax_parse(text.begin(), text.end(), &builder);
  return builder.take();
}

Json read_json_file(const std::filesystem::path& path, std::size_t max_bytes) {
  return parse_json(read_text_file(path, max_bytes), path.string());
}

std::string json_text(const Json& json, int indent, bool ascii) {
  return json.dump(indent, ' ', ascii, Json::error_handler_t::replace);
}

}  // namespace firstlight
