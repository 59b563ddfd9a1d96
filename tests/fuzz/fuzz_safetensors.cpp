// Any bytes as a safetensors file: opened, listed, and every tensor's bytes read.
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "firstlight/base/hash.h"
#include "firstlight/io/safetensors.h"
#include "fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace firstlight;
  fuzz::expect_error_or_success([&] {
    const auto file = io::SafetensorsFile::parse(std::as_bytes(std::span(data, size)), "fuzz");
    for (const io::TensorInfo& tensor : file.tensors()) {
      hash64(file.bytes(tensor.name));
      if (!tensor.format || !row(*tensor.format).is_float) continue;
      std::vector<float> values(static_cast<std::size_t>(tensor.shape.elements()));
      copy_to_f32(file.view(tensor.name), values.data());
    }
  });
  return 0;
}
