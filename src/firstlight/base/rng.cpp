// Philox rounds and the distributions on top.
#include "firstlight/base/rng.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace firstlight {
namespace {

double to_unit(std::uint32_t high, std::uint32_t low) {
  const std::uint64_t bits = (std::uint64_t{high} << 32 | low) >> 11;
  return static_cast<double>(bits) * 0x1.0p-53;
}

}  // namespace

std::array<std::uint32_t, 4> philox(std::array<std::uint32_t, 4> c, std::array<std::uint32_t, 2> k) {
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t p0 = std::uint64_t{0xD2511F53u} * c[0];
    const std::uint64_t p1 = std::uint64_t{0xCD9E8D57u} * c[2];
    c = {static_cast<std::uint32_t>(p1 >> 32) ^ c[1] ^ k[0], static_cast<std::uint32_t>(p1),
         static_cast<std::uint32_t>(p0 >> 32) ^ c[3] ^ k[1], static_cast<std::uint32_t>(p0)};
    k[0] += 0x9E3779B9u;
    k[1] += 0xBB67AE85u;
  }
  return c;
}

std::uint32_t Rng::next_u32() {
  if (used_ == 4) {
    block_ = philox({static_cast<std::uint32_t>(index_), static_cast<std::uint32_t>(index_ >> 32),
                     static_cast<std::uint32_t>(stream_), static_cast<std::uint32_t>(stream_ >> 32)},
                    {static_cast<std::uint32_t>(seed_), static_cast<std::uint32_t>(seed_ >> 32)});
    ++index_;
    used_ = 0;
  }
  return block_[used_++];
}

double Rng::uniform() {
  const std::uint32_t high = next_u32();
  return to_unit(high, next_u32());
}

float Rng::uniform(float low, float high) {
  const double value = double{low} + (double{high} - double{low}) * uniform();
  // Rounding to f32 may reach the open end.
  return std::min(static_cast<float>(value), std::nextafter(high, low));
}

float Rng::normal() {
  const double u = 1.0 - uniform();
  const double v = uniform();
  return static_cast<float>(std::sqrt(-2.0 * std::log(u)) * std::cos(2.0 * std::numbers::pi * v));
}

std::int64_t Rng::below(std::int64_t bound) {
  return static_cast<std::int64_t>(uniform() * static_cast<double>(bound));
}

double uniform_at(std::uint64_t seed, std::uint64_t user, std::uint64_t position) {
  const auto block = philox({static_cast<std::uint32_t>(position), static_cast<std::uint32_t>(position >> 32),
                             static_cast<std::uint32_t>(user), static_cast<std::uint32_t>(user >> 32)},
                            {static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32)});
  return to_unit(block[0], block[1]);
}

}  // namespace firstlight
