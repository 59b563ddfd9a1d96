// The weight cache: hits, damage of every kind, writers killed in the middle, concurrent loads.
#include "firstlight/run/cache.h"

#include <gmock/gmock.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <fstream>
#include <thread>

#include "firstlight/base/file.h"
#include "firstlight/run/loader.h"
#include "run/checkpoint_testing.h"
#include "run/test_device.h"

namespace firstlight::run {
namespace {

namespace fs = std::filesystem;
using firstlight::testing::expect_error;
using firstlight::testing::scratch_dir;
using firstlight::testing::stored;
using firstlight::testing::TestDevice;
using firstlight::testing::TestDeviceOptions;
using firstlight::testing::write_checkpoint;

fs::path checkpoint_folder() {
  return write_checkpoint({{"embed", stored(1, {64, 48})}, {"w", stored(2, {96, 48})}, {"norm", stored(3, {48})}});
}

struct Loaded {
  Ledger ledger;
  std::vector<std::vector<std::byte>> bytes;  // of each weight, as placed
  int packs = 0;
};

Loaded load(const fs::path& folder, const fs::path& cache, const std::string& policy = "bfp8",
            TestDeviceOptions options = {}) {
  TestDevice device(std::move(options));
  const io::Checkpoint checkpoint(folder, cache);
  Session session(device, Policy::load(policy));
  Loader loader(session, checkpoint, {.cache_dir = cache, .waivers = {}});
  const Weight weights[] = {loader.table("embed", Group::kEmbedding, 64, 48, "embed"),
                            loader.linear("w", Group::kFf2, 48, 96, "w"), loader.vector("norm", 48, "norm")};
  Loaded loaded;
  loaded.ledger = loader.finish();
  loaded.packs = device.packs();
  if (!device.capabilities().host_memory) return loaded;
  for (const Weight& weight : weights) {
    const View& view = weight.tensor().view();
    const std::int64_t bytes = row_bytes(view.format, view.shape[-1]) * view.shape.rows();
    loaded.bytes.emplace_back(view.data, view.data + bytes);
  }
  return loaded;
}

std::vector<fs::path> entries(const fs::path& cache) {
  std::vector<fs::path> files;
  for (const auto& file : fs::recursive_directory_iterator(cache / "weights"))
    if (file.is_regular_file()) files.push_back(file.path());
  std::ranges::sort(files);
  return files;
}

std::string read_all(const fs::path& path) {
  std::ifstream stream(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

void write_all(const fs::path& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
}

TEST(Cache, TheSecondLoadPacksNothingAndHasTheSameBytes) {
  const fs::path folder = checkpoint_folder();
  const fs::path cache = scratch_dir("cache");
  const Loaded first = load(folder, cache);
  EXPECT_EQ(first.ledger.cache_misses, 3);
  EXPECT_EQ(first.packs, 3);
  EXPECT_EQ(entries(cache).size(), 3u);
  const Loaded second = load(folder, cache);
  EXPECT_EQ(second.ledger.cache_hits, 3);
  EXPECT_EQ(second.ledger.cache_misses + second.ledger.cache_rebuilt, 0);
  EXPECT_EQ(second.packs, 0);
  EXPECT_EQ(second.bytes, first.bytes);
  EXPECT_EQ(load(folder, "none").bytes, first.bytes);
  const Loaded foreign = load(folder, cache, "bfp8", {.foreign_memory = true});
  EXPECT_EQ(foreign.packs, 0);
}

// Policies that agree on a weight share its entry; formats, devices and sources do not.
TEST(Cache, AnEntryIsFoundByAllThatWentIntoIt) {
  const fs::path folder = checkpoint_folder();
  const fs::path cache = scratch_dir("cache");
  load(folder, cache, "bfp8");
  EXPECT_EQ(load(folder, cache, "bfp4").ledger.cache_hits, 2);  // embedding bf16 and norm f32 are the same
  EXPECT_EQ(load(folder, cache, "f32").ledger.cache_hits, 1);
  EXPECT_EQ(load(folder, cache, "bfp8", {.layout_id = "other-2"}).ledger.cache_misses, 3);
  // The same bytes under another dtype are another source.
  const HostTensor w = stored(2, {96, 48});
  HostTensor as_f16(Format::f16, {96, 48});
  std::memcpy(as_f16.view().data, w.view().data, w.size_bytes());
  const fs::path other = write_checkpoint({{"embed", stored(1, {64, 48})}, {"w", as_f16}, {"norm", stored(3, {48})}});
  const Loaded loaded = load(other, cache, "bfp8");
  EXPECT_EQ(loaded.ledger.cache_hits, 2);
  EXPECT_EQ(loaded.ledger.cache_misses, 1);
  // A source that changed behind the same name is not taken for what it was.
  const fs::path changed =
      write_checkpoint({{"embed", stored(1, {64, 48})}, {"w", stored(9, {96, 48})}, {"norm", stored(3, {48})}});
  EXPECT_NE(load(changed, cache, "bfp8").bytes[1], load(folder, cache, "bfp8").bytes[1]);
}

// Every region of an entry: one bit flipped is found, told, and mended.
TEST(Cache, AFlippedBitAnywhereIsFoundAndTheEntryRebuilt) {
  const fs::path folder = checkpoint_folder();
  const fs::path cache = scratch_dir("cache");
  const Loaded good = load(folder, cache);
  for (const fs::path& entry : entries(cache)) {
    const std::string bytes = read_all(entry);
    std::vector<std::size_t> places;
    for (std::size_t i = 0; i < 48; ++i) places.push_back(i);         // every byte of the header
    for (std::size_t i = 48; i < 4096; i += 53) places.push_back(i);  // key, table, padding
    for (std::size_t i = 4096; i < bytes.size(); i += bytes.size() / 7) places.push_back(i);
    places.push_back(bytes.size() - 1);
    int turn = 0;
    for (const std::size_t place : places) {
      std::string damaged = bytes;
      damaged[place] = static_cast<char>(damaged[place] ^ (1 << (turn++ % 8)));
      write_all(entry, damaged);
      const Loaded loaded = load(folder, cache);
      ASSERT_EQ(loaded.ledger.cache_rebuilt, 1) << entry << " byte " << place;
      ASSERT_EQ(loaded.ledger.cache_hits, 2);
      ASSERT_EQ(loaded.ledger.damaged.size(), 1u);
      EXPECT_THAT(loaded.ledger.damaged[0], ::testing::HasSubstr(entry.string()));
      ASSERT_EQ(loaded.bytes, good.bytes);
      ASSERT_EQ(read_all(entry), bytes);
    }
  }
}

TEST(Cache, ATruncatedOrExtendedEntryIsRebuilt) {
  const fs::path folder = checkpoint_folder();
  const fs::path cache = scratch_dir("cache");
  const Loaded good = load(folder, cache);
  const fs::path entry = entries(cache)[1];
  const std::string bytes = read_all(entry);
  for (const std::size_t length : {std::size_t{0}, std::size_t{1}, std::size_t{47}, std::size_t{48}, std::size_t{4095},
                                   std::size_t{4096}, bytes.size() - 1, bytes.size() + 1}) {
    std::string other = bytes;
    other.resize(length);
    write_all(entry, other);
    const Loaded loaded = load(folder, cache);
    EXPECT_EQ(loaded.ledger.cache_rebuilt, 1) << length;
    EXPECT_EQ(loaded.bytes, good.bytes);
  }
  // A whole and healthy entry of another weight under this one's name.
  fs::copy_file(entries(cache)[0], entry, fs::copy_options::overwrite_existing);
  EXPECT_EQ(load(folder, cache).ledger.cache_rebuilt, 1);
  EXPECT_EQ(read_all(entry), bytes);
}

TEST(Cache, DataOfManyBlocksIsVerifiedBlockByBlock) {
  const WeightCache cache(scratch_dir("cache"));
  Executor executor(2);
  for (const std::size_t size : {std::size_t{0}, std::size_t{1}, kCacheBlockBytes, kCacheBlockBytes * 3 + 17}) {
    std::vector<std::byte> data(size);
    for (std::size_t i = 0; i < size; ++i) data[i] = static_cast<std::byte>(i * 7 + i / 251);
    const std::string key = "key " + std::to_string(size);
    cache.put(key, data, executor);
    std::string damage;
    const auto entry = cache.find(key, size, damage);
    ASSERT_NE(entry, nullptr) << damage;
    EXPECT_EQ(entry->blocks(), (size + kCacheBlockBytes - 1) / kCacheBlockBytes);
    EXPECT_TRUE(std::ranges::equal(entry->data(), data));
    for (std::size_t block = 0; block < entry->blocks(); ++block) EXPECT_TRUE(entry->verify(block));
    EXPECT_EQ(cache.find("other key", size, damage), nullptr);
    EXPECT_EQ(damage, "");
    EXPECT_EQ(cache.find(key, size + 1, damage), nullptr);
    EXPECT_NE(damage, "");
  }
  // One flipped bit spoils its block and no other.
  const fs::path path = cache.path("key " + std::to_string(kCacheBlockBytes * 3 + 17));
  std::string bytes = read_all(path);
  bytes[bytes.size() - 17 - 5] ^= 16;
  write_all(path, bytes);
  std::string damage;
  const auto entry = cache.find("key " + std::to_string(kCacheBlockBytes * 3 + 17), kCacheBlockBytes * 3 + 17, damage);
  ASSERT_NE(entry, nullptr);
  EXPECT_TRUE(entry->verify(0) && entry->verify(1) && entry->verify(3));
  EXPECT_FALSE(entry->verify(2));
}

// A child is killed at a random moment of its first load, many times; every load after that is right.
TEST(Cache, AWriterKilledAtAnyMomentLeavesNothingWrong) {
  const fs::path folder = checkpoint_folder();
  const Loaded good = load(folder, "none");
  int whole = 0;
  for (int round = 0; round < 24; ++round) {
    const fs::path cache = scratch_dir("cache");
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      TestDeviceOptions options;
      options.threads = 1;  // a forked child has no other threads
      load(folder, cache, "bfp8", options);
      ::_exit(0);
    }
    ::usleep(static_cast<useconds_t>(round * 400));
    ::kill(child, SIGKILL);
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    whole += WIFEXITED(status) ? 1 : 0;
    const Loaded loaded = load(folder, cache);
    ASSERT_EQ(loaded.bytes, good.bytes);
    EXPECT_EQ(loaded.ledger.cache_rebuilt, 0);  // published by rename: an entry is whole or not there
    EXPECT_EQ(loaded.ledger.cache_hits + loaded.ledger.cache_misses, 3);
    EXPECT_EQ(load(folder, cache).ledger.cache_hits, 3);
  }
  EXPECT_LT(whole, 24);  // some were killed in time
}

// Killed between two weights, for sure: the first is found, the others are made.
TEST(Cache, AWriterKilledBetweenWeightsLeavesTheFirst) {
  const fs::path folder = checkpoint_folder();
  const fs::path cache = scratch_dir("cache");
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    TestDeviceOptions options;
    options.threads = 1;
    TestDevice device(options);
    int packs = 0;
    device.before_pack = [&] {
      if (++packs == 2) ::raise(SIGKILL);
    };
    const io::Checkpoint checkpoint(folder, cache);
    Session session(device, Policy::load("bfp8"));
    Loader loader(session, checkpoint, {.cache_dir = cache, .waivers = {}});
    loader.table("embed", Group::kEmbedding, 64, 48, "embed");
    loader.linear("w", Group::kFf2, 48, 96, "w");
    loader.vector("norm", 48, "norm");
    loader.finish();
    ::_exit(0);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFSIGNALED(status));
  const Loaded loaded = load(folder, cache);
  EXPECT_EQ(loaded.ledger.cache_hits, 1);
  EXPECT_EQ(loaded.ledger.cache_misses, 2);
  EXPECT_EQ(loaded.bytes, load(folder, "none").bytes);
}

// A disk that takes no more: one error with the file's name, nothing half written, and the next load is whole.
TEST(Cache, ADiskThatIsFullLeavesNothingWrong) {
  const fs::path folder = checkpoint_folder();
  const Loaded good = load(folder, "none");
  for (const rlim_t limit : {0, 3000, 6000, 9000}) {  // bytes a file may have: the disk is full after so many
    const fs::path cache = scratch_dir("cache");
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      ::signal(SIGXFSZ, SIG_IGN);
      const rlimit full{limit, limit};
      ::setrlimit(RLIMIT_FSIZE, &full);
      TestDeviceOptions options;
      options.threads = 1;
      try {
        load(folder, cache, "bfp8", options);
      } catch (const Error& error) {
        const bool named = std::string(error.what()).find(cache.string()) != std::string::npos;
        ::_exit(error.category() == Category::kResource && named ? 0 : 1);
      }
      ::_exit(2);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFEXITED(status));
    EXPECT_EQ(WEXITSTATUS(status), 0) << "limit " << limit;  // 1: another error, 2: none
    for (const auto& file : fs::recursive_directory_iterator(cache)) EXPECT_NE(file.path().extension(), ".tmp") << file;
    const Loaded loaded = load(folder, cache);
    EXPECT_EQ(loaded.bytes, good.bytes);
    EXPECT_EQ(loaded.ledger.cache_rebuilt, 0);
    EXPECT_EQ(load(folder, cache).ledger.cache_hits, 3);
  }
}

TEST(Cache, LeftoversOfKilledWritersGo) {
  const fs::path cache = scratch_dir("cache");
  fs::create_directories(cache / "ab");
  for (const char* name : {"old.weight.1.0.tmp", "new.weight.1.0.tmp", "old.weight"})
    write_all(cache / "ab" / name, "x");
  for (const char* name : {"old.weight.1.0.tmp", "old.weight"})
    fs::last_write_time(cache / "ab" / name, fs::file_time_type::clock::now() - std::chrono::hours(2));
  const WeightCache opened(cache);
  EXPECT_FALSE(fs::exists(cache / "ab" / "old.weight.1.0.tmp"));
  EXPECT_TRUE(fs::exists(cache / "ab" / "new.weight.1.0.tmp"));  // its writer may be at work
  EXPECT_TRUE(fs::exists(cache / "ab" / "old.weight"));
}

TEST(Cache, LoadsAtTheSameTimeAgree) {
  const fs::path folder = checkpoint_folder();
  const fs::path cache = scratch_dir("cache");
  std::vector<Loaded> loaded(6);
  std::vector<std::thread> threads;
  for (Loaded& one : loaded) threads.emplace_back([&] { one = load(folder, cache); });
  for (std::thread& thread : threads) thread.join();
  for (const Loaded& one : loaded) {
    EXPECT_EQ(one.bytes, loaded[0].bytes);
    EXPECT_TRUE(one.ledger.damaged.empty());
  }
  EXPECT_EQ(load(folder, cache).ledger.cache_hits, 3);
}

TEST(Cache, AFolderThatCannotBeWrittenIsNamed) {
  const fs::path folder = checkpoint_folder();
  const fs::path file = scratch_dir("cache") / "a-file";
  write_all(file, "x");
  TestDevice device;
  const io::Checkpoint checkpoint(folder);
  Session session(device, Policy());
  const Error error = expect_error([&] { Loader(session, checkpoint, {.cache_dir = file, .waivers = {}}); });
  EXPECT_EQ(error.category(), Category::kResource);
  EXPECT_THAT(error.what(), ::testing::AllOf(::testing::HasSubstr(file.string()), ::testing::HasSubstr("\"none\"")));
}

}  // namespace
}  // namespace firstlight::run
