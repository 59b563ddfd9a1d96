// The template language against Jinja 3.1 in transformers' environment (tools/make_template_goldens.py), its limits,
// and its errors.
#include <gmock/gmock.h>

#include "firstlight/text/jinja/eval.h"
#include "text/cases.h"

namespace firstlight::text::testing {
namespace {

class FixedClock : public jinja::Clock {
 public:
  std::string format(const std::string& format) const override { return "<" + format + ">"; }
};

std::string render(const std::string& source, const Json& variables = Json::object()) {
  return jinja::Template(source, "template").render(variables, FixedClock());
}

TEST(Jinja, LanguageGoldens) {
  const Json file = read_json_file(data_dir() / "chat_templates" / "language.json");
  ASSERT_EQ(file["cases"].size(), 100u);
  int failing = 0;
  for (const Json& entry : file["cases"]) {
    const std::string source = entry["template"];
    SCOPED_TRACE(source);
    if (entry["text"].is_null()) {
      expect_error([&] { render(source, file["variables"]); });
      ++failing;
    } else {
      EXPECT_EQ(render(source, file["variables"]), entry["text"].get<std::string>());
    }
  }
  EXPECT_EQ(failing, 24);
}

TEST(Jinja, ErrorsNameTheLine) {
  const Error error = expect_error([] { render("a\nb\n{% if true %}\n{{ nothing.at_all }}{% endif %}"); });
  EXPECT_EQ(error.category(), Category::kBadInput);
  EXPECT_EQ(error.where(), "template: line 4");
  EXPECT_THAT(error.what(), ::testing::HasSubstr("'nothing' is undefined"));
  EXPECT_EQ(expect_error([] { render("\n\n{{ 'x }}"); }).where(), "template: line 3");
  EXPECT_EQ(expect_error([] { render("{{ 1|nosuch }}"); }).category(), Category::kUnsupported);
  EXPECT_EQ(expect_error([] { render("{% extends 'x' %}"); }).category(), Category::kUnsupported);
  EXPECT_THAT(expect_error([] { render("{{ raise_exception('roles must alternate') }}"); }).what(),
              ::testing::HasSubstr("roles must alternate"));
}

TEST(Jinja, ClockIsTheCallers) { EXPECT_EQ(render("{{ strftime_now('%d %b') }}"), "<%d %b>"); }

// Templates come from strangers: each of these would otherwise take for ever, all memory, or the stack.
TEST(Jinja, WorkIsBounded) {
  for (const char* source : {
           "{% for a in range(100000) %}{% for b in range(100000) %}{% endfor %}{% endfor %}",
           "{% set ns = namespace(s='x') %}{% for i in range(60) %}{% set ns.s = ns.s + ns.s %}{% endfor %}",
           "{% set ns = namespace(l=[1]) %}{% for i in range(60) %}{% set ns.l = ns.l + ns.l %}{% endfor %}",
           "{% set ns = namespace(l=[1]) %}{% for i in range(60) %}{% set ns.l = [ns.l, ns.l] %}{% endfor %}{{ ns.l }}",
           "{% set ns = namespace(l=[1]) %}{% for i in range(60) %}{% set ns.l = [ns.l, ns.l] %}{% endfor %}{{ "
           "ns.l|tojson }}",
           "{% set a = namespace(l=[1]) %}{% set b = namespace(l=[1]) %}{% for i in range(60) %}{% set a.l = [a.l, "
           "a.l] %}"
           "{% set b.l = [b.l, b.l] %}{% endfor %}{{ a.l == b.l }}",
           "{{ 'x' * 1000000000000 }}",
           "{{ [1] * 1000000000000 }}",
           "{{ 'x'.center(1000000000000) }}",
           "{{ ('x' * 1000000).replace('', 'y' * 1000000) }}",
           "{{ ('x,' * 1000000).split(',') | map('upper') | join('y' * 1000000) }}",
       })
    EXPECT_EQ(expect_error([&] { render(source); }).category(), Category::kResource) << source;
}

TEST(Jinja, NestingIsBounded) {
  const auto repeated = [](const std::string& text, int times) {
    std::string out;
    for (int i = 0; i < times; ++i) out += text;
    return out;
  };
  for (const std::string& source : {
           "{{ " + repeated("(", 5000) + "1",
           "{{ " + repeated("[", 5000) + "1",
           "{{ " + repeated("not ", 5000) + "1 }}",
           "{{ " + repeated("-", 5000) + "1 }}",
           "{{ 1" + repeated(" + 1", 5000) + " }}",
           "{{ 1" + repeated("|abs", 5000) + " }}",
           "{{ a" + repeated(".b", 5000) + " }}",
           repeated("{% if 1 %}", 5000),
           std::string("{% macro m(n) %}{{ m(n) }}{% endmacro %}{{ m(1) }}"),
           std::string("{% set ns = namespace(l=1) %}{% for i in range(1000) %}{% set ns.l = [ns.l] %}{% endfor %}"),
       })
    EXPECT_EQ(expect_error([&] { render(source); }).category(), Category::kBadInput) << source.substr(0, 40);
}

TEST(Jinja, NothingChangesValues) {
  const Json variables = {{"l", {1}}, {"d", {{"k", 1}}}};
  for (const char* source :
       {"{{ l.append(2) }}", "{{ l.pop() }}", "{{ d.update({}) }}", "{{ d.pop('k') }}", "{{ d.clear() }}",
        "{{ ''.__class__.__mro__ }}", "{% set d.k = 2 %}", "{% set namespace_missing.k = 2 %}"})
    EXPECT_EQ(expect_error([&] { render(source, variables); }).category(), Category::kBadInput) << source;
}

TEST(Jinja, MacrosOutliveNoScope) {
  EXPECT_EQ(expect_error([] {
              render(
                  "{% set ns = namespace() %}{% for i in [1] %}{% macro m() %}{{ i }}{% endmacro %}{% set ns.m = m %}"
                  "{% endfor %}{{ ns.m() }}");
            }).category(),
            Category::kBadInput);
}

TEST(Jinja, BigNumbers) {
  for (const char* source :
       {"{{ 9223372036854775807 + 1 }}", "{{ -9223372036854775807 - 2 }}", "{{ 2 ** 63 }}", "{{ 10 ** 10 ** 10 }}",
        "{{ 99999999999999999999 }}", "{{ '99999999999999999999'|int }}", "{{ 1e300|int }}"})
    EXPECT_EQ(expect_error([&] { render(source); }).category(), Category::kBadInput) << source;
  EXPECT_EQ(render("{{ (-9223372036854775807 - 1) % -1 }} {{ 7 // -2 }} {{ -7 % 3 }}"), "0 -4 2");
}

}  // namespace
}  // namespace firstlight::text::testing
