// Shared by all tests: where data lies, and what happens when it is absent.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <functional>
#include <string>

#include "firstlight/base/error.h"

namespace firstlight::testing {

// The checkout.
std::filesystem::path source_dir();
// ../shared/data beside the checkout, or $FIRSTLIGHT_SHARED; may not exist.
std::filesystem::path shared_dir();
// A fresh folder under the system's temporary folder, removed with the test program.
std::filesystem::path scratch_dir(const std::string& name);

// Declares `var` as the path of shared data: `FL_SHARED_OR_SKIP(dir, "data/tokenizers/gpt2");` in a TEST body. Absent
// data skips the test, and fails it under FIRSTLIGHT_DATA=required.
#define FL_SHARED_OR_SKIP(var, relative)                                              \
  const std::filesystem::path var = ::firstlight::testing::shared_dir() / (relative); \
  if (!std::filesystem::exists(var)) {                                                \
    if (::firstlight::testing::data_required()) FAIL() << var << " is required";      \
    GTEST_SKIP() << var << " is absent";                                              \
  }                                                                                   \
  static_assert(true)
bool data_required();

// Runs `body` and returns the Error it throws; fails the test when it throws none.
Error expect_error(const std::function<void()>& body);

}  // namespace firstlight::testing
