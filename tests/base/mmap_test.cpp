// Mapped files.
#include "firstlight/base/mmap.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <string>
#include <utility>

#include "firstlight/base/file.h"
#include "testing/testing.h"

namespace firstlight {
namespace {

std::string text_of(const MappedFile& file) {
  return {reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size()};
}

TEST(MappedFile, ShowsTheBytesAndSurvivesTheNameAndAMove) {
  const auto path = testing::scratch_dir("mmap") / "x";
  write_text_file(path, "mapped bytes");
  MappedFile file(path);
  EXPECT_EQ(file.path(), path);
  std::filesystem::remove(path);
  EXPECT_EQ(text_of(file), "mapped bytes");
  MappedFile moved(std::move(file));
  EXPECT_EQ(text_of(moved), "mapped bytes");
  MappedFile assigned;
  EXPECT_TRUE(assigned.bytes().empty());
  assigned = std::move(moved);
  EXPECT_EQ(text_of(assigned), "mapped bytes");
}

TEST(MappedFile, OfAnEmptyFileIsEmpty) {
  const auto path = testing::scratch_dir("mmap") / "x";
  write_text_file(path, "");
  EXPECT_TRUE(MappedFile(path).bytes().empty());
}

TEST(MappedFile, ReadsTheSameAfterReleasingAnyPartAndPrefetching) {
  const auto path = testing::scratch_dir("mmap") / "x";
  std::string text(3 * 4096 + 100, '\0');
  for (std::size_t i = 0; i < text.size(); ++i) text[i] = static_cast<char>('a' + i % 23);
  write_text_file(path, text);
  const MappedFile file(path);
  EXPECT_EQ(text_of(file), text);
  for (const auto& [offset, length] : {std::pair<std::size_t, std::size_t>{0, 4096},
                                       {10, 9000},
                                       {12000, 388},
                                       {0, 0},
                                       {0, text.size()},
                                       {text.size(), 1},
                                       {0, 1u << 30}})
    file.release(offset, length);
  file.prefetch();
  MappedFile().prefetch();
  EXPECT_EQ(text_of(file), text);
}

TEST(MappedFile, RefusesWhatIsMissingOrNoFile) {
  const auto folder = testing::scratch_dir("mmap");
  const Error missing = testing::expect_error([&] { MappedFile file(folder / "none"); });
  EXPECT_EQ(missing.category(), Category::kBadInput);
  EXPECT_EQ(missing.where(), (folder / "none").string());
  EXPECT_NE(testing::expect_error([&] { MappedFile file(folder); }).message().find("not a regular file"),
            std::string::npos);
  ASSERT_EQ(::mkfifo((folder / "fifo").c_str(), 0600), 0);  // must be refused, not waited for
  EXPECT_NE(testing::expect_error([&] { MappedFile file(folder / "fifo"); }).message().find("not a regular file"),
            std::string::npos);
}

}  // namespace
}  // namespace firstlight
