// One error type for the whole house: a category (which decides the exit code), where, and what was expected.
#pragma once

#include <fmt/format.h>

#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

namespace firstlight {

// What went wrong, as a user would sort it. The values are the exit codes of docs/definitions.md.
enum class Category : int {
  kFailedVerdict = 1,  // a bar was missed (verbs return it; nothing throws it)
  kUsage = 2,          // a wrong flag, or flags that contradict each other
  kBadInput = 3,       // a file or a value that is damaged, missing or not what it claims to be
  kUnsupported = 4,    // well formed, but not something this build can do
  kMismatch = 5,       // two inputs that should belong together do not
  kResource = 6,       // memory, disk, a device that is not there
  kInternal = 7,       // a broken promise of our own
};

// "bad input", "unsupported", ...
std::string_view category_name(Category category);

// Thrown below, caught once per front end. `where` is a path with its place ("model.safetensors: tensor 'x'"), a
// component key or a flag; it may be empty.
class Error : public std::runtime_error {
 public:
  Error(Category category, std::string where, std::string message);
  Category category() const { return category_; }
  const std::string& where() const { return where_; }
  const std::string& message() const { return message_; }

 private:
  Category category_;
  std::string where_;
  std::string message_;
};

// Throws Error with a formatted message: fail(Category::kBadInput, path, "expected {} bytes, found {}", a, b).
template <typename... Args>
[[noreturn]] void fail(Category category, std::string_view where, fmt::format_string<Args...> format, Args&&... args) {
  throw Error(category, std::string(where), fmt::format(format, std::forward<Args>(args)...));
}

// Throws kInternal when a promise of our own does not hold.
#define FL_CHECK(condition)                                                                           \
  do {                                                                                                \
    if (!(condition))                                                                                 \
      ::firstlight::fail(::firstlight::Category::kInternal, fmt::format("{}:{}", __FILE__, __LINE__), \
                         "{} does not hold", #condition);                                             \
  } while (false)

}  // namespace firstlight
