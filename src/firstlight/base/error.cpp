// Categories and the text of an error.
#include "firstlight/base/error.h"

namespace firstlight {

std::string_view category_name(Category category) {
  switch (category) {
    case Category::kFailedVerdict:
      return "failed verdict";
    case Category::kUsage:
      return "usage";
    case Category::kBadInput:
      return "bad input";
    case Category::kUnsupported:
      return "unsupported";
    case Category::kMismatch:
      return "mismatch";
    case Category::kResource:
      return "resource";
    case Category::kInternal:
      return "internal";
  }
  return "internal";
}

Error::Error(Category category, std::string where, std::string message)
    : std::runtime_error(where.empty() ? message : where + ": " + message),
      category_(category),
      where_(std::move(where)),
      message_(std::move(message)) {}

}  // namespace firstlight
