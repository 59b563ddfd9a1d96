// The stack's named settings, and the assumptions file.
#include "firstlight/device/tensix/settings.h"

#include <algorithm>

#include "firstlight/base/error.h"
#include "firstlight/base/json.h"
#include "firstlight/base/paths.h"

namespace firstlight::device::tensix {
namespace {

struct NamedFidelity {
  std::string_view name;
  Fidelity fidelity;
};
// tt_stack.md section 2.1; hifi4fp32 leaves "approximate" unset there, which is off.
constexpr NamedFidelity kFidelities[] = {
    {"lofi", {1, false, false, true}},      {"hifi2", {2, false, true, true}}, {"hifi2na", {2, false, false, false}},
    {"hifi2fp16", {2, false, false, true}}, {"hifi4", {4, false, true, true}}, {"hifi4fp32", {4, false, true, true}},
};

class Reader {
 public:
  Reader(const Json& json, std::string where) : json_(json), where_(std::move(where)) {
    if (!json.is_object()) fail(Category::kBadInput, where_, "expected an object, found {}", json.type_name());
  }
  const Json& at(const char* name) const {
    const auto found = json_.find(name);
    if (found == json_.end()) fail(Category::kBadInput, where_, "field '{}' is missing", name);
    return *found;
  }
  std::int64_t number(const char* name, std::int64_t low, std::int64_t high) const {
    const Json& value = at(name);
    if (!value.is_number_integer() || value < low || value > high)
      fail(Category::kBadInput, where_, "field '{}': expected an integer from {} to {}, found {}", name, low, high,
           json_text(value));
    return value.get<std::int64_t>();
  }
  bool flag(const char* name) const {
    const Json& value = at(name);
    if (!value.is_boolean()) fail(Category::kBadInput, where_, "field '{}': expected true or false", name);
    return value.get<bool>();
  }
  Reader within(const char* name) const { return {at(name), where_ + ": " + name}; }
  void only(std::initializer_list<std::string_view> names) const {
    for (const auto& [name, value] : json_.items())
      if (std::ranges::find(names, name) == names.end()) fail(Category::kBadInput, where_, "unknown field '{}'", name);
  }

 private:
  const Json& json_;
  std::string where_;
};

Fidelity read_fidelity(const Reader& reader) {
  reader.only({"fidelity_phases", "approximate", "fp32_dest_acc_en", "packer_l1_acc", "why"});
  return {static_cast<int>(reader.number("fidelity_phases", 1, 4)), reader.flag("approximate"),
          reader.flag("fp32_dest_acc_en"), reader.flag("packer_l1_acc")};
}

std::string shown(const Fidelity& fidelity) {
  constexpr const char* kNames[] = {"LoFi", "HiFi2", "HiFi3", "HiFi4"};
  return fmt::format("{}, {} Dst{}{}", kNames[fidelity.phases - 1], fidelity.wide ? "fp32" : "bf16",
                     fidelity.approximate ? ", approximate" : "", fidelity.packer_l1 ? ", packer L1" : "");
}

}  // namespace

std::optional<Fidelity> find_fidelity(std::string_view name) {
  const auto* found = std::ranges::find(kFidelities, name, &NamedFidelity::name);
  if (found == std::end(kFidelities)) return std::nullopt;
  return found->fidelity;
}

OpAssumptions read_assumptions() {
  const auto path = data_home() / "policies" / "tensix-ops.json";
  const Json json = read_json_file(path);
  const Reader reader(json, path.string());
  reader.only({"summary", "in0_block_w_most", "attention_chunk", "settings"});
  const Reader chunk = reader.within("attention_chunk");
  const Reader settings = reader.within("settings");
  chunk.only({"prefill", "decode"});
  settings.only({"lm_head", "matmul", "norm", "elementwise", "rope"});
  OpAssumptions ops;
  ops.block_tiles = reader.number("in0_block_w_most", 1, 64);
  ops.prefill_chunk = chunk.number("prefill", 32, 1 << 16);
  ops.decode_chunk = chunk.number("decode", 32, 1 << 16);
  if (ops.prefill_chunk % 32 != 0 || ops.decode_chunk % 32 != 0)
    fail(Category::kBadInput, path.string(), "attention_chunk: expected multiples of 32");
  ops.linear = read_fidelity(settings.within("lm_head"));
  ops.matmul = read_fidelity(settings.within("matmul"));
  ops.norm = read_fidelity(settings.within("norm"));
  ops.elementwise = read_fidelity(settings.within("elementwise"));
  ops.rope = read_fidelity(settings.within("rope"));
  return ops;
}

std::vector<std::string> describe(const OpAssumptions& ops) {
  return {fmt::format("in0_block_w: the largest divisor of the K tiles up to {}", ops.block_tiles),
          fmt::format("attention in chunks of {} keys in prefill, {} in decode", ops.prefill_chunk, ops.decode_chunk),
          fmt::format("LM head and linear ops without an op group: {}", shown(ops.linear)),
          fmt::format("norms: {}", shown(ops.norm)),
          fmt::format("element-wise ops: {}", shown(ops.elementwise)),
          fmt::format("RoPE: {}", shown(ops.rope)),
          fmt::format("products of activations outside attention: {}", shown(ops.matmul))};
}

}  // namespace firstlight::device::tensix
