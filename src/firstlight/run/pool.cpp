// Size classes and free lists.
#include "firstlight/run/pool.h"

#include <algorithm>
#include <bit>
#include <cstring>

namespace firstlight::run {
namespace {

constexpr std::size_t kSmallest = 256;
// Free blocks up to this much are kept whatever is in use.
constexpr std::size_t kKeptBytes = std::size_t{64} << 20;

// Four sizes to a power of two: at most a quarter is lost, and growing contexts meet few classes.
std::size_t size_class(std::size_t bytes) {
  if (bytes <= kSmallest) return kSmallest;
  const std::size_t step = std::bit_floor(bytes - 1) / 4;
  return (bytes + step - 1) / step * step;
}

}  // namespace

void fill_zero(device::Device& device, device::Memory& memory) {
  if (device.capabilities().host_memory) {
    std::memset(memory.data(), 0, memory.size());
    return;
  }
  const std::vector<std::byte> zeros(std::min(memory.size(), std::size_t{1} << 20));
  const std::unique_ptr<device::Stream> stream = device.new_stream();
  for (std::size_t done = 0; done < memory.size(); done += zeros.size())
    stream->upload(zeros.data(), memory.data() + done, std::min(zeros.size(), memory.size() - done));
  stream->synchronize();
}

Pool::Block Pool::take(std::size_t bytes) {
  const std::size_t size = size_class(bytes);
  std::unique_ptr<device::Memory> memory;
  {
    const std::lock_guard lock(mutex_);
    if (const auto found = free_.find(size); found != free_.end() && !found->second.empty()) {
      memory = std::move(found->second.back());
      found->second.pop_back();
      free_bytes_ -= size;
    } else {
      // Blocks of another time (a longer prefill) must not pile up beside those of now.
      if (keep_ == Keep::kWhatIsUsed && free_bytes_ > std::max(used_bytes_, kKeptBytes)) drop_free_blocks();
      memory = device_.allocate(size);
      ++allocations_;
      if (zeroed_) fill_zero(device_, *memory);
    }
    used_bytes_ += size;
    peak_bytes_ = std::max(peak_bytes_, used_bytes_ + free_bytes_);
  }
  std::byte* const data = memory->data();
  const std::shared_ptr<Pool> self = shared_from_this();
  return {data, std::shared_ptr<void>(memory.release(), [self, size](void* block) {
            self->give_back(std::unique_ptr<device::Memory>(static_cast<device::Memory*>(block)), size);
          })};
}

void Pool::give_back(std::unique_ptr<device::Memory> memory, std::size_t size) {
  const std::lock_guard lock(mutex_);
  used_bytes_ -= size;
  free_bytes_ += size;
  free_[size].push_back(std::move(memory));
}

void Pool::drop_free_blocks() {
  free_.clear();
  free_bytes_ = 0;
}

std::size_t Pool::peak_bytes() const {
  const std::lock_guard lock(mutex_);
  return peak_bytes_;
}

std::size_t Pool::allocations() const {
  const std::lock_guard lock(mutex_);
  return allocations_;
}

}  // namespace firstlight::run
