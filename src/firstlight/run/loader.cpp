// Ledger, memory check, then each weight from the cache or packed anew.
#include "firstlight/run/loader.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <new>
#include <set>

#include "firstlight/base/error.h"
#include "firstlight/base/paths.h"
#include "firstlight/base/progress.h"
#include "firstlight/device/contract.h"
#include "firstlight/run/cache.h"
#include "firstlight/run/ledger.h"

namespace firstlight::run {
namespace {

// Part of every cache key: raised when the values or bytes of a packed weight can change without a change of anything
// else in the key (a format's rounding, what an expression means).
constexpr std::string_view kToolVersion = "firstlight-1";
// Held back from what the device says it has: activations, scratch and the rest of the machine.
constexpr std::size_t kMarginBytes = std::size_t{32} << 20;

device::WeightRole role_of(WeightKind kind) {
  switch (kind) {
    case WeightKind::kLinear:
      return device::WeightRole::kLinear;
    case WeightKind::kTable:
      return device::WeightRole::kTable;
    case WeightKind::kVector:
      return device::WeightRole::kVector;
  }
  return device::WeightRole::kVector;
}

// Zeros that the kernel gives where they are first touched: by the workers that pack.
using Zeros = std::unique_ptr<std::byte[], decltype(&std::free)>;
Zeros make_zeros(std::size_t bytes) {
  Zeros zeros(static_cast<std::byte*>(std::calloc(std::max<std::size_t>(bytes, 1), 1)), &std::free);
  if (zeros == nullptr) throw std::bad_alloc();
  return zeros;
}

bool same_bytes(std::span<const std::byte> a, std::span<const std::byte> b, Executor& executor) {
  if (a.size() != b.size()) return false;
  std::atomic<bool> same = true;
  executor.parallel_for(
      static_cast<std::int64_t>(a.size()), static_cast<std::int64_t>(kCacheBlockBytes),
      [&](std::int64_t begin, std::int64_t end, int) {
        if (std::memcmp(a.data() + begin, b.data() + begin, static_cast<std::size_t>(end - begin)) != 0) same = false;
      });
  return same;
}

// A progress line fed from any thread, in bytes.
class ByteProgress {
 public:
  ByteProgress(std::string label, std::int64_t bytes) : progress_(std::move(label), bytes >> 20, "MiB") {}
  void add(std::int64_t bytes) {
    const std::int64_t done = done_ += bytes;
    if (const std::unique_lock lock(mutex_, std::try_to_lock); lock) progress_.set(done >> 20);
  }

 private:
  std::atomic<std::int64_t> done_{0};
  std::mutex mutex_;
  Progress progress_;
};

}  // namespace

struct Loader::Impl {
  Impl(Session& s, const io::Checkpoint& c) : session(s), checkpoint(c), device(s.device()) {}

  // One weight on its way.
  struct Job {
    const WeightRequest* request;
    std::shared_ptr<Tensor> slot;
    std::span<const PlacedPart> parts;
    device::WeightPlan plan;
    std::string cache_key;
    std::unique_ptr<CacheEntry> entry;
    bool found = false;  // an entry was there, whole or not
  };

  void resolve_names();
  void hash_sources();
  std::string cache_key(const Job& job) const;
  void plan(const Placement& placement);
  void find_cached(Ledger& ledger);
  void place(Job& job, ByteProgress& progress);
  void pack(const Job& job, std::span<std::byte> dst, ByteProgress& progress) const;
  void put_on_device(Job& job, std::span<const std::byte> bytes);
  void add_lines(const Job& job, Ledger& ledger) const;

  Session& session;
  const io::Checkpoint& checkpoint;
  device::Device& device;
  Declarations declared;
  std::vector<std::string> optional_prefixes;
  std::vector<std::shared_ptr<Tensor>> slots;
  std::set<std::string> keys;
  std::optional<WeightCache> cache;
  std::vector<Job> jobs;
  std::map<std::string, std::string> hashes;
  bool finished = false;
};

Loader::Loader(Session& session, const io::Checkpoint& checkpoint, LoadOptions options)
    : impl_(std::make_unique<Impl>(session, checkpoint)) {
  impl_->declared.waivers = std::move(options.waivers);
  if (options.cache_dir == "none" || !session.device().capabilities().computes) return;
  impl_->cache.emplace((options.cache_dir.empty() ? default_cache_dir() : options.cache_dir) / "weights");
}

Loader::~Loader() = default;

Weight Loader::add(WeightRequest request) {
  FL_CHECK(!impl_->finished);
  if (!impl_->keys.insert(request.key).second) fail(Category::kInternal, request.key, "this weight is declared twice");
  impl_->session.note_group(request.key, request.group);
  impl_->declared.requests.push_back(std::move(request));
  impl_->slots.push_back(std::make_shared<Tensor>());
  return Weight(impl_->slots.back());
}

void Loader::stored_copy(std::string name, std::string of) {
  impl_->declared.copies.emplace_back(std::move(name), std::move(of));
}

void Loader::ignore(std::string pattern, std::string reason) {
  impl_->declared.ignored.emplace_back(std::move(pattern), std::move(reason));
}

void Loader::optional_prefix(std::string prefix) { impl_->optional_prefixes.push_back(std::move(prefix)); }

Ledger Loader::finish() {
  Impl& impl = *impl_;
  FL_CHECK(!impl.finished);
  const auto start = std::chrono::steady_clock::now();
  impl.resolve_names();
  const Placement placement = check_ledger(impl.declared, impl.checkpoint);
  impl.plan(placement);
  // A device that does not compute gets placeholders: their sources are not read, and nothing of them is cached.
  if (impl.device.capabilities().computes) impl.hash_sources();

  Ledger ledger;
  impl.find_cached(ledger);
  std::int64_t packed_bytes = 0;
  for (const Impl::Job& job : impl.jobs)
    if (job.entry == nullptr) packed_bytes += static_cast<std::int64_t>(job.plan.bytes);
  {
    ByteProgress progress("packing weights", packed_bytes);
    for (Impl::Job& job : impl.jobs) {
      impl.place(job, progress);
      for (const PlacedPart& part : job.parts) impl.checkpoint.release(part.name);
      impl.add_lines(job, ledger);
    }
  }
  for (LedgerLine line : placement.uses) {
    if (const auto hash = impl.hashes.find(line.tensor); hash != impl.hashes.end()) line.hash = hash->second;
    ledger.source_bytes += line.source_bytes;
    ledger.lines.push_back(std::move(line));
  }
  impl.finished = true;
  ledger.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return ledger;
}

// From here on every name is the checkpoint's own.
void Loader::Impl::resolve_names() {
  for (WeightRequest& request : declared.requests)
    request.source = spelled_in(checkpoint, request.source, optional_prefixes);
  for (auto& [name, of] : declared.copies) {
    name = name_in(checkpoint, name, optional_prefixes);
    of = name_in(checkpoint, of, optional_prefixes);
  }
  const std::size_t rules = declared.ignored.size();
  for (std::size_t i = 0; i < rules; ++i)
    for (const std::string& prefix : optional_prefixes)
      if (declared.ignored[i].first.starts_with(prefix))
        declared.ignored.emplace_back(declared.ignored[i].first.substr(prefix.size()), declared.ignored[i].second);
}

void Loader::Impl::plan(const Placement& placement) {
  std::size_t total = 0;
  for (std::size_t i = 0; i < declared.requests.size(); ++i) {
    const WeightRequest& request = declared.requests[i];
    const Format format = session.policy().format(request.key, request.group);
    Job& job = jobs.emplace_back(Job{.request = &request,
                                     .slot = slots[i],
                                     .parts = placement.parts[i],
                                     .plan = device.plan_weight({role_of(request.kind), format, request.shape}),
                                     .cache_key = {},
                                     .entry = nullptr});
    if (__builtin_add_overflow(total, job.plan.bytes, &total))
      fail(Category::kResource, request.key, "the weights have more bytes than can be counted");
  }
  const std::size_t available = device.available_bytes();
  if (total > available || available - total < kMarginBytes)
    fail(Category::kResource, checkpoint.folder().string(),
         "the weights take {} bytes under policy '{}', and {} more must stay free; device '{}' has {} bytes available",
         total, session.policy().name(), kMarginBytes, device.description().name, available);
}

// Hashes name what is placed, and are the source's part of cache keys. Known ones come from the checkpoint's memory.
void Loader::Impl::hash_sources() {
  const std::span<const std::string> names = checkpoint.names();
  for (const std::string& name : names) hashes[name];
  ByteProgress progress("hashing checkpoint", static_cast<std::int64_t>(checkpoint.total_bytes()));
  device.executor().parallel_for(static_cast<std::int64_t>(names.size()), 1,
                                 [&](std::int64_t begin, std::int64_t end, int) {
                                   for (std::int64_t i = begin; i < end; ++i) {
                                     const std::string& name = names[static_cast<std::size_t>(i)];
                                     hashes.find(name)->second = checkpoint.source_hash(name);
                                     checkpoint.release(name);
                                     progress.add(static_cast<std::int64_t>(checkpoint.info(name).bytes));
                                   }
                                 });
  if (cache) checkpoint.save_hashes();
}

std::string Loader::Impl::cache_key(const Job& job) const {
  std::string key = fmt::format("{}\nweight {}\n", kToolVersion, job.request->source.str());
  for (const PlacedPart& part : job.parts) {
    const io::TensorInfo& info = checkpoint.info(part.name);
    key += fmt::format("source {} {} {} rows {} to {}\n", hashes.at(part.name), info.dtype, info.shape.str(),
                       part.row_begin, part.row_end);
  }
  const Distribution whole;
  key += fmt::format("role {} shape {} format {}\nlayout {}\nshard axis {} index {} of {}\n",
                     static_cast<int>(job.plan.spec.role), job.plan.spec.shape.str(), format_name(job.plan.spec.format),
                     job.plan.layout_id, whole.axis, whole.index, whole.of);
  return key;
}

// Maps what the cache has, and verifies all blocks of all entries in parallel.
void Loader::Impl::find_cached(Ledger& ledger) {
  if (!cache) return;
  struct Block {
    std::size_t job;
    std::size_t block;
  };
  std::vector<Block> blocks;
  for (std::size_t i = 0; i < jobs.size(); ++i) {
    Job& job = jobs[i];
    job.cache_key = cache_key(job);
    std::string damage;
    job.entry = cache->find(job.cache_key, job.plan.bytes, damage);
    if (!damage.empty()) ledger.damaged.push_back(damage);
    job.found = job.entry != nullptr || !damage.empty();
    if (job.entry == nullptr) continue;
    job.entry->prefetch();
    for (std::size_t b = 0; b < job.entry->blocks(); ++b) blocks.push_back({i, b});
  }
  std::vector<std::atomic<std::size_t>> bad_blocks(jobs.size());
  {
    ByteProgress progress("verifying weights", static_cast<std::int64_t>(blocks.size() * kCacheBlockBytes));
    device.executor().parallel_for(static_cast<std::int64_t>(blocks.size()), 1,
                                   [&](std::int64_t begin, std::int64_t end, int) {
                                     for (std::int64_t i = begin; i < end; ++i) {
                                       const Block& block = blocks[static_cast<std::size_t>(i)];
                                       if (!jobs[block.job].entry->verify(block.block)) ++bad_blocks[block.job];
                                       progress.add(kCacheBlockBytes);
                                     }
                                   });
  }
  for (std::size_t i = 0; i < jobs.size(); ++i) {
    Job& job = jobs[i];
    if (bad_blocks[i] > 0) {
      ledger.damaged.push_back(fmt::format("{}: {} of {} blocks are damaged", job.entry->path().string(),
                                           bad_blocks[i].load(), job.entry->blocks()));
      job.entry.reset();
    }
    ++(job.entry != nullptr ? ledger.cache_hits : job.found ? ledger.cache_rebuilt : ledger.cache_misses);
  }
}

void Loader::Impl::pack(const Job& job, std::span<std::byte> dst, ByteProgress& progress) const {
  const CheckpointSource source(checkpoint, *job.request, job.parts);
  std::int64_t rows = 0;
  for (const PlacedPart& part : job.parts) rows += part.rows();
  const std::int64_t row_cost = rows == 0 ? 0 : static_cast<std::int64_t>(job.plan.bytes) / rows;
  device.pack_weight(job.plan, source, dst, device.executor(), [&](std::int64_t n) { progress.add(n * row_cost); });
}

void Loader::Impl::put_on_device(Job& job, std::span<const std::byte> bytes) {
  std::shared_ptr<device::Memory> memory = device.allocate(bytes.size());
  std::byte* const data = memory->data();
  const std::unique_ptr<device::Stream> stream = device.new_stream();
  stream->upload(bytes.data(), data, bytes.size());
  stream->synchronize();
  *job.slot = Tensor(device.weight_view(job.plan, data), std::move(memory));
}

void Loader::Impl::place(Job& job, ByteProgress& progress) {
  const bool host = device.capabilities().host_memory;
  const std::size_t bytes = job.plan.bytes;
  if (!cache && host) {  // packed where it stays
    std::shared_ptr<device::Memory> memory = device.allocate(bytes);
    std::byte* const data = memory->data();
    pack(job, {data, bytes}, progress);
    *job.slot = Tensor(device.weight_view(job.plan, data), std::move(memory));
    return;
  }
  if (job.entry == nullptr) {
    const Zeros zeros = make_zeros(bytes);
    const std::span<std::byte> packed(zeros.get(), bytes);
    pack(job, packed, progress);
    if (!cache) return put_on_device(job, packed);
    cache->put(job.cache_key, packed, device.executor());
    // What is used is what was published: a later start computes with the same bytes.
    std::string damage;
    job.entry = cache->find(job.cache_key, bytes, damage);
    if (job.entry == nullptr || !same_bytes(job.entry->data(), packed, device.executor()))
      fail(Category::kResource, cache->path(job.cache_key).string(), "reads back other than it was written; {}",
           damage);
  }
  if (!host) return put_on_device(job, job.entry->data());
  const std::shared_ptr<CacheEntry> owner = std::move(job.entry);
  *job.slot = Tensor(device.weight_view(job.plan, const_cast<std::byte*>(owner->data().data())), owner);
}

// A line for each part; the placed bytes are shared out by rows, and the last part takes what is left.
void Loader::Impl::add_lines(const Job& job, Ledger& ledger) const {
  std::int64_t rows = 0;
  for (const PlacedPart& part : job.parts) rows += part.rows();
  const auto placed = static_cast<std::int64_t>(job.plan.bytes);
  std::int64_t left = placed;
  for (const PlacedPart& part : job.parts) {
    const io::TensorInfo& info = checkpoint.info(part.name);
    const bool last = &part == &job.parts.back();
    const double share = rows == 0 ? 0 : static_cast<double>(part.rows()) / static_cast<double>(rows);
    const std::int64_t bytes = last ? left : static_cast<std::int64_t>(static_cast<double>(placed) * share);
    left -= bytes;
    const Shape& shape = info.shape;
    const bool columns = job.request->source.transposed && shape.rank() == 2;
    const std::int64_t outer = columns ? shape[1] : shape.rank() == 1 ? shape[0] : shape.rows();
    const auto source = static_cast<std::int64_t>(info.bytes);
    const auto hash = hashes.find(part.name);
    ledger.lines.push_back({.tensor = part.name,
                            .use = "placed",
                            .component = job.request->key,
                            .expression = job.request->source.str(),
                            .hash = hash == hashes.end() ? "" : hash->second,
                            .format = job.plan.spec.format,
                            .source_bytes = outer == 0 ? 0 : source / outer * part.rows(),
                            .placed_bytes = bytes});
    ledger.source_bytes += ledger.lines.back().source_bytes;
  }
  ledger.placed_bytes += placed;
}

}  // namespace firstlight::run
