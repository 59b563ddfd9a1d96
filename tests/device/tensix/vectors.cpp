// The committed vectors (tools/make_tensix_vectors.py), the vendor's where they lie beside the checkout, and damaged
// folders.
#include <gmock/gmock.h>

#include <fstream>
#include <set>

#include "firstlight/base/file.h"
#include "firstlight/base/json.h"
#include "firstlight/device/tensix/vectors/run.h"
#include "testing/testing.h"

namespace firstlight::device::tensix {
namespace {

constexpr std::array kChips{kWormhole, kBlackhole};

std::string differences(const std::filesystem::path& folder) {
  std::string found;
  const VectorFolder vectors = read_vectors(folder);
  run_vectors(vectors, kChips, [&](const Difference& difference) {
    found += fmt::format("{} {} {}: datum {}: {}, expected {}\n", difference.item->id, difference.chip,
                         difference.output, difference.first, difference.got, difference.expected);
  });
  return found;
}

std::filesystem::path committed() { return testing::source_dir() / "tests" / "data" / "tensix"; }

TEST(TensixVectors, CommittedOnesAreBitEqual) { EXPECT_EQ(differences(committed()), ""); }

TEST(TensixVectors, VendorsAreBitEqual) {
  FL_SHARED_OR_SKIP(folder, "data/tensix");
  EXPECT_EQ(differences(folder), "");
}

// The committed set has a case for every value of every field.
TEST(TensixVectors, EveryValueOfAFieldHasACase) {
  std::set<std::string> seen;
  for (const VectorCase& item : read_vectors(committed()).cases) {
    const std::string op = item.op_name;
    seen.insert(op);
    seen.insert(fmt::format("{} fp32_acc {}", op, item.accumulator == Accumulator::kF32));
    seen.insert(fmt::format("{} phases {}", op, item.phases));
    seen.insert(fmt::format("{} bcast {}", op, static_cast<int>(item.broadcast)));
    seen.insert(fmt::format("{} acc {}", op, item.accumulating));
    seen.insert(fmt::format("{} in0 {} {}", op, format_name(item.in0.format), static_cast<int>(item.in0.source)));
    seen.insert(fmt::format("{} in1 {} {}", op, format_name(item.in1.format), static_cast<int>(item.in1.source)));
    seen.insert(fmt::format("{} via {}", op, static_cast<int>(item.via)));
    seen.insert(fmt::format("arch_only {}", item.arch_only));
    seen.insert(fmt::format("kt {}", std::min(item.k_tiles, 2)));
    for (const VectorOutput& output : item.out) {
      seen.insert(output.name);
      seen.insert(fmt::format("relu {}", static_cast<int>(output.pack.relu)));
      seen.insert(fmt::format("l1_acc {}", output.pack.accumulate));
    }
  }
  std::vector<std::string> wanted{
      "sfpmad", "sfparecip", "sfp_fp32_to_bf16_rnd", "pack",         "arch_only wh", "arch_only bh", "arch_only ",
      "kt 1",   "kt 2",      "l1_acc true",          "l1_acc false", "copy via 0",   "copy via 1",   "copy via 2"};
  for (const std::string op : {"matmul", "elwmul", "elwadd", "elwsub", "copy", "pack"})
    for (const char* wide : {"true", "false"}) wanted.push_back(op + " fp32_acc " + wide);
  for (int phases = 1; phases <= 4; ++phases)
    for (const std::string op : {"matmul", "elwmul"}) wanted.push_back(fmt::format("{} phases {}", op, phases));
  for (int value = 0; value < 4; ++value) {
    wanted.push_back(fmt::format("relu {}", value));
    for (const std::string op : {"elwmul", "elwadd", "elwsub"}) wanted.push_back(fmt::format("{} bcast {}", op, value));
  }
  for (const std::string op : {"elwadd", "elwsub"})
    for (const char* acc : {"true", "false"}) wanted.push_back(op + " acc " + acc);
  for (const std::string op : {"matmul in0", "matmul in1", "elwadd in0", "elwmul in1", "copy in0"})
    for (const char* operand : {"bf16 0", "f32 0", "f32 1", "bfp8 0", "bfp4 0", "bfp2 0"})
      wanted.push_back(op + " " + operand);
  for (const char* way : {"fp32_via_fp32", "fp32_via_bf16", "bf16_via_bf16", "bfp8_b_via_fp32", "bfp8_b_via_bf16",
                          "bfp8_b_via_bfp8_b", "bfp4_b_via_fp32", "bfp4_b_via_bf16", "bfp4_b_via_bfp8_b",
                          "bfp2_b_via_fp32", "bfp2_b_via_bf16", "bfp2_b_via_bfp8_b"})
    wanted.push_back(std::string("pack_") + way);
  for (const std::string& value : wanted) EXPECT_TRUE(seen.contains(value)) << value;
}

// ---- Damaged folders ----------------------------------------------------------------------------------------------

// A folder of three small cases whose manifest a test may change.
class DamagedVectors : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = testing::scratch_dir("tensix");
    std::filesystem::copy(committed() / "vectors.bin", folder_ / "vectors.bin");
    const Json all = read_json_file(committed() / "manifest.json");
    manifest_ = {{"version", 1}, {"cases", Json::array()}};
    for (const Json& item : all.at("cases"))
      for (const char* id : {"matmul-three-tiles", "pack-l1-acc-two-outputs-relu-dst32", "sfparecip"})
        if (item.at("id") == id) manifest_["cases"].push_back(item);
    ASSERT_EQ(manifest_["cases"].size(), 3U);
  }
  Json& item(int index) { return manifest_["cases"][static_cast<std::size_t>(index)]; }
  void write() const { std::ofstream(folder_ / "manifest.json") << json_text(manifest_); }
  // The error that reading gives, which must be about bad input.
  std::string error() const {
    write();
    const Error error = testing::expect_error([&] { read_vectors(folder_); });
    EXPECT_EQ(error.category(), Category::kBadInput) << error.what();
    return error.where() + ": " + error.message();
  }

  std::filesystem::path folder_;
  Json manifest_;
};

using ::testing::HasSubstr;

TEST_F(DamagedVectors, TheFolderItselfIsFine) {
  write();
  EXPECT_EQ(differences(folder_), "");
}

TEST_F(DamagedVectors, ManifestIsNotWhatItShouldBe) {
  manifest_["version"] = 2;
  EXPECT_THAT(error(), HasSubstr("version"));
  manifest_["version"] = 1;
  manifest_["extra"] = 1;
  EXPECT_THAT(error(), HasSubstr("extra"));
  manifest_.erase("extra");
  manifest_["cases"] = Json::array();
  EXPECT_THAT(error(), HasSubstr("at least one case"));
  manifest_["cases"] = Json::array({1});
  EXPECT_THAT(error(), HasSubstr("expected an object"));
}

TEST_F(DamagedVectors, FieldsAreCheckedByName) {
  const Json whole = manifest_;
  for (const auto& [name, value] : whole["cases"][0].items()) {
    manifest_ = whole;
    item(0).erase(name);
    EXPECT_THAT(error(), HasSubstr("'" + name + "'")) << "without " << name;
    manifest_ = whole;
    item(0)[name] = Json::object({{"a", 1}});
    EXPECT_NE(error(), "") << name << " of a wrong type";
  }
  manifest_ = whole;
  item(0)["phasess"] = 1;
  EXPECT_THAT(error(), HasSubstr("phasess"));
  manifest_ = whole;
  item(1)["relu"] = 4;
  EXPECT_THAT(error(), HasSubstr("from 0 to 3"));
  manifest_ = whole;
  item(1)["relu_threshold_bf16"] = 65536;
  EXPECT_THAT(error(), HasSubstr("relu_threshold_bf16"));
  manifest_ = whole;
  item(0)["phases"] = 2.5;
  EXPECT_THAT(error(), HasSubstr("phases"));
  manifest_ = whole;
  item(0)["src0"] = "fp32";
  EXPECT_THAT(error(), HasSubstr("src0"));
  manifest_ = whole;
  item(2)["arch_only"] = "gs";
  EXPECT_THAT(error(), HasSubstr("gs"));
  manifest_ = whole;
  item(1)["id"] = item(0)["id"];
  EXPECT_THAT(error(), HasSubstr("stands twice"));
  manifest_ = whole;
  item(0)["file"] = "../vectors.bin";
  EXPECT_THAT(error(), HasSubstr("file"));
  item(0)["file"] = "absent.bin";
  EXPECT_THAT(error(), HasSubstr("absent.bin"));
}

TEST_F(DamagedVectors, BlobsAreCheckedByNameAndSize) {
  const Json whole = manifest_;
  const auto size = static_cast<std::int64_t>(std::filesystem::file_size(folder_ / "vectors.bin"));
  for (const Json& place : {Json::array({0}), Json::array({0, 1087}), Json::array({-16, 1088}), Json::array({8, 1088}),
                            Json::array({size - 16, 1088}), Json::array({18446744073709551600U, 1088}),
                            Json::array({0, 18446744073709551600U}), Json::array({0.0, 1088}), Json("0")}) {
    manifest_ = whole;
    item(0)["in"]["in0_1"] = place;
    EXPECT_THAT(error(), HasSubstr("in0_1")) << place;
  }
  manifest_ = whole;
  item(0)["in"].erase("in1_2");
  EXPECT_THAT(error(), HasSubstr("in1_2"));
  manifest_ = whole;
  item(0)["kt"] = 2;
  EXPECT_THAT(error(), HasSubstr("in0_2"));
  manifest_ = whole;
  item(1)["in"].erase("l1_1");
  EXPECT_THAT(error(), HasSubstr("l1_1"));
  manifest_ = whole;
  item(0)["out"]["dstt"] = item(0)["out"]["dst"];
  EXPECT_THAT(error(), HasSubstr("dstt"));
  manifest_ = whole;
  item(0)["out"]["dst"] = {{"wh", item(0)["out"]["dst"]}};
  EXPECT_THAT(error(), HasSubstr("missing for chip 'bh'"));
  manifest_ = whole;
  std::filesystem::resize_file(folder_ / "vectors.bin", 1000);
  EXPECT_THAT(error(), HasSubstr("ends outside"));
}

TEST_F(DamagedVectors, AWrongBitIsReportedWithItsPlace) {
  const auto place = item(0)["out"]["dst"];
  std::fstream file(folder_ / "vectors.bin", std::ios::in | std::ios::out | std::ios::binary);
  file.seekg(place[0].get<std::int64_t>() + 4 * 77);
  const char byte = static_cast<char>(file.get() ^ 1);
  file.seekp(place[0].get<std::int64_t>() + 4 * 77);
  file.put(byte);
  file.close();
  write();
  EXPECT_THAT(differences(folder_), HasSubstr("matmul-three-tiles wh dst: datum 77: "));
}

TEST_F(DamagedVectors, APathThatThePackerLacksIsUnsupported) {
  item(0)["out"] = {{"pack_bf16_via_fp32", item(0)["out"]["dst"]}};
  write();
  EXPECT_EQ(testing::expect_error([&] { read_vectors(folder_); }).category(), Category::kUnsupported);
}

}  // namespace
}  // namespace firstlight::device::tensix
