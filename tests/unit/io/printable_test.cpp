#include "io/printable.hpp"

#include <gtest/gtest.h>

namespace pshare {
namespace {

using namespace std::string_literals;

TEST(Printable, LeavesOrdinaryTextAlone) {
  for (const auto* text : {"", "film.mkv", "two words", "C:\\temp", "Grüße", "日本語", "שלום", "👩‍🚀", "a\xCC\x81"})
    EXPECT_EQ(printable(text), text);
}

TEST(Printable, ShowsControlCharactersInsteadOfObeyingThem) {
  EXPECT_EQ(printable("\x1b[2J\x1b]0;title\x07"), "\\x1b[2J\\x1b]0;title\\x07");
  EXPECT_EQ(printable("a\0b"s), "a\\x00b");
  EXPECT_EQ(printable("a\rb\tc\x7f"), "a\\x0db\\x09c\\x7f");
  for (int code = 0; code < 0x20; ++code)
    for (const char shown : printable(std::string(1, static_cast<char>(code)))) EXPECT_GE(shown, 0x20) << code;
}

TEST(Printable, KeepsNewlinesOnlyWhereAsked) {
  EXPECT_EQ(printable("one\ntwo"), "one\\x0atwo");
  EXPECT_EQ(printable("one\ntwo", Newlines::kept), "one\ntwo");
  EXPECT_EQ(printable("one\r\ntwo", Newlines::kept), "one\\x0d\ntwo");
}

TEST(Printable, ShowsBytesThatAreNotUtf8) {
  EXPECT_EQ(printable("a\xff\xfe"), "a\\xff\\xfe");
  EXPECT_EQ(printable("\xc3"), "\\xc3");                              // cut short
  EXPECT_EQ(printable("\xe2\x82"), "\\xe2\\x82");
  EXPECT_EQ(printable("\xf0\x9f\x98"), "\\xf0\\x9f\\x98");
  EXPECT_EQ(printable("\xc3(x"), "\\xc3(x");                          // the byte after is its own
  EXPECT_EQ(printable("\xc0\x9b"), "\\xc0\\x9b");                     // overlong
  EXPECT_EQ(printable("\xe0\x80\x9b"), "\\xe0\\x80\\x9b");
  EXPECT_EQ(printable("\xf0\x80\x80\x9b"), "\\xf0\\x80\\x80\\x9b");
  EXPECT_EQ(printable("\xed\xa0\x80"), "\\xed\\xa0\\x80");            // a surrogate
  EXPECT_EQ(printable("\xf4\x90\x80\x80"), "\\xf4\\x90\\x80\\x80");   // beyond U+10FFFF
  EXPECT_EQ(printable("\x9b[31m"), "\\x9b[31m");                      // CSI in Latin-1
  EXPECT_EQ(printable("\xe2\x1b\x80"), "\\xe2\\x1b\\x80");            // an escape inside a broken character
}

TEST(Printable, ShowsCharactersThatReorderOrHideOthers) {
  EXPECT_EQ(printable("gpj.\u202Eexe"), "gpj.\\u{202e}exe");
  EXPECT_EQ(printable("\u0085"), "\\u{85}");
  EXPECT_EQ(printable("\u009B"), "\\u{9b}");
  for (const char32_t code : {U'\u202A', U'\u202B', U'\u202C', U'\u202D', U'\u202E', U'\u2066', U'\u2067', U'\u2068', U'\u2069',
                              U'\u200E', U'\u200F', U'\u061C', U'\u2028', U'\u2029', U'\u200B', U'\uFEFF', U'\U000E0041'}) {
    std::string text;
    if (code < 0x800) {
      text += static_cast<char>(0xC0 | (code >> 6));
    } else if (code < 0x10000) {
      text += static_cast<char>(0xE0 | (code >> 12));
      text += static_cast<char>(0x80 | ((code >> 6) & 0x3F));
    } else {
      text += static_cast<char>(0xF0 | (code >> 18));
      text += static_cast<char>(0x80 | ((code >> 12) & 0x3F));
      text += static_cast<char>(0x80 | ((code >> 6) & 0x3F));
    }
    text += static_cast<char>(0x80 | (code & 0x3F));
    EXPECT_EQ(printable(text).substr(0, 3), "\\u{") << static_cast<unsigned>(code);
  }
}

TEST(Printable, CutsWhatIsTooLongAndSaysSo) {
  EXPECT_EQ(printable(std::string(20, 'a'), Newlines::escaped, 20), std::string(20, 'a'));
  EXPECT_EQ(printable(std::string(21, 'a'), Newlines::escaped, 20), std::string(17, 'a') + "...");
  EXPECT_EQ(printable(std::string(5'000'000, 'a')).size(), max_printable);
}

TEST(Printable, NeverCutsACharacterOrAnEscapeInTwo) {
  std::string wide;
  for (int i = 0; i < 20; ++i) wide += "\u20AC";  // three bytes each
  for (std::size_t longest = 16; longest < 40; ++longest) {
    const auto shown = printable(wide, Newlines::escaped, longest);
    EXPECT_LE(shown.size(), longest);
    EXPECT_EQ((shown.size() - 3) % 3, 0u);
    EXPECT_EQ(printable(shown), shown);
    const auto escapes = printable(std::string(40, '\x1b'), Newlines::escaped, longest);
    EXPECT_LE(escapes.size(), longest);
    EXPECT_EQ((escapes.size() - 3) % 4, 0u);
  }
}

TEST(Printable, OfSomethingPrintableIsTheSame) {
  std::string every;
  for (int byte = 0; byte < 256; ++byte) every += static_cast<char>(byte);
  const auto once = printable(every);
  EXPECT_EQ(printable(once), once);
}

}  // namespace
}  // namespace pshare
