// Runs the program as a user does.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "firstlight/base/json.h"

namespace firstlight::testing {

struct Ran {
  int exit_code = -1;  // -1: ended by a signal
  std::string out;
  std::string err;
  Json json() const { return parse_json(out, "stdout"); }
};

// Runs `firstlight ARGUMENTS` with `input` on stdin and a weight cache of the test program's own.
Ran firstlight(const std::vector<std::string>& arguments, const std::string& input = "");

// The bundled model, and a tiny checkpoint without a tokenizer.
std::string bundled_model();
std::string tiny_model();

// A fresh folder of this test program with a file in it; returns the file's path.
std::string scratch_file(const std::string& name, const std::string& text);

}  // namespace firstlight::testing
