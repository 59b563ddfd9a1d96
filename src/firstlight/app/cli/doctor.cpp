// `firstlight doctor`: what this machine has, measured where it can be.
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <CLI/CLI.hpp>

#include "firstlight/app/cli/flags.h"
#include "firstlight/app/cli/machine.h"
#include "firstlight/app/cli/table.h"
#include "firstlight/app/cli/verb.h"
#include "firstlight/base/error.h"
#include "firstlight/base/paths.h"
#include "firstlight/base/threads.h"
#include "firstlight/harness/record.h"

namespace firstlight::app {
namespace {

struct DoctorFlags {
  int threads = 0;
  double seconds = 0.5;
  OutputFlags output;
};

Json accelerator_json(const Accelerator& accelerator) {
  return {{"found", accelerator.found()},
          {"device_nodes", accelerator.device_nodes},
          {"pci", accelerator.pci_addresses},
          {"driver", accelerator.driver}};
}

// Each device of the list as it opens here; the peaks of those that compute are measured.
Json device_json(const device::DeviceRow& row, const DoctorFlags& flags) {
  Json json = {{"name", row.name}, {"opens", false}, {"summary", row.summary}};
  try {
    const auto device = device::open_device(row.name, {.threads = flags.threads, .isa = ""});
    json["opens"] = true;
    json["summary"] = device->description().summary;
    json["isa"] = device->description().isa;
    json["computes"] = device->capabilities().computes;
    json["available_bytes"] = device->available_bytes();
    if (!device->capabilities().computes) return json;
    if (!flags.output.quiet) fmt::print(stderr, "measuring {} ...\n", row.name);
    const device::Peaks peaks = device->peaks(flags.seconds);
    json["read_bandwidth"] = peaks.read_bandwidth;
    json["flops_f32"] = peaks.flops_f32;
    json["flops_bf16"] = peaks.flops_bf16;
    json["origin"] = peaks.origin;
  } catch (const Error& error) {
    if (error.category() == Category::kInternal) throw;
    json["why_not"] = error.what();
  }
  return json;
}

Json cache_json() {
  const std::filesystem::path folder = default_cache_dir();
  std::uintmax_t bytes = 0;
  std::int64_t files = 0;
  std::error_code error;
  for (std::filesystem::recursive_directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error)) {
    std::error_code gone;  // another process may be publishing or removing
    if (!entry->is_regular_file(gone)) continue;
    const auto size = entry->file_size(gone);
    if (gone) continue;
    bytes += size;
    ++files;
  }
  return {{"folder", folder.string()}, {"bytes", bytes}, {"files", files}};
}

// What a user of this machine would do next.
std::vector<std::string> advice(const Json& report) {
  std::vector<std::string> lines;
  bool simd = false;
  for (const auto& [name, present] : report["features"].items()) simd = simd || (name == "avx2" && present.get<bool>());
  if (!simd) lines.emplace_back("this processor has no AVX2: the portable kernels are used, which are slow");
  if (report["tenstorrent"]["found"].get<bool>() && report["tenstorrent"]["device_nodes"].empty())
    lines.emplace_back("a Tenstorrent card is on the PCI bus but has no device node: load its kernel driver (tt-kmd)");
  if (report["nvidia"]["found"].get<bool>() && report["nvidia"]["driver"].get<std::string>().empty())
    lines.emplace_back("an NVIDIA GPU is on the PCI bus but its driver is not loaded");
  if (report.contains("data_missing"))
    lines.emplace_back("set FIRSTLIGHT_HOME to the folder with policies/, targets/ and boards/");
  lines.emplace_back("firstlight inspect MODEL, then firstlight bringup MODEL");
  return lines;
}

Json gather(const DoctorFlags& flags) {
  const Machine machine;
  Json report = harness::environment("");
  report.erase("device");
  Json features = Json::object();
  for (const CpuFeature& feature : machine.features) features[feature.name] = feature.present;
  report["features"] = std::move(features);
  report["caches"] = machine.caches;
  report["memory_bytes"] = machine.memory_bytes;
  report["devices"] = Json::array();
  for (const device::DeviceRow& row : device::devices()) report["devices"].push_back(device_json(row, flags));
  report["nvidia"] = accelerator_json(machine.nvidia);
  report["tenstorrent"] = accelerator_json(machine.tenstorrent);
  try {
    report["data"] = data_home().string();
  } catch (const Error& error) {
    report["data_missing"] = error.what();
  }
  report["cache"] = cache_json();
  report["next"] = advice(report);
  return report;
}

std::string accelerator_text(const Json& accelerator) {
  if (!accelerator["found"].get<bool>()) return "not found";
  std::vector<std::string> parts;
  for (const char* list : {"device_nodes", "pci"})
    for (const Json& one : accelerator[list]) parts.push_back(one.get<std::string>());
  const std::string driver = accelerator["driver"].get<std::string>();
  return fmt::format("found: {}{}", fmt::join(parts, ", "), driver.empty() ? "" : "; driver " + driver);
}

void print(const Json& report) {
  Table table({"", ""});
  std::vector<std::string> features;
  for (const auto& [name, present] : report["features"].items())
    features.push_back((present.get<bool>() ? "+" : "-") + name);
  table.add({"processor",
             fmt::format("{}, {} cores usable", report["processor"].get<std::string>(), report["cores"].get<int>())});
  table.add({"features", fmt::format("{}", fmt::join(features, " "))});
  std::vector<std::string> caches;
  for (const Json& cache : report["caches"]) caches.push_back(cache.get<std::string>());
  table.add({"caches", caches.empty() ? "unknown" : fmt::format("{} (of one core)", fmt::join(caches, ", "))});
  table.add({"memory", human_bytes(report["memory_bytes"].get<double>())});
  table.add({"system", report["system"].get<std::string>()});
  table.add({"built with", report["compiler"].get<std::string>()});
  table.add({"NVIDIA GPU", accelerator_text(report["nvidia"])});
  table.add({"Tenstorrent card", accelerator_text(report["tenstorrent"])});
  table.add({"data",
             report.contains("data") ? report["data"].get<std::string>() : report["data_missing"].get<std::string>()});
  table.add({"weight cache", fmt::format("{}: {} in {} files", report["cache"]["folder"].get<std::string>(),
                                         human_bytes(report["cache"]["bytes"].get<double>()),
                                         report["cache"]["files"].get<std::int64_t>())});
  fmt::print("{}\n", table.str());

  Table devices({"DEVICE", "READS", "F32", "BF16", "FREE", "SUMMARY"});
  std::string origin;
  for (const Json& device : report["devices"]) {
    const auto rate = [&](const char* name, const char* unit) {
      const double value = device.value(name, 0.0);
      return value > 0 ? human_rate(value, unit) : std::string();
    };
    devices.add({device["name"].get<std::string>(), rate("read_bandwidth", "B/s"), rate("flops_f32", "FLOP/s"),
                 rate("flops_bf16", "FLOP/s"),
                 device.value("computes", false) ? human_bytes(device.value("available_bytes", 0.0)) : "",
                 device.value("why_not", device["summary"].get<std::string>())});
    if (const std::string text = device.value("origin", ""); !text.empty())
      origin += fmt::format("  {}: {}\n", device["name"].get<std::string>(), text);
  }
  fmt::print("{}{}\n", devices.str(), origin);
  for (const Json& line : report["next"]) fmt::print("next: {}\n", line.get<std::string>());
}

int run_doctor(const DoctorFlags& flags) {
  const Json report = gather(flags);
  if (flags.output.json)
    print_json(report);
  else
    print(report);
  return 0;
}

}  // namespace

Action declare_doctor(CLI::App& command) {
  const auto flags = std::make_shared<DoctorFlags>();
  command.add_option("--seconds", flags->seconds, "Time of each measurement, in seconds")
      ->type_name("S")
      ->capture_default_str()
      ->check(between(0.01, 60));
  add_threads_flag(command, flags->threads);
  add_output_flags(command, flags->output);
  add_examples(command, {"firstlight doctor", "firstlight doctor --seconds 2 --json"});
  return [flags](const Invocation&) { return run_doctor(*flags); };
}

}  // namespace firstlight::app
