// The bundled checkpoint against its reference (models/phi3-nano/reference.json, made by an independent implementation)
// in both LongRoPE modes.
#include <gtest/gtest.h>

#include <cstring>

#include "firstlight/base/json.h"
#include "firstlight/io/safetensors.h"
#include "model/fixtures.h"
#include "testing/testing.h"

namespace firstlight::testing {
namespace {

class Reference : public ::testing::TestWithParam<DeviceChoice> {};

// Positions of each mode are checked row by row, as the JSON lists them.
void check_mode(Loaded& loaded, const Json& reference, const std::string& mode, double bar) {
  SCOPED_TRACE(mode);
  const auto folder = source_dir() / "models" / "phi3-nano";
  const io::SafetensorsFile rows(folder / "reference_logits.safetensors");
  const std::string name = mode.substr(0, mode.find('_'));  // "long_1024" -> "long"
  const Json& part = reference.at(mode);
  auto ids = reference.at("ids").get<std::vector<std::int32_t>>();
  ids.resize(part.at("length").get<std::size_t>());

  const HostTensor logits = whole_logits(loaded, ids);
  const auto vocab = static_cast<std::size_t>(logits.shape()[1]);
  const auto row = [&](std::size_t position) { return logits.f32().subspan(position * vocab, vocab); };

  const auto first = part.at("first_position").get<std::size_t>();
  const auto expected = part.at("argmax").get<std::vector<std::int32_t>>();
  for (std::size_t i = 0; i < expected.size(); ++i) {
    ASSERT_EQ(largest(row(first + i)), expected[i]) << "position " << first + i;
  }
  std::vector<std::int32_t> positions(4);
  std::memcpy(positions.data(), rows.bytes(name + ".positions").data(), 16);
  std::vector<float> want(positions.size() * vocab);
  copy_to_f32(rows.view(name + ".logits"), want.data());
  std::vector<float> got;
  for (const std::int32_t position : positions) {
    const auto values = row(static_cast<std::size_t>(position));
    got.insert(got.end(), values.begin(), values.end());
  }
  EXPECT_LE(nmse(got, want), bar);
}

TEST_P(Reference, AgreesInBothModes) {
  const auto folder = source_dir() / "models" / "phi3-nano";
  const Json reference = read_json_file(folder / "reference.json");
  Loaded loaded = load(folder, GetParam(), "f32");
  check_mode(loaded, reference, "short_512", GetParam().bar);
  check_mode(loaded, reference, "long_1024", GetParam().bar);
}

INSTANTIATE_TEST_SUITE_P(All, Reference, ::testing::ValuesIn(exact_devices()), device_name);

}  // namespace
}  // namespace firstlight::testing
