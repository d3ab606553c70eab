// A code as it is typed, key by key.
#include "apps/pshare/code_line.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "secure/code.hpp"

namespace pshare {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::SizeIs;

/// What the last key came to.
CodeLine::Key type(CodeLine& line, std::string_view keys) {
  auto what = CodeLine::Key::taken;
  for (const char c : keys) what = line.key(c);
  return what;
}

TEST(CodeLine, TakesACodeAndEnter) {
  CodeLine line;
  EXPECT_THAT(line.lines(), ElementsAre("Code: "));
  EXPECT_EQ(type(line, "\n\n"), CodeLine::Key::taken);  // on nothing
  EXPECT_EQ(type(line, "4821-comet-walnut"), CodeLine::Key::taken);
  EXPECT_THAT(line.lines(), ElementsAre("Code: 4821-comet-walnut"));
  EXPECT_EQ(type(line, "\r"), CodeLine::Key::entered);
  EXPECT_EQ(line.text(), "4821-comet-walnut");
}

TEST(CodeLine, CompletesWordsAndShowsTheChoices) {
  CodeLine line;
  type(line, "4821-come\t-wal\t");
  EXPECT_EQ(line.text(), "4821-comet-wal");
  EXPECT_THAT(line.lines(), ElementsAre("wall  walnut  walrus", "Code: 4821-comet-wal"));
  type(line, "n\t");
  EXPECT_THAT(line.lines(), ElementsAre("Code: 4821-comet-walnut"));
}

TEST(CodeLine, PointsOutAWordThatIsNoneAsSoonAsItEnds) {
  CodeLine line;
  type(line, "4821-comte");
  EXPECT_THAT(line.lines(), SizeIs(1));
  type(line, "-");
  ASSERT_THAT(line.lines(), SizeIs(2));
  EXPECT_THAT(line.lines().front(), HasSubstr("\"comte\" is no word that codes are made of; perhaps \"comet\""));
  type(line, "\x7f");
  EXPECT_THAT(line.lines(), SizeIs(1));
}

TEST(CodeLine, IsEdited) {
  CodeLine line;
  type(line, "4821-comet-x\x7f\x08");
  EXPECT_EQ(line.text(), "4821-comet");
  type(line, "\x17");  // Ctrl-W
  EXPECT_EQ(line.text(), "4821-");
  type(line, "\x1b[D\x1bOA");  // arrows
  EXPECT_EQ(line.text(), "4821-");
  type(line, "\x15");  // Ctrl-U
  EXPECT_EQ(line.text(), "");
  EXPECT_EQ(type(line, "\x7f"), CodeLine::Key::taken);
  EXPECT_EQ(type(line, "4\x04"), CodeLine::Key::taken);  // Ctrl-D on something
  EXPECT_EQ(type(line, "\x15\x04"), CodeLine::Key::ended);
}

TEST(CodeLine, TakesNoMoreThanACodeCanHave) {
  CodeLine line;
  type(line, std::string(2 * max_code_text, '4'));
  EXPECT_EQ(line.text().size(), max_code_text);
  type(line, "\x15\x01\xc3\xa9");  // control characters, and what is no ASCII
  EXPECT_EQ(line.text(), "");
}

TEST(CodeLine, KeepsWhatWasRefusedToBeMended) {
  CodeLine line;
  type(line, "4821-comet\n");
  line.refuse("it is too short");
  EXPECT_THAT(line.lines(), ElementsAre("it is too short", "Code: 4821-comet"));
  type(line, "-");
  EXPECT_THAT(line.lines(), ElementsAre("Code: 4821-comet-"));
}

}  // namespace
}  // namespace pshare
