// What becomes of names on a platform that cannot hold them. Windows' rules are asked as they are written down; no Windows was there.
#include "transfer/platform_name.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <optional>

#include "hostile_names.hpp"
#include "transfer/safe_name.hpp"

using namespace std::string_literals;

namespace pshare {
namespace {

/// The name in UTF-16, or nothing if it is not text. Apart from the code under test on purpose.
std::optional<std::u16string> utf16(std::string_view text) {
  std::u16string out;
  for (std::size_t at = 0; at < text.size();) {
    const auto lead = static_cast<unsigned char>(text[at]);
    const std::size_t length = lead < 0x80 ? 1 : lead < 0xC2 ? 0 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : lead < 0xF5 ? 4 : 0;
    if (length == 0 || at + length > text.size()) return std::nullopt;
    char32_t value = length == 1 ? lead : lead & (0xFFu >> (length + 1));
    for (std::size_t i = 1; i < length; ++i) {
      const auto next = static_cast<unsigned char>(text[at + i]);
      if (next >> 6 != 2) return std::nullopt;
      value = value << 6 | (next & 0x3Fu);
    }
    if ((length == 3 && value < 0x800) || (length == 4 && value < 0x10000) || (value >= 0xD800 && value < 0xE000) || value > 0x10FFFF) return std::nullopt;
    if (value >= 0x10000) out += static_cast<char16_t>(0xD800 + ((value - 0x10000) >> 10)), out += static_cast<char16_t>(0xDC00 + ((value - 0x10000) & 0x3FF));
    else out += static_cast<char16_t>(value);
    at += length;
  }
  return out;
}

/// What Windows objects to in this name, in a word; nothing: it would hold it, and open it and no other.
std::string objection(std::string_view name) {
  const auto text = utf16(name);
  if (!text) return "no text";
  if (text->empty() || text->size() > 255) return "its length";
  for (const auto unit : *text)
    if (unit < 0x20 || u"<>:\"/\\|?*"s.find(unit) != std::u16string::npos) return "a reserved character";
  if (text->back() == u'.' || text->back() == u' ') return "its end";
  auto stem = without_case(name.substr(0, name.find('.')));
  while (stem.ends_with(' ')) stem.pop_back();
  for (const auto& device : {"CON"s, "PRN"s, "AUX"s, "NUL"s, "CLOCK$"s, "CONIN$"s, "CONOUT$"s})
    if (stem == device) return "a device";
  for (const auto& device : {"COM"s, "LPT"s})
    for (const auto& number : {"0"s, "1"s, "2"s, "3"s, "4"s, "5"s, "6"s, "7"s, "8"s, "9"s, "¹"s, "²"s, "³"s})
      if (stem == device + number) return "a device";
  return {};
}

TEST(PlatformName, OfTheHostileNamesLinuxKeepsEachAsItIs) {
  const auto all = test::hostile_names();
  ASSERT_GE(all.size(), 400u);
  for (const auto& each : all) {
    EXPECT_EQ(check_name(each.name).has_value(), each.on_linux != "refused") << each.name;
    EXPECT_EQ(check_top_level_name(each.name).has_value(), each.on_linux == "lands") << each.name;
    EXPECT_EQ(name_on(Platform::linux, each.name), each.name);
    EXPECT_EQ(original_name(Platform::linux, each.name), each.name);
  }
}

TEST(PlatformName, OfTheHostileNamesWindowsGetsOnlySuchAsItCanHold) {
  for (const auto& each : test::hostile_names()) {
    if (each.on_linux == "refused") continue;
    const auto written = name_on(Platform::windows, each.name);
    EXPECT_EQ(objection(written), "") << each.name << " as " << written;
    EXPECT_EQ(written == each.name ? "same" : "mapped", each.on_windows) << each.name << " as " << written;
    EXPECT_EQ(original_name(Platform::windows, written), each.name);
    EXPECT_TRUE(utf16(written) && utf16(written)->size() <= each.name.size());
  }
}

TEST(PlatformName, AllHostileNamesInOneFolderStayApartOnWindows) {
  FolderNames folder{Platform::windows};
  std::map<std::string, std::string> taken;  // as Windows compares them
  for (const auto& each : test::hostile_names()) {
    if (each.on_linux == "refused") continue;
    const auto written = folder.take(each.name);
    EXPECT_EQ(objection(written), "") << each.name << " as " << written;
    EXPECT_EQ(original_name(Platform::windows, written), each.name);
    const auto [other, fresh] = taken.emplace(without_case(written), each.name);
    EXPECT_TRUE(fresh) << each.name << " and " << other->second << " as " << written;
  }
}

TEST(PlatformName, WritesWhatWindowsCannotHoldAsOneCharacterForEachByte) {
  struct Row { std::string name, written; };
  for (const auto& [name, written] : {Row{"a:b", "a\uF03Ab"}, Row{"..\\x", "..\uF05Cx"}, Row{"line\nfeed", "line\uF00Afeed"},
                                      Row{"x.", "x\uF02E"}, Row{"x. .", "x. \uF02E"}, Row{"x ", "x\uF020"}, Row{"con.txt", "\uF063on.txt"},
                                      Row{"PROGRA~1", "PROGRA\uF07E1"}, Row{"\xff", "\uF0FF"}, Row{"\uF02E", "\uF0EF\uF080\uF0AE"},
                                      Row{"文件", "文件"}, Row{"plain.txt", "plain.txt"}}) {
    EXPECT_EQ(name_on(Platform::windows, name), written) << name;
    EXPECT_EQ(original_name(Platform::windows, written), name);
  }
}

TEST(PlatformName, WritesOutLettersUntilCaseTellsNeighboursApart) {
  FolderNames folder{Platform::windows};
  EXPECT_EQ(folder.take("ab"), "ab");
  EXPECT_EQ(folder.take("AB"), "\uF041B");
  EXPECT_EQ(folder.take("Ab"), "\uF041\uF062");
  EXPECT_EQ(folder.take("aB"), "\uF061B");
  EXPECT_EQ(folder.take("дом"), "дом");
  EXPECT_EQ(folder.take("ДОМ"), "\uF0D0\uF094ОМ");
  EXPECT_EQ(folder.take("\u1EA1"), "\u1EA1");  // of Vietnamese, Armenian, fullwidth
  EXPECT_EQ(folder.take("\u1EA0"), "\uF0E1\uF0BA\uF0A0");
  EXPECT_EQ(folder.take("\u0561\u6587"), "\u0561\u6587");
  EXPECT_EQ(folder.take("\u0531\u6587"), "\uF0D4\uF0B1\u6587");
  EXPECT_EQ(folder.take("\uFF41"), "\uFF41");
  EXPECT_EQ(folder.take("\uFF21"), "\uF0EF\uF0BC\uF0A1");
  FolderNames on_linux{Platform::linux};
  EXPECT_EQ(on_linux.take("ab"), "ab");
  EXPECT_EQ(on_linux.take("AB"), "AB");
}

}  // namespace
}  // namespace pshare
