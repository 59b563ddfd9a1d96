// .refpt through TorchZip.
#include "firstlight/io/refpt.h"

#include "firstlight/base/error.h"
#include "firstlight/io/torch_zip.h"

namespace firstlight::io {
namespace {

constexpr std::string_view kReferenceTokens = "reference_tokens";
constexpr std::string_view kTop5 = "top5_tokens";
constexpr std::string_view kMark = "made_by_firstlight";

// All values of an int64 tensor, as token ids.
std::vector<std::int32_t> read_ids(const TorchZip& zip, std::string_view name) {
  const HostTensor tensor = zip.read(name);
  const std::string where = fmt::format("{}: tensor '{}'", zip.name(), name);
  if (tensor.format() != Format::i64)
    fail(Category::kBadInput, where, "expected int64, found {}", format_name(tensor.format()));
  std::vector<std::int32_t> ids;
  const auto* values = tensor.view().as<const std::int64_t>();
  for (std::int64_t i = 0; i < tensor.shape().elements(); ++i) {
    if (values[i] < 0 || values[i] > INT32_MAX)
      fail(Category::kBadInput, where, "element {} is {}, not a token id", i, values[i]);
    ids.push_back(static_cast<std::int32_t>(values[i]));
  }
  return ids;
}

const Shape& shape_of(const TorchZip& zip, std::string_view name) {
  const auto found = zip.tensors().find(name);
  if (found == zip.tensors().end()) fail(Category::kBadInput, zip.name(), "has no tensor '{}'", name);
  return found->second.shape;
}

bool belong_together(std::int64_t tokens, std::int64_t rows) {
  return tokens > 0 && rows > 0 && (rows == tokens || rows == tokens - 1);
}

Refpt read(const TorchZip& zip) {
  const Shape& tokens = shape_of(zip, kReferenceTokens);
  if (!(tokens.rank() == 1 || (tokens.rank() == 2 && tokens[0] == 1)))
    fail(Category::kBadInput, fmt::format("{}: tensor '{}'", zip.name(), kReferenceTokens),
         "expected [1, N] or [N], found {}", tokens.str());
  const Shape& top5 = shape_of(zip, kTop5);
  if (top5.rank() != 2 || top5[1] != 5)
    fail(Category::kBadInput, fmt::format("{}: tensor '{}'", zip.name(), kTop5), "expected [N, 5], found {}",
         top5.str());
  if (!belong_together(tokens[-1], top5[0]))
    fail(Category::kBadInput, fmt::format("{}: tensor '{}'", zip.name(), kTop5),
         "expected a row for each of {} tokens, or for all but one; found {}", tokens[-1], top5[0]);
  Refpt refpt;
  refpt.tokens = read_ids(zip, kReferenceTokens);
  const std::vector<std::int32_t> flat = read_ids(zip, kTop5);
  refpt.top5.resize(flat.size() / 5);
  for (std::size_t i = 0; i < flat.size(); ++i) refpt.top5[i / 5][i % 5] = flat[i];
  refpt.made_by_firstlight = zip.tensors().contains(kMark);
  return refpt;
}

}  // namespace

Refpt read_refpt(const std::filesystem::path& path) { return read(TorchZip(path)); }

Refpt parse_refpt(std::span<const std::byte> bytes, std::string name) { return read(TorchZip(bytes, std::move(name))); }

void write_refpt(const std::filesystem::path& path, const Refpt& refpt) {
  const auto tokens = static_cast<std::int64_t>(refpt.tokens.size());
  const auto rows = static_cast<std::int64_t>(refpt.top5.size());
  if (!belong_together(tokens, rows))
    fail(Category::kUsage, path.string(), "{} tokens and {} rows of top-5 do not belong together", tokens, rows);
  const std::vector<std::int64_t> token_values(refpt.tokens.begin(), refpt.tokens.end());
  std::vector<std::int64_t> top5_values;
  for (const auto& row : refpt.top5) top5_values.insert(top5_values.end(), row.begin(), row.end());
  const auto view = [](const std::vector<std::int64_t>& values, const Shape& shape) {
    return make_view(static_cast<const void*>(values.data()), Format::i64, shape);
  };
  std::vector<std::pair<std::string, View>> tensors = {
      {std::string(kTop5), view(top5_values, {rows, 5})},
      {std::string(kReferenceTokens), view(token_values, {1, tokens})}};
  const std::vector<std::int64_t> mark{1};
  if (refpt.made_by_firstlight) tensors.emplace_back(kMark, view(mark, {1}));
  write_torch_zip(path, tensors);
}

}  // namespace firstlight::io
