// `firstlight report`: report.html once more, from the record alone.
#include "firstlight/harness/report.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include "firstlight/app/cli/flags.h"
#include "firstlight/app/cli/table.h"
#include "firstlight/app/cli/verb.h"
#include "firstlight/base/error.h"
#include "firstlight/base/file.h"

namespace firstlight::app {
namespace {

struct ReportFlags {
  std::filesystem::path record;
  std::filesystem::path out;
  OutputFlags output;
};

int run_report(const ReportFlags& flags) {
  // A main job's folder stands for the record in it.
  std::filesystem::path record = flags.record;
  if (std::filesystem::is_directory(record)) record /= "record.jsonl";
  const std::vector<Json> lines = harness::read_record(record);
  const std::filesystem::path out = flags.out.empty() ? record.parent_path() / "report.html" : flags.out;
  write_text_file(out, harness::html_report(lines));
  if (flags.output.json)
    print_json({{"record", record.string()}, {"lines", lines.size()}, {"report", out.string()}});
  else
    fmt::print("{}\n", out.string());
  return 0;
}

}  // namespace

Action declare_report(CLI::App& command) {
  const auto flags = std::make_shared<ReportFlags>();
  command.add_option("RECORD", flags->record, "record.jsonl of a bring-up, or the folder it lies in")
      ->type_name("")
      ->required();
  command.add_option("-o,--out", flags->out, "The page to write [report.html beside the record]")->type_name("FILE");
  add_output_flags(command, flags->output);
  add_examples(command, {"firstlight report firstlight-out/MODEL-DEVICE",
                         "firstlight report record.jsonl --out /tmp/report.html"});
  return [flags](const Invocation&) { return run_report(*flags); };
}

}  // namespace firstlight::app
