#include "firstlight/app/cli/program.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cctype>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <new>
#include <string>
#include <vector>

#include "firstlight/app/cli/help.h"
#include "firstlight/app/cli/suggest.h"
#include "firstlight/app/cli/table.h"
#include "firstlight/app/cli/verb.h"
#include "firstlight/base/error.h"
#include "firstlight/harness/record.h"

namespace firstlight::app {
namespace {

using Arguments = std::vector<std::string>;

std::string program_help() {
  Table table({"", "", ""});
  for (const Verb& verb : verbs()) table.add({"", std::string(verb.name), std::string(verb.summary)});
  return fmt::format(
      "Firstlight {}: brings a Hugging Face model up on an accelerator, and proves it.\n\n"
      "Usage: firstlight VERB [ARGUMENTS] [FLAGS]\n\nVerbs:\n{}\n"
      "Flags:\n  -h, --help     this text; `firstlight VERB --help` for a verb\n  --version      the version\n\n"
      "Examples:\n"
      "  firstlight bringup MODEL                     every phase; the report is in firstlight-out/\n"
      "  firstlight inspect MODEL                     what the model needs, before any weight is read\n"
      "  firstlight generate MODEL --prompt \"It was the best of times\"\n\n"
      "MODEL is a checkpoint folder: config.json, *.safetensors, tokenizer.json.\n"
      "stdout carries results (--json: one record a machine can read), stderr progress and errors.\n"
      "Exit codes: 0 ok, 1 failed verdict, 2 usage, 3 bad input, 4 unsupported, 5 mismatch, 6 resource, 7 internal.\n",
      harness::version(), table.str());
}

// As a shell would need it.
std::string quoted(const std::string& argument) {
  const auto plain = [](unsigned char c) {
    return std::isalnum(c) != 0 || std::string_view("-_./=:,@%+").find(static_cast<char>(c)) != std::string_view::npos;
  };
  if (!argument.empty() && std::all_of(argument.begin(), argument.end(), plain)) return argument;
  std::string text = "'";
  for (const char c : argument) text += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return text + "'";
}

std::string command_line(const Arguments& arguments) {
  std::string line = "firstlight";
  for (const std::string& argument : arguments) line += " " + quoted(argument);
  return line;
}

// What a user meant: a flag mistyped, an argument too many, or what CLI11 says.
[[noreturn]] void usage_error(const CLI::App& command, const CLI::ParseError& error, const std::string& verb) {
  const std::vector<std::string> extras = command.remaining();
  for (const std::string& extra : extras) {
    if (!extra.starts_with("-") || extra == "-" || extra == "--") continue;
    const std::string flag = extra.substr(0, extra.find('='));
    std::vector<std::string> names;
    for (const CLI::Option* option : command.get_options())
      for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
    const std::string nearest = nearest_name(flag, names);
    fail(Category::kUsage, verb, "unknown flag '{}'{}", flag,
         nearest.empty() ? "" : fmt::format("; did you mean '{}'?", nearest));
  }
  if (!extras.empty()) fail(Category::kUsage, verb, "unexpected argument '{}'", extras.front());
  std::string message = error.what();
  std::replace(message.begin(), message.end(), '\n', ' ');
  fail(Category::kUsage, verb, "{}", message);
}

int run_verb(const Verb& verb, const Arguments& arguments) {
  const std::string name(verb.name);
  CLI::App command(std::string(verb.summary), "firstlight " + name);
  command.set_help_flag("-h,--help", "This text");
  const auto formatter = std::make_shared<HelpFormatter>();
  formatter->label("Positionals", "Arguments");
  command.formatter(formatter);
  const Action action = verb.declare(command);
  for (CLI::Option* option : command.get_options())
    if (option->get_group() == "Options") option->group("Flags");
  try {
    // CLI11 takes its arguments from the end.
    command.parse(Arguments(arguments.rbegin(), arguments.rend() - 1));
  } catch (const CLI::CallForHelp&) {
    fmt::print("{}", command.help());
    return 0;
  } catch (const CLI::ParseError& error) {
    usage_error(command, error, name);
  }
  return action({command_line(arguments)});
}

int dispatch(Arguments arguments) {
  if (arguments.empty()) {
    fmt::print(stderr, "{}", program_help());
    return static_cast<int>(Category::kUsage);
  }
  // `firstlight help [VERB]`
  if (arguments.front() == "help") {
    arguments.front() = "--help";
    if (arguments.size() > 1) std::swap(arguments[0], arguments[1]);
  }
  const std::string& first = arguments.front();
  if (first == "-h" || first == "--help") {
    fmt::print("{}", program_help());
    return 0;
  }
  if (first == "--version" || first == "-V") {
    fmt::print("firstlight {}\n", harness::version());
    return 0;
  }
  std::vector<std::string> names;
  for (const Verb& verb : verbs()) {
    if (verb.name == first) return run_verb(verb, arguments);
    names.emplace_back(verb.name);
  }
  if (first.starts_with("-"))
    fail(Category::kUsage, "", "flags come after the verb; '{}' is not one of the program", first);
  const std::string nearest = nearest_name(first, names);
  fail(Category::kUsage, "", "unknown verb '{}'{}", first,
       nearest.empty() ? "" : fmt::format("; did you mean '{}'?", nearest));
}

int report_error(const Error& error, const Arguments& arguments, bool json) {
  const std::string category(category_name(error.category()));
  std::fflush(stdout);
  fmt::print(stderr, "firstlight: {}: {}\n", category, error.what());
  if (error.category() == Category::kUsage) {
    const bool verb =
        std::ranges::any_of(verbs(), [&](const Verb& v) { return !arguments.empty() && v.name == arguments[0]; });
    fmt::print(stderr, "hint: firstlight {}--help\n", verb ? arguments[0] + " " : "");
  }
  const int code = static_cast<int>(error.category());
  if (json)
    print_json_line(
        {{"error",
          {{"category", category}, {"exit_code", code}, {"where", error.where()}, {"message", error.message()}}}});
  return code;
}

}  // namespace

int run_program(const std::vector<std::string>& arguments) {
  const bool json = std::ranges::find(arguments, "--json") != arguments.end();
  try {
    const int code = dispatch(arguments);
    if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0)
      fail(Category::kResource, "stdout", "cannot be written: the disk is full or the reader is gone");
    return code;
  } catch (const Error& error) {
    return report_error(error, arguments, json);
  } catch (const std::bad_alloc&) {
    return report_error(Error(Category::kResource, "", "out of memory"), arguments, json);
  } catch (const std::filesystem::filesystem_error& error) {
    return report_error(Error(Category::kResource, error.path1().string(), error.code().message()), arguments, json);
  } catch (const std::exception& error) {
    return report_error(Error(Category::kInternal, "", error.what()), arguments, json);
  }
}

}  // namespace firstlight::app
