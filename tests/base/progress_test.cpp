// Progress: silent where it should be, one last line where it showed itself.
#include "firstlight/base/progress.h"

#include <gtest/gtest.h>

#include <chrono>
#include <thread>

namespace firstlight {
namespace {

TEST(Progress, SaysNothingAboutWorkShorterThanASecond) {
  ::testing::internal::CaptureStderr();
  {
    Progress progress("loading", 10, "MiB");
    for (int i = 0; i < 10; ++i) progress.add(1);
  }
  EXPECT_EQ(::testing::internal::GetCapturedStderr(), "");
}

TEST(Progress, EndsWithCountTimeAndRate) {
  ::testing::internal::CaptureStderr();
  {
    Progress progress("loading", 10, "MiB");
    progress.add(2);
    std::this_thread::sleep_for(std::chrono::milliseconds(1100));
    progress.add(3);
    progress.set(10);
    progress.finish();
    progress.finish();
  }
  const std::string text = ::testing::internal::GetCapturedStderr();
  EXPECT_NE(text.find("loading: 5/10 MiB"), std::string::npos) << text;
  EXPECT_NE(text.find("left"), std::string::npos) << text;
  const auto last = text.find("loading: 10 MiB in ");
  ASSERT_NE(last, std::string::npos) << text;
  EXPECT_EQ(text.find("loading: 10 MiB in ", last + 1), std::string::npos) << text;
}

}  // namespace
}  // namespace firstlight
