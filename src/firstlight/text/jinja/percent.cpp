// Python's "..." % values: %s %r %d %i %x %X %o %f %e %g %c %%, with flags, width and precision.
#include <fmt/format.h>

#include <cstdio>

#include "firstlight/text/jinja/builtins.h"
#include "firstlight/text/unicode.h"

namespace firstlight::text::jinja {
namespace {

constexpr int kMaxWidth = 4096;

struct Directive {
  bool left = false, zero = false, plus = false, space = false, alternate = false;
  int width = 0, precision = -1;
};

std::string pad(std::string text, const Directive& directive, bool numeric) {
  const std::size_t size = count_code_points(text);
  const auto width = static_cast<std::size_t>(directive.width);
  if (size >= width) return text;
  const std::size_t missing = width - size;
  if (directive.left) return text + std::string(missing, ' ');
  if (!directive.zero || !numeric) return std::string(missing, ' ') + text;
  const std::size_t sign = text.starts_with('-') || text.starts_with('+') || text.starts_with(' ') ? 1 : 0;
  return text.insert(sign, std::string(missing, '0'));
}

std::string number(Runtime& runtime, char conversion, const Directive& directive, const Value& value) {
  if (!value.is_number())
    runtime.error(fmt::format("%{}: a number is required, not {}", conversion, value.type_name()));
  std::string text;
  bool negative = false;
  if (conversion == 'd' || conversion == 'i' || conversion == 'u' || conversion == 'x' || conversion == 'X' ||
      conversion == 'o') {
    const double real = value.is_float() ? value.number() : 0;
    if (!(real > -9.2e18 && real < 9.2e18)) runtime.error("a number too large for an integer");
    const std::int64_t integer = value.is_float() ? static_cast<std::int64_t>(real) : value.integer();
    negative = integer < 0;
    const std::uint64_t size = negative ? -static_cast<std::uint64_t>(integer) : static_cast<std::uint64_t>(integer);
    text = conversion == 'x'   ? fmt::format("{}{:x}", directive.alternate ? "0x" : "", size)
           : conversion == 'X' ? fmt::format("{}{:X}", directive.alternate ? "0X" : "", size)
           : conversion == 'o' ? fmt::format("{}{:o}", directive.alternate ? "0o" : "", size)
                               : fmt::format("{}", size);
    if (static_cast<int>(text.size()) < directive.precision)
      text.insert(0, static_cast<std::size_t>(directive.precision) - text.size(), '0');
  } else {
    const char format[] = {'%', '.', '*', conversion, '\0'};
    const int precision = directive.precision < 0 ? 6 : directive.precision;
    const double real = value.number();
    negative = real < 0;
    std::string buffer(400 + static_cast<std::size_t>(precision), '\0');
    const int size = std::snprintf(buffer.data(), buffer.size(), format, precision, negative ? -real : real);
    text = buffer.substr(0, static_cast<std::size_t>(size));
  }
  return pad((negative ? "-" : directive.plus ? "+" : directive.space ? " " : "") + text, directive, true);
}

}  // namespace

std::string percent_format(Runtime& runtime, const std::string& format, const Value& values) {
  const bool tuple = values.is_list() && values.list().kind == ListKind::kTuple;
  std::size_t used = 0;
  const auto next = [&]() -> const Value& {
    if (used >= (tuple ? values.list().items.size() : 1)) runtime.error("not enough arguments for format string");
    ++used;
    return tuple ? values.list().items[used - 1] : values;
  };
  std::string out;
  bool by_key = false;
  for (std::size_t i = 0; i < format.size(); ++i) {
    if (format[i] != '%') {
      out += format[i];
      continue;
    }
    Directive directive;
    const Value* keyed = nullptr;
    ++i;
    if (i < format.size() && format[i] == '(') {
      const std::size_t close = format.find(')', i);
      if (close == std::string::npos || !values.is_dict()) runtime.error("format requires a mapping");
      keyed = find_key(runtime, values.dict(), Value(format.substr(i + 1, close - i - 1)));
      if (keyed == nullptr)
        runtime.error(fmt::format("format key '{}' is missing", format.substr(i + 1, close - i - 1)));
      by_key = true;
      i = close + 1;
    }
    for (; i < format.size(); ++i) {
      if (format[i] == '-')
        directive.left = true;
      else if (format[i] == '0')
        directive.zero = true;
      else if (format[i] == '+')
        directive.plus = true;
      else if (format[i] == ' ')
        directive.space = true;
      else if (format[i] == '#')
        directive.alternate = true;
      else
        break;
    }
    const auto digits = [&] {
      int value = 0;
      for (; i < format.size() && format[i] >= '0' && format[i] <= '9'; ++i) {
        value = value * 10 + (format[i] - '0');
        if (value > kMaxWidth) runtime.error(fmt::format("a field wider than {}", kMaxWidth));
      }
      return value;
    };
    directive.width = digits();
    if (i < format.size() && format[i] == '.') {
      ++i;
      directive.precision = digits();
    }
    if (i >= format.size()) runtime.error("incomplete format");
    runtime.charge(1 + static_cast<std::size_t>(directive.width) / 4);
    const char conversion = format[i];
    if (conversion == '%') {
      out += '%';
      continue;
    }
    const Value& value = keyed != nullptr ? *keyed : next();
    if (conversion == 's' || conversion == 'r') {
      std::string text = conversion == 's' ? to_text(runtime, value) : repr(runtime, value);
      if (directive.precision >= 0) {
        std::size_t end = 0;
        for (int n = 0; n < directive.precision && end < text.size(); ++n) end += code_point_at(text, end).bytes;
        text.resize(end);
      }
      out += pad(std::move(text), directive, false);
    } else if (conversion == 'c' && value.is_text() && count_code_points(value.text()) == 1) {
      out += pad(value.text(), directive, false);
    } else if (std::string_view("diuxXofFeEgG").find(conversion) != std::string_view::npos) {
      out += number(runtime, conversion, directive, value);
    } else {
      runtime.error(fmt::format("unsupported format character '{}'", conversion));
    }
    runtime.charge(out.size() / 64);
  }
  if (!by_key && !values.is_dict() && used < (tuple ? values.list().items.size() : 1))
    runtime.error("not all arguments converted during string formatting");
  return out;
}

}  // namespace firstlight::text::jinja
