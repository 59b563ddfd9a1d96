// Reading safetensors: what is accepted, and every way in which a file can be wrong.
#include "firstlight/io/safetensors.h"

#include "builders.h"
#include "firstlight/base/file.h"

namespace firstlight::io {
namespace {

using firstlight::testing::scratch_dir;
using testing::expect_no_surprise;
using testing::expect_refused;
using testing::safetensors_bytes;

const std::string kTwo = R"({"__metadata__":{"format":"pt"},"b":{"dtype":"F32","shape":[2,3],"data_offsets":[4,28]},)"
                         R"("a":{"dtype":"BF16","shape":[2],"data_offsets":[0,4]}})";

TEST(Safetensors, ReadsWhereItLies) {
  const auto bytes = safetensors_bytes(kTwo, 28);
  const SafetensorsFile file = SafetensorsFile::parse(bytes, "two");
  ASSERT_EQ(file.tensors().size(), 2u);
  EXPECT_EQ(file.tensors()[0].name, "a");
  EXPECT_EQ(file.tensors()[1].name, "b");
  EXPECT_EQ(file.metadata().at("format"), "pt");
  EXPECT_TRUE(file.has("a"));
  EXPECT_FALSE(file.has("c"));
  const View b = file.view("b");
  EXPECT_EQ(b.format, Format::f32);
  EXPECT_EQ(b.shape, Shape({2, 3}));
  EXPECT_EQ(b.data, bytes.data() + 8 + kTwo.size() + 4);
  EXPECT_TRUE(b.contiguous());
  EXPECT_EQ(file.bytes("a").size(), 4u);
  EXPECT_EQ(file.info("b").dtype, "F32");
  EXPECT_EQ(file.info("b").offset, 8 + kTwo.size() + 4);
}

TEST(Safetensors, MapsAFileAndOutlivesAMove) {
  const auto path = scratch_dir("safetensors") / "two.safetensors";
  testing::write_bytes(path, safetensors_bytes(kTwo, 28));
  SafetensorsFile file(path);
  const SafetensorsFile moved = std::move(file);
  EXPECT_EQ(moved.bytes("b")[0], std::byte{4});
  moved.release("b");
  EXPECT_EQ(moved.bytes("b")[23], std::byte{27});
}

TEST(Safetensors, UnalignedTensorsDecode) {
  // One byte first, so that the float that follows lies at an odd address.
  const std::string header =
      R"({"u":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"f":{"dtype":"F32","shape":[1],"data_offsets":[1,5]}})";
  auto bytes = safetensors_bytes(header, 5);
  const float value = 1.25f;
  std::memcpy(bytes.data() + 8 + header.size() + 1, &value, sizeof value);
  const SafetensorsFile file = SafetensorsFile::parse(bytes, "odd");
  float decoded = 0;
  copy_to_f32(file.view("f"), &decoded);
  EXPECT_EQ(decoded, 1.25f);
}

TEST(Safetensors, AcceptsEmptyTensorsScalarsNullMetadataAndNothing) {
  const std::string header =
      R"({"__metadata__":null,"e":{"dtype":"F32","shape":[0,7],"data_offsets":[4,4]},)"
      R"("s":{"dtype":"F32","shape":[],"data_offsets":[0,4]},"z":{"dtype":"I64","shape":[0],"data_offsets":[0,0]}}   )";
  const auto bytes = safetensors_bytes(header, 4);
  const SafetensorsFile file = SafetensorsFile::parse(bytes, "edge");
  EXPECT_EQ(file.view("s").shape.rank(), 0);
  EXPECT_EQ(file.view("e").shape.elements(), 0);
  EXPECT_TRUE(SafetensorsFile::parse(safetensors_bytes("{}", 0), "none").tensors().empty());
}

TEST(Safetensors, KnowsDtypesThatItCannotRead) {
  const std::string header =
      R"({"q":{"dtype":"U32","shape":[2],"data_offsets":[0,8]},"h":{"dtype":"F8_E4M3","shape":[3],"data_offsets":[8,11]},)"
      R"("n":{"dtype":"F4","shape":[2],"data_offsets":[11,12]}})";
  const auto bytes = safetensors_bytes(header, 12);
  const SafetensorsFile file = SafetensorsFile::parse(bytes, "other");
  EXPECT_EQ(file.bytes("q").size(), 8u);
  for (const char* name : {"q", "h", "n"})
    expect_refused(Category::kUnsupported, {"other", name, file.info(name).dtype}, [&] { file.view(name); });
  expect_refused(Category::kBadInput, {"other", "'missing'"}, [&] { file.view("missing"); });
}

struct Bad {
  const char* name;
  std::string header;
  std::size_t data_bytes;
  Category category;
  std::vector<std::string> parts;
};

TEST(Safetensors, RefusesAndNames) {
  const std::vector<Bad> cases = {
      {"not json", "{nonsense", 0, Category::kBadInput, {"file", "not JSON"}},
      {"not an object", "[1,2]", 0, Category::kBadInput, {"file", "not a JSON object"}},
      {"duplicate",
       R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}})",
       1,
       Category::kBadInput,
       {"file", "'a'", "twice"}},
      {"entry is no object", R"({"a":3})", 0, Category::kBadInput, {"file", "tensor 'a'", "expected an object", "3"}},
      {"unknown field",
       R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1],"x":1}})",
       1,
       Category::kBadInput,
       {"tensor 'a'", "'x'"}},
      {"no dtype", R"({"a":{"shape":[1],"data_offsets":[0,1]}})", 1, Category::kBadInput, {"tensor 'a'", "'dtype'"}},
      {"no shape", R"({"a":{"dtype":"U8","data_offsets":[0,1]}})", 1, Category::kBadInput, {"tensor 'a'", "'shape'"}},
      {"no offsets", R"({"a":{"dtype":"U8","shape":[1]}})", 1, Category::kBadInput, {"tensor 'a'", "'data_offsets'"}},
      {"dtype is a number",
       R"({"a":{"dtype":8,"shape":[1],"data_offsets":[0,1]}})",
       1,
       Category::kBadInput,
       {"tensor 'a'", "dtype", "8"}},
      {"unknown dtype",
       R"({"a":{"dtype":"F33","shape":[1],"data_offsets":[0,1]}})",
       1,
       Category::kUnsupported,
       {"tensor 'a'", "F33"}},
      {"shape is no list",
       R"({"a":{"dtype":"U8","shape":1,"data_offsets":[0,1]}})",
       1,
       Category::kBadInput,
       {"tensor 'a'", "shape"}},
      {"negative dimension",
       R"({"a":{"dtype":"U8","shape":[-1],"data_offsets":[0,1]}})",
       1,
       Category::kBadInput,
       {"tensor 'a'", "shape", "[-1]"}},
      {"fractional dimension",
       R"({"a":{"dtype":"U8","shape":[1.0],"data_offsets":[0,1]}})",
       1,
       Category::kBadInput,
       {"tensor 'a'", "shape", "[1.0]"}},
      {"rank 7",
       R"({"a":{"dtype":"U8","shape":[1,1,1,1,1,1,1],"data_offsets":[0,1]}})",
       1,
       Category::kUnsupported,
       {"tensor 'a'", "7 dimensions"}},
      {"dimension beyond int64",
       R"({"a":{"dtype":"U8","shape":[9223372036854775808],"data_offsets":[0,1]}})",
       1,
       Category::kBadInput,
       {"tensor 'a'", "overflows"}},
      {"product overflows",
       R"({"a":{"dtype":"U8","shape":[4294967296,4294967296],"data_offsets":[0,1]}})",
       1,
       Category::kBadInput,
       {"tensor 'a'", "overflows"}},
      {"product overflows beside a zero",
       R"({"a":{"dtype":"U8","shape":[0,4294967296,4294967296],"data_offsets":[0,0]}})",
       0,
       Category::kBadInput,
       {"tensor 'a'", "overflows"}},
      {"bytes overflow",
       R"({"a":{"dtype":"F64","shape":[4611686018427387904],"data_offsets":[0,1]}})",
       1,
       Category::kBadInput,
       {"tensor 'a'", "overflows"}},
      {"half a byte",
       R"({"a":{"dtype":"F4","shape":[3],"data_offsets":[0,1]}})",
       1,
       Category::kBadInput,
       {"tensor 'a'", "whole byte"}},
      {"offsets are no pair",
       R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1,2]}})",
       1,
       Category::kBadInput,
       {"tensor 'a'", "data_offsets"}},
      {"offset is negative",
       R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[-1,0]}})",
       1,
       Category::kBadInput,
       {"tensor 'a'", "data_offsets"}},
      {"offsets run backwards",
       R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[1,0]}})",
       1,
       Category::kBadInput,
       {"tensor 'a'", "[1, 0]"}},
      {"offsets past the end",
       R"({"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}})",
       1,
       Category::kBadInput,
       {"tensor 'a'", "[0, 2]", "1 bytes"}},
      {"wrong shape",
       R"({"a":{"dtype":"F32","shape":[2,2],"data_offsets":[0,12]}})",
       12,
       Category::kBadInput,
       {"tensor 'a'", "needs 16 bytes", "hold 12"}},
      {"overlap",
       R"({"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"b":{"dtype":"U8","shape":[4],"data_offsets":[3,7]}})",
       7,
       Category::kBadInput,
       {"tensor 'b'", "inside tensor 'a'"}},
      {"hole",
       R"({"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"b":{"dtype":"U8","shape":[2],"data_offsets":[3,5]}})",
       5,
       Category::kBadInput,
       {"tensor 'b'", "belong to no tensor"}},
      {"hole at the start",
       R"({"a":{"dtype":"U8","shape":[2],"data_offsets":[1,3]}})",
       3,
       Category::kBadInput,
       {"tensor 'a'", "belong to no tensor"}},
      {"bytes left over",
       R"({"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}})",
       5,
       Category::kBadInput,
       {"file", "cover 2 bytes", "has 5"}},
      {"metadata is a list", R"({"__metadata__":[]})", 0, Category::kBadInput, {"file", "__metadata__"}},
      {"metadata of numbers", R"({"__metadata__":{"n":1}})", 0, Category::kBadInput, {"__metadata__ 'n'", "string"}},
  };
  for (const Bad& bad : cases) {
    SCOPED_TRACE(bad.name);
    const auto bytes = safetensors_bytes(bad.header, bad.data_bytes);
    expect_refused(bad.category, bad.parts, [&] { SafetensorsFile::parse(bytes, "file"); });
  }
}

TEST(Safetensors, RefusesAHeaderLengthThatCannotBe) {
  auto bytes = safetensors_bytes("{}", 0);
  const auto with_length = [&](std::uint64_t length) {
    std::memcpy(bytes.data(), &length, sizeof length);
    return std::function<void()>([&] { SafetensorsFile::parse(bytes, "file"); });
  };
  expect_refused(Category::kBadInput, {"file", "cut off", "3 bytes"}, with_length(3));
  expect_refused(Category::kBadInput, {"file", "100000001"}, with_length(100'000'001));
  expect_refused(Category::kBadInput, {"file", "18446744073709551615"}, with_length(~std::uint64_t{0}));
}

TEST(Safetensors, RefusesEveryTruncation) {
  const auto whole = safetensors_bytes(kTwo, 28);
  for (std::size_t length = 0; length < whole.size(); ++length) {
    const std::vector<std::byte> part(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(length));
    expect_refused(Category::kBadInput, {"file"}, [&] { SafetensorsFile::parse(part, "file"); });
  }
}

TEST(Safetensors, SurvivesFlippedBits) {
  const auto whole = safetensors_bytes(kTwo, 28);
  for (std::size_t at = 0; at < 8 + kTwo.size(); ++at) {
    for (const unsigned flip : {1u, 2u, 4u, 8u, 16u, 32u, 64u, 128u, 255u}) {
      auto bytes = whole;
      bytes[at] ^= static_cast<std::byte>(flip);
      expect_no_surprise([&] {
        const SafetensorsFile file = SafetensorsFile::parse(bytes, "flipped");
        for (const TensorInfo& tensor : file.tensors()) {
          const auto data = file.bytes(tensor.name);
          EXPECT_TRUE(data.data() >= bytes.data() && data.data() + data.size() <= bytes.data() + bytes.size());
        }
      });
    }
  }
}

TEST(SafetensorsWriter, WritesWhatIsReadAndTheSameBytesTwice) {
  const auto folder = scratch_dir("safetensors");
  const float values[] = {1, -2, 3.5f, 0, 5, 6};
  const std::int32_t id = 7;
  const auto write = [&](const std::filesystem::path& path) {
    SafetensorsWriter writer(path,
                             {{"logits", Format::f32, {2, 3}}, {"none", Format::f16, {0}}, {"id", Format::i32, {}}},
                             {{"made_by", "test"}});
    writer.write("logits", make_view(static_cast<const void*>(values), Format::f32, {2, 3}));
    writer.write("id", std::as_bytes(std::span(&id, 1)));
    writer.finish();
  };
  write(folder / "one.safetensors");
  write(folder / "two.safetensors");
  EXPECT_EQ(testing::read_bytes(folder / "one.safetensors"), testing::read_bytes(folder / "two.safetensors"));
  const SafetensorsFile file(folder / "one.safetensors");
  EXPECT_EQ(file.metadata().at("made_by"), "test");
  EXPECT_EQ(file.info("logits").offset % 8, 0u);
  EXPECT_EQ(std::memcmp(file.bytes("logits").data(), values, sizeof values), 0);
  EXPECT_EQ(file.view("id").format, Format::i32);
  EXPECT_EQ(file.view("none").shape, Shape({0}));
}

TEST(SafetensorsWriter, RefusesMisuse) {
  const auto path = scratch_dir("safetensors") / "bad.safetensors";
  const std::vector<std::byte> four(4);
  const std::vector<SafetensorsWriter::Declaration> two = {{"a", Format::u8, {4}}, {"b", Format::u8, {4}}};
  expect_refused(Category::kUsage, {"'a'", "taken"}, [&] {
    SafetensorsWriter(path, {{"a", Format::u8, {4}}, {"a", Format::u8, {4}}});
  });
  expect_refused(Category::kUnsupported, {"'a'", "bfp8"}, [&] {
    SafetensorsWriter(path, {{"a", Format::bfp8, {16}}});
  });
  expect_refused(Category::kUsage, {"UTF-8"}, [&] { SafetensorsWriter(path, {{"\xff", Format::u8, {4}}}); });
  expect_refused(Category::kUsage, {"'b'", "expected 'a'"}, [&] { SafetensorsWriter(path, two).write("b", four); });
  expect_refused(Category::kUsage, {"'a'", "4 bytes", "given 5"},
                 [&] { SafetensorsWriter(path, two).write("a", std::vector<std::byte>(5)); });
  expect_refused(Category::kUsage, {"'b'", "0 of its 4"}, [&] {
    SafetensorsWriter writer(path, two);
    writer.write("a", four);
    writer.finish();
  });
  expect_refused(Category::kUsage, {"'a'", "declared as u8 [4]", "given u8 [2, 2]"}, [&] {
    SafetensorsWriter(path, two).write("a", make_view(static_cast<const void*>(four.data()), Format::u8, {2, 2}));
  });
  EXPECT_FALSE(std::filesystem::exists(path));
  EXPECT_TRUE(std::filesystem::is_empty(path.parent_path()));
}

TEST(Safetensors, ReadsFilesOfOtherWriters) {
  FL_SHARED_OR_SKIP(folder, "data/weights/safetensors-micro");
  const SafetensorsFile ints(folder / "tensor-1d-int32.safetensors");
  EXPECT_EQ(ints.view("embedding").shape, Shape({3}));
  const SafetensorsFile floats(folder / "tensor-3d-float32.safetensors");
  float values[12];
  copy_to_f32(floats.view("embedding"), values);
  EXPECT_EQ(values[0], 22.0f);
  EXPECT_EQ(SafetensorsFile(folder / "tensor-2d-float64.safetensors").view("embedding").format, Format::f64);
}

}  // namespace
}  // namespace firstlight::io
