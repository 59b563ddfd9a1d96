// A verb: what its line of the verb list says, and what its file provides.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>

namespace CLI {
class App;
}

namespace firstlight::app {

// How the program was called.
struct Invocation {
  std::string command_line;  // quoted for a shell, for "to repeat this"
};

// Runs a verb after its flags were read; returns the exit code.
using Action = std::function<int(const Invocation&)>;

struct Verb {
  std::string_view name;
  std::string_view summary;
  Action (*declare)(CLI::App& command);  // declares arguments, flags, examples
};

// In the order of the help.
std::span<const Verb> verbs();

}  // namespace firstlight::app
