// Where data and caches are looked for.
#include "firstlight/base/paths.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <optional>
#include <string>

#include "testing/testing.h"

namespace firstlight {
namespace {

// Sets or unsets a variable of the environment for one test.
class Variable {
 public:
  Variable(const char* name, const char* value) : name_(name) {
    if (const char* before = std::getenv(name)) before_ = before;
    set(value);
  }
  Variable(const Variable&) = delete;
  Variable& operator=(const Variable&) = delete;
  ~Variable() { set(before_ ? before_->c_str() : nullptr); }

 private:
  void set(const char* value) {
    if (value != nullptr)
      ::setenv(name_, value, 1);
    else
      ::unsetenv(name_);
  }
  const char* name_;
  std::optional<std::string> before_;
};

TEST(Paths, TakesTheCacheFromTheFirstVariableThatIsSet) {
  const Variable home("HOME", "/home/user");
  const Variable own("FIRSTLIGHT_CACHE", "/own");
  const Variable xdg("XDG_CACHE_HOME", "/xdg");
  EXPECT_EQ(default_cache_dir(), "/own");
  const Variable no_own("FIRSTLIGHT_CACHE", nullptr);
  EXPECT_EQ(default_cache_dir(), "/xdg/firstlight");
  const Variable empty_xdg("XDG_CACHE_HOME", "");
  EXPECT_EQ(default_cache_dir(), "/home/user/.cache/firstlight");
  const Variable no_home("HOME", nullptr);
  EXPECT_EQ(default_cache_dir().filename(), "firstlight-cache");
}

TEST(Paths, TakesDataFromTheHomeThatIsGivenAndFromNowhereElse) {
  const auto folder = testing::scratch_dir("home");
  const Variable home("FIRSTLIGHT_HOME", folder.c_str());
  const Error error = testing::expect_error([] { data_home(); });
  EXPECT_EQ(error.category(), Category::kResource);
  EXPECT_NE(error.message().find(folder.string()), std::string::npos) << error.message();
  std::filesystem::create_directory(folder / "policies");
  EXPECT_EQ(data_home(), folder);
}

}  // namespace
}  // namespace firstlight
