// Files of torch.save and .refpt: goldens written by PyTorch (tools/make_io_goldens.py), files made wrong here.
#include "firstlight/io/torch_zip.h"

#include "builders.h"
#include "firstlight/base/file.h"
#include "firstlight/io/refpt.h"

namespace firstlight::io {
namespace {

using namespace std::string_literals;
using firstlight::testing::scratch_dir;
using firstlight::testing::source_dir;
using testing::expect_no_surprise;
using testing::expect_refused;
using testing::read_bytes;
using testing::to_bytes;

std::filesystem::path golden(const char* name) { return source_dir() / "tests" / "data" / "io" / name; }

std::string text(std::string_view value) {
  return "X"s + static_cast<char>(value.size()) + "\0\0\0"s + std::string(value);
}
std::string integer(int value) { return "K"s + static_cast<char>(value); }

// A pickle {name: tensor} with the parts of a tensor's call as given.
struct Parts {
  std::string call = "ctorch._utils\n_rebuild_tensor_v2\n";
  std::string storage_class = "ctorch\nLongStorage\n";
  std::string id_tag = text("storage");
  std::string key = text("0");
  std::string numel = integer(6);
  std::string offset = integer(0);
  std::string size = "(" + integer(2) + integer(3) + "t";
  std::string stride = "(" + integer(3) + integer(1) + "t";

  std::string tensor() const {
    return call + "((" + id_tag + storage_class + key + text("cpu") + numel + "tQ" + offset + size + stride + "\x89" +
           "ccollections\nOrderedDict\n)RtR";
  }
  std::string pickle() const { return "}"s + text("t") + tensor() + "s."; }
};

std::vector<std::byte> archive(const std::string& pickle, std::size_t storage_bytes = 48,
                               const std::string& byteorder = "little") {
  const auto pickle_bytes = to_bytes(pickle);
  const auto order = to_bytes(byteorder);
  const std::vector<std::byte> storage(storage_bytes);
  return write_zip({{"x/data.pkl", pickle_bytes}, {"x/byteorder", order}, {"x/data/0", storage}});
}

TEST(TorchZip, ReadsEveryKindOfTensor) {
  const TorchZip zip(golden("state.pt"));
  EXPECT_EQ(zip.read("base").values(), (std::vector<float>{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}));
  EXPECT_EQ(zip.read("transposed").values(), (std::vector<float>{0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11}));
  EXPECT_EQ(zip.read("transposed").shape(), Shape({4, 3}));
  EXPECT_EQ(zip.read("row").values(), (std::vector<float>{4, 5, 6, 7}));
  EXPECT_EQ(zip.read("half").values(), (std::vector<float>{1.5f, -2}));
  EXPECT_EQ(zip.read("bf16").values(), (std::vector<float>{1.5f, -2}));
  EXPECT_EQ(*zip.read("double").view().as<double>(), 0.1);
  EXPECT_EQ(zip.read("int").view().as<std::int32_t>()[0], -7);
  EXPECT_EQ(zip.read("byte").view().as<std::uint8_t>()[1], 255);
  EXPECT_EQ(zip.read("scalar").values(), (std::vector<float>{4.25f}));
  EXPECT_EQ(zip.read("scalar").shape().rank(), 0);
  EXPECT_EQ(zip.read("empty").shape(), Shape({0, 3}));
  EXPECT_EQ(zip.read("parameter").values(), (std::vector<float>{9}));
  EXPECT_EQ(zip.read("module.weight").values(), (std::vector<float>{0, 1, 2, 3, 4, 5}));
  EXPECT_EQ(zip.read("module.bias").values(), (std::vector<float>{0.5f, -1, 2}));
  EXPECT_EQ(zip.read("list.0").values(), (std::vector<float>{1}));
  EXPECT_EQ(zip.read("list.2").values(), (std::vector<float>{2}));
  EXPECT_EQ(zip.other_values(), (std::vector<std::string>{"list.1", "epoch", "rate", "note", "large", "nothing"}));
  EXPECT_EQ(zip.tensors().at("bool").storage_type, "torch.BoolStorage");
  expect_refused(Category::kUnsupported, {"'bool'", "BoolStorage"}, [&] { zip.read("bool"); });
  expect_refused(Category::kBadInput, {"state.pt", "'absent'"}, [&] { zip.read("absent"); });
}

TEST(TorchZip, ReadsTheArchiveThatTheBuilderMakes) {
  const auto bytes = archive(Parts{}.pickle());
  const TorchZip zip(bytes, "x.pt");
  EXPECT_EQ(zip.read("t").shape(), Shape({2, 3}));
  EXPECT_EQ(zip.tensors().at("t").strides, (std::vector<std::int64_t>{3, 1}));
}

TEST(TorchZip, RefusesAndNames) {
  struct Bad {
    const char* name;
    std::vector<std::byte> bytes;
    Category category;
    std::vector<std::string> parts;
  };
  const auto with = [](auto change) {
    Parts parts;
    change(parts);
    return archive(parts.pickle());
  };
  const auto pickle = to_bytes(Parts{}.pickle());
  const std::vector<std::byte> storage(48);
  const std::vector<Bad> cases = {
      {"no zip", to_bytes("hello, this is no archive at all"), Category::kBadInput, {"x.pt", "not a zip"}},
      {"empty", {}, Category::kBadInput, {"x.pt", "data.pkl"}},
      {"no pickle", write_zip({{"x/data/0", storage}}), Category::kBadInput, {"x.pt", "data.pkl"}},
      {"two pickles",
       write_zip({{"x/data.pkl", pickle}, {"y/data.pkl", pickle}}),
       Category::kBadInput,
       {"two pickles"}},
      {"big-endian", archive(Parts{}.pickle(), 48, "big"), Category::kUnsupported, {"byteorder", "'big'"}},
      {"dangerous global",
       archive("cposix\nsystem\n"s + text("ls") + "\x85R."),
       Category::kUnsupported,
       {"x.pt", "posix.system"}},
      {"bare tensor", archive(Parts{}.tensor() + "."), Category::kUnsupported, {"bare tensor"}},
      {"storage missing", write_zip({{"x/data.pkl", pickle}}), Category::kBadInput, {"'t'", "x/data/0", "missing"}},
      {"storage too short", archive(Parts{}.pickle(), 40), Category::kBadInput, {"'t'", "6 elements of 8 bytes", "40"}},
      {"storage too long", archive(Parts{}.pickle(), 56), Category::kBadInput, {"'t'", "56"}},
      {"negative count", with([](Parts& p) { p.numel = "J\xff\xff\xff\xff"; }), Category::kBadInput, {"'t'", "-1"}},
      {"count overflows",
       with([](Parts& p) { p.numel = "\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7f"; }),
       Category::kBadInput,
       {"'t'", "9223372036854775807"}},
      {"size too large",
       with([](Parts& p) { p.size = "(" + integer(3) + integer(3) + "t"; }),
       Category::kBadInput,
       {"'t'", "[3, 3]", "element 8", "storage of 6"}},
      {"offset too large", with([](Parts& p) { p.offset = integer(1); }), Category::kBadInput, {"'t'", "element 6"}},
      {"negative offset",
       with([](Parts& p) { p.offset = "J\xff\xff\xff\xff"; }),
       Category::kBadInput,
       {"'t'", "overflows"}},
      {"negative size",
       with([](Parts& p) { p.size = "(J\xff\xff\xff\xff" + integer(3) + "t"; }),
       Category::kBadInput,
       {"'t'", "size", "negative"}},
      {"negative stride",
       with([](Parts& p) { p.stride = "(J\xff\xff\xff\xff" + integer(1) + "t"; }),
       Category::kBadInput,
       {"'t'", "stride", "negative"}},
      {"strides missing", with([](Parts& p) { p.stride = ")"; }), Category::kBadInput, {"'t'", "0 strides"}},
      {"product overflows",
       with([](Parts& p) {
         p.size = "(\x8a\x08\0\0\0\0\0\0\0\x40\x8a\x08\0\0\0\0\0\0\0\x40t"s;
         p.stride = "(" + integer(0) + integer(0) + "t";
       }),
       Category::kBadInput,
       {"'t'", "overflows"}},
      {"repeated elements",
       with([](Parts& p) {
         p.size = "(" + integer(100) + integer(3) + "t";
         p.stride = "(" + integer(0) + integer(1) + "t";
       }),
       Category::kUnsupported,
       {"'t'", "repeats"}},
      {"seven dimensions",
       with([](Parts& p) { p.size = "(" + integer(1) + "2222222t"; }),
       Category::kUnsupported,
       {"'t'", "dimensions"}},
      {"size is a list",
       with([](Parts& p) { p.size = "]"; }),
       Category::kBadInput,
       {"'t'", "size", "a tuple", "a list"}},
      {"not a storage",
       with([](Parts& p) { p.id_tag = text("module"); }),
       Category::kBadInput,
       {"'t'", "persistent id"}},
      {"class is no storage",
       with([](Parts& p) { p.storage_class = "ccollections\nOrderedDict\n"; }),
       Category::kBadInput,
       {"'t'", "OrderedDict"}},
      {"unknown storage",
       with([](Parts& p) { p.storage_class = "ctorch\nQUInt8Storage\n"; }),
       Category::kUnsupported,
       {"torch.QUInt8Storage"}},
      {"key is a number", with([](Parts& p) { p.key = integer(0); }), Category::kBadInput, {"'t'", "storage key"}},
      {"persistent id elsewhere",
       archive("}"s + text("a") + text("b") + "Qs."),
       Category::kBadInput,
       {"'a'", "a persistent id"}},
      {"global as a value",
       archive("}"s + text("a") + "ctorch\nLongStorage\ns."),
       Category::kBadInput,
       {"'a'", "a global"}},
      {"dict in itself", archive("}q\x01" + text("a") + "h\x01s."), Category::kUnsupported, {"'a'", "twice"}},
      {"key is a tuple", archive("}"s + integer(1) + "\x85" + integer(2) + "s."), Category::kUnsupported, {"a tuple"}},
  };
  for (const Bad& bad : cases) {
    SCOPED_TRACE(bad.name);
    expect_refused(bad.category, bad.parts, [&] { TorchZip(bad.bytes, "x.pt"); });
  }
}

TEST(TorchZip, RefusesCompressedEntries) {
  expect_refused(Category::kUnsupported, {"deflated.refpt", "compressed"}, [&] { TorchZip(golden("deflated.refpt")); });
}

TEST(TorchZip, RefusesATensorTwice) {
  const std::string member = text("t") + Parts{}.tensor();
  expect_refused(Category::kBadInput, {"'t'", "twice"},
                 [&] { TorchZip(archive("}(" + member + member + "u."), "x.pt"); });
}

TEST(TorchZip, WritesWhatItReads) {
  const auto folder = scratch_dir("torch");
  const std::vector<float> floats = {1, 2, 3, 4, 5, 6};
  const std::vector<std::uint8_t> bytes(300, 9);
  const std::vector<std::pair<std::string, View>> views = {
      {"f", make_view(static_cast<const void*>(floats.data()), Format::f32, {2, 3})},
      {"u", make_view(static_cast<const void*>(bytes.data()), Format::u8, {300})},
      {"s", make_view(static_cast<const void*>(floats.data()), Format::f32, {})}};
  write_torch_zip(folder / "a.pt", views);
  const auto first = read_bytes(folder / "a.pt");
  write_torch_zip(folder / "a.pt", views);
  EXPECT_EQ(first, read_bytes(folder / "a.pt"));
  const TorchZip zip(folder / "a.pt");
  EXPECT_EQ(zip.read("f").values(), floats);
  EXPECT_EQ(zip.read("f").shape(), Shape({2, 3}));
  EXPECT_EQ(zip.read("u").view().as<std::uint8_t>()[299], 9);
  EXPECT_EQ(zip.read("s").shape().rank(), 0);
  const std::vector<std::byte> block(64);
  expect_refused(Category::kUnsupported, {"'b'", "bfp8"}, [&] {
    write_torch_zip(folder / "b.pt", {{"b", make_view(static_cast<const void*>(block.data()), Format::bfp8, {16})}});
  });
}

TEST(Refpt, ReadsWhatPyTorchWrote) {
  const Refpt refpt = read_refpt(golden("small.refpt"));
  EXPECT_EQ(refpt.tokens, (std::vector<std::int32_t>{1, 15, 7, 2000, 7, 31999}));
  ASSERT_EQ(refpt.top5.size(), 5u);
  EXPECT_EQ(refpt.top5[0], (std::array<std::int32_t, 5>{1, 4, 7, 10, 13}));
  EXPECT_EQ(refpt.top5[4][4], 73);
}

TEST(Refpt, RoundTrips) {
  const auto path = scratch_dir("refpt") / "mine.refpt";
  const Refpt refpt = read_refpt(golden("small.refpt"));
  write_refpt(path, refpt);
  const auto first = read_bytes(path);
  const Refpt again = read_refpt(path);
  EXPECT_EQ(again.tokens, refpt.tokens);
  EXPECT_EQ(again.top5, refpt.top5);
  write_refpt(path, again);
  EXPECT_EQ(read_bytes(path), first);
}

TEST(Refpt, RefusesAndNames) {
  const auto folder = scratch_dir("refpt");
  const std::vector<std::int64_t> ids = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10};
  const std::vector<std::int64_t> negative = {1, -2, 3};
  const auto view = [](const std::vector<std::int64_t>& values, const Shape& shape, Format format = Format::i64) {
    return make_view(static_cast<const void*>(values.data()), format, shape);
  };
  const View tokens = view(ids, {1, 3});
  const View top5 = view(ids, {2, 5});
  const std::vector<std::tuple<std::vector<std::pair<std::string, View>>, std::string, std::string>> cases = {
      {{{"top5_tokens", top5}}, "reference_tokens", "has no tensor"},
      {{{"reference_tokens", tokens}}, "top5_tokens", "has no tensor"},
      {{{"reference_tokens", view(ids, {3, 1})}, {"top5_tokens", top5}}, "reference_tokens", "[3, 1]"},
      {{{"reference_tokens", tokens}, {"top5_tokens", view(ids, {5, 2})}}, "top5_tokens", "[5, 2]"},
      {{{"reference_tokens", tokens}, {"top5_tokens", view(ids, {10})}}, "top5_tokens", "[10]"},
      {{{"reference_tokens", view(ids, {1, 7})}, {"top5_tokens", top5}}, "top5_tokens", "7 tokens"},
      {{{"reference_tokens", view(ids, {1, 3}, Format::i32)}, {"top5_tokens", top5}}, "reference_tokens", "found i32"},
      {{{"reference_tokens", view(negative, {3})}, {"top5_tokens", top5}}, "reference_tokens", "element 1 is -2"},
      {{{"reference_tokens", view(ids, {0})}, {"top5_tokens", view(ids, {0, 5})}}, "top5_tokens", "0 tokens"},
  };
  for (const auto& [tensors, name, part] : cases) {
    SCOPED_TRACE(part);
    write_torch_zip(folder / "bad.refpt", tensors);
    expect_refused(Category::kBadInput, {"bad.refpt", name, part}, [&] { read_refpt(folder / "bad.refpt"); });
  }
  expect_refused(Category::kUsage, {"2 tokens", "0 rows"}, [&] { write_refpt(folder / "no.refpt", {{1, 2}, {}}); });
  expect_refused(Category::kBadInput, {"nowhere.refpt"}, [&] { read_refpt(folder / "nowhere.refpt"); });
}

TEST(Refpt, SurvivesTruncationAndFlippedBytes) {
  const auto whole = read_bytes(golden("small.refpt"));
  for (std::size_t length = 0; length < whole.size(); ++length) {
    const std::vector<std::byte> part(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(length));
    expect_refused(Category::kBadInput, {"part"}, [&] { parse_refpt(part, "part"); });
  }
  for (std::size_t at = 0; at < whole.size(); ++at) {
    for (const unsigned flip : {1u, 64u, 255u}) {
      auto bytes = whole;
      bytes[at] ^= static_cast<std::byte>(flip);
      expect_no_surprise([&] { parse_refpt(bytes, "flipped"); });
    }
  }
}

TEST(Refpt, FindsADamagedStorage) {
  const auto path = scratch_dir("refpt") / "flip.refpt";
  const Refpt refpt{{70001, 70002}, {{80001, 80002, 80003, 80004, 80005}}};
  write_refpt(path, refpt);
  auto bytes = read_bytes(path);
  const std::int64_t wanted = 80003;
  const auto pattern = std::as_bytes(std::span(&wanted, 1));
  const auto found = std::search(bytes.begin(), bytes.end(), pattern.begin(), pattern.end());
  ASSERT_NE(found, bytes.end());
  *found ^= std::byte{1};
  expect_refused(Category::kBadInput, {"flip", "damaged"}, [&] { parse_refpt(bytes, "flip"); });
}

TEST(Refpt, ReadsTheStacksFiles) {
  FL_SHARED_OR_SKIP(folder, "data/reference/tt-refpt");
  int count = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().extension() != ".refpt") continue;
    const Refpt refpt = read_refpt(entry.path());
    EXPECT_EQ(refpt.tokens.size(), 1024u) << entry.path();
    ++count;
  }
  EXPECT_EQ(count, 7);
}

TEST(TorchZip, ReadsPublishedWeights) {
  FL_SHARED_OR_SKIP(folder, "data/weights");
  const TorchZip decoder(folder / "llama-demo-rand-pth" / "demo_rand_params.pth");
  EXPECT_EQ(decoder.read("tok_embeddings.weight").shape(), Shape({512, 64}));
  for (const auto& [name, tensor] : decoder.tensors()) EXPECT_FALSE(decoder.read(name).empty()) << name;
  const TorchZip diffusion(folder / "ddpm-mnist" / "ddpm_mnist.pth");
  EXPECT_EQ(diffusion.read("beta_t").shape(), Shape({1001}));
}

}  // namespace
}  // namespace firstlight::io
