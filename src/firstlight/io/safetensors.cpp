// Reading and checking a safetensors header.
#include "firstlight/io/safetensors.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <tuple>

#include "firstlight/base/error.h"
#include "firstlight/base/json.h"
#include "firstlight/io/dtype.h"

namespace firstlight::io {
namespace {

static_assert(std::endian::native == std::endian::little, "files are mapped as they lie");

constexpr std::size_t kLengthBytes = 8;
constexpr std::uint64_t kMaxHeaderBytes = 100'000'000;  // the reference library's limit

std::string shown_value(const Json& value) {
  std::string text = json_text(value);
  if (text.size() > 80) text = text.substr(0, 77) + "...";
  return text;
}

// Fields that are not of the entry's JSON kind are refused here, so that nothing below can throw a JSON exception.
class EntryReader {
 public:
  EntryReader(const std::string& file, const std::string& tensor)
      : where_(fmt::format("{}: tensor '{}'", file, tensor)) {}

  // `data` is the span of the data section in the file.
  TensorInfo read(const std::string& name, const Json& entry, std::uint64_t data_begin,
                  std::uint64_t data_bytes) const {
    if (!entry.is_object())
      fail(Category::kBadInput, where_, "expected an object with dtype, shape and data_offsets, found {}",
           shown_value(entry));
    for (const auto& item : entry.items())
      if (item.key() != "dtype" && item.key() != "shape" && item.key() != "data_offsets")
        fail(Category::kBadInput, where_, "unknown field '{}'; expected dtype, shape, data_offsets", item.key());
    const Json& dtype_name = field(entry, "dtype");
    if (!dtype_name.is_string())
      fail(Category::kBadInput, where_, "dtype: expected a string, found {}", shown_value(dtype_name));
    const Dtype* dtype = find_dtype(dtype_name.get_ref<const std::string&>());
    if (dtype == nullptr) fail(Category::kUnsupported, where_, "dtype {} is not known", shown_value(dtype_name));

    TensorInfo info;
    info.name = name;
    info.dtype = dtype->name;
    info.format = dtype->format;
    info.shape = read_shape(field(entry, "shape"));
    info.bytes = expected_bytes(info.shape, *dtype);

    const Json& offsets = field(entry, "data_offsets");
    if (!offsets.is_array() || offsets.size() != 2 || !offsets[0].is_number_unsigned() ||
        !offsets[1].is_number_unsigned())
      fail(Category::kBadInput, where_, "data_offsets: expected [begin, end], found {}", shown_value(offsets));
    const auto begin = offsets[0].get<std::uint64_t>();
    const auto end = offsets[1].get<std::uint64_t>();
    if (begin > end || end > data_bytes)
      fail(Category::kBadInput, where_, "data_offsets [{}, {}] do not lie within the file's {} bytes of data", begin,
           end, data_bytes);
    if (end - begin != info.bytes)
      fail(Category::kBadInput, where_, "{} {} needs {} bytes, data_offsets [{}, {}] hold {}", info.dtype,
           info.shape.str(), info.bytes, begin, end, end - begin);
    info.offset = data_begin + begin;
    return info;
  }

 private:
  const Json& field(const Json& entry, const char* key) const {
    const auto found = entry.find(key);
    if (found == entry.end()) fail(Category::kBadInput, where_, "field '{}' is missing", key);
    return *found;
  }

  Shape read_shape(const Json& value) const {
    if (!value.is_array()) fail(Category::kBadInput, where_, "shape: expected a list, found {}", shown_value(value));
    if (value.size() > Shape::kMaxRank)
      fail(Category::kUnsupported, where_, "shape {} has {} dimensions; at most {} are supported", shown_value(value),
           value.size(), Shape::kMaxRank);
    std::array<std::int64_t, Shape::kMaxRank> dims{};
    std::int64_t volume = 1;  // with 0 counted as 1: strides are products too, and must not overflow either
    for (std::size_t axis = 0; axis < value.size(); ++axis) {
      const Json& dim = value[axis];
      if (!dim.is_number_unsigned())
        fail(Category::kBadInput, where_, "shape: expected non-negative integers, found {}", shown_value(value));
      const auto size = dim.get<std::uint64_t>();
      if (size > INT64_MAX ||
          __builtin_mul_overflow(volume, std::max<std::int64_t>(1, static_cast<std::int64_t>(size)), &volume))
        fail(Category::kBadInput, where_, "shape {} overflows 64 bits", shown_value(value));
      dims[axis] = static_cast<std::int64_t>(size);
    }
    return Shape(std::span(dims.data(), value.size()));
  }

  std::uint64_t expected_bytes(const Shape& shape, const Dtype& dtype) const {
    std::uint64_t bits = 0;
    if (__builtin_mul_overflow(static_cast<std::uint64_t>(shape.elements()), static_cast<std::uint64_t>(dtype.bits),
                               &bits))
      fail(Category::kBadInput, where_, "{} {} overflows 64 bits", dtype.name, shape.str());
    if (bits % 8 != 0) fail(Category::kBadInput, where_, "{} {} does not end on a whole byte", dtype.name, shape.str());
    return bits / 8;
  }

  std::string where_;
};

std::map<std::string, std::string> read_metadata(const Json& value, const std::string& file) {
  std::map<std::string, std::string> metadata;
  if (value.is_null()) return metadata;  // some writers leave it so
  if (!value.is_object())
    fail(Category::kBadInput, file, "__metadata__: expected an object of strings, found {}", shown_value(value));
  for (const auto& item : value.items()) {
    if (!item.value().is_string())
      fail(Category::kBadInput, file, "__metadata__ '{}': expected a string, found {}", item.key(),
           shown_value(item.value()));
    metadata.emplace(item.key(), item.value().get<std::string>());
  }
  return metadata;
}

}  // namespace

SafetensorsFile::SafetensorsFile(const std::filesystem::path& path)
    : file_(path), bytes_(file_.bytes()), name_(path.string()) {
  read_header();
}

SafetensorsFile SafetensorsFile::parse(std::span<const std::byte> bytes, std::string name) {
  SafetensorsFile file;
  file.bytes_ = bytes;
  file.name_ = std::move(name);
  file.read_header();
  return file;
}

void SafetensorsFile::read_header() {
  if (bytes_.size() < kLengthBytes)
    fail(Category::kBadInput, name_, "not a safetensors file: {} bytes, the header length alone has {}", bytes_.size(),
         kLengthBytes);
  std::uint64_t header_bytes = 0;
  std::memcpy(&header_bytes, bytes_.data(), kLengthBytes);
  if (header_bytes > kMaxHeaderBytes)
    fail(Category::kBadInput, name_, "not a safetensors file: a header of {} bytes (at most {})", header_bytes,
         kMaxHeaderBytes);
  if (header_bytes > bytes_.size() - kLengthBytes)
    fail(Category::kBadInput, name_, "cut off in the header: it has {} bytes, {} follow its length", header_bytes,
         bytes_.size() - kLengthBytes);
  const std::uint64_t data_begin = kLengthBytes + header_bytes;
  const std::uint64_t data_bytes = bytes_.size() - data_begin;

  const Json header = parse_json({reinterpret_cast<const char*>(bytes_.data()) + kLengthBytes, header_bytes}, name_);
  if (!header.is_object()) fail(Category::kBadInput, name_, "the header is not a JSON object: {}", shown_value(header));
  for (const auto& item : header.items()) {
    if (item.key() == "__metadata__") {
      metadata_ = read_metadata(item.value(), name_);
    } else {
      tensors_.push_back(EntryReader(name_, item.key()).read(item.key(), item.value(), data_begin, data_bytes));
    }
  }

  // Empty tensors lie at the end of their predecessor, so ties are broken by the end.
  std::ranges::sort(tensors_, [](const TensorInfo& a, const TensorInfo& b) {
    return std::tuple(a.offset, a.bytes, std::string_view(a.name)) <
           std::tuple(b.offset, b.bytes, std::string_view(b.name));
  });
  std::uint64_t covered = data_begin;
  for (std::size_t i = 0; i < tensors_.size(); ++i) {
    const TensorInfo& tensor = tensors_[i];
    if (tensor.offset < covered)
      fail(Category::kBadInput, fmt::format("{}: tensor '{}'", name_, tensor.name),
           "begins at byte {} of the data, inside tensor '{}', which ends at {}", tensor.offset - data_begin,
           tensors_[i - 1].name, covered - data_begin);
    if (tensor.offset > covered)
      fail(Category::kBadInput, fmt::format("{}: tensor '{}'", name_, tensor.name),
           "begins at byte {} of the data; the bytes from {} on belong to no tensor", tensor.offset - data_begin,
           covered - data_begin);
    covered = tensor.offset + tensor.bytes;
    index_.emplace(tensor.name, i);
  }
  if (covered != bytes_.size())
    fail(Category::kBadInput, name_, "the tensors cover {} bytes of data, the file has {}", covered - data_begin,
         data_bytes);
}

const TensorInfo* SafetensorsFile::find(std::string_view name) const {
  const auto found = index_.find(name);
  return found == index_.end() ? nullptr : &tensors_[found->second];
}

const TensorInfo& SafetensorsFile::info(std::string_view name) const {
  const TensorInfo* found = find(name);
  if (found == nullptr) fail(Category::kBadInput, name_, "has no tensor '{}'", name);
  return *found;
}

std::span<const std::byte> SafetensorsFile::bytes(std::string_view name) const {
  const TensorInfo& tensor = info(name);
  return bytes_.subspan(tensor.offset, tensor.bytes);
}

View SafetensorsFile::view(std::string_view name) const {
  const TensorInfo& tensor = info(name);
  if (!tensor.format)
    fail(Category::kUnsupported, fmt::format("{}: tensor '{}'", name_, name), "values of dtype {} cannot be read",
         tensor.dtype);
  return make_view(static_cast<const void*>(bytes_.data() + tensor.offset), *tensor.format, tensor.shape);
}

void SafetensorsFile::release(std::string_view name) const {
  const TensorInfo& tensor = info(name);
  file_.release(tensor.offset, tensor.bytes);
}

}  // namespace firstlight::io
