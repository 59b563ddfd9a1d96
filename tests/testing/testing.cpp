// Paths of test data, scratch folders, expected errors.
#include "testing/testing.h"

#include <unistd.h>

#include <cstdlib>
#include <vector>

namespace firstlight::testing {
namespace {

struct Scratch {
  std::vector<std::filesystem::path> folders;
  ~Scratch() {
    std::error_code ignored;
    for (const auto& folder : folders) std::filesystem::remove_all(folder, ignored);
  }
};

}  // namespace

std::filesystem::path source_dir() { return FIRSTLIGHT_SOURCE_DIR; }

std::filesystem::path shared_dir() {
  if (const char* set = std::getenv("FIRSTLIGHT_SHARED")) return set;
  return source_dir() / ".." / "shared";
}

std::filesystem::path scratch_dir(const std::string& name) {
  static Scratch scratch;
  const auto folder = std::filesystem::temp_directory_path() / ("firstlight-" + std::to_string(::getpid()) + "-" +
                                                                name + "-" + std::to_string(scratch.folders.size()));
  std::filesystem::create_directories(folder);
  scratch.folders.push_back(folder);
  return folder;
}

bool data_required() {
  const char* value = std::getenv("FIRSTLIGHT_DATA");
  return value != nullptr && std::string(value) == "required";
}

Error expect_error(const std::function<void()>& body) {
  try {
    body();
  } catch (const Error& error) {
    return error;
  }
  ADD_FAILURE() << "expected an Error";
  return Error(Category::kInternal, "", "no error was thrown");
}

}  // namespace firstlight::testing
