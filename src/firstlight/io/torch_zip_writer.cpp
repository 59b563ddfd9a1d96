// Writing what torch.save would write for a dict of tensors.
#include <cstring>

#include "firstlight/base/error.h"
#include "firstlight/base/file.h"
#include "firstlight/io/torch_storage.h"
#include "firstlight/io/torch_zip.h"

namespace firstlight::io {
namespace {

// Emits the opcodes of pickle protocol 2 that a dict of tensors needs.
class Pickler {
 public:
  void opcode(char code) { text_ += code; }
  void string(std::string_view value) {
    opcode('X');  // BINUNICODE
    raw(static_cast<std::uint32_t>(value.size()));
    text_ += value;
  }
  void integer(std::int64_t value) {
    if (value >= 0 && value < 256) {
      opcode('K');  // BININT1
      raw(static_cast<std::uint8_t>(value));
    } else if (value >= INT32_MIN && value <= INT32_MAX) {
      opcode('J');  // BININT
      raw(static_cast<std::int32_t>(value));
    } else {
      text_ += "\x8a\x08";  // LONG1 of 8 bytes
      raw(value);
    }
  }
  void global(std::string_view dotted) {  // "torch.FloatStorage"
    const std::size_t dot = dotted.rfind('.');
    text_ += fmt::format("c{}\n{}\n", dotted.substr(0, dot), dotted.substr(dot + 1));
  }
  const std::string& text() const { return text_; }

 private:
  template <typename Value>
  void raw(Value value) {
    char bytes[sizeof value];
    std::memcpy(bytes, &value, sizeof value);
    text_.append(bytes, sizeof value);
  }
  std::string text_ = "\x80\x02";  // PROTO 2
};

// _rebuild_tensor_v2(('storage', class, key, location, elements), 0, size, stride, False, OrderedDict())
void pickle_tensor(Pickler& pickler, const View& view, const TorchStorage& storage, const std::string& key) {
  pickler.global("torch._utils._rebuild_tensor_v2");
  pickler.opcode('(');
  pickler.opcode('(');
  pickler.string("storage");
  pickler.global(storage.name);
  pickler.string(key);
  pickler.string("cpu");  // where torch.load puts it
  pickler.integer(view.shape.elements());
  pickler.opcode('t');
  pickler.opcode('Q');
  pickler.integer(0);
  pickler.opcode('(');
  for (int axis = 0; axis < view.shape.rank(); ++axis) pickler.integer(view.shape[axis]);
  pickler.opcode('t');
  pickler.opcode('(');
  for (int axis = 0; axis < view.shape.rank(); ++axis) pickler.integer(view.strides[static_cast<std::size_t>(axis)]);
  pickler.opcode('t');
  pickler.opcode('\x89');  // False: requires_grad
  pickler.global("collections.OrderedDict");
  pickler.opcode(')');
  pickler.opcode('R');
  pickler.opcode('t');
  pickler.opcode('R');
}

}  // namespace

void write_torch_zip(const std::filesystem::path& path, const std::vector<std::pair<std::string, View>>& tensors) {
  const std::string root = path.stem().string().empty() ? "archive" : path.stem().string();
  Pickler pickler;
  pickler.opcode('}');
  pickler.opcode('(');
  std::vector<std::pair<std::string, std::span<const std::byte>>> storages;
  for (const auto& [name, view] : tensors) {
    const TorchStorage* storage = find_torch_storage(view.format);
    if (storage == nullptr)
      fail(Category::kUnsupported, fmt::format("{}: tensor '{}'", path.string(), name),
           "torch files cannot hold format {}", format_name(view.format));
    FL_CHECK(view.contiguous() && view.layout == Layout::kRowMajor);
    const std::string key = std::to_string(storages.size());
    pickler.string(name);
    pickle_tensor(pickler, view, *storage, key);
    storages.emplace_back(fmt::format("{}/data/{}", root, key),
                          std::span(view.data, static_cast<std::size_t>(view.shape.elements()) *
                                                   static_cast<std::size_t>(storage->element_bytes)));
  }
  pickler.opcode('u');
  pickler.opcode('.');

  const auto bytes_of = [](std::string_view text) { return std::as_bytes(std::span(text.data(), text.size())); };
  std::vector<std::pair<std::string, std::span<const std::byte>>> entries;
  entries.emplace_back(root + "/data.pkl", bytes_of(pickler.text()));
  entries.emplace_back(root + "/byteorder", bytes_of("little"));
  entries.insert(entries.end(), storages.begin(), storages.end());
  entries.emplace_back(root + "/version", bytes_of("3\n"));
  AtomicFile file(path);
  file.write(write_zip(entries));
  file.commit();
}

}  // namespace firstlight::io
