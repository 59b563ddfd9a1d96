// Reading of the golden files under tests/data, and small tokenizers written in the tests.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "firstlight/base/json.h"
#include "firstlight/text/tokenizer.h"
#include "testing/testing.h"

namespace firstlight::text::testing {

using firstlight::testing::expect_error;
using firstlight::testing::source_dir;

using Ids = std::vector<std::int32_t>;
inline Ids ids_of(const Json& json) { return json.get<Ids>(); }
inline std::filesystem::path data_dir() { return source_dir() / "tests" / "data"; }

// Checks one entry of a golden file: {"text", "ids", "plain_ids"?, "decoded", "decoded_without_special"?} or
// {"ids", "decoded"}.
void expect_case(const Tokenizer& tokenizer, const Json& entry);

// A tokenizer.json of byte-pair encoding: `vocabulary` get the ids 0, 1, ..., and `parts` replace or add fields of the
// root ("normalizer", "added_tokens", ...).
Json tokenizer_json(const std::vector<std::string>& vocabulary, const std::vector<std::string>& merges,
                    const Json& parts = Json::object());
Tokenizer make_tokenizer(const Json& json);

}  // namespace firstlight::text::testing
