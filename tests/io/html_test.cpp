// HTML escaping.
#include "firstlight/io/html.h"

#include <gtest/gtest.h>

namespace firstlight::io {
namespace {

TEST(Html, EscapesMarkup) {
  EXPECT_EQ(html_text("a < b && c > \"d\" 'e'"), "a &lt; b &amp;&amp; c &gt; \"d\" 'e'");
  EXPECT_EQ(html_attribute("<\"'&>"), "&lt;&quot;&#39;&amp;&gt;");
  EXPECT_EQ(html_text("</script><script>"), "&lt;/script&gt;&lt;script&gt;");
  EXPECT_EQ(html_text(""), "");
}

TEST(Html, KeepsUnicode) { EXPECT_EQ(html_text("é 漢 😀\n\t"), "é 漢 😀\n\t"); }

TEST(Html, ReplacesWhatIsNotText) {
  const std::string mark = "\xEF\xBF\xBD";
  EXPECT_EQ(html_text(std::string_view("a\0b", 3)), "a" + mark + "b");
  EXPECT_EQ(html_text("\x1b[31m"), mark + "[31m");
  EXPECT_EQ(html_text("\xff<"), mark + "&lt;");
  EXPECT_EQ(html_text("\xc3"), mark);                        // cut off
  EXPECT_EQ(html_text("\xc0\xbc"), mark + mark);             // '<' in two bytes
  EXPECT_EQ(html_text("\xe0\x80\xbc"), mark + mark + mark);  // '<' in three
  EXPECT_EQ(html_text("\xed\xa0\x80"), mark + mark + mark);  // a surrogate
  EXPECT_EQ(html_text("\xf4\x90\x80\x80").size(), 12u);      // beyond U+10FFFF
  EXPECT_EQ(html_text("\xe6\xbc<"), mark + mark + "&lt;");   // a lead byte does not swallow markup
}

}  // namespace
}  // namespace firstlight::io
