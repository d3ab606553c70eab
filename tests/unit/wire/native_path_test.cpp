// Text becomes a path and text again, on each system with its own letters.
#include "wire/native_path.hpp"

#include <gtest/gtest.h>

namespace pshare {
namespace {

TEST(NativePath, KeepsLettersOfEveryScript) {
  for (const std::string text : {"", "notes.txt", "Ω文件", "\xF0\x9F\x98\x80.png", "e\xCC\x81t\xC3\xA9"}) EXPECT_EQ(text_of(path_from(text)), text);
}

TEST(NativePath, IsTheOneThatTheSystemWouldMakeOfTheLetters) {
  EXPECT_EQ(path_from("Ω/文"), std::filesystem::path{u8"Ω/文"});
  EXPECT_EQ(text_of(std::filesystem::path{u8"Ω文"}), "Ω文");
}

TEST(NativePath, KnowsFoldersByTheSlash) {
  EXPECT_EQ(text_of(path_from("folder/Ω").filename()), "Ω");
  EXPECT_EQ(text_of(path_from("folder/Ω").parent_path()), "folder");
}

#ifdef _WIN32
TEST(NativePath, SaysThatALetterIsNoneInsteadOfThrowing) {
  EXPECT_EQ(text_of(path_from("a\xFFz")), "a\xEF\xBF\xBDz");
  EXPECT_EQ(text_of(std::filesystem::path{std::wstring{L'a', wchar_t{0xD800}, L'z'}}), "a\xEF\xBF\xBDz");
}
#else
TEST(NativePath, KeepsBytesThatAreNoLetters) { EXPECT_EQ(text_of(path_from("a\xFFz")), "a\xFFz"); }
#endif

}  // namespace
}  // namespace pshare
