// A board's dump as a third column: its own tensors are exact, noise is precision, a wrong component is a bug and
// named; what is not a dump is refused.
#include "firstlight/harness/dump_check.h"

#include <algorithm>
#include <limits>

#include "firstlight/harness/capsule.h"
#include "firstlight/io/safetensors.h"
#include "harness/engines.h"

namespace firstlight::harness {
namespace {

constexpr std::int64_t kTokens = 12;

struct DumpRig {
  Rig reference = make_rig(golden("llama_plain"), device::reference_device());
  Rig device = make_rig(golden("llama_plain"), device::default_device(), "bfp8");
  std::vector<std::int32_t> ids = random_ids(kTokens, device.engine->model().description().vocab_size);

  // What the device itself computes, as a board's dump.
  Dump own() {
    Dump dump;
    dump.tokens = kTokens;
    dump.ids = ids;
    std::vector<std::string> keys;
    for (const auto& component : device.engine->model().components())
      if (component.module != "lm_head") keys.push_back(component.key);
    Recorder recorder(keys);
    nn::StateOptions options;
    options.max_length = kTokens;
    const auto state = device.engine->model().new_state(device.engine->session(), options);
    device.engine->session().attach(recorder);
    pipeline::prefill(device.engine->session(), device.engine->model(), *state, 0, ids, 0, false);
    device.engine->session().detach(recorder);
    for (const std::string& key : keys)
      if (const auto& seen = recorder.of(key); !seen.empty() && seen.back().shape()[0] == kTokens) {
        HostTensor copy(Format::f32, seen.back().shape());
        std::ranges::copy(seen.back().f32(), copy.f32().begin());
        dump.tensors[key] = copy;
      }
    return dump;
  }
  DumpCheck check(const Dump& dump) { return check_dump(*reference.engine, *device.engine, dump, ids); }
};

TEST(DumpCheck, ExactPrecisionAndBugAreToldApart) {
  DumpRig rig;
  Dump dump = rig.own();
  ASSERT_GT(dump.tensors.size(), 10U);
  for (const DumpRow& row : rig.check(dump).rows) EXPECT_EQ(row.verdict, DumpVerdict::kExact) << row.key;

  // One bf16 step of noise on one component, another doubled.
  const auto components = rig.device.engine->model().components();
  std::vector<std::string> dumped;
  for (const auto& component : components)
    if (dump.tensors.contains(component.key)) dumped.push_back(component.key);
  const std::string noisy = dumped[3];
  const std::string wrong = dumped[6];
  bool up = false;
  for (float& value : dump.tensors[noisy].f32()) value *= (up = !up) ? 1.001F : 0.999F;
  for (float& value : dump.tensors[wrong].f32()) value *= 2;
  const DumpCheck check = rig.check(dump);
  for (const DumpRow& row : check.rows) {
    const DumpVerdict expected = row.key == noisy   ? DumpVerdict::kPrecision
                                 : row.key == wrong ? DumpVerdict::kBug
                                                    : DumpVerdict::kExact;
    EXPECT_EQ(row.verdict, expected) << row.key << " NMSE " << row.recorded.nmse << " bound " << row.bound;
  }
  const Verdict verdict = verdicts(check).at(0);
  EXPECT_EQ(verdict.outcome, Outcome::kFailed);
  EXPECT_NE(verdict.note.find(wrong), std::string::npos);
}

TEST(DumpCheck, NotANumberIsABug) {
  DumpRig rig;
  Dump dump = rig.own();
  dump.tensors.begin()->second.f32()[0] = std::numeric_limits<float>::quiet_NaN();
  const DumpCheck check = rig.check(dump);
  const auto row = std::ranges::find(check.rows, dump.tensors.begin()->first, &DumpRow::key);
  ASSERT_NE(row, check.rows.end());
  EXPECT_EQ(row->verdict, DumpVerdict::kBug);
}

TEST(DumpCheck, UnknownPathsAndWrongShapesAreRefused) {
  DumpRig rig;
  const Dump good = rig.own();
  Dump unknown = good;
  unknown.tensors["model.layers.0.self_attn.q_projj"] = good.tensors.begin()->second;
  const Error path = testing::expect_error([&] { rig.check(unknown); });
  EXPECT_EQ(path.category(), Category::kBadInput);
  EXPECT_NE(std::string(path.what()).find("q_proj"), std::string::npos) << path.what();
  Dump shape = good;
  shape.tensors.begin()->second = HostTensor(Format::f32, Shape{kTokens, 3});
  EXPECT_EQ(testing::expect_error([&] { rig.check(shape); }).category(), Category::kMismatch);
  Dump longer = good;
  longer.tokens = kTokens + 1;
  EXPECT_EQ(testing::expect_error([&] { rig.check(longer); }).category(), Category::kMismatch);
}

TEST(DumpCheck, FilesAreReadAndHeldToEachOther) {
  DumpRig rig;
  const Dump own = rig.own();
  const auto folder = testing::scratch_dir("dump");
  EXPECT_EQ(testing::expect_error([&] { load_dump(folder); }).category(), Category::kBadInput);
  EXPECT_EQ(testing::expect_error([&] { load_dump(folder / "none"); }).category(), Category::kBadInput);
  const auto write = [&](const char* file, const std::string& key, const HostTensor& tensor) {
    std::vector<io::SafetensorsWriter::Declaration> declarations = {{key, tensor.format(), tensor.shape()}};
    io::SafetensorsWriter writer(folder / file, declarations);
    writer.write(key, tensor.view());
    writer.finish();
  };
  const auto& [key, tensor] = *own.tensors.begin();
  write("a.safetensors", key, tensor);
  write("b.safetensors", "ids", HostTensor::from(own.ids, Shape{kTokens}));
  const Dump loaded = load_dump(folder);
  EXPECT_EQ(loaded.tokens, kTokens);
  EXPECT_EQ(loaded.ids, own.ids);
  ASSERT_TRUE(loaded.tensors.contains(key));
  EXPECT_TRUE(std::ranges::equal(loaded.tensors.at(key).f32(), tensor.f32()));
  write("c.safetensors", key, tensor);
  EXPECT_EQ(testing::expect_error([&] { load_dump(folder); }).category(), Category::kBadInput);  // twice
  write("c.safetensors", "other", HostTensor(Format::f32, Shape{kTokens + 1, 4}));
  EXPECT_EQ(testing::expect_error([&] { load_dump(folder); }).category(), Category::kBadInput);  // rows differ
}

}  // namespace
}  // namespace firstlight::harness
