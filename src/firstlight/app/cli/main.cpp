// Where the program begins.
#include "firstlight/app/cli/program.h"

int main(int argc, char** argv) {
  // SIGINT and SIGPIPE keep their default: the program ends; files appear under their names only when whole.
  return firstlight::app::run_program({argv + 1, argv + argc});
}
