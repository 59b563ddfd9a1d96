// How a verb's help looks.
#pragma once

#include <CLI/CLI.hpp>

namespace firstlight::app {

// "  -n, --max-new-tokens N   Tokens to generate at most (default 128)", wrapped at 110 columns.
class HelpFormatter : public CLI::Formatter {
 public:
  std::string make_help(const CLI::App* app, std::string name, CLI::AppFormatMode mode) const override;

 private:
  std::string make_option(const CLI::Option* option, bool is_positional) const override;
};

}  // namespace firstlight::app
