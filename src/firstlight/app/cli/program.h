// The program: finds the verb, reads its flags, runs it. The only place that prints errors and sets the exit code.
#pragma once

#include <string>
#include <vector>

namespace firstlight::app {

// `arguments` without the program's name. Results go to stdout, errors and progress to stderr; never throws. Returns
// the exit code.
int run_program(const std::vector<std::string>& arguments);

}  // namespace firstlight::app
