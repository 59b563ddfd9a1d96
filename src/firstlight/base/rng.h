// A counter-based generator (Philox 4x32-10, Salmon et al., SC'11): the n-th number of a key needs no state, so a
// draw depends on what it is for (seed, user, position), never on what was drawn before.
#pragma once

#include <array>
#include <cstdint>

namespace firstlight {

// One Philox 4x32-10 block: 128 bits for a 128-bit counter under a 64-bit key.
std::array<std::uint32_t, 4> philox(std::array<std::uint32_t, 4> counter, std::array<std::uint32_t, 2> key);

// A stream of draws under (seed, stream), for tests and synthetic data.
class Rng {
 public:
  explicit Rng(std::uint64_t seed, std::uint64_t stream = 0) : seed_(seed), stream_(stream) {}
  std::uint32_t next_u32();
  double uniform();                        // [0, 1), 53 bits
  float uniform(float low, float high);    // [low, high)
  float normal();                          // standard normal (Box-Muller)
  std::int64_t below(std::int64_t bound);  // [0, bound), bound > 0
  std::uint64_t seed() const { return seed_; }

 private:
  std::uint64_t seed_;
  std::uint64_t stream_;
  std::uint64_t index_ = 0;
  std::array<std::uint32_t, 4> block_{};
  int used_ = 4;
};

// A uniform number in [0, 1) for one sampling decision.
double uniform_at(std::uint64_t seed, std::uint64_t user, std::uint64_t position);

}  // namespace firstlight
