// Tables, suggestions, prompt files, and the facts of a made-up machine.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "app/program.h"
#include "firstlight/app/cli/machine.h"
#include "firstlight/app/cli/prompts.h"
#include "firstlight/app/cli/suggest.h"
#include "firstlight/app/cli/table.h"
#include "firstlight/app/cli/verdicts.h"
#include "firstlight/base/file.h"
#include "testing/testing.h"

namespace firstlight::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(Table, AlignsNumbersRightAndCountsCodePoints) {
  app::Table table({"NAME", "VALUE"});
  table.add({"é", "1"});
  table.add({"longer", "234 ms"});
  EXPECT_EQ(table.str(),
            "NAME     VALUE\n"
            "é            1\n"
            "longer  234 ms\n");
}

TEST(Table, ColoursOutcomesOnlyWhenAsked) {
  app::Table table({"A"});
  table.add({"failed"});
  EXPECT_EQ(table.str(), "A\nfailed\n");
  EXPECT_THAT(table.str(true), HasSubstr("\x1b[1;31mfailed\x1b[0m"));
}

TEST(Numbers, ForPeople) {
  EXPECT_EQ(app::human_bytes(6'890'488), "6.89 MB");
  EXPECT_EQ(app::human_bytes(0), "0 B");
  EXPECT_EQ(app::human_rate(1.23e10, "B/s"), "12.3 GB/s");
  EXPECT_EQ(app::human_rate(999'900, "FLOP/s"), "1 MFLOP/s");
  EXPECT_EQ(app::human_number(0.98764), "0.9876");
  EXPECT_EQ(app::human_number(36151.2), "36,151");
  EXPECT_EQ(app::human_count(1234567), "1,234,567");
  EXPECT_EQ(app::human_count(-123), "-123");
  EXPECT_EQ(app::human_count(100), "100");
}

TEST(Suggest, NearNamesOnly) {
  const std::vector<std::string> names = {"generate", "bench", "list", "logits"};
  EXPECT_EQ(app::nearest_name("genreate", names), "generate");
  EXPECT_EQ(app::nearest_name("gen", names), "generate");
  EXPECT_EQ(app::nearest_name("lst", names), "list");
  EXPECT_EQ(app::nearest_name("quantise", names), "");
  EXPECT_EQ(app::nearest_name("", names), "");
}

TEST(Prompts, FilesOfEachKind) {
  EXPECT_THAT(app::read_prompts(scratch_file("one.txt", "two\nlines\n")), ElementsAre("two\nlines"));
  EXPECT_THAT(app::read_prompts(scratch_file("list.json", R"(["a", {"prompt": "b", "max_length": 3}])")),
              ElementsAre("a", "b"));
  for (const char* wrong : {"[]", "{}", "[1]", R"([{"text": "a"}])"})
    EXPECT_EQ(expect_error([&] { app::read_prompts(scratch_file("wrong.json", wrong)); }).category(),
              Category::kBadInput)
        << wrong;
  EXPECT_EQ(expect_error([] {
              app::read_prompts(scratch_file("far.json", R"([{"prompt": "a", "context": "http://x"}])"));
            }).category(),
            Category::kUnsupported);
  EXPECT_EQ(expect_error([] { app::read_prompts(scratch_file("empty.txt", "\n")); }).category(), Category::kBadInput);
}

TEST(Verdicts, ExitCodes) {
  harness::PhaseResult phase;
  phase.phase = "components";
  phase.verdicts = {harness::judge("pcc", 0.995, ">", 0.99, "", ""), harness::reported("speed", 3, "t/s", "")};
  EXPECT_EQ(app::exit_code({phase}), 0);
  EXPECT_THAT(app::verdict_table({phase}, false), HasSubstr("0.995"));
  EXPECT_EQ(app::verdict_summary({phase}), "every verdict passed (1)");
  phase.verdicts.push_back(harness::judge("top1", 79, ">", 80, "%", "near"));
  EXPECT_EQ(app::exit_code({phase}), 1);
  EXPECT_THAT(app::verdict_table({phase}, false), HasSubstr("79 %"));
  EXPECT_THAT(app::verdict_table({phase}, false), HasSubstr("> 80"));
  EXPECT_EQ(app::verdict_summary({phase}), "1 of 2 verdicts failed: top1");
  phase.stopped_by = "bad input: x";
  phase.details["exit_code"] = 3;
  EXPECT_EQ(app::exit_code({phase}), 3);
  EXPECT_THAT(app::verdict_table({phase}, false), HasSubstr("could not run"));
}

TEST(Machine, ReadsItsFolders) {
  const auto root = scratch_dir("machine");
  write_text_file(root / "proc/cpuinfo",
                  "processor\t: 0\nmodel name\t: Some CPU\nflags\t\t: fpu avx2 fma avx512f avx512_bf16\n");
  write_text_file(root / "proc/meminfo", "MemTotal:       1024 kB\n");
  const auto cache = root / "sys/devices/system/cpu/cpu0/cache/index0";
  write_text_file(cache / "level", "1\n");
  write_text_file(cache / "type", "Data\n");
  write_text_file(cache / "size", "48K\n");
  write_text_file(root / "dev/tenstorrent/0", "");
  write_text_file(root / "dev/nvidiactl", "");
  write_text_file(root / "sys/bus/pci/devices/0000:01:00.0/vendor", "0x1e52\n");
  write_text_file(root / "sys/bus/pci/devices/0000:02:00.0/vendor", "0x8086\n");
  const app::Machine machine(root);
  EXPECT_EQ(machine.cpu, "Some CPU");
  EXPECT_EQ(machine.memory_bytes, 1024 * 1024);
  EXPECT_THAT(machine.caches, ElementsAre("L1d 48K"));
  for (const app::CpuFeature& feature : machine.features)
    EXPECT_EQ(feature.present, feature.name == "avx2" || feature.name == "fma" || feature.name == "avx512f" ||
                                   feature.name == "avx512_bf16")
        << feature.name;
  EXPECT_TRUE(machine.tenstorrent.found());
  EXPECT_THAT(machine.tenstorrent.device_nodes, ElementsAre("/dev/tenstorrent/0"));
  EXPECT_THAT(machine.tenstorrent.pci_addresses, ElementsAre("0000:01:00.0"));
  EXPECT_FALSE(machine.nvidia.found());
  EXPECT_FALSE(app::Machine(scratch_dir("no_machine")).tenstorrent.found());
}

}  // namespace
}  // namespace firstlight::testing
