// Chat templates of checkpoints: the bundled one in full, published ones by hash, and where templates are found.
#include "firstlight/base/json.h"
#include "firstlight/text/chat_template.h"

#include "firstlight/base/file.h"
#include "firstlight/base/hash.h"
#include "firstlight/text/tokenizer.h"
#include "text/cases.h"

namespace firstlight::text::testing {
namespace {

// Renders every conversation with every set of options. `hashed`: the goldens are hashes of the texts.
void expect_conversations(const ChatTemplate& chat, const Json& common, const Json& cases, bool hashed) {
  EXPECT_EQ(cases.size(), common["conversations"].size() * common["options"].size());
  for (const Json& entry : cases) {
    SCOPED_TRACE(json_text(entry));
    const Json& options = common["options"][entry["options"].get<std::size_t>()];
    ChatOptions asked;
    asked.add_generation_prompt = options["add_generation_prompt"];
    asked.tools = options["tools"];
    asked.extra = options["extra"];
    asked.extra["date_string"] = "26 Jul 2024";
    for (const auto& [name, token] : common["tokens"].items()) asked.extra[name] = token;
    const Json& messages = common["conversations"][entry["messages"].get<std::size_t>()];
    if (entry["text"].is_null()) {
      expect_error([&] { chat.render(messages, asked); });
      continue;
    }
    const std::string text = chat.render(messages, asked);
    EXPECT_EQ(hashed ? hash128_hex(text) : text, entry["text"].get<std::string>()) << text;
  }
}

TEST(ChatTemplate, Bundled) {
  const Json golden = read_json_file(data_dir() / "chat_templates" / "bundled.json");
  const ChatTemplate chat = ChatTemplate::load(source_dir() / "models" / "phi3-nano");
  expect_conversations(chat, golden, golden["cases"], false);
}

TEST(ChatTemplate, Published) {
  FL_SHARED_OR_SKIP(root, "data/tokenizers");
  const Json common = read_json_file(data_dir() / "chat_templates" / "bundled.json");
  const Json golden = read_json_file(data_dir() / "chat_templates" / "published.json");
  EXPECT_EQ(golden["templates"].size(), 8u);
  for (const auto& [name, cases] : golden["templates"].items()) {
    SCOPED_TRACE(name);
    std::string source = read_text_file(root / name);
    if (name.ends_with(".json")) source = parse_json(source, name)["chat_template"].get<std::string>();
    expect_conversations(ChatTemplate::from_text(source, name), common, cases, true);
  }
}

TEST(ChatTemplate, IdsOfTheBundledCheckpoint) {
  const auto folder = source_dir() / "models" / "phi3-nano";
  const std::string text = ChatTemplate::load(folder).render({{{"role", "user"}, {"content", "Hello there."}}});
  EXPECT_EQ(text, "<|user|>\nHello there.<|end|>\n<|assistant|>\n");
  EXPECT_EQ(Tokenizer::load(folder).encode(text, {.add_special_tokens = false}),
            (Ids{2042, 473, 293, 1940, 474, 1958, 2039, 2033}));
}

const Json kHello = {{{"role", "user"}, {"content", "hi"}}};

TEST(ChatTemplate, IsFoundInThreePlaces) {
  const auto folder = firstlight::testing::scratch_dir("chat");
  EXPECT_FALSE(ChatTemplate::exists(folder));
  EXPECT_EQ(expect_error([&] { ChatTemplate::load(folder); }).category(), Category::kBadInput);
  write_text_file(folder / "tokenizer_config.json",
                  R"({"eos_token": {"content": "</s>"}, "chat_template": "S{{ eos_token }}"})");
  write_text_file(folder / "special_tokens_map.json", R"({"eos_token": "x", "bos_token": "<s>"})");
  EXPECT_TRUE(ChatTemplate::exists(folder));
  EXPECT_EQ(ChatTemplate::load(folder).render(kHello), "S</s>");
  write_text_file(
      folder / "tokenizer_config.json",
      R"({"chat_template": [{"name": "rag", "template": "R"}, {"name": "default", "template": "D{{ bos_token }}"}]})");
  EXPECT_EQ(ChatTemplate::load(folder).render(kHello), "D<s>");
  EXPECT_EQ(ChatTemplate::load(folder, "rag").render(kHello), "R");
  EXPECT_EQ(expect_error([&] { ChatTemplate::load(folder, "tool_use"); }).category(), Category::kBadInput);
  write_text_file(folder / "chat_template.jinja", "F{{ messages[0].content }}{{ tools is none }}");
  EXPECT_EQ(ChatTemplate::load(folder).render(kHello), "FhiTrue");
}

TEST(ChatTemplate, TellsTheTimeItIsGiven) {
  const ChatTemplate chat = ChatTemplate::from_text("{{ strftime_now('%d %b %Y %H:%M') }}|{{ strftime_now('') }}", "t");
  ChatOptions options;
  options.now = 1'722'000'000;
  EXPECT_EQ(chat.render(kHello, options), "26 Jul 2024 13:20|");
}

TEST(ChatTemplate, RefusesWrongMessages) {
  const ChatTemplate chat = ChatTemplate::from_text("x", "t");
  EXPECT_EQ(expect_error([&] { chat.render(Json::object()); }).category(), Category::kBadInput);
  EXPECT_EQ(expect_error([] { ChatTemplate::from_text("\xFF", "t"); }).category(), Category::kBadInput);
  EXPECT_EQ(expect_error([] { ChatTemplate::from_text(std::string(2 << 20, 'x'), "t"); }).category(),
            Category::kBadInput);
}

}  // namespace
}  // namespace firstlight::text::testing
