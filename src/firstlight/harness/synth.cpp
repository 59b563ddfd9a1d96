// Config to declarations to random tensors to shards, in a folder that is renamed into place.
#include "firstlight/harness/synth.h"

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>

#include "firstlight/base/error.h"
#include "firstlight/base/file.h"
#include "firstlight/base/progress.h"
#include "firstlight/harness/random_weights.h"
#include "firstlight/io/checkpoint_writer.h"
#include "firstlight/io/dtype.h"
#include "firstlight/model/model.h"
#include "firstlight/text/tokenizer.h"

namespace firstlight::harness {
namespace {

constexpr std::size_t kBufferBytes = std::size_t{16} << 20;
constexpr std::string_view kPartial = ".partial";
// What a tokenizer is made of; only the first must be there.
constexpr const char* kTokenizerFiles[] = {"tokenizer.json", "tokenizer_config.json", "special_tokens_map.json",
                                           "chat_template.jinja", "generation_config.json"};

// `out`.<process>.partial, removed unless it was published.
class PartialFolder {
 public:
  explicit PartialFolder(const std::filesystem::path& out) : out_(out), path_(out) {
    path_ += fmt::format(".{}{}", ::getpid(), kPartial);
    remove_abandoned();
    std::error_code error;
    std::filesystem::create_directories(path_, error);
    if (error) fail(Category::kResource, path_.string(), "cannot create: {}", error.message());
  }
  PartialFolder(const PartialFolder&) = delete;
  PartialFolder& operator=(const PartialFolder&) = delete;
  ~PartialFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }

  const std::filesystem::path& path() const { return path_; }
  void publish() {
    std::error_code error;
    std::filesystem::rename(path_, out_, error);  // an empty folder of that name is replaced
    if (error) fail(Category::kResource, out_.string(), "cannot rename into place: {}", error.message());
  }

 private:
  // Partial folders of `out` whose process is gone.
  void remove_abandoned() const {
    const std::string prefix = out_.filename().string() + ".";
    const std::filesystem::path parent = out_.has_parent_path() ? out_.parent_path() : ".";
    std::error_code error;
    for (std::filesystem::directory_iterator entry(parent, error), end; !error && entry != end;
         entry.increment(error)) {
      const std::string name = entry->path().filename().string();
      if (name.size() <= prefix.size() + kPartial.size() || !name.starts_with(prefix) || !name.ends_with(kPartial))
        continue;
      int process = 0;
      const char* const last = name.data() + name.size() - kPartial.size();
      const auto [end_of_number, failed] = std::from_chars(name.data() + prefix.size(), last, process);
      const bool dead = process > 0 && ::kill(process, 0) != 0 && errno == ESRCH;
      std::error_code ignored;
      if (failed == std::errc() && end_of_number == last && (dead || process == ::getpid()))
        std::filesystem::remove_all(entry->path(), ignored);
    }
  }

  std::filesystem::path out_;
  std::filesystem::path path_;
};

void check_out(const std::filesystem::path& out) {
  std::error_code error;
  if (!std::filesystem::exists(out, error)) return;
  if (!std::filesystem::is_directory(out, error)) fail(Category::kUsage, out.string(), "is not a folder");
  if (!std::filesystem::is_empty(out, error) || error)
    fail(Category::kUsage, out.string(),
         "the folder is not empty; nothing is overwritten, so name another or empty it");
}

void check_tokenizer(const std::filesystem::path& folder, std::int64_t vocab_size) {
  const std::int32_t ids = text::Tokenizer::load(folder).vocab_size();
  if (ids > vocab_size)
    fail(Category::kMismatch, folder.string(), "the tokenizer has ids up to {}, the model's vocabulary ends at {}",
         ids - 1, vocab_size - 1);
}

// The nearest folder above `path` that exists.
std::filesystem::path existing_parent(std::filesystem::path path) {
  path = std::filesystem::absolute(path).lexically_normal();
  std::error_code error;
  while (!std::filesystem::is_directory(path, error) && path.has_relative_path()) path = path.parent_path();
  return path;
}

void check_space(const std::filesystem::path& out, std::uint64_t bytes) {
  std::error_code error;
  const auto space = std::filesystem::space(existing_parent(out), error);
  if (!error && space.available < bytes)
    fail(Category::kResource, out.string(), "the weights take {} bytes, the disk has {} free", bytes, space.available);
}

void write_values(io::CheckpointWriter& writer, const std::vector<RandomTensor>& tensors, const SynthOptions& options,
                  Executor& executor) {
  const auto element = static_cast<std::size_t>(row(options.format).block_bytes);
  std::vector<std::byte> buffer(kBufferBytes);
  const auto capacity = static_cast<std::int64_t>(kBufferBytes / element);
  static_assert(kBufferBytes % (8 * RandomValues::kStep) == 0);
  Progress progress("writing weights", static_cast<std::int64_t>(writer.total_bytes() >> 20), "MiB");
  std::uint64_t done = 0;
  for (const RandomTensor& tensor : tensors) {
    const RandomValues values(tensor, options.format, options.seed);
    const std::int64_t count = tensor.shape.elements();
    for (std::int64_t begin = 0; begin < count; begin += capacity) {
      const std::span<std::byte> part(buffer.data(),
                                      static_cast<std::size_t>(std::min(capacity, count - begin)) * element);
      values.fill(begin, part, executor);
      writer.write(tensor.name, part);
      done += part.size();
      progress.set(static_cast<std::int64_t>(done >> 20));
    }
  }
  writer.finish();
}

}  // namespace

SynthResult synthesize(const std::filesystem::path& config_path, const std::filesystem::path& out_path,
                       const SynthOptions& options, Executor& executor) {
  std::filesystem::path out = std::filesystem::absolute(out_path).lexically_normal();
  if (!out.has_filename()) out = out.parent_path();  // "out/" is "out"
  std::error_code ignored;
  const std::filesystem::path config_file =
      std::filesystem::is_directory(config_path, ignored) ? config_path / "config.json" : config_path;
  const io::Config config = io::Config::load(config_file);
  const std::unique_ptr<model::Model> model = model::make_model(config);
  if (row(options.format).block_elements != 1 || !row(options.format).is_float ||
      io::find_dtype(options.format) == nullptr)
    fail(Category::kUsage, "", "weights are stored as f32, f16, bf16 or f64, not as {}", format_name(options.format));
  run::WeightPlanSink plan;
  model->declare(plan);

  SynthResult result;
  result.model_type = model->description().model_type;
  result.parameters = plan.parameters();  // throws when they cannot be counted
  result.unread_fields = config.unread();
  std::uint64_t bytes = 0;
  if (__builtin_mul_overflow(static_cast<std::uint64_t>(result.parameters),
                             static_cast<std::uint64_t>(row(options.format).block_bytes), &bytes))
    fail(Category::kResource, config_file.string(), "the model has more bytes than can be counted");
  check_out(out);
  if (options.tokenizer) check_tokenizer(*options.tokenizer, model->description().vocab_size);
  check_space(out, bytes);

  const std::vector<RandomTensor> tensors = random_tensors(plan.requests());
  std::vector<io::SafetensorsWriter::Declaration> declared;
  for (const RandomTensor& tensor : tensors) declared.push_back({tensor.name, options.format, tensor.shape});
  result.tensors = tensors.size();

  PartialFolder folder(out);
  write_text_file(folder.path() / "config.json", read_text_file(config_file));
  result.files.emplace_back("config.json");
  for (const char* name : kTokenizerFiles) {
    if (!options.tokenizer || !std::filesystem::exists(*options.tokenizer / name, ignored)) continue;
    write_text_file(folder.path() / name, read_text_file(*options.tokenizer / name));
    result.files.emplace_back(name);
  }
  io::CheckpointWriter writer(folder.path(), std::move(declared), options.max_shard_bytes);
  result.bytes = writer.total_bytes();
  for (std::string& name : writer.files()) result.files.push_back(std::move(name));
  write_values(writer, tensors, options, executor);
  folder.publish();
  return result;
}

}  // namespace firstlight::harness
