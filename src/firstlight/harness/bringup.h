// The main job: the seven phases in order, each with its verdicts, into one record and one report.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "firstlight/harness/bench.h"
#include "firstlight/harness/component_check.h"
#include "firstlight/harness/invariance.h"
#include "firstlight/harness/record.h"

namespace firstlight::harness {

struct BringupOptions {
  std::filesystem::path model;
  std::string device;  // a name of the device list
  std::string policy = "bf16";
  std::string target = "bounty";
  std::filesystem::path reference;  // capsule, .refpt or reference.json; empty: the one beside the model, else our own
  std::filesystem::path text;       // accuracy text; empty: models/eval
  std::filesystem::path cache_dir;
  std::vector<std::string> waivers;
  std::filesystem::path out;        // empty: firstlight-out/<model>-<device>
  std::string command;              // the command line, for the report's "to repeat this"
  std::int64_t prefill_tokens = 0;  // of the component check; 0: the target's
  InvarianceOptions invariance;
  BenchOptions bench;
  std::string prompt = "It was the best of times, it was";  // of the sample text
};

// Opens a device of the list with a number of threads (0 = all).
using DeviceFactory = std::function<std::unique_ptr<device::Device>(std::string_view name, int threads)>;
// Told as each phase ends, for the progress lines of a front end.
using PhaseCallback = std::function<void(const PhaseResult&)>;

struct BringupResult {
  std::vector<PhaseResult> phases;
  std::filesystem::path out;
  std::filesystem::path report;
  std::filesystem::path record;
  Json header;          // model, device, policy, waivers, command, ...
  bool passed() const;  // every phase ran and no verdict failed
};

BringupResult bring_up(const BringupOptions& options, const DeviceFactory& open, const PhaseCallback& on_phase);

}  // namespace firstlight::harness
