// Writing shards and their index: what Checkpoint reads back, and where the cuts are.
#include "firstlight/io/checkpoint_writer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numeric>

#include "firstlight/io/checkpoint.h"
#include "testing/testing.h"

namespace firstlight::io {
namespace {

using ::testing::ElementsAre;
using firstlight::testing::expect_error;
using firstlight::testing::scratch_dir;

std::vector<SafetensorsWriter::Declaration> four() {
  return {{"c", Format::u8, {6}}, {"a", Format::u8, {4}}, {"d", Format::u8, {30}}, {"b", Format::u8, {2, 2}}};
}

std::vector<std::byte> bytes_of(const SafetensorsWriter::Declaration& tensor) {
  std::vector<std::byte> bytes(static_cast<std::size_t>(tensor.shape.elements()));
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::byte>(7 * i + tensor.name[0]);
  return bytes;
}

std::vector<std::string> write_four(const std::filesystem::path& folder, std::uint64_t max_shard_bytes) {
  CheckpointWriter writer(folder, four(), max_shard_bytes);
  EXPECT_EQ(writer.total_bytes(), 44U);
  for (const auto& tensor : four()) {  // in two calls each
    const std::vector<std::byte> bytes = bytes_of(tensor);
    writer.write(tensor.name, std::span(bytes).first(1));
    writer.write(tensor.name, std::span(bytes).subspan(1));
  }
  writer.finish();
  return writer.files();
}

void expect_four(const std::filesystem::path& folder) {
  const Checkpoint checkpoint(folder);
  EXPECT_THAT(std::vector(checkpoint.names().begin(), checkpoint.names().end()), ElementsAre("a", "b", "c", "d"));
  for (const auto& tensor : four()) {
    EXPECT_EQ(checkpoint.info(tensor.name).shape, tensor.shape);
    EXPECT_TRUE(std::ranges::equal(checkpoint.bytes(tensor.name), bytes_of(tensor))) << tensor.name;
  }
}

TEST(CheckpointWriter, OneFileWhenAllFits) {
  const auto folder = scratch_dir("writer");
  EXPECT_THAT(write_four(folder, 44), ElementsAre("model.safetensors"));
  expect_four(folder);
}

TEST(CheckpointWriter, CutsWhereTheNextTensorWouldNotFit) {
  const auto folder = scratch_dir("writer");
  EXPECT_THAT(write_four(folder, 10),
              ElementsAre("model-00001-of-00003.safetensors", "model-00002-of-00003.safetensors",
                          "model-00003-of-00003.safetensors", "model.safetensors.index.json"));
  expect_four(folder);
  const SafetensorsFile first(folder / "model-00001-of-00003.safetensors");
  EXPECT_TRUE(first.has("c") && first.has("a") && !first.has("d"));
  const SafetensorsFile large(folder / "model-00002-of-00003.safetensors");  // larger than a shard: its own
  EXPECT_EQ(large.tensors().size(), 1U);
}

TEST(CheckpointWriter, RefusesWrongCalls) {
  const auto folder = scratch_dir("writer");
  EXPECT_EQ(expect_error([&] { CheckpointWriter(folder, four(), 0); }).category(), Category::kUsage);
  EXPECT_EQ(expect_error([&] {
              CheckpointWriter(folder, {{"a", Format::bfp8, {16}}}, 99);
            }).category(),
            Category::kUnsupported);
  CheckpointWriter writer(folder, four(), 10);
  EXPECT_EQ(expect_error([&] { writer.write("d", {}); }).category(), Category::kUsage);  // skips two
  EXPECT_EQ(expect_error([&] { writer.finish(); }).category(), Category::kUsage);
}

TEST(CheckpointWriter, NothingStandsUnderAFinalNameUntilItIsWhole) {
  const auto folder = scratch_dir("writer");
  {
    CheckpointWriter writer(folder, four(), 10);
    writer.write("c", bytes_of(four()[0]));
  }
  EXPECT_TRUE(std::filesystem::is_empty(folder));
}

}  // namespace
}  // namespace firstlight::io
