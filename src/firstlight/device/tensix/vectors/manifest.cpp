// Reads and checks a manifest. Offsets are checked against the file, blob sizes against the format that they are in.
#include "firstlight/device/tensix/vectors/manifest.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <set>

#include "firstlight/base/error.h"
#include "firstlight/base/json.h"

namespace firstlight::device::tensix {
namespace {

constexpr std::int64_t kAlignment = 16;  // bytes, of every blob
constexpr std::int64_t kWordTileBytes = kTileElements * 4;
constexpr int kMaxTiles = 1 << 16;

template <typename Value>
struct Word {
  std::string_view name;
  Value value;
};

constexpr Word<VectorOp> kOps[] = {
    {"matmul", VectorOp::kMatmul},
    {"elwmul", VectorOp::kElwmul},
    {"elwadd", VectorOp::kElwadd},
    {"elwsub", VectorOp::kElwsub},
    {"copy", VectorOp::kCopy},
    {"pack", VectorOp::kPack},
    {"sfpmad", VectorOp::kMad},
    {"sfparecip", VectorOp::kReciprocal},
    {"sfp_fp32_to_bf16_rnd", VectorOp::kRound},
};
constexpr Word<Format> kFormats[] = {{"fp32", Format::f32},
                                     {"bf16", Format::bf16},
                                     {"bfp8_b", Format::bfp8},
                                     {"bfp4_b", Format::bfp4},
                                     {"bfp2_b", Format::bfp2}};
constexpr Word<Broadcast> kBroadcasts[] = {{"none", Broadcast::kNone},
                                           {"col0", Broadcast::kColumn0},
                                           {"row0", Broadcast::kRow0},
                                           {"scalar", Broadcast::kScalar}};
constexpr Word<CopyVia> kVias[] = {
    {"mova2d", CopyVia::kMove}, {"elwadd0", CopyVia::kAddZero}, {"unpack_to_dst", CopyVia::kUnpackToDst}};
constexpr Word<Intermediate> kIntermediates[] = {
    {"fp32", Intermediate::kF32}, {"bf16", Intermediate::kBf16}, {"bfp8_b", Intermediate::kE8M6}};
constexpr std::string_view kChips[] = {"wh", "bh"};

// One case of the manifest, its place, and the fields that have been read.
class CaseReader {
 public:
  CaseReader(const Json& json, std::string where) : json_(json), where_(std::move(where)) {
    if (!json.is_object()) wrong("expected an object, found {}", json.type_name());
  }
  void rename(std::string where) { where_ = std::move(where); }
  template <typename... Args>
  [[noreturn]] void wrong(fmt::format_string<Args...> format, Args&&... args) const {
    fail(Category::kBadInput, where_, format, std::forward<Args>(args)...);
  }

  const Json& field(const std::string& name) {
    const auto found = json_.find(name);
    if (found == json_.end()) wrong("field '{}' is missing", name);
    read_.insert(name);
    return *found;
  }
  bool has(const std::string& name) const { return json_.contains(name); }
  std::string text(const std::string& name) {
    const Json& value = field(name);
    if (!value.is_string()) wrong("field '{}': expected a string, found {}", name, json_text(value));
    return value.get<std::string>();
  }
  std::int64_t number(const std::string& name, std::int64_t low, std::int64_t high) {
    const Json& value = field(name);
    if (!value.is_number_integer() || value.get<double>() < static_cast<double>(low) ||
        value.get<double>() > static_cast<double>(high))
      wrong("field '{}': expected an integer from {} to {}, found {}", name, low, high, json_text(value));
    return value.get<std::int64_t>();
  }
  template <typename Value, std::size_t n>
  Value word(const std::string& name, const Word<Value> (&words)[n]) {
    return word_of(text(name), name, words);
  }
  template <typename Value, std::size_t n>
  Value word_of(std::string_view given, std::string_view field_name, const Word<Value> (&words)[n]) const {
    const auto found = std::ranges::find(words, given, &Word<Value>::name);
    if (found != std::end(words)) return found->value;
    std::vector<std::string_view> names;
    for (const Word<Value>& word : words) names.push_back(word.name);
    wrong("{}: '{}' is none of {}", field_name, given, fmt::join(names, ", "));
  }
  void check_all_read() const {
    for (const auto& [name, value] : json_.items())
      if (!read_.contains(name)) wrong("field '{}' means nothing for this op", name);
  }

 private:
  const Json& json_;
  std::string where_;
  std::set<std::string, std::less<>> read_;
};

Blob read_blob(const CaseReader& reader, const Json& place, std::string_view name, const MappedFile& file,
               std::int64_t bytes) {
  const auto size = static_cast<std::int64_t>(file.bytes().size());
  if (!place.is_array() || place.size() != 2 || !place[0].is_number_integer() || !place[1].is_number_integer())
    reader.wrong("blob '{}': expected [offset, bytes], found {}", name, json_text(place));
  if (place[1].is_number_unsigned() ? place[1].get<std::uint64_t>() != static_cast<std::uint64_t>(bytes) : true)
    reader.wrong("blob '{}': {} bytes, expected {}", name, json_text(place[1]), bytes);
  const bool inside = place[0].is_number_unsigned() && bytes <= size &&
                      place[0].get<std::uint64_t>() <= static_cast<std::uint64_t>(size - bytes);
  if (!inside)
    reader.wrong("blob '{}': offset {} with {} bytes ends outside {} of {} bytes", name, json_text(place[0]), bytes,
                 file.path().string(), size);
  const auto offset = place[0].get<std::int64_t>();
  if (offset % kAlignment != 0) reader.wrong("blob '{}': offset {} is no multiple of {}", name, offset, kAlignment);
  return file.bytes().subspan(static_cast<std::size_t>(offset), static_cast<std::size_t>(bytes));
}

const MappedFile& open_file(CaseReader& reader, const std::filesystem::path& folder, VectorFolder& vectors) {
  const std::string name = reader.text("file");
  if (name.empty() || std::filesystem::path(name).filename() != name || name == "." || name == "..")
    reader.wrong("field 'file': expected the name of a file in the folder, found '{}'", name);
  auto found = vectors.files.find(name);
  if (found == vectors.files.end()) found = vectors.files.emplace(name, MappedFile(folder / name)).first;
  return found->second;
}

// The operand's format, and what Src holds of it.
VectorOperand read_operand(CaseReader& reader, const std::string& in, const std::string& src, bool to_dst) {
  VectorOperand operand;
  operand.format = reader.word(in, kFormats);
  const std::string source = reader.text(src);
  operand.source = source == "tf32" ? Source::kTf32 : Source::kBf16;
  const bool same = source == reader.text(in);
  bool possible = false;
  if (to_dst)
    possible = operand.format == Format::f32 && source == "fp32";
  else if (operand.format == Format::f32)
    possible = source == "tf32" || source == "bf16";
  else
    possible = same || source == "bf16" || source == "tf32";  // nothing is lost in either
  if (!possible) reader.wrong("field '{}': {} is not unpacked to '{}'", src, reader.text(in), source);
  return operand;
}

bool is_sfpu(VectorOp op) { return op == VectorOp::kMad || op == VectorOp::kReciprocal || op == VectorOp::kRound; }
bool is_elementwise(VectorOp op) {
  return op == VectorOp::kElwmul || op == VectorOp::kElwadd || op == VectorOp::kElwsub;
}

// The blobs that the case's fields call for: name -> bytes.
std::map<std::string, std::int64_t> wanted_blobs(const VectorCase& item, std::int64_t n) {
  std::map<std::string, std::int64_t> wanted;
  if (is_sfpu(item.op)) {
    wanted["a"] = n * 4;
    if (item.op == VectorOp::kMad) wanted["b"] = wanted["c"] = n * 4;
  } else if (item.op == VectorOp::kMatmul) {
    for (int k = 0; k < item.k_tiles; ++k) {
      wanted[fmt::format("in0_{}", k)] = tile_bytes(item.in0.format);
      wanted[fmt::format("in1_{}", k)] = tile_bytes(item.in1.format);
    }
  } else if (item.op != VectorOp::kPack) {
    wanted["in0"] = tile_bytes(item.in0.format);
    if (is_elementwise(item.op)) wanted["in1"] = tile_bytes(item.in1.format);
  } else {
    wanted["dst_preload"] = kWordTileBytes;
  }
  return wanted;
}

struct PackFields {
  Relu relu = Relu::kNone;
  std::uint16_t threshold = 0;
  bool accumulate = false;
};

VectorOutput read_output(const CaseReader& reader, const std::string& name, const VectorCase& item,
                         const PackFields& fields) {
  VectorOutput output;
  output.name = name;
  constexpr std::string_view kPrefix = "pack_";
  constexpr std::string_view kVia = "_via_";
  if (is_sfpu(item.op) ? name == "d" : (name == "dst" && item.op != VectorOp::kPack)) {
    output.is_dst = true;
    return output;
  }
  const std::size_t via = name.find(kVia);
  if (is_sfpu(item.op) || !name.starts_with(kPrefix) || via == std::string::npos || via < kPrefix.size())
    reader.wrong("output '{}': expected {}", name,
                 is_sfpu(item.op)             ? "d"
                 : item.op == VectorOp::kPack ? "pack_<format>_via_<format>"
                                              : "dst or pack_<format>_via_<format>");
  const std::string_view rest = name;
  output.pack = {.format = reader.word_of(rest.substr(kPrefix.size(), via - kPrefix.size()), name, kFormats),
                 .intermediate = reader.word_of(rest.substr(via + kVia.size()), name, kIntermediates),
                 .relu = fields.relu,
                 .threshold = fields.threshold,
                 .accumulate = fields.accumulate};
  if (!can_pack(output.pack, item.accumulator))
    fail(Category::kUnsupported, fmt::format("case {}, output '{}'", item.id, name),
         "the packer has no such way from a {} Dst{}", item.accumulator == Accumulator::kF32 ? "32-bit" : "16-bit",
         fields.accumulate ? " with L1 accumulation" : "");
  return output;
}

void read_blobs(CaseReader& reader, const MappedFile& file, std::int64_t n, const PackFields& fields,
                VectorCase& item) {
  const Json& in = reader.field("in");
  const Json& out = reader.field("out");
  if (!in.is_object()) reader.wrong("field 'in': expected an object");
  if (!out.is_object() || out.empty()) reader.wrong("field 'out': expected an object with at least one output");
  std::map<std::string, std::int64_t> wanted = wanted_blobs(item, n);
  if (!is_sfpu(item.op) && in.contains("dst_preload")) wanted["dst_preload"] = kWordTileBytes;

  int packed = 0;
  for (const auto& [name, places] : out.items()) {
    VectorOutput output = read_output(reader, name, item, fields);
    const std::int64_t bytes = is_sfpu(item.op) ? n * 4
                               : output.is_dst  ? kWordTileBytes
                                                : tile_bytes(output.pack.format);
    if (!output.is_dst && fields.accumulate) {
      const std::string l1 = fmt::format("l1_{}", packed);
      if (!in.contains(l1)) reader.wrong("blob '{}' is missing in 'in'", l1);
      output.l1 = read_blob(reader, in.at(l1), l1, file, bytes);
      wanted[l1] = bytes;
    }
    packed += output.is_dst ? 0 : 1;
    if (places.is_object()) {
      for (const auto& [chip, place] : places.items()) {
        if (std::ranges::find(kChips, chip) == std::end(kChips))
          reader.wrong("output '{}': no chip is named '{}'; there are: {}", name, chip, fmt::join(kChips, ", "));
        output.expected[chip] = read_blob(reader, place, name, file, bytes);
      }
    } else {
      const Blob blob = read_blob(reader, places, name, file, bytes);
      for (const std::string_view chip : kChips)
        if (item.arch_only.empty() || item.arch_only == chip) output.expected[std::string(chip)] = blob;
    }
    for (const std::string_view chip : kChips)
      if ((item.arch_only.empty() || item.arch_only == chip) != output.expected.contains(chip))
        reader.wrong("output '{}': {} for chip '{}'", name,
                     output.expected.contains(chip) ? "stands there though the case is not" : "is missing", chip);
    item.out.push_back(std::move(output));
  }
  for (const auto& [name, bytes] : wanted) {
    if (!in.contains(name)) reader.wrong("blob '{}' is missing in 'in'", name);
    item.in[name] = read_blob(reader, in.at(name), name, file, bytes);
  }
  for (const auto& [name, place] : in.items())
    if (!wanted.contains(name)) reader.wrong("blob '{}' in 'in' means nothing for this op", name);
}

VectorCase read_case(const Json& json, const std::string& where, std::int64_t index,
                     const std::filesystem::path& folder, VectorFolder& vectors) {
  CaseReader reader(json, fmt::format("{}: case at index {}", where, index));
  VectorCase item;
  const Json& id = reader.field("id");
  if (!id.is_number_integer() && !id.is_string()) reader.wrong("field 'id': expected a number or a string");
  item.id = id.is_string() ? id.get<std::string>() : json_text(id);
  reader.rename(fmt::format("{}: case {}", where, item.id));
  item.op_name = reader.text("op");
  item.op = reader.word("op", kOps);
  if (reader.has("dist")) reader.text("dist");
  if (reader.has("arch_only")) {
    item.arch_only = reader.text("arch_only");
    if (std::ranges::find(kChips, item.arch_only) == std::end(kChips))
      reader.wrong("field 'arch_only': no chip is named '{}'; there are: {}", item.arch_only, fmt::join(kChips, ", "));
  }
  PackFields fields;
  std::int64_t n = 0;
  if (is_sfpu(item.op)) {
    n = reader.number("n", 1, std::int64_t{1} << 28);
  } else {
    item.accumulator = reader.number("fp32_acc", 0, 1) == 1 ? Accumulator::kF32 : Accumulator::kBf16;
    if (item.op == VectorOp::kCopy) item.via = reader.word("via", kVias);
    if (item.op != VectorOp::kPack)
      item.in0 = read_operand(reader, "in0", "src0", item.op == VectorOp::kCopy && item.via == CopyVia::kUnpackToDst);
    if (item.op == VectorOp::kMatmul || is_elementwise(item.op)) {
      item.in1 = read_operand(reader, "in1", "src1", false);
      item.phases = static_cast<int>(reader.number("phases", 1, 4));
    }
    if (item.op == VectorOp::kMatmul) item.k_tiles = static_cast<int>(reader.number("kt", 1, kMaxTiles));
    if (is_elementwise(item.op)) {
      item.broadcast = reader.word("bcast", kBroadcasts);
      item.accumulating = reader.number("acc", 0, 1) == 1 || item.op == VectorOp::kElwmul;
    }
    if (item.op == VectorOp::kPack) {
      fields.relu = static_cast<Relu>(reader.number("relu", 0, 3));
      fields.threshold = static_cast<std::uint16_t>(reader.number("relu_threshold_bf16", 0, 0xFFFF));
      fields.accumulate = reader.number("l1_acc", 0, 1) == 1;
    }
  }
  read_blobs(reader, open_file(reader, folder, vectors), n, fields, item);
  reader.check_all_read();
  return item;
}

}  // namespace

VectorFolder read_vectors(const std::filesystem::path& folder) {
  const std::filesystem::path path = folder / "manifest.json";
  const std::string where = path.string();
  const Json manifest = read_json_file(path);
  if (!manifest.is_object()) fail(Category::kBadInput, where, "expected an object, found {}", manifest.type_name());
  const auto version = manifest.find("version");
  if (version == manifest.end() || !version->is_number_integer() || *version != 1)
    fail(Category::kBadInput, where, "field 'version': expected 1, found {}",
         version == manifest.end() ? "none" : version->dump());
  for (const auto& [name, value] : manifest.items())
    if (name != "version" && name != "cases")
      fail(Category::kBadInput, where, "unknown field '{}'; expected version, cases", name);
  const auto cases = manifest.find("cases");
  if (cases == manifest.end() || !cases->is_array() || cases->empty())
    fail(Category::kBadInput, where, "field 'cases': expected a list of at least one case");

  VectorFolder vectors;
  std::set<std::string> ids;
  for (const Json& json : *cases) {
    vectors.cases.push_back(read_case(json, where, static_cast<std::int64_t>(vectors.cases.size()), folder, vectors));
    if (!ids.insert(vectors.cases.back().id).second)
      fail(Category::kBadInput, where, "case {} stands twice", vectors.cases.back().id);
  }
  return vectors;
}

}  // namespace firstlight::device::tensix
