// JSON lines, and the facts of the machine.
#include "firstlight/harness/record.h"

#include <sys/utsname.h>

#include <ctime>
#include <fstream>

#include "firstlight/base/error.h"
#include "firstlight/base/file.h"
#include "firstlight/base/threads.h"

namespace firstlight::harness {
namespace {

std::string field_of(const char* file, const std::string& name) {
  std::ifstream stream(file);
  std::string line;
  while (std::getline(stream, line)) {
    if (!line.starts_with(name)) continue;
    const auto colon = line.find(':');
    if (colon == std::string::npos) continue;
    const auto begin = line.find_first_not_of(" \t", colon + 1);
    return begin == std::string::npos ? "" : line.substr(begin);
  }
  return "";
}

std::string utc_now() {
  const std::time_t now = std::time(nullptr);
  std::tm utc{};
  gmtime_r(&now, &utc);
  char text[32];
  std::strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &utc);
  return text;
}

}  // namespace

Record::Record(Json header) {
  Json line = {{"kind", "run"}, {"firstlight", version()}, {"time", utc_now()}};
  line.update(header);
  lines_.push_back(std::move(line));
}

void Record::add(std::string_view kind, Json line) {
  Json full = {{"kind", kind}};
  full.update(line);
  lines_.push_back(std::move(full));
}

void Record::add(const PhaseResult& phase) {
  add("phase", {{"phase", phase.phase},
                {"outcome", outcome_name(phase.outcome())},
                {"seconds", phase.seconds},
                {"stopped_by", phase.stopped_by},
                {"details", phase.details}});
  for (const Verdict& verdict : phase.verdicts) {
    Json line = {{"phase", phase.phase}};
    line.update(verdict.json());
    add("verdict", std::move(line));
  }
}

void Record::write(const std::filesystem::path& path) const {
  AtomicFile file(path);
  for (const Json& line : lines_) file.write(json_text(line) + "\n");
  file.commit();
}

std::string version() { return FIRSTLIGHT_VERSION; }

Json environment(const std::string& device_summary) {
  utsname system{};
  uname(&system);
  return {
    {"device", device_summary}, {"processor", field_of("/proc/cpuinfo", "model name")}, {"cores", available_cores()},
        {"memory", field_of("/proc/meminfo", "MemTotal")},
        {"system", fmt::format("{} {} {}", system.sysname, system.release, system.machine)},
#if defined(__clang__)
        {"compiler", fmt::format("clang {}.{}.{}", __clang_major__, __clang_minor__, __clang_patchlevel__)},
#else
        {"compiler", fmt::format("gcc {}.{}.{}", __GNUC__, __GNUC_MINOR__, __GNUC_PATCHLEVEL__)},
#endif
    {
      "firstlight", version()
    }
  };
}

}  // namespace firstlight::harness
