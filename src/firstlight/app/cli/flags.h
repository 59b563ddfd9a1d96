// Flags that several verbs share, and how they are checked.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "firstlight/device/contract.h"
#include "firstlight/pipeline/engine.h"

namespace firstlight::app {

struct OutputFlags {
  bool json = false;
  bool quiet = false;
};

struct DeviceFlags {
  std::string device{device::default_device()};
  std::string isa;
  std::string board;      // of a device that emulates one
  std::string emulation;  // and its level
  int threads = 0;        // 0: every core this process may use

  std::unique_ptr<device::Device> open() const { return open(device, 0); }
  // Another device, or another number of threads (0: as the flags say). --isa, --board and --emulation
  // are for the named device only.
  std::unique_ptr<device::Device> open(std::string_view name, int other_threads) const;
  // Throws kUnsupported when the device computes nothing.
  std::unique_ptr<device::Device> open_computing() const;
};

struct ModelFlags {
  std::filesystem::path folder;
  std::string policy = "bf16";
  std::filesystem::path cache_dir;
  std::vector<std::string> waivers;

  // Under another policy when `other_policy` is given.
  pipeline::EngineOptions engine_options(std::string_view other_policy = "") const;
  // Throws kBadInput unless the folder is there.
  pipeline::Engine load(device::Device& device, std::string_view other_policy = "") const;
  // Throws kBadInput naming what is missing.
  void check_folder() const;
};

// Each adds its flags to `command`; the struct must live as long as the parsing.
void add_output_flags(CLI::App& command, OutputFlags& flags);
void add_device_flags(CLI::App& command, DeviceFlags& flags);
// --board and --emulation, for verbs that judge values.
void add_emulation_flags(CLI::App& command, DeviceFlags& flags);
void add_threads_flag(CLI::App& command, int& threads);
void add_model_flags(CLI::App& command, ModelFlags& flags);
void add_policy_flag(CLI::App& command, std::string& policy);

// A number of at least `low` (and at most `high`, by default 2^31).
CLI::Validator between(double low, double high = 2147483648.0);
// What a path must be.
CLI::Validator existing_file();

// Help's last part: examples, one a line, then the exit codes.
void add_examples(CLI::App& command, const std::vector<std::string>& examples);

}  // namespace firstlight::app
