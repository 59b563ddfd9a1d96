// config.json with typed, checked getters that remember what was read: a field that nobody asked for is found.
#pragma once

#include <cstdint>
#include <filesystem>
#include <initializer_list>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace firstlight::io {

// A handle on one JSON object of a config file; copies and sub-objects share the record of reads. A field that is null
// counts as absent. Errors name the file and the field by its dotted path ("rope_scaling.type"), what was expected and
// what was found: kBadInput for a missing field or a wrong type, kUnsupported for a value outside a choice.
class Config {
 public:
  static Config load(const std::filesystem::path& path);
  // `where` stands for the path in errors.
  static Config parse(std::string_view text, std::string_view where);

  // These do not count as reading.
  bool has(std::string_view name) const;      // there, and not null
  bool is_null(std::string_view name) const;  // there, and null
  bool is_object(std::string_view name) const;
  std::vector<std::string> fields() const;  // the names in this object, in the file's order

  std::int64_t integer(std::string_view name) const;  // 4.0 is refused: it is not what an integer field holds
  std::int64_t integer_or(std::string_view name, std::int64_t otherwise) const;
  std::int64_t positive(std::string_view name) const;  // 1 ... 2^31
  std::int64_t positive_or(std::string_view name, std::int64_t otherwise) const;
  double number(std::string_view name) const;  // an integer will do
  double number_or(std::string_view name, double otherwise) const;
  double positive_number(std::string_view name) const;
  double positive_number_or(std::string_view name, double otherwise) const;
  bool boolean(std::string_view name) const;
  bool boolean_or(std::string_view name, bool otherwise) const;
  std::string string(std::string_view name) const;
  std::string string_or(std::string_view name, std::string_view otherwise) const;
  std::vector<std::int64_t> integers(std::string_view name) const;
  std::vector<std::int64_t> one_or_more_integers(std::string_view name) const;  // 3 reads as [3]
  std::vector<double> numbers(std::string_view name) const;
  std::vector<std::string> strings(std::string_view name) const;
  // A string that must be one of `accepted`.
  std::string choice(std::string_view name, std::span<const std::string_view> accepted) const;
  std::string choice(std::string_view name, std::initializer_list<std::string_view> accepted) const;
  std::string choice_or(std::string_view name, std::initializer_list<std::string_view> accepted,
                        std::string_view otherwise) const;
  // The object under `name`, whose own fields are tracked one by one.
  Config object(std::string_view name) const;

  // Marks a field (with all below it) as known and without effect here. Does nothing when it is absent.
  void ignore(std::string_view name, std::string_view reason) const;
  // Marks the fields of bookkeeping.h that stand in this object.
  void ignore_bookkeeping() const;

  struct Field {
    std::string name;  // dotted
    std::string text;  // the value as JSON, or the reason for ignoring it
  };
  // Of the whole file, sorted by name.
  std::vector<Field> fields_read() const;
  std::vector<Field> ignored() const;
  // Fields that were neither read nor ignored, in the file's order; null ones are left out.
  std::vector<std::string> unread() const;

  // "path: field 'rope_scaling.type'", for errors about a value that read well but does not fit.
  std::string where(std::string_view name) const;
  const std::string& file() const;
  // The dotted path of this object; empty for the file itself.
  const std::string& prefix() const { return prefix_; }
  // This object as compact JSON.
  std::string text() const;

 private:
  struct Document;  // the JSON and the record of reads
  const nlohmann::ordered_json* find(std::string_view name) const;
  // A required field through `convert`, which returns an empty optional for a value of the wrong kind.
  template <typename Convert>
  auto read(std::string_view name, std::string_view expected, const Convert& convert) const;
  // True when the field is there; a null one is marked as read, since its default is about to be used.
  bool given(std::string_view name) const;
  std::string dotted(std::string_view name) const;

  std::shared_ptr<Document> document_;
  const nlohmann::ordered_json* object_ = nullptr;  // within the document
  std::string prefix_;
};

}  // namespace firstlight::io
