// Checkpoint folders: one file, shards through an index, source hashes.
#include "firstlight/io/checkpoint.h"

#include "builders.h"
#include "firstlight/base/file.h"
#include "firstlight/base/hash.h"
#include "firstlight/io/source_hashes.h"

namespace firstlight::io {
namespace {

using firstlight::testing::scratch_dir;
using testing::expect_refused;

constexpr const char* kIndexName = "model.safetensors.index.json";

void write_tensors(const std::filesystem::path& path, const std::vector<std::pair<std::string, std::string>>& tensors) {
  std::vector<SafetensorsWriter::Declaration> declared;
  for (const auto& [name, text] : tensors)
    declared.push_back({name, Format::u8, {static_cast<std::int64_t>(text.size())}});
  SafetensorsWriter writer(path, declared);
  for (const auto& [name, text] : tensors) writer.write(name, std::as_bytes(std::span(text)));
  writer.finish();
}

// Two shards: a and c in the first, b in the second.
std::filesystem::path sharded_folder(const std::string& index) {
  const auto folder = scratch_dir("checkpoint");
  write_tensors(folder / "s1.safetensors", {{"a", "aa"}, {"c", "ccc"}});
  write_tensors(folder / "s2.safetensors", {{"b", "b"}});
  write_text_file(folder / kIndexName, index);
  return folder;
}

std::string text_of(const Checkpoint& checkpoint, std::string_view name) {
  const auto bytes = checkpoint.bytes(name);
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

TEST(Checkpoint, OpensASingleFile) {
  const auto folder = scratch_dir("checkpoint");
  write_tensors(folder / "model.safetensors", {{"w", "1234"}, {"b", "56"}});
  const Checkpoint checkpoint(folder);
  EXPECT_EQ(checkpoint.folder(), folder);
  EXPECT_EQ(std::vector<std::string>(checkpoint.names().begin(), checkpoint.names().end()),
            (std::vector<std::string>{"b", "w"}));
  EXPECT_EQ(text_of(checkpoint, "w"), "1234");
  EXPECT_EQ(checkpoint.view("w").shape, Shape({4}));
  EXPECT_EQ(checkpoint.total_bytes(), 6u);
  EXPECT_EQ(checkpoint.file("b"), (folder / "model.safetensors").string());
  checkpoint.release("w");
  EXPECT_FALSE(checkpoint.has("x"));
  expect_refused(Category::kBadInput, {folder.string(), "'x'"}, [&] { checkpoint.view("x"); });
}

TEST(Checkpoint, OpensShardsThroughTheIndex) {
  const auto folder = sharded_folder(
      R"({"metadata":{"total_size":6},"weight_map":{"a":"s1.safetensors","b":"s2.safetensors","c":"s1.safetensors"}})");
  Checkpoint opened(folder);
  const Checkpoint checkpoint = std::move(opened);
  EXPECT_EQ(checkpoint.names().size(), 3u);
  EXPECT_EQ(text_of(checkpoint, "b"), "b");
  EXPECT_EQ(text_of(checkpoint, "c"), "ccc");
  EXPECT_EQ(checkpoint.files().size(), 2u);
  EXPECT_EQ(checkpoint.file("b"), (folder / "s2.safetensors").string());
}

TEST(Checkpoint, PrefersTheSingleFile) {
  const auto folder = sharded_folder("this index is not even JSON");
  write_tensors(folder / "model.safetensors", {{"only", "x"}});
  const Checkpoint checkpoint(folder);
  EXPECT_EQ(checkpoint.names().size(), 1u);
  EXPECT_TRUE(checkpoint.has("only"));
}

TEST(Checkpoint, RefusesAndNames) {
  struct Bad {
    const char* name;
    std::string index;
    Category category;
    std::vector<std::string> parts;
  };
  const std::vector<Bad> cases = {
      {"not an object", "[]", Category::kBadInput, {kIndexName, "not a JSON object"}},
      {"no map", "{}", Category::kBadInput, {kIndexName, "weight_map"}},
      {"map is empty", R"({"weight_map":{}})", Category::kBadInput, {kIndexName, "weight_map"}},
      {"file name is a number", R"({"weight_map":{"a":1}})", Category::kBadInput, {"weight_map 'a'", "1"}},
      {"climbs out",
       R"({"weight_map":{"a":"../s1.safetensors"}})",
       Category::kBadInput,
       {"weight_map 'a'", "../s1.safetensors"}},
      {"absolute", R"({"weight_map":{"a":"/etc/x.safetensors"}})", Category::kBadInput, {"weight_map 'a'", "/etc/"}},
      {"backslash", R"({"weight_map":{"a":"x\\y.safetensors"}})", Category::kBadInput, {"weight_map 'a'"}},
      {"zero byte", R"({"weight_map":{"a":"s1\u0000.safetensors"}})", Category::kBadInput, {"weight_map 'a'"}},
      {"another kind of file", R"({"weight_map":{"a":"s1.bin"}})", Category::kBadInput, {"weight_map 'a'", "s1.bin"}},
      {"no such shard", R"({"weight_map":{"a":"s9.safetensors"}})", Category::kBadInput, {"s9.safetensors"}},
      {"not in its shard",
       R"({"weight_map":{"a":"s1.safetensors","b":"s1.safetensors","c":"s1.safetensors"}})",
       Category::kMismatch,
       {"tensor 'b'", "s1.safetensors"}},
      {"in another shard",
       R"({"weight_map":{"a":"s2.safetensors","b":"s2.safetensors","c":"s1.safetensors"}})",
       Category::kMismatch,
       {"tensor 'a'", "not in s2.safetensors", "but in", "s1.safetensors"}},
      {"extra tensor",
       R"({"weight_map":{"a":"s1.safetensors","b":"s2.safetensors"}})",
       Category::kMismatch,
       {"s1.safetensors", "tensor 'c'", "extra"}},
      {"wrong total",
       R"({"metadata":{"total_size":7},)"
       R"("weight_map":{"a":"s1.safetensors","b":"s2.safetensors","c":"s1.safetensors"}})",
       Category::kMismatch,
       {"total_size", "7", "hold 6"}},
      {"total is a string",
       R"({"metadata":{"total_size":"6"},)"
       R"("weight_map":{"a":"s1.safetensors","b":"s2.safetensors","c":"s1.safetensors"}})",
       Category::kBadInput,
       {"total_size", "\"6\""}},
      {"metadata is a list",
       R"({"metadata":[],)"
       R"("weight_map":{"a":"s1.safetensors","b":"s2.safetensors","c":"s1.safetensors"}})",
       Category::kBadInput,
       {"metadata"}},
  };
  for (const Bad& bad : cases) {
    SCOPED_TRACE(bad.name);
    const auto folder = sharded_folder(bad.index);
    expect_refused(bad.category, bad.parts, [&] { const Checkpoint opened(folder); });
  }
}

TEST(Checkpoint, RefusesATensorInTwoShards) {
  const auto folder =
      sharded_folder(R"({"weight_map":{"a":"s1.safetensors","b":"s2.safetensors","c":"s1.safetensors"}})");
  write_tensors(folder / "s2.safetensors", {{"b", "b"}, {"a", "a"}});
  expect_refused(Category::kMismatch, {"s2.safetensors", "tensor 'a'", "s1.safetensors"},
                 [&] { const Checkpoint opened(folder); });
}

TEST(Checkpoint, RefusesAFolderWithoutWeights) {
  const auto folder = scratch_dir("checkpoint");
  expect_refused(Category::kBadInput, {folder.string(), "model.safetensors"}, [&] { const Checkpoint opened(folder); });
  write_text_file(folder / "pytorch_model.bin", "x");
  expect_refused(Category::kUnsupported, {"pytorch_model.bin", "safetensors"},
                 [&] { const Checkpoint opened(folder); });
  expect_refused(Category::kBadInput, {"not a folder"}, [&] { const Checkpoint opened(folder / "nowhere"); });
}

TEST(Checkpoint, RemembersSourceHashes) {
  const auto folder = scratch_dir("checkpoint");
  const auto cache = scratch_dir("hashes");
  write_tensors(folder / "model.safetensors", {{"w", "1234"}, {"b", "56"}});
  {
    const Checkpoint checkpoint(folder, cache);
    EXPECT_EQ(checkpoint.source_hash("w"), hash128_hex("1234"));
    EXPECT_EQ(checkpoint.source_hash("w"), hash128_hex("1234"));
    EXPECT_TRUE(std::filesystem::is_empty(cache));
    checkpoint.save_hashes();
  }
  SourceHashes table(folder / "model.safetensors", cache);
  const Checkpoint checkpoint(folder, cache);
  const TensorInfo& w = checkpoint.info("w");
  EXPECT_EQ(table.find("w", w.offset, w.bytes), hash128_hex("1234"));
  EXPECT_EQ(table.find("w", w.offset + 1, w.bytes), std::nullopt);
  EXPECT_EQ(table.find("b", 0, 2), std::nullopt);
  // What the table says is what is answered.
  table.put("w", w.offset, w.bytes, std::string(32, 'a'));
  table.save();
  EXPECT_EQ(Checkpoint(folder, cache).source_hash("w"), std::string(32, 'a'));
}

TEST(SourceHashes, ForgetsAChangedFile) {
  const auto folder = scratch_dir("checkpoint");
  const auto cache = scratch_dir("hashes");
  const auto source = folder / "model.safetensors";
  write_text_file(source, "one");
  SourceHashes table(source, cache);
  table.put("w", 0, 3, std::string(32, 'a'));
  table.save();
  ASSERT_TRUE(SourceHashes(source, cache).find("w", 0, 3));
  std::filesystem::last_write_time(source, std::filesystem::last_write_time(source) + std::chrono::seconds(1));
  EXPECT_FALSE(SourceHashes(source, cache).find("w", 0, 3));
}

TEST(SourceHashes, IgnoresADamagedTable) {
  const auto folder = scratch_dir("checkpoint");
  const auto cache = scratch_dir("hashes");
  const auto source = folder / "model.safetensors";
  write_text_file(source, "one");
  SourceHashes table(source, cache);
  table.put("w", 0, 3, std::string(32, 'a'));
  table.put("v", 3, 9, std::string(32, 'b'));
  table.save();
  const auto whole = testing::read_bytes(table.path());
  for (std::size_t at = 0; at < whole.size(); ++at) {
    auto flipped = whole;
    flipped[at] ^= std::byte{1};
    testing::write_bytes(table.path(), flipped);
    EXPECT_FALSE(SourceHashes(source, cache).find("w", 0, 3)) << "flipped at " << at;
    if (at % 5 != 0 && at + 50 < whole.size()) continue;
    testing::write_bytes(table.path(), {whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(at)});
    EXPECT_FALSE(SourceHashes(source, cache).find("w", 0, 3)) << "cut at " << at;
  }
  SourceHashes again(source, cache);
  again.put("w", 0, 3, std::string(32, 'c'));
  again.save();
  EXPECT_EQ(SourceHashes(source, cache).find("w", 0, 3), std::string(32, 'c'));
}

TEST(Checkpoint, ReadsFoldersOfOtherWriters) {
  FL_SHARED_OR_SKIP(folder, "data/weights/hf-synthetic");
  const Checkpoint single(folder / "tiny_llama3");
  EXPECT_EQ(single.view("lm_head.weight").shape, Shape({256, 64}));
  EXPECT_EQ(single.view("lm_head.weight").format, Format::bf16);
  const Checkpoint sharded(folder / "tiny_qwen3_sharded_mlx4bit");
  EXPECT_EQ(sharded.files().size(), 2u);
  expect_refused(Category::kUnsupported, {"lm_head.weight", "U32"}, [&] { sharded.view("lm_head.weight"); });
}

}  // namespace
}  // namespace firstlight::io
