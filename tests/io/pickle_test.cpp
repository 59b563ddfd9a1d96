// The pickle reader: values, limits, and that nothing is executed.
#include "firstlight/io/pickle.h"

#include "builders.h"

namespace firstlight::io {
namespace {

using namespace std::string_literals;
using testing::expect_no_surprise;
using testing::expect_refused;
using testing::to_bytes;
using Kind = PickleNode::Kind;

PickleTree read(const std::string& text) { return read_pickle(to_bytes(text), "p.pkl"); }
PickleNode root(const std::string& text) {
  const PickleTree tree = read(text);
  return tree.at(tree.root);
}

TEST(Pickle, ReadsScalars) {
  EXPECT_EQ(root("\x80\x02N.").kind, Kind::kNone);
  EXPECT_EQ(root("\x80\x02\x88.").integer, 1);
  EXPECT_EQ(root("\x80\x02\x89.").kind, Kind::kBool);
  EXPECT_EQ(root("K\xff.").integer, 255);
  EXPECT_EQ(root("M\xff\xff.").integer, 65535);
  EXPECT_EQ(root("J\xff\xff\xff\xff.").integer, -1);
  EXPECT_EQ(root("\x8a\x01\xff.").integer, -1);
  EXPECT_EQ(root("\x8a\x00."s).integer, 0);
  EXPECT_EQ(root("\x8a\x06\x00\x00\x00\x00\x00\x01."s).integer, std::int64_t{1} << 40);
  EXPECT_EQ(root("G\x3f\xe0\x00\x00\x00\x00\x00\x00."s).real, 0.5);
  EXPECT_EQ(root("X\x02\x00\x00\x00hi."s).text, "hi");
  EXPECT_EQ(root("\x8c\x02hi.").text, "hi");
  EXPECT_EQ(root("\x8d\x02\x00\x00\x00\x00\x00\x00\x00hi."s).text, "hi");
  EXPECT_EQ(root("U\x02hi.").text, "hi");
}

TEST(Pickle, ReadsContainers) {
  EXPECT_EQ(root("(K\x01K\x02t.").items.size(), 2u);
  EXPECT_EQ(root("K\x01K\x02\x86.").kind, Kind::kTuple);
  EXPECT_EQ(root("](K\x01K\x02"
                 "eK\x03"
                 "a.")
                .items.size(),
            3u);
  EXPECT_EQ(root("}(X\x01\x00\x00\x00"
                 "aK\x01X\x01\x00\x00\x00"
                 "bK\x02u."s)
                .pairs.size(),
            2u);
  EXPECT_EQ(root("}K\x01K\x02s.").pairs.size(), 1u);
  EXPECT_EQ(root("(K\x01K\x02"
                 "d.")
                .kind,
            Kind::kDict);
  const PickleNode pair = root("]q\x01h\x01\x86.");  // one list in both places
  EXPECT_EQ(pair.items[0], pair.items[1]);
}

TEST(Pickle, HoldsAListThatHoldsItself) {
  const PickleTree tree = read(
      "]q\x01h\x01"
      "a.");
  EXPECT_EQ(tree.at(tree.root).items[0], tree.root);
}

TEST(Pickle, KeepsCallsInert) {
  const std::string call = "cos\nsystem\nX\x09\x00\x00\x00touch /x.\x85R."s;
  const PickleTree tree = read(call);
  const PickleNode& node = tree.at(tree.root);
  EXPECT_EQ(node.kind, Kind::kReduce);
  EXPECT_EQ(tree.at(node.items[0]).text, "os.system");
  EXPECT_EQ(root("X\x02\x00\x00\x00osX\x06\x00\x00\x00system\x93."s).text, "os.system");
}

TEST(Pickle, RefusesAndNames) {
  const std::vector<std::tuple<std::string, Category, std::string>> cases = {
      {"", Category::kBadInput, "cut off"},
      {"N", Category::kBadInput, "cut off"},
      {".", Category::kBadInput, "stack is empty"},
      {"NN.", Category::kBadInput, "left on the stack"},
      {"(N.", Category::kBadInput, "stack"},
      {"N(.", Category::kBadInput, "stack is empty"},
      {"\x80\x05N.", Category::kUnsupported, "protocol 5"},
      {"K", Category::kBadInput, "cut off"},
      {"X\xff\xff\xff\xff"
       "a.",
       Category::kBadInput, "cut off"},
      {"\x8d\xff\xff\xff\xff\xff\xff\xff\xff"
       "a.",
       Category::kBadInput, "cut off"},
      {"\x8a\x09\x01\x01\x01\x01\x01\x01\x01\x01\x01.", Category::kUnsupported, "9 bytes"},
      {"t.", Category::kBadInput, "no mark"},
      {"K\x01\x86.", Category::kBadInput, "stack is empty"},
      {"K\x01(K\x02\x86.", Category::kBadInput, "stack is empty"},
      {"h\x05.", Category::kBadInput, "memo"},
      {"q\x05.", Category::kBadInput, "stack is empty"},
      {"NK\x01"
       "a.",
       Category::kBadInput, "no list"},
      {"]K\x01K\x02s.", Category::kBadInput, "no dict"},
      {"}(K\x01u.", Category::kBadInput, "no value"},
      {"cos\nsystem", Category::kBadInput, "no end"},
      {"K\x01)R.", Category::kBadInput, "not a global"},
      {"cos\nsystem\nNR.", Category::kBadInput, "not a global"},
      {"K\x01K\x02\x93.", Category::kBadInput, "not a string"},
      {"ios\nsystem\n(.", Category::kUnsupported, "opcode 0x69"},      // INST
      {"cos\nsystem\n)\x81.", Category::kUnsupported, "opcode 0x81"},  // NEWOBJ
      {"\x82\x01.", Category::kUnsupported, "opcode 0x82"},            // EXT1
  };
  for (const auto& [text, category, part] : cases) {
    SCOPED_TRACE(part);
    expect_refused(category, {"p.pkl", part}, [&, &text = text] { read(text); });
  }
}

TEST(Pickle, BoundsItsMemory) {
  std::string many(std::size_t{3} << 20, 'N');
  expect_refused(Category::kResource, {"values"}, [&] { read(many); });
  expect_refused(Category::kResource, {"bytes"}, [&] { read(std::string((std::size_t{16} << 20) + 1, 'N')); });
}

TEST(Pickle, SurvivesAnyByteAnywhere) {
  const std::string whole =
      "\x80\x02}q\x00(X\x01\x00\x00\x00"
      "acm\nn\n(K\x01\x88tq\x01Rq\x02X\x01\x00\x00\x00"
      "bh\x02u."s;
  read(whole);
  for (std::size_t at = 0; at < whole.size(); ++at) {
    expect_no_surprise([&] { read(whole.substr(0, at)); });
    for (int byte = 0; byte < 256; ++byte) {
      std::string changed = whole;
      changed[at] = static_cast<char>(byte);
      expect_no_surprise([&] { read(changed); });
    }
  }
}

}  // namespace
}  // namespace firstlight::io
