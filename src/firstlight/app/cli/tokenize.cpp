// `firstlight tokenize`: text to token ids and back, one text a line.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <iostream>

#include "firstlight/app/cli/flags.h"
#include "firstlight/app/cli/table.h"
#include "firstlight/app/cli/verb.h"
#include "firstlight/base/error.h"
#include "firstlight/base/file.h"
#include "firstlight/text/stream_decoder.h"
#include "firstlight/text/tokenizer.h"

namespace firstlight::app {
namespace {

struct TokenizeFlags {
  std::filesystem::path path;
  std::string text;
  std::filesystem::path time;
  bool lines = false;
  bool no_special = false;
  OutputFlags output;
};

std::string streamed(const text::Tokenizer& tokenizer, std::span<const std::int32_t> ids, bool skip_special) {
  text::StreamDecoder stream(tokenizer, skip_special);
  std::string text;
  for (const std::int32_t id : ids) text += stream.push(id);
  return text + stream.finish();
}

// What is known of one text, or of ids: {"ids", "text", "text_without_special", "streamed"}.
Json answer(const text::Tokenizer& tokenizer, const Json& request) {
  Json out;
  std::vector<std::int32_t> ids;
  if (request.contains("text"))
    ids = tokenizer.encode(request["text"].get<std::string>(), {.add_special_tokens = request.value("special", true),
                                                                .parse_special = request.value("parse", true)});
  else
    ids = request.at("ids").get<std::vector<std::int32_t>>();
  out["ids"] = ids;
  for (const bool skip : {false, true}) {
    const std::string text = tokenizer.decode(ids, skip);
    out[skip ? "text_without_special" : "text"] = text;
    if (streamed(tokenizer, ids, skip) != text)
      fail(Category::kInternal, "tokenize", "the stream's parts are not the whole text");
  }
  return out;
}

int answer_lines(const text::Tokenizer& tokenizer) {
  for (std::string line; std::getline(std::cin, line);) {
    const Json request = parse_json(line, "standard input");
    try {
      print_json_line(answer(tokenizer, request));
    } catch (const Error& error) {
      if (error.category() == Category::kInternal) throw;
      print_json_line({{"error", error.what()}});
    }
  }
  return 0;
}

// Encodes a file as one text, again and again for about a second. Two runs count: the first, when no word is known
// yet, and the best.
int time_file(const text::Tokenizer& tokenizer, const TokenizeFlags& flags) {
  using Clock = std::chrono::steady_clock;
  const std::string text = read_text_file(flags.time);
  const auto begin = Clock::now();
  double first = 0, best = 0;  // MB/s
  std::size_t count = 0;
  while (best == 0 || Clock::now() - begin < std::chrono::seconds(1)) {
    const auto start = Clock::now();
    count = tokenizer.encode(text).size();
    const std::chrono::duration<double> seconds = Clock::now() - start;
    const double rate = static_cast<double>(text.size()) / 1e6 / seconds.count();
    if (first == 0) first = rate;
    best = std::max(best, rate);
  }
  if (flags.output.json)
    print_json(
        {{"bytes", text.size()}, {"tokens", count}, {"megabytes_per_s", best}, {"first_megabytes_per_s", first}});
  else
    fmt::print("{} bytes, {} tokens, {:.1f} MB/s on one core, {:.1f} MB/s the first time\n", text.size(), count, best,
               first);
  return 0;
}

int execute_tokenize(TokenizeFlags& flags) {
  const text::Tokenizer tokenizer = text::Tokenizer::load(flags.path);
  if (flags.lines) return answer_lines(tokenizer);
  if (!flags.time.empty()) return time_file(tokenizer, flags);
  const std::vector<std::int32_t> ids = tokenizer.encode(flags.text, {.add_special_tokens = !flags.no_special});
  if (flags.output.json) {
    Json pieces = Json::array();
    for (const std::int32_t id : ids) pieces.push_back(*tokenizer.piece(id));
    print_json({{"ids", ids}, {"pieces", pieces}});
    return 0;
  }
  Table table({"ID", "PIECE"});
  for (const std::int32_t id : ids) table.add({std::to_string(id), *tokenizer.piece(id)});
  fmt::print("{}\n{} tokens: {}\n", table.str(), ids.size(), fmt::join(ids, " "));
  return 0;
}

}  // namespace

Action declare_tokenize(CLI::App& command) {
  const auto flags = std::make_shared<TokenizeFlags>();
  command.add_option("PATH", flags->path, "Checkpoint folder, or one tokenizer file")->type_name("PATH")->required();
  auto* text = command.add_option("TEXT", flags->text, "The text")->type_name("TEXT");
  auto* lines = command.add_flag("--lines", flags->lines,
                                 "Answer JSON lines of standard input: {\"text\": ...} or {\"ids\": [...]}");
  auto* time = command.add_option("--time", flags->time, "Measure how fast this file is encoded")
                   ->type_name("FILE")
                   ->check(existing_file());
  text->excludes(lines)->excludes(time);
  lines->excludes(time);
  command.add_flag("--no-special", flags->no_special, "Without the special tokens around the text (a BOS, say)");
  add_output_flags(command, flags->output);
  add_examples(command,
               {"firstlight tokenize MODEL 'Hello there'", "firstlight tokenize MODEL --lines < requests.jsonl",
                "firstlight tokenize tokenizer.json --time book.txt"});
  return [flags](const Invocation&) { return execute_tokenize(*flags); };
}

}  // namespace firstlight::app
