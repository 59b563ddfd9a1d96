// Finding the tensors that a torch.save pickle describes, and reading their storages.
#include "firstlight/io/torch_zip.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "firstlight/base/error.h"
#include "firstlight/io/pickle.h"
#include "firstlight/io/torch_storage.h"

namespace firstlight::io {
namespace {

using Kind = PickleNode::Kind;

constexpr std::string_view kTensorCall = "torch._utils._rebuild_tensor_v2";
constexpr std::string_view kParameterCall = "torch._utils._rebuild_parameter";
constexpr std::string_view kOrderedDict = "collections.OrderedDict";
constexpr int kMaxNesting = 8;

// Walks the tree of a pickle and interprets what is a tensor.
class Interpreter {
 public:
  Interpreter(const PickleTree& tree, const ZipArchive& zip, const std::string& root)
      : tree_(tree), zip_(zip), root_(root), visited_(tree.nodes.size()) {
    for (const PickleNode& node : tree.nodes)
      if (node.kind == Kind::kGlobal && node.text != kTensorCall && node.text != kParameterCall &&
          node.text != kOrderedDict && find_torch_storage(node.text) == nullptr)
        fail(Category::kUnsupported, zip.where(), "the pickle names '{}'; only tensors and plain containers are read",
             node.text);
  }

  // Adds what stands under node `index`, whose name is `name` (empty for the root).
  void collect(std::uint32_t index, const std::string& name, int depth) {
    const PickleNode& node = tree_.at(index);
    if (is_call(node, kTensorCall)) return add(name, tensor(node, name));
    if (is_call(node, kParameterCall)) {  // (tensor, requires_grad, hooks)
      const PickleNode& arguments = tree_.at(node.items[1]);
      if (arguments.items.empty() || !is_call(tree_.at(arguments.items[0]), kTensorCall))
        fail(Category::kBadInput, place(name), "a parameter without a tensor");
      return add(name, tensor(tree_.at(arguments.items[0]), name));
    }
    const bool is_dict = node.kind == Kind::kDict || is_call(node, kOrderedDict);
    const bool is_list = node.kind == Kind::kList || node.kind == Kind::kTuple;
    if (!is_dict && !is_list) {
      if (node.kind == Kind::kReduce || node.kind == Kind::kPersistent || node.kind == Kind::kGlobal)
        fail(Category::kBadInput, place(name), "{} stands where a tensor or a plain value is expected",
             pickle_kind_name(node.kind));
      others.push_back(name);
      return;
    }
    if (depth > kMaxNesting) fail(Category::kUnsupported, place(name), "nested deeper than {}", kMaxNesting);
    // One container in two places could multiply without bound.
    if (visited_[index] && !(node.pairs.empty() && node.items.empty()))
      fail(Category::kUnsupported, place(name), "this container stands in the file twice");
    visited_[index] = true;
    const std::string prefix = name.empty() ? "" : name + ".";
    if (is_dict) {
      for (const auto& [key, value] : node.pairs) {
        const PickleNode& key_node = tree_.at(key);
        if (key_node.kind != Kind::kString && key_node.kind != Kind::kInteger)
          fail(Category::kUnsupported, place(name), "a key is {}; strings and integers are read",
               pickle_kind_name(key_node.kind));
        const std::string text = key_node.kind == Kind::kString ? key_node.text : std::to_string(key_node.integer);
        collect(value, prefix + text, depth + 1);
      }
    } else {
      for (std::size_t i = 0; i < node.items.size(); ++i) collect(node.items[i], prefix + std::to_string(i), depth + 1);
    }
  }

  std::map<std::string, TorchTensor, std::less<>> tensors;
  std::vector<std::string> others;

 private:
  bool is_call(const PickleNode& node, std::string_view global) const {
    return node.kind == Kind::kReduce && tree_.at(node.items[0]).text == global;
  }
  std::string place(const std::string& name) const { return fmt::format("{}: tensor '{}'", zip_.where(), name); }

  void add(const std::string& name, TorchTensor tensor) {
    if (name.empty()) fail(Category::kUnsupported, zip_.where(), "holds a bare tensor; expected a dict of tensors");
    if (!tensors.emplace(name, std::move(tensor)).second)
      fail(Category::kBadInput, place(name), "the name stands twice");
  }

  const PickleNode& argument(const PickleNode& tuple, std::size_t i, Kind kind, const std::string& name,
                             std::string_view what) const {
    if (i >= tuple.items.size() || tree_.at(tuple.items[i]).kind != kind)
      fail(Category::kBadInput, place(name), "{}: expected {}, found {}", what, pickle_kind_name(kind),
           i < tuple.items.size() ? pickle_kind_name(tree_.at(tuple.items[i]).kind) : "nothing");
    return tree_.at(tuple.items[i]);
  }

  std::vector<std::int64_t> integers(const PickleNode& tuple, const std::string& name, std::string_view what) const {
    if (tuple.items.size() > Shape::kMaxRank)
      fail(Category::kUnsupported, place(name), "{} dimensions; at most {} are supported", tuple.items.size(),
           Shape::kMaxRank);
    std::vector<std::int64_t> values;
    for (std::size_t i = 0; i < tuple.items.size(); ++i) {
      values.push_back(argument(tuple, i, Kind::kInteger, name, what).integer);
      if (values.back() < 0) fail(Category::kBadInput, place(name), "{}: {} is negative", what, values.back());
    }
    return values;
  }

  // _rebuild_tensor_v2(storage, storage_offset, size, stride, requires_grad, backward_hooks)
  TorchTensor tensor(const PickleNode& call, const std::string& name) const {
    const PickleNode& arguments = tree_.at(call.items[1]);
    const PickleNode& persistent = argument(arguments, 0, Kind::kPersistent, name, "storage");
    // ('storage', storage class, key, location, number of elements)
    const PickleNode& id = tree_.at(persistent.items[0]);
    if (id.kind != Kind::kTuple || argument(id, 0, Kind::kString, name, "storage id").text != "storage")
      fail(Category::kBadInput, place(name), "its persistent id is not one of a storage");
    const PickleNode& storage_class = argument(id, 1, Kind::kGlobal, name, "storage class");
    const TorchStorage* storage = find_torch_storage(storage_class.text);
    if (storage == nullptr) fail(Category::kBadInput, place(name), "'{}' is not a storage class", storage_class.text);
    const std::int64_t numel = argument(id, 4, Kind::kInteger, name, "number of elements").integer;

    TorchTensor tensor;
    tensor.storage_type = storage->name;
    tensor.format = storage->format;
    tensor.element_bytes = storage->element_bytes;
    tensor.storage = argument(id, 2, Kind::kString, name, "storage key").text;
    tensor.offset = argument(arguments, 1, Kind::kInteger, name, "storage offset").integer;
    const std::vector<std::int64_t> dims = integers(argument(arguments, 2, Kind::kTuple, name, "size"), name, "size");
    tensor.strides = integers(argument(arguments, 3, Kind::kTuple, name, "stride"), name, "stride");

    const std::string entry = fmt::format("{}/data/{}", root_, tensor.storage);
    const std::optional<std::uint64_t> stored = zip_.size(entry);
    if (!stored) fail(Category::kBadInput, place(name), "its storage, zip entry '{}', is missing", entry);
    std::int64_t needed = 0;
    if (numel < 0 || __builtin_mul_overflow(numel, std::int64_t{storage->element_bytes}, &needed) ||
        static_cast<std::uint64_t>(needed) != *stored)
      fail(Category::kBadInput, place(name), "its storage should hold {} elements of {} bytes, zip entry '{}' has {}",
           numel, storage->element_bytes, entry, *stored);
    check_extent(tensor, dims, numel, name);
    tensor.shape = Shape(dims);
    return tensor;
  }

  // Every element lies in the storage, and none is named twice: an expanded tensor would be larger than its file.
  void check_extent(const TorchTensor& tensor, const std::vector<std::int64_t>& dims, std::int64_t numel,
                    const std::string& name) const {
    if (tensor.strides.size() != dims.size())
      fail(Category::kBadInput, place(name), "{} dimensions, {} strides", dims.size(), tensor.strides.size());
    std::int64_t volume = 1;  // with 0 counted as 1
    bool empty = false;
    std::int64_t last = tensor.offset;
    bool overflow = last < 0;
    for (std::size_t axis = 0; axis < dims.size(); ++axis) {
      const std::int64_t dim = std::max<std::int64_t>(1, dims[axis]);
      std::int64_t reach = 0;
      empty = empty || dims[axis] == 0;
      overflow = overflow || __builtin_mul_overflow(volume, dim, &volume) ||
                 __builtin_mul_overflow(dim - 1, tensor.strides[axis], &reach) ||
                 __builtin_add_overflow(last, reach, &last);
    }
    if (overflow) fail(Category::kBadInput, place(name), "size {} with these strides overflows", Shape(dims).str());
    if (!empty && last >= numel)
      fail(Category::kBadInput, place(name), "size {} reaches element {} of a storage of {}", Shape(dims).str(), last,
           numel);
    if (!empty && volume > numel)
      fail(Category::kUnsupported, place(name), "size {} repeats elements of a storage of {}", Shape(dims).str(),
           numel);
  }

  const PickleTree& tree_;
  const ZipArchive& zip_;
  const std::string& root_;
  std::vector<bool> visited_;
};

// The folder that holds data.pkl: torch names it after the file.
std::string find_root(const ZipArchive& zip) {
  constexpr std::string_view kPickle = "/data.pkl";
  std::string root;
  for (const auto& [name, entry] : zip.entries()) {
    if (!name.ends_with(kPickle)) continue;
    if (!root.empty())
      fail(Category::kBadInput, zip.where(), "holds two pickles: '{}' and '{}{}'", name, root, kPickle);
    root = name.substr(0, name.size() - kPickle.size());
  }
  if (root.empty()) fail(Category::kBadInput, zip.where(), "not a file of torch.save: it has no '<name>{}'", kPickle);
  return root;
}

}  // namespace

TorchZip::TorchZip(const std::filesystem::path& path) : file_(path), name_(path.string()), zip_(file_.bytes(), name_) {
  load();
}

TorchZip::TorchZip(std::span<const std::byte> bytes, std::string name) : name_(std::move(name)), zip_(bytes, name_) {
  load();
}

void TorchZip::load() {
  root_ = find_root(zip_);
  // Files before PyTorch 1.13 have no such record and are little-endian.
  if (zip_.size(root_ + "/byteorder")) {
    const std::vector<std::byte> order = zip_.read(root_ + "/byteorder");
    const std::string_view text(reinterpret_cast<const char*>(order.data()), order.size());
    if (text != "little")
      fail(Category::kUnsupported, name_, "byteorder: expected 'little', found '{}'", text.substr(0, 16));
  }
  const std::string pickle_name = root_ + "/data.pkl";
  const std::vector<std::byte> pickle = zip_.read(pickle_name);
  const PickleTree tree = read_pickle(pickle, fmt::format("{}: {}", name_, pickle_name));
  Interpreter interpreter(tree, zip_, root_);
  interpreter.collect(tree.root, "", 0);
  tensors_ = std::move(interpreter.tensors);
  other_values_ = std::move(interpreter.others);
}

HostTensor TorchZip::read(std::string_view name) const {
  const auto found = tensors_.find(name);
  if (found == tensors_.end()) fail(Category::kBadInput, name_, "has no tensor '{}'", name);
  const TorchTensor& tensor = found->second;
  if (!tensor.format)
    fail(Category::kUnsupported, fmt::format("{}: tensor '{}'", name_, name), "values of {} cannot be read",
         tensor.storage_type);
  const std::vector<std::byte> storage = zip_.read(fmt::format("{}/data/{}", root_, tensor.storage));
  HostTensor copy(*tensor.format, tensor.shape);
  std::byte* target = copy.view().data;
  const auto size = static_cast<std::size_t>(tensor.element_bytes);
  std::array<std::int64_t, Shape::kMaxRank> index{};
  for (std::int64_t element = 0; element < tensor.shape.elements(); ++element) {
    std::int64_t source = tensor.offset;
    for (std::size_t axis = 0; axis < tensor.strides.size(); ++axis) source += index[axis] * tensor.strides[axis];
    std::memcpy(target, storage.data() + static_cast<std::size_t>(source) * size, size);
    target += size;
    for (int axis = tensor.shape.rank() - 1; axis >= 0; --axis) {
      if (++index[static_cast<std::size_t>(axis)] < tensor.shape[axis]) break;
      index[static_cast<std::size_t>(axis)] = 0;
    }
  }
  return copy;
}

}  // namespace firstlight::io
