// Help: complete, and the same list everywhere.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <CLI/CLI.hpp>
#include <sstream>

#include "app/program.h"
#include "firstlight/app/cli/verb.h"

namespace firstlight::testing {
namespace {

using ::testing::HasSubstr;

// Without line breaks and indents.
std::string unwrapped(const std::string& text) {
  std::istringstream words(text);
  std::string line;
  for (std::string word; words >> word;) line += (line.empty() ? "" : " ") + word;
  return line;
}

TEST(Help, NamesEveryVerb) {
  const Ran ran = firstlight({"--help"});
  EXPECT_EQ(ran.exit_code, 0);
  EXPECT_EQ(ran.err, "");
  for (const app::Verb& verb : app::verbs()) {
    EXPECT_THAT(ran.out, HasSubstr(std::string(verb.name)));
    EXPECT_THAT(ran.out, HasSubstr(std::string(verb.summary)));
  }
}

// Every flag stands in its verb's help with a text; every verb has --json, examples and the exit codes.
TEST(Help, OfAVerbNamesEveryFlag) {
  for (const app::Verb& verb : app::verbs()) {
    SCOPED_TRACE(verb.name);
    CLI::App command;
    command.set_help_flag();  // the program sets its own
    verb.declare(command);
    const Ran ran = firstlight({std::string(verb.name), "--help"});
    EXPECT_EQ(ran.exit_code, 0);
    EXPECT_EQ(ran.err, "");
    bool json = false;
    for (const CLI::Option* option : command.get_options()) {
      for (const std::string& name : option->get_lnames()) {
        EXPECT_THAT(ran.out, HasSubstr("--" + name));
        json = json || name == "json";
      }
      EXPECT_FALSE(option->get_description().empty()) << option->get_name();
      EXPECT_THAT(unwrapped(ran.out), HasSubstr(unwrapped(option->get_description())));
    }
    EXPECT_TRUE(json);
    EXPECT_THAT(ran.out, HasSubstr(std::string(verb.summary)));
    EXPECT_THAT(ran.out, HasSubstr("Examples:\n  firstlight " + std::string(verb.name)));
    EXPECT_THAT(ran.out, HasSubstr("Exit codes:"));
  }
}

TEST(Help, HelpVerbIsTheSame) {
  EXPECT_EQ(firstlight({"help"}).out, firstlight({"--help"}).out);
  EXPECT_EQ(firstlight({"help", "bench"}).out, firstlight({"bench", "--help"}).out);
}

TEST(Help, Version) {
  const Ran ran = firstlight({"--version"});
  EXPECT_EQ(ran.exit_code, 0);
  EXPECT_THAT(ran.out, ::testing::MatchesRegex("firstlight [0-9]+\\.[0-9]+\\.[0-9]+\n"));
}

TEST(Help, NoVerbIsAUsageError) {
  const Ran ran = firstlight({});
  EXPECT_EQ(ran.exit_code, 2);
  EXPECT_EQ(ran.out, "");
  EXPECT_THAT(ran.err, HasSubstr("Usage: firstlight"));
}

}  // namespace
}  // namespace firstlight::testing
