// Any bytes as a .refpt and as a torch.save file, and as a bare pickle (which a zip's checksums would otherwise hide).
#include <cstddef>
#include <cstdint>
#include <span>

#include "firstlight/io/pickle.h"
#include "firstlight/io/refpt.h"
#include "firstlight/io/torch_zip.h"
#include "fuzz.h"

namespace {

void read_all(const firstlight::io::TorchZip& zip) {
  for (const auto& entry : zip.tensors()) firstlight::fuzz::expect_error_or_success([&] { zip.read(entry.first); });
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace firstlight;
  const auto bytes = std::as_bytes(std::span(data, size));
  fuzz::expect_error_or_success([&] { io::parse_refpt(bytes, "fuzz"); });
  fuzz::expect_error_or_success([&] {
    const io::TorchZip zip(bytes, "fuzz");
    read_all(zip);
  });
  fuzz::expect_error_or_success([&] { io::read_pickle(bytes, "fuzz"); });
  // The same bytes as the pickle of an otherwise sound archive reach the interpreter of tensors.
  fuzz::expect_error_or_success([&] {
    constexpr std::byte kStorage[48] = {};
    const auto archive = io::write_zip({{"x/data.pkl", bytes}, {"x/data/0", kStorage}});
    const io::TorchZip zip(archive, "fuzz");
    read_all(zip);
  });
  return 0;
}
