// The page, from the record's lines.
#include <fmt/format.h>

#include "firstlight/base/error.h"
#include "firstlight/base/file.h"
#include "firstlight/harness/report.h"
#include "firstlight/harness/report/html.h"

namespace firstlight::harness {

std::vector<Json> read_record(const std::filesystem::path& path) {
  const std::string text = read_text_file(path);
  std::vector<Json> lines;
  std::size_t begin = 0;
  int count = 0;
  while (begin < text.size()) {
    std::size_t end = text.find('\n', begin);
    if (end == std::string::npos) end = text.size();
    ++count;
    if (end > begin) {
      const std::string where = fmt::format("{}:{}", path.string(), count);
      Json line = parse_json(std::string_view(text).substr(begin, end - begin), where);
      if (!line.is_object() || !line.contains("kind") || !line["kind"].is_string())
        fail(Category::kBadInput, where, "expected an object with a text 'kind'");
      lines.push_back(std::move(line));
    }
    begin = end + 1;
  }
  if (lines.empty() || lines.front()["kind"] != "run")
    fail(Category::kBadInput, path.string(), "is no record of a run: its first line should be of kind 'run'");
  return lines;
}

std::string html_report(std::span<const Json> lines) {
  using namespace report;
  Run run;
  for (const Json& line : lines) {
    const std::string kind = line.value("kind", std::string());
    if (kind == "run") run.header = line;
    if (kind == "phase") run.phases.push_back(line);
    if (kind == "verdict") run.verdicts.push_back(line);
  }
  if (run.header.is_null()) fail(Category::kBadInput, "record", "has no line of kind 'run'");
  try {
    const std::string title = fmt::format("{} on {}", text(run.header.value("model", Json("?"))),
                                          text(run.header.value("device", Json("?"))));
    return fmt::format(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" "
        "content=\"width=device-width, initial-scale=1\"><title>{} - "
        "Firstlight</title><style>{}</style></head><body><main>\n"
        "{}{}{}{}{}{}</main></body></html>\n",
        title, kStyle, verdict_section(run), accuracy_section(run), components_section(run), speed_section(run),
        model_section(run), environment_section(run));
  } catch (const Json::exception& error) {
    fail(Category::kBadInput, "record", "has a field of the wrong kind: {}", error.what());
  }
}

}  // namespace firstlight::harness
