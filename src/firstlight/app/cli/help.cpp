// Layout of a verb's help: what it does, usage, arguments, flags by group, examples.
#include "firstlight/app/cli/help.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <sstream>

namespace firstlight::app {
namespace {

constexpr std::size_t kTextColumn = 34;
constexpr std::size_t kLastColumn = 110;

std::string names(const CLI::Option& option) {
  std::vector<std::string> all;
  for (const std::string& name : option.get_snames()) all.push_back("-" + name);
  for (const std::string& name : option.get_lnames()) all.push_back("--" + name);
  return fmt::format("{}{}", fmt::join(all, ", "), option.get_type_size() == 0 ? "" : " " + option.get_type_name());
}

std::string description(const CLI::Option& option) {
  std::string value = option.get_default_str();
  if (value.starts_with("[") && value.ends_with("]")) value = value.substr(1, value.size() - 2);  // of a list
  return option.get_description() + (value.empty() ? "" : fmt::format(" (default {})", value));
}

}  // namespace

std::string HelpFormatter::make_option(const CLI::Option* option, bool is_positional) const {
  std::string text = "  " + (is_positional ? option->get_name(true) : names(*option));
  std::size_t column = text.size();
  std::istringstream words(description(*option));
  for (std::string word; words >> word;) {
    if (column < kTextColumn) {
      text += std::string(kTextColumn - column, ' ');
      column = kTextColumn;
    } else if (column + 1 + word.size() > kLastColumn) {
      text += "\n" + std::string(kTextColumn, ' ');
      column = kTextColumn;
    } else {
      text += ' ';
      ++column;
    }
    text += word;
    column += word.size();
  }
  return text + "\n";
}

std::string HelpFormatter::make_help(const CLI::App* app, std::string, CLI::AppFormatMode mode) const {
  std::string usage = app->get_name();
  for (const CLI::Option* option : app->get_options([](const CLI::Option* o) { return o->get_positional(); }))
    usage += option->get_required() ? " " + option->get_name(true) : " [" + option->get_name(true) + "]";
  std::string groups = make_groups(app, mode);
  // CLI11 sets two blank lines after a group.
  for (std::size_t place; (place = groups.find("\n\n\n")) != std::string::npos;) groups.erase(place, 1);
  while (groups.ends_with("\n\n")) groups.pop_back();
  return fmt::format("{}: {}\n\nUsage: {} [FLAGS]\n{}{}{}", app->get_name(), app->get_description(), usage,
                     make_positionals(app), groups, make_footer(app));
}

}  // namespace firstlight::app
