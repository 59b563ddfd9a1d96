// Device memory for the results of ops, reused in stream order: decoding step after step allocates nothing. Internal.
#pragma once

#include <cstddef>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <vector>

#include "firstlight/device/contract.h"

namespace firstlight::run {

// Blocks are returned when the last Tensor on them goes, and are free at once: a later launch of the same stream runs
// after every launch that still reads the block.
class Pool : public std::enable_shared_from_this<Pool> {
 public:
  // Whether free blocks may go back to the device when they pile up: not while launches are recorded on them.
  enum class Keep : std::uint8_t { kWhatIsUsed, kEveryBlock };
  // `zeroed` makes fresh blocks zero: a device that does not compute leaves them as they are.
  Pool(device::Device& device, bool zeroed, Keep keep = Keep::kWhatIsUsed)
      : device_(device), zeroed_(zeroed), keep_(keep) {}

  struct Block {
    std::byte* data = nullptr;
    std::shared_ptr<void> owner;
  };
  // At least `bytes`. Throws kResource.
  Block take(std::size_t bytes);

  // Largest number of bytes ever held, free blocks included.
  std::size_t peak_bytes() const;
  // Blocks asked of the device so far.
  std::size_t allocations() const;

 private:
  using Blocks = std::vector<std::unique_ptr<device::Memory>>;
  void give_back(std::unique_ptr<device::Memory> memory, std::size_t size);
  void drop_free_blocks();

  device::Device& device_;
  const bool zeroed_;
  const Keep keep_;
  mutable std::mutex mutex_;                      // a Tensor may be let go by another thread
  std::unordered_map<std::size_t, Blocks> free_;  // by size
  std::size_t free_bytes_ = 0;
  std::size_t used_bytes_ = 0;
  std::size_t peak_bytes_ = 0;
  std::size_t allocations_ = 0;
};

// `memory`, filled with zeros.
void fill_zero(device::Device& device, device::Memory& memory);

}  // namespace firstlight::run
