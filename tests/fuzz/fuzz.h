// What every fuzz target shares: which exceptions are findings.
#pragma once

#include <cstdio>
#include <cstdlib>

#include "firstlight/base/error.h"

namespace firstlight::fuzz {

// Runs `body` on one input. An Error about the input is the right answer to a bad one; an internal error, or any other
// exception, is a finding.
template <typename Body>
void expect_error_or_success(const Body& body) {
  try {
    body();
  } catch (const Error& error) {
    switch (error.category()) {
      case Category::kBadInput:
      case Category::kUnsupported:
      case Category::kMismatch:
      case Category::kResource:
        return;
      default:
        std::fprintf(stderr, "finding: %s\n", error.what());
        std::abort();
    }
  }
}

}  // namespace firstlight::fuzz
