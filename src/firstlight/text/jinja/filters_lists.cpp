// Filters on sequences and dicts.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "firstlight/text/jinja/builtins.h"
#include "firstlight/text/unicode.h"

namespace firstlight::text::jinja {
namespace {

using Filter = Value (*)(Runtime&, const Value&, const Arguments&);
struct Entry {
  std::string_view name;
  Filter filter;
};

Value generator(Runtime& r, std::vector<Value> items) { return r.list(std::move(items), ListKind::kGenerator); }

// The value at a path "a.b.0" of an item; `otherwise` where it is undefined.
Value at_path(Runtime& r, Value item, const Value& path, const Value* otherwise = nullptr) {
  if (path.is_integral()) {
    item = get_item(r, item, path);
  } else {
    if (!path.is_text()) r.error("an attribute must be a string or an integer");
    std::string_view rest = path.text();
    for (;;) {
      const std::size_t dot = rest.find('.');
      const std::string_view part = rest.substr(0, dot);
      std::int64_t index = 0;
      const auto read = std::from_chars(part.data(), part.data() + part.size(), index);
      const bool number = !part.empty() && read.ec == std::errc() && read.ptr == part.data() + part.size();
      item = get_item(r, item, number ? Value(index) : Value(part));
      if (item.is_undefined() && otherwise != nullptr) return *otherwise;
      if (dot == std::string_view::npos) break;
      rest.remove_prefix(dot + 1);
    }
  }
  return item.is_undefined() && otherwise != nullptr ? *otherwise : item;
}

Value without_case(Runtime& r, const Value& value) {
  return value.is_text() ? r.text(lower_case(value.text())) : value;
}

// The value an item is compared by.
class Key {
 public:
  Key(Runtime& r, const Value* attribute, bool case_sensitive)
      : r_(r),
        attribute_(attribute != nullptr && !attribute->is_none() ? attribute : nullptr),
        sensitive_(case_sensitive) {}
  Value operator()(const Value& item) const {
    const Value value = attribute_ != nullptr ? at_path(r_, item, *attribute_) : item;
    return sensitive_ ? value : without_case(r_, value);
  }
  // As operator(), but "a,b" is two attributes.
  Value sort_key(const Value& item) const {
    if (attribute_ == nullptr || !attribute_->is_text()) return (*this)(item);
    std::vector<Value> keys;
    std::string_view rest = attribute_->text();
    for (;;) {
      const std::size_t comma = rest.find(',');
      const Value path(rest.substr(0, comma));
      keys.push_back(Key(r_, &path, sensitive_)(item));
      if (comma == std::string_view::npos) break;
      rest.remove_prefix(comma + 1);
    }
    return r_.list(std::move(keys));
  }

 private:
  Runtime& r_;
  const Value* attribute_;
  bool sensitive_;
};

void sort_items(Runtime& r, std::vector<std::pair<Value, Value>>& keyed, bool reverse) {
  // std::stable_sort copes with an order that is none (NaN) by giving some order.
  std::stable_sort(keyed.begin(), keyed.end(), [&](const auto& a, const auto& b) {
    return reverse ? compare(r, b.first, a.first) < 0 : compare(r, a.first, b.first) < 0;
  });
}

Value sort(Runtime& r, const Value& value, const Arguments& arguments) {
  const Bound bound(r, "sort", arguments, {"reverse", "case_sensitive", "attribute"});
  const Key key(r, bound.find(2), bound.boolean(1, false));
  std::vector<std::pair<Value, Value>> keyed;
  for (Value& item : iterate(r, value)) {
    Value by = key.sort_key(item);
    keyed.emplace_back(std::move(by), std::move(item));
  }
  sort_items(r, keyed, bound.boolean(0, false));
  std::vector<Value> items;
  for (auto& entry : keyed) items.push_back(std::move(entry.second));
  return r.list(std::move(items));
}

Value dictsort(Runtime& r, const Value& value, const Arguments& arguments) {
  const Bound bound(r, "dictsort", arguments, {"case_sensitive", "by", "reverse"});
  const std::string by = bound.text(1, "key");
  if (by != "key" && by != "value") r.error("dictsort: by must be 'key' or 'value'");
  if (!value.is_dict()) r.error(fmt::format("dictsort of '{}'", value.type_name()));
  const Key key(r, nullptr, bound.boolean(0, false));
  std::vector<std::pair<Value, Value>> keyed;
  for (const auto& [name, item] : value.dict().items)
    keyed.emplace_back(key(by == "key" ? name : item), r.list({name, item}, ListKind::kTuple));
  sort_items(r, keyed, bound.boolean(2, false));
  std::vector<Value> items;
  for (auto& entry : keyed) items.push_back(std::move(entry.second));
  return r.list(std::move(items));
}

Value unique(Runtime& r, const Value& value, const Arguments& arguments) {
  const Bound bound(r, "unique", arguments, {"case_sensitive", "attribute"});
  const Key key(r, bound.find(1), bound.boolean(0, false));
  std::vector<Value> seen, items;
  for (Value& item : iterate(r, value)) {
    Value by = key(item);
    if (std::any_of(seen.begin(), seen.end(), [&](const Value& other) { return equal(r, by, other); })) continue;
    seen.push_back(std::move(by));
    items.push_back(std::move(item));
  }
  return generator(r, std::move(items));
}

template <bool kMax>
Value extreme(Runtime& r, const Value& value, const Arguments& arguments) {
  const Bound bound(r, kMax ? "max" : "min", arguments, {"case_sensitive", "attribute"});
  const Key key(r, bound.find(1), bound.boolean(0, false));
  const std::vector<Value> items = iterate(r, value);
  if (items.empty()) return Value::undefined("No aggregated item, sequence was empty.");
  const Value* best = &items[0];
  for (const Value& item : items) {
    const int order = compare(r, key(item), key(*best));
    if (kMax ? order > 0 : order < 0) best = &item;
  }
  return *best;
}

Value sum(Runtime& r, const Value& value, const Arguments& arguments) {
  const Bound bound(r, "sum", arguments, {"attribute", "start"});
  Value total = bound.find(1) != nullptr ? *bound.find(1) : Value(std::int64_t{0});
  const Key key(r, bound.find(0), true);
  for (const Value& item : iterate(r, value)) total = binary(r, "+", total, key(item));
  return total;
}

Value join(Runtime& r, const Value& value, const Arguments& arguments) {
  const Bound bound(r, "join", arguments, {"d", "attribute"});
  const std::string separator = bound.find(0) != nullptr ? to_text(r, *bound.find(0)) : "";
  const Key key(r, bound.find(1), true);
  std::string out;
  bool first = true;
  for (const Value& item : iterate(r, value)) {
    const std::string text = to_text(r, key(item));
    r.charge(1 + (text.size() + separator.size()) / 4);
    if (!first) out += separator;
    first = false;
    out += text;
  }
  return r.text(std::move(out));
}

Value first(Runtime& r, const Value& value, const Arguments& arguments) {
  Bound(r, "first", arguments, {});
  const std::vector<Value> items = iterate(r, value);
  return items.empty() ? Value::undefined("No first item, sequence was empty.") : items.front();
}
Value last(Runtime& r, const Value& value, const Arguments& arguments) {
  Bound(r, "last", arguments, {});
  if (value.is_list() && value.list().kind == ListKind::kGenerator) r.error("'generator' object is not reversible");
  const std::vector<Value> items = iterate(r, value);
  return items.empty() ? Value::undefined("No last item, sequence was empty.") : items.back();
}

Value list(Runtime& r, const Value& value, const Arguments& arguments) {
  Bound(r, "list", arguments, {});
  return r.list(iterate(r, value));
}

Value items(Runtime& r, const Value& value, const Arguments& arguments) {
  Bound(r, "items", arguments, {});
  if (value.is_undefined()) return generator(r, {});
  if (!value.is_dict()) r.error("Can only get item pairs from a mapping.");
  std::vector<Value> pairs;
  for (const auto& [key, item] : value.dict().items) pairs.push_back(r.list({key, item}, ListKind::kTuple));
  return generator(r, std::move(pairs));
}

Value reverse(Runtime& r, const Value& value, const Arguments& arguments) {
  Bound(r, "reverse", arguments, {});
  std::vector<Value> items = iterate(r, value);
  std::reverse(items.begin(), items.end());
  if (!value.is_text()) return generator(r, std::move(items));
  std::string text;
  for (const Value& character : items) text += character.text();
  return r.text(std::move(text));
}

Value batch(Runtime& r, const Value& value, const Arguments& arguments) {
  const Bound bound(r, "batch", arguments, {"linecount", "fill_with"});
  const std::int64_t count = bound.integer(0, 0);
  if (count < 1) r.error("batch: linecount must be positive");
  std::vector<Value> batches, current;
  for (Value& item : iterate(r, value)) {
    if (static_cast<std::int64_t>(current.size()) == count) batches.push_back(r.list(std::exchange(current, {})));
    current.push_back(std::move(item));
  }
  if (!current.empty()) {
    const Value* fill = bound.find(1);
    if (fill != nullptr && !fill->is_none()) {
      const auto missing = static_cast<std::size_t>(count) - current.size();
      r.charge(missing);
      current.insert(current.end(), missing, *fill);
    }
    batches.push_back(r.list(std::move(current)));
  }
  return generator(r, std::move(batches));
}

// Into `slices` columns, the first ones longer by one where it does not come out even; shorter ones are filled up.
Value slices(Runtime& r, const Value& value, const Arguments& arguments) {
  const Bound bound(r, "slice", arguments, {"slices", "fill_with"});
  const std::int64_t count = bound.integer(0, 0);
  bound.at(0);
  if (count < 1) r.error("slice: the number of slices must be positive");
  r.charge(static_cast<std::size_t>(count));
  const std::vector<Value> items = iterate(r, value);
  const std::size_t columns = static_cast<std::size_t>(count), each = items.size() / columns,
                    longer = items.size() % columns;
  const Value* fill = bound.find(1);
  std::vector<Value> out;
  auto at = items.begin();
  for (std::size_t i = 0; i < columns; ++i) {
    const auto end = at + static_cast<std::ptrdiff_t>(each + (i < longer ? 1 : 0));
    std::vector<Value> column(at, end);
    if (fill != nullptr && !fill->is_none() && i >= longer) column.push_back(*fill);
    out.push_back(r.list(std::move(column)));
    at = end;
  }
  return generator(r, std::move(out));
}

// groupby(attribute, default, case_sensitive): (grouper, items) by sorted groupers.
Value group_by(Runtime& r, const Value& value, const Arguments& arguments) {
  const Bound bound(r, "groupby", arguments, {"attribute", "default", "case_sensitive"});
  const bool sensitive = bound.boolean(2, false);
  const Value* otherwise = bound.find(1) != nullptr && !bound.find(1)->is_none() ? bound.find(1) : nullptr;
  struct Row {
    Value key, shown, item;
  };
  std::vector<Row> rows;
  for (Value& item : iterate(r, value)) {
    const Value shown = at_path(r, item, bound.at(0), otherwise);
    rows.push_back({sensitive ? shown : without_case(r, shown), shown, std::move(item)});
  }
  r.charge(8 * rows.size());
  std::stable_sort(rows.begin(), rows.end(), [&](const Row& a, const Row& b) { return compare(r, a.key, b.key) < 0; });
  std::vector<Value> groups;
  for (std::size_t i = 0; i < rows.size();) {
    std::vector<Value> items;
    const std::size_t first = i;
    for (; i < rows.size() && equal(r, rows[i].key, rows[first].key); ++i) items.push_back(rows[i].item);
    groups.push_back(r.list({rows[first].shown, r.list(std::move(items))}, ListKind::kTuple));
  }
  return r.list(std::move(groups));
}

// map(attribute=path, default=value), or map("filter", ...).
Value map(Runtime& r, const Value& value, const Arguments& arguments) {
  std::vector<Value> mapped;
  if (arguments.positional.empty()) {
    const Bound bound(r, "map", arguments, {"attribute", "default"});
    for (const Value& item : iterate(r, value)) mapped.push_back(at_path(r, item, bound.at(0), bound.find(1)));
    return generator(r, std::move(mapped));
  }
  if (!arguments.positional[0].is_text()) r.error("map: the name of a filter expected");
  const std::string name = arguments.positional[0].text();
  Arguments rest = arguments;
  rest.positional.erase(rest.positional.begin());
  for (const Value& item : iterate(r, value)) mapped.push_back(apply_filter(r, name, item, rest));
  return generator(r, std::move(mapped));
}

// select(test, ...), selectattr(path, test, ...), and their opposites. Without a test: truth.
template <bool kAttribute, bool kKeep>
Value select(Runtime& r, const Value& value, const Arguments& arguments) {
  Arguments rest = arguments;
  Value path;
  const auto take = [&] {
    Value taken = rest.positional.front();
    rest.positional.erase(rest.positional.begin());
    return taken;
  };
  if (kAttribute) {
    if (rest.positional.empty()) r.error("selectattr: the name of an attribute expected");
    path = take();
  }
  std::string test;
  if (!rest.positional.empty()) {
    const Value name = take();
    if (!name.is_text()) r.error("the name of a test expected");
    test = name.text();
  }
  std::vector<Value> kept;
  for (Value& item : iterate(r, value)) {
    const Value subject = kAttribute ? at_path(r, item, path) : item;
    if ((test.empty() ? truth(subject) : apply_test(r, test, subject, rest)) == kKeep) kept.push_back(std::move(item));
  }
  return generator(r, std::move(kept));
}

constexpr Entry kFilters[] = {{"sort", sort},
                              {"dictsort", dictsort},
                              {"unique", unique},
                              {"min", extreme<false>},
                              {"max", extreme<true>},
                              {"sum", sum},
                              {"join", join},
                              {"first", first},
                              {"last", last},
                              {"list", list},
                              {"items", items},
                              {"reverse", reverse},
                              {"batch", batch},
                              {"slice", slices},
                              {"groupby", group_by},
                              {"map", map},
                              {"select", select<false, true>},
                              {"reject", select<false, false>},
                              {"selectattr", select<true, true>},
                              {"rejectattr", select<true, false>}};

}  // namespace

bool apply_list_filter(Runtime& runtime, std::string_view name, const Value& value, const Arguments& arguments,
                       Value& result) {
  for (const Entry& entry : kFilters) {
    if (entry.name != name) continue;
    result = entry.filter(runtime, value, arguments);
    return true;
  }
  return false;
}

bool is_list_filter(std::string_view name) {
  return std::any_of(std::begin(kFilters), std::end(kFilters), [&](const Entry& entry) { return entry.name == name; });
}

}  // namespace firstlight::text::jinja
