// list, doctor, inspect: tables for people, JSON for machines.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "app/program.h"
#include "firstlight/app/cli/verb.h"
#include "firstlight/device/contract.h"
#include "firstlight/model/model.h"

namespace firstlight::testing {
namespace {

using ::testing::HasSubstr;

TEST(List, OfEachKind) {
  const Json all = firstlight({"list", "--json"}).json();
  for (const auto& [kind, rows] : all.items()) {
    SCOPED_TRACE(kind);
    EXPECT_FALSE(rows.empty());
    const Ran table = firstlight({"list", kind});
    EXPECT_EQ(table.exit_code, 0);
    for (const Json& row : rows) EXPECT_THAT(table.out, HasSubstr(row.begin()->get<std::string>()));
    EXPECT_EQ(firstlight({"list", kind, "--json"}).json(), rows);
  }
  EXPECT_EQ(all["models"].size(), model::models().size());
  EXPECT_EQ(all["devices"].size(), device::devices().size());
  EXPECT_EQ(all["verbs"].size(), app::verbs().size());
}

TEST(List, EveryPolicyIsOne) {
  for (const Json& row : firstlight({"list", "policies", "--json"}).json()) {
    const Ran ran = firstlight({"inspect", bundled_model(), "--policy", row["name"].get<std::string>()});
    EXPECT_EQ(ran.exit_code, 0) << ran.err;
  }
}

TEST(List, ReferenceDeviceHasEveryPrimitive) {
  for (const Json& row : firstlight({"list", "ops", "--json"}).json())
    EXPECT_TRUE(row["kind"] == "composite" || row[std::string(device::reference_device())] == "kernel") << row;
}

TEST(Doctor, MeasuresTheDevices) {
  const Ran ran = firstlight({"doctor", "--seconds", "0.01", "--threads", "1", "--json"});
  EXPECT_EQ(ran.exit_code, 0);
  const Json report = ran.json();
  EXPECT_GT(report["cores"], 0);
  EXPECT_GT(report["memory_bytes"], 1e6);
  EXPECT_TRUE(report["features"].is_object());
  EXPECT_FALSE(report["next"].empty());
  bool measured = false;
  for (const Json& device : report["devices"]) {
    EXPECT_TRUE(device["opens"]) << device;
    if (device["name"] == device::default_device()) measured = device["read_bandwidth"] > 0 && device["flops_f32"] > 0;
  }
  EXPECT_TRUE(measured);
  EXPECT_THAT(firstlight({"doctor", "--seconds", "0.01"}).out, HasSubstr("next: "));
}

TEST(Inspect, FolderAndConfigAlone) {
  const Json folder = firstlight({"inspect", bundled_model(), "--json"}).json();
  EXPECT_TRUE(folder["supported"]);
  EXPECT_EQ(folder["dimensions"]["layers"], 6);
  EXPECT_EQ(folder["dimensions"]["vocab_size"], 2048);
  EXPECT_EQ(folder["unread_fields"].size(), 0U);
  EXPECT_EQ(folder["unplaced_tensors"].size(), 0U);
  const Json alone = firstlight({"inspect", bundled_model() + "/config.json", "--json"}).json();
  EXPECT_EQ(alone["parameters"], folder["parameters"]);
  const Ran table =
      firstlight({"inspect", bundled_model(), "--policy", "bfp4", "--context", "2048", "--board", "N150"});
  EXPECT_EQ(table.exit_code, 0);
  for (const char* part : {"layers", "Memory of one user", "N150", "bfp4", "strict", "bounty", "reachable", "LongRoPE"})
    EXPECT_THAT(table.out, HasSubstr(part));
}

}  // namespace
}  // namespace firstlight::testing
