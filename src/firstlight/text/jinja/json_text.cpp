// JSON as Python's json.dumps writes it.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>

#include "firstlight/text/jinja/builtins.h"
#include "firstlight/text/unicode.h"

namespace firstlight::text::jinja {
namespace {

class Writer {
 public:
  Writer(Runtime& runtime, const Arguments& arguments) : runtime_(runtime) {
    const Bound bound(runtime, "tojson", arguments, {"ensure_ascii", "indent", "separators", "sort_keys"});
    ascii_ = bound.boolean(0, false);
    sort_ = bound.boolean(3, false);
    if (const Value* indent = bound.find(1); indent != nullptr && !indent->is_none()) {
      if (!indent->is_text() && !indent->is_integral()) runtime.error("tojson: indent must be an integer or a string");
      if (indent->is_text())
        indent_.emplace(indent->text());
      else
        indent_.emplace(static_cast<std::size_t>(std::clamp<std::int64_t>(indent->integer(), 0, 64)), ' ');
      item_separator_.resize(1);  // no space before a line end
    }
    if (const Value* separators = bound.find(2); separators != nullptr && !separators->is_none()) {
      const std::vector<Value> pair = iterate(runtime, *separators);
      if (pair.size() != 2 || !pair[0].is_text() || !pair[1].is_text())
        runtime.error("tojson: separators must be two strings");
      item_separator_ = pair[0].text();
      key_separator_ = pair[1].text();
    }
  }

  std::string write(const Value& value) {
    append(value, 0);
    return std::move(out_);
  }

 private:
  void append(const Value& value, int depth) {
    runtime_.charge(1);
    if (value.is_text()) {
      append_text(value.text());
    } else if (value.is_none() || value.is_number()) {
      out_ += scalar(value);
    } else if (value.is_list() && value.list().kind != ListKind::kGenerator) {
      const auto& items = value.list().items;
      out_ += '[';
      for (std::size_t i = 0; i < items.size(); ++i) {
        line(i > 0, depth + 1);
        append(items[i], depth + 1);
      }
      if (!items.empty()) line(false, depth);
      out_ += ']';
    } else if (value.is_dict()) {
      append_dict(value.dict(), depth);
    } else {
      if (value.is_undefined()) runtime_.error(value.undefined_what());
      runtime_.error(fmt::format("object of type {} is not JSON serializable", value.type_name()));
    }
  }

  void append_dict(const DictData& dict, int depth) {
    std::vector<const std::pair<Value, Value>*> entries;
    for (const auto& entry : dict.items) entries.push_back(&entry);
    if (sort_)
      std::stable_sort(entries.begin(), entries.end(),
                       [&](const auto* a, const auto* b) { return compare(runtime_, a->first, b->first) < 0; });
    out_ += '{';
    bool later = false;
    for (const auto* entry : entries) {
      line(later, depth + 1);
      later = true;
      const Value& key = entry->first;
      if (!key.is_text() && !key.is_none() && !key.is_number())
        runtime_.error(fmt::format("keys must be str, int, float, bool or None, not {}", key.type_name()));
      append_text(key.is_text() ? key.text() : scalar(key));
      out_ += key_separator_;
      append(entry->second, depth + 1);
    }
    if (!entries.empty()) line(false, depth);
    out_ += '}';
  }

  // Between items: the separator, and with an indent a new line.
  void line(bool separator, int depth) {
    if (separator) out_ += item_separator_;
    if (!indent_) return;
    out_ += '\n';
    runtime_.charge(indent_->size() * static_cast<std::size_t>(depth) / 4);
    for (int i = 0; i < depth; ++i) out_ += *indent_;
  }

  static std::string scalar(const Value& value) {
    if (value.is_none()) return "null";
    if (value.is_bool()) return value.integer() != 0 ? "true" : "false";
    if (value.is_int()) return std::to_string(value.integer());
    if (std::isnan(value.number())) return "NaN";
    if (std::isinf(value.number())) return value.number() < 0 ? "-Infinity" : "Infinity";
    return repr_float(value.number());
  }

  void append_text(const std::string& text) {
    runtime_.charge(text.size() / 4);
    out_ += '"';
    for (std::size_t i = 0; i < text.size();) {
      const CodePoint c = code_point_at(text, i);
      i += c.bytes;
      switch (c.value) {
        case '"':
          out_ += "\\\"";
          break;
        case '\\':
          out_ += "\\\\";
          break;
        case '\n':
          out_ += "\\n";
          break;
        case '\r':
          out_ += "\\r";
          break;
        case '\t':
          out_ += "\\t";
          break;
        case '\b':
          out_ += "\\b";
          break;
        case '\f':
          out_ += "\\f";
          break;
        default: {
          const auto value = static_cast<std::uint32_t>(c.value);
          if (value >= 0x20 && (value < 0x7F || !ascii_)) {
            append_utf8(out_, c.value);
          } else if (value == 0x7F) {
            out_ += '\x7F';
          } else if (value < 0x10000) {
            out_ += fmt::format("\\u{:04x}", value);
          } else {
            out_ += fmt::format("\\u{:04x}\\u{:04x}", 0xD800 + ((value - 0x10000) >> 10),
                                0xDC00 + ((value - 0x10000) & 0x3FF));
          }
        }
      }
    }
    out_ += '"';
  }

  Runtime& runtime_;
  bool ascii_ = false, sort_ = false;
  std::optional<std::string> indent_;
  std::string item_separator_ = ", ", key_separator_ = ": ";
  std::string out_;
};

}  // namespace

Value to_json(Runtime& runtime, const Value& value, const Arguments& arguments) {
  return runtime.text(Writer(runtime, arguments).write(value));
}

}  // namespace firstlight::text::jinja
