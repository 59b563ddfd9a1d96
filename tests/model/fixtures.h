// Models on devices for the tests of this room and of pipeline: loaded from a folder, or made up from a config.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "firstlight/device/contract.h"
#include "firstlight/model/model.h"
#include "firstlight/run/session.h"

namespace firstlight::testing {

// A device and, where it has several, its ISA; `bar` is the NMSE that f32 results keep against an exact reference.
struct DeviceChoice {
  std::string device;
  std::string isa;
  double bar = 0;
};
// ref, and cpu under every ISA that this machine has.
std::vector<DeviceChoice> exact_devices();
std::string device_name(const ::testing::TestParamInfo<DeviceChoice>& info);

// A model ready to run, with what it stands on.
struct Loaded {
  std::unique_ptr<device::Device> device;
  std::unique_ptr<run::Session> session;
  std::unique_ptr<model::Model> model;
};
Loaded load(const std::filesystem::path& folder, const DeviceChoice& choice, const std::string& policy, int threads = 2);

// Logits [T, V] of a text under the declared length T (0) or another, fed at once, straight through Model::forward.
HostTensor whole_logits(Loaded& loaded, std::span<const std::int32_t> ids, std::int64_t declared_length = 0);

// sum((got - want)^2) / sum(want^2)
double nmse(std::span<const float> got, std::span<const float> want);

// Writes config.json and random weights of a config (a model row's tiny one) into a fresh folder.
std::filesystem::path make_checkpoint(const std::string& config, std::uint64_t seed);

}  // namespace firstlight::testing
