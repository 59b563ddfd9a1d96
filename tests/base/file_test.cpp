// Files: whole reads with their limits, and writes that appear all at once or not at all.
#include "firstlight/base/file.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <algorithm>
#include <csignal>
#include <filesystem>

#include "testing/testing.h"

namespace firstlight {
namespace {

namespace fs = std::filesystem;

std::size_t entries(const fs::path& folder) {
  return static_cast<std::size_t>(std::distance(fs::directory_iterator(folder), fs::directory_iterator()));
}

TEST(AtomicFile, AppearsOnlyWhenCommitted) {
  const auto folder = testing::scratch_dir("file");
  const auto path = folder / "record.bin";
  AtomicFile file(path);
  file.write("one, ");
  const std::byte bytes[] = {std::byte{'t'}, std::byte{'w'}, std::byte{'o'}};
  file.write(bytes);
  file.write("");
  EXPECT_FALSE(fs::exists(path));
  file.commit();
  EXPECT_EQ(read_text_file(path), "one, two");
  EXPECT_EQ(entries(folder), 1u);
}

TEST(AtomicFile, IsWholeWithoutWaitingForTheDisk) {
  const auto path = testing::scratch_dir("file") / "x";
  AtomicFile file(path, Flush::kNone);
  file.write(std::string(100'000, 'y'));
  EXPECT_FALSE(std::filesystem::exists(path));
  file.commit();
  EXPECT_EQ(read_text_file(path), std::string(100'000, 'y'));
}

TEST(AtomicFile, ReplacesAndLeavesTheOldOneUntilThen) {
  const auto path = testing::scratch_dir("file") / "x";
  write_text_file(path, "old");
  {
    AtomicFile file(path);
    file.write("new");
    EXPECT_EQ(read_text_file(path), "old");
    file.commit();
  }
  EXPECT_EQ(read_text_file(path), "new");
}

TEST(AtomicFile, LeavesNothingWhenAbandoned) {
  const auto folder = testing::scratch_dir("file");
  {
    AtomicFile file(folder / "x");
    file.write("half of it");
    EXPECT_EQ(entries(folder), 1u);
  }
  EXPECT_EQ(entries(folder), 0u);
}

TEST(AtomicFile, TwoWritersOfOneNameDoNotMix) {
  const auto path = testing::scratch_dir("file") / "x";
  AtomicFile first(path), second(path);
  first.write("first");
  second.write("second");
  second.commit();
  first.commit();
  EXPECT_EQ(read_text_file(path), "first");
}

TEST(AtomicFile, MakesTheFoldersOnTheWay) {
  const auto path = testing::scratch_dir("file") / "a" / "b" / "x";
  write_text_file(path, "deep");
  EXPECT_EQ(read_text_file(path), "deep");
}

TEST(AtomicFile, RefusesAPlaceThatIsNoFolder) {
  const auto folder = testing::scratch_dir("file");
  write_text_file(folder / "plain", "a file");
  const Error below = testing::expect_error([&] { AtomicFile file(folder / "plain" / "x"); });
  EXPECT_EQ(below.category(), Category::kResource);
  EXPECT_NE(below.where().find("plain"), std::string::npos);
  fs::create_directory(folder / "taken");
  AtomicFile onto(folder / "taken");
  onto.write("x");
  const Error rename = testing::expect_error([&] { onto.commit(); });
  EXPECT_EQ(rename.category(), Category::kResource);
  EXPECT_EQ(rename.where(), (folder / "taken").string());
  EXPECT_EQ(entries(folder), 2u);
}

// A full disk, played by the limit on file sizes of this process.
TEST(AtomicFile, ReportsAWriteThatFails) {
  const auto folder = testing::scratch_dir("file");
  struct rlimit before {};
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
  auto* handler = std::signal(SIGXFSZ, SIG_IGN);
  struct rlimit small = before;
  small.rlim_cur = 64 * 1024;
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &small), 0);
  const Error error = testing::expect_error([&] {
    AtomicFile file(folder / "x");
    const std::string piece(32 * 1024, 'x');
    for (int i = 0; i < 8; ++i) file.write(piece);
    file.commit();
  });
  setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, handler);
  EXPECT_EQ(error.category(), Category::kResource);
  EXPECT_EQ(error.where(), (folder / "x").string());
  EXPECT_EQ(entries(folder), 0u);
}

TEST(AtomicFile, RefusesUseAfterCommit) {
  AtomicFile file(testing::scratch_dir("file") / "x");
  file.commit();
  EXPECT_EQ(testing::expect_error([&] { file.commit(); }).category(), Category::kInternal);
  EXPECT_EQ(testing::expect_error([&] { file.write("x"); }).category(), Category::kInternal);
}

TEST(ReadTextFile, RefusesWhatIsMissingNoFileOrTooLarge) {
  const auto folder = testing::scratch_dir("file");
  write_text_file(folder / "empty", "");
  EXPECT_EQ(read_text_file(folder / "empty"), "");
  write_text_file(folder / "ten", "0123456789");
  EXPECT_EQ(read_text_file(folder / "ten", 10), "0123456789");
  const Error large = testing::expect_error([&] { read_text_file(folder / "ten", 9); });
  EXPECT_EQ(large.category(), Category::kBadInput);
  EXPECT_NE(large.message().find("at most 9"), std::string::npos);
  EXPECT_NE(testing::expect_error([&] { read_text_file(folder / "none"); }).message().find("no such file"),
            std::string::npos);
  EXPECT_NE(testing::expect_error([&] { read_text_file(folder); }).message().find("not a regular file"),
            std::string::npos);
  ASSERT_EQ(::mkfifo((folder / "fifo").c_str(), 0600), 0);
  EXPECT_EQ(testing::expect_error([&] { read_text_file(folder / "fifo"); }).category(), Category::kBadInput);
}

}  // namespace
}  // namespace firstlight
