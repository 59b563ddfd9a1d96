// .refpt: the reference tokens of a text and the reference model's five best next tokens at each position, in the torch
// file that the Tenstorrent stack's accuracy tests use.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

namespace firstlight::io {

struct Refpt {
  std::vector<std::int32_t> tokens;               // [N]: the text's own tokens
  std::vector<std::array<std::int32_t, 5>> top5;  // [N-1] or [N]: best first; row i is about token i+1
  // Set for files that Firstlight's own reference device made: they are no independent witness. Stored as a further
  // entry of the dict, which the stack does not look at.
  bool made_by_firstlight = false;
};

// Reads the dict {reference_tokens: int64 [1, N] or [N], top5_tokens: int64 [M, 5]}, where M is N-1 or N. Further
// entries are left alone. Throws kBadInput, kUnsupported or kResource.
Refpt read_refpt(const std::filesystem::path& path);
Refpt parse_refpt(std::span<const std::byte> bytes, std::string name);

// Writes reference_tokens as [1, N]; torch.load(weights_only=True) reads it. The same content gives the same bytes
// under the same file name. Throws kUsage when the two lengths do not belong together.
void write_refpt(const std::filesystem::path& path, const Refpt& refpt);

}  // namespace firstlight::io
