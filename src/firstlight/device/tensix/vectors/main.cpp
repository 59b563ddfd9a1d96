// tensix_vectors DIR: runs every case of a folder of vectors and prints each output that differs.
// Exit codes: 0 all equal, 1 a difference, 2 usage, 3 a damaged folder, 4 a case beyond the arithmetic.
#include <cstdio>
#include <string_view>

#include "firstlight/base/error.h"
#include "firstlight/device/tensix/vectors/run.h"

namespace {

using namespace firstlight::device::tensix;  // the program is about nothing else

int run(const char* folder) {
  const VectorFolder vectors = read_vectors(folder);
  const VectorSummary summary =
      run_vectors(vectors, std::array{kWormhole, kBlackhole}, [](const Difference& difference) {
        fmt::print("case {} {} {} {}: {} differ, datum {}: {}, expected {}\n", difference.item->id,
                   difference.item->op_name, difference.chip, difference.output, difference.count, difference.first,
                   difference.got, difference.expected);
      });
  fmt::print("{} of {} cases bit-equal ({} outputs on both chips)\n", summary.cases - summary.failed, summary.cases,
             summary.outputs);
  return summary.failed == 0 ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2 || std::string_view(argv[1]).starts_with('-')) {
    const bool help = argc == 2 && (std::string_view(argv[1]) == "--help" || std::string_view(argv[1]) == "-h");
    std::fputs(
        "usage: tensix_vectors DIR\nRuns the vectors of DIR/manifest.json and prints each output that differs.\n",
        help ? stdout : stderr);
    return help ? 0 : 2;
  }
  try {
    return run(argv[1]);
  } catch (const firstlight::Error& error) {
    fmt::print(stderr, "{}: {}: {}\n", firstlight::category_name(error.category()), error.where(), error.message());
    return static_cast<int>(error.category());
  } catch (const std::exception& error) {
    fmt::print(stderr, "internal: {}\n", error.what());
    return static_cast<int>(firstlight::Category::kInternal);
  }
}
