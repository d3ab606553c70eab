#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>
#include <thread>

#include "file_rights.hpp"
#include "secure/contacts.hpp"
#include "secure/identity.hpp"

namespace pshare {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

class Pins : public testing::Test {
 protected:
  Pins() : file(fs::path{testing::TempDir()} / (std::string{"pins-"} + testing::UnitTest::GetInstance()->current_test_info()->name())) { fs::remove(file); }
  ~Pins() override {
    fs::remove(file);
    fs::remove(file.string() + ".lock");
  }
  PinFile open() const {
    auto opened = PinFile::open(file);
    EXPECT_TRUE(opened) << opened.error().message();
    return opened ? *opened : PinFile{};
  }
  static PeerId somebody() { return Identity::generate()->id(); }
  const fs::path file;
};

TEST_F(Pins, AreEmptyWithoutAFile) { EXPECT_TRUE(open().pins().empty()); }

TEST_F(Pins, AreFoundByNameWithoutRegardToCaseAndById) {
  const auto bob = somebody();
  auto pins = open();
  ASSERT_TRUE(pins.add({"Bob", bob}));
  EXPECT_EQ(open().find("bOB"), (Pin{"bob", bob}));
  EXPECT_EQ(open().find(bob), (Pin{"bob", bob}));
  EXPECT_EQ(open().find("carol"), std::nullopt);
}

TEST_F(Pins, NeverChangeTheirKeyInPassing) {
  const auto bob = somebody();
  auto pins = open();
  ASSERT_TRUE(pins.add({"bob", bob}));
  EXPECT_TRUE(pins.add({"bob", bob}));  // the same again is no change
  const auto replaced = pins.add({"bob", somebody()});
  ASSERT_FALSE(replaced);
  EXPECT_EQ(replaced.error().code, Errc::refused);
  EXPECT_THAT(replaced.error().hint, HasSubstr("contacts remove bob"));
  EXPECT_EQ(open().find("bob")->id, bob);
}

TEST_F(Pins, CanBeRemoved) {
  auto pins = open();
  ASSERT_TRUE(pins.add({"bob", somebody()}));
  EXPECT_TRUE(pins.remove("BOB").value_or(false));
  EXPECT_FALSE(pins.remove("bob").value_or(true));
  EXPECT_TRUE(open().pins().empty());
}

TEST_F(Pins, AreForTheirOwnerAlone) {
  auto pins = open();
  ASSERT_TRUE(pins.add({"bob", somebody()}));
  EXPECT_TRUE(is_for_owner_alone(file));
}

TEST_F(Pins, AreNotWrittenWithANameThatNoLineCanHold) {
  auto pins = open();
  ASSERT_TRUE(pins.add({"bob", somebody()}));
  const auto forged = "carol\nmallory " + somebody().text() + "\ncarol";
  for (const auto& name : {std::string{}, std::string{"my friend"}, std::string{"#bob"}, std::string{"a\tb"}, forged, std::string(PinFile::max_name + 1, 'x')}) {
    const auto added = pins.add({name, somebody()});
    ASSERT_FALSE(added) << name;
    EXPECT_EQ(added.error().code, Errc::usage);
  }
  EXPECT_EQ(open().pins().size(), 1u);
  EXPECT_TRUE(pins.add({std::string(PinFile::max_name, 'x'), somebody()}));
  EXPECT_EQ(open().pins().size(), 2u);
}

TEST_F(Pins, AreKeptSortedHoweverTheyWereWritten) {
  std::ofstream{file} << "zoe " << somebody().text() << "\n\n# a comment\nBob " << somebody().text() << "\n";
  auto pins = open();
  ASSERT_TRUE(pins.add({"mia", somebody()}));
  std::vector<std::string> names;
  const auto written = open();
  for (const auto& pin : written.pins()) names.push_back(pin.name);
  EXPECT_THAT(names, testing::ElementsAre("bob", "mia", "zoe"));
}

TEST_F(Pins, ThatCouldNotBeWrittenAreNotThere) {
  auto pins = *PinFile::open(file / "no-folder" / "contacts");
  const auto added = pins.add({"bob", somebody()});
  ASSERT_FALSE(added);
  EXPECT_EQ(added.error().code, Errc::local_io);
  EXPECT_TRUE(pins.pins().empty());
}

TEST_F(Pins, OfTwoWritersAreBothKept) {
  const auto add_some = [&](const std::string& prefix) {
    auto pins = open();
    for (int i = 0; i < 20; ++i) ASSERT_TRUE(pins.add({prefix + std::to_string(i), somebody()}));
  };
  std::thread other{[&] { add_some("a"); }};
  add_some("b");
  other.join();
  EXPECT_EQ(open().pins().size(), 40u);
}

TEST_F(Pins, AreMarkedAsVerifiedForTheKeyThatWasComparedAlone) {
  const Pin bob{"bob", somebody()};
  auto pins = open();
  ASSERT_TRUE(pins.add(bob));
  EXPECT_FALSE(open().find("bob")->verified);
  ASSERT_TRUE(pins.mark({"BOB", bob.id}, true));
  EXPECT_TRUE(open().find("bob")->verified);
  EXPECT_TRUE(pins.add(bob));
  EXPECT_TRUE(open().find("bob")->verified) << "the same again is no change";
  for (const auto& other : {Pin{"bob", somebody()}, Pin{"carol", bob.id}}) {
    const auto marked = pins.mark(other, true);
    ASSERT_FALSE(marked);
    EXPECT_EQ(marked.error().code, Errc::refused);
  }
  ASSERT_TRUE(pins.mark(bob, false));
  EXPECT_FALSE(open().find("bob")->verified);
}

TEST_F(Pins, LoseTheMarkWithTheKey) {
  const Pin bob{"bob", somebody()};
  auto pins = open();
  ASSERT_TRUE(pins.add(bob));
  ASSERT_TRUE(pins.mark(bob, true));
  ASSERT_TRUE(pins.remove("bob").value_or(false));
  ASSERT_TRUE(pins.add(bob));
  EXPECT_FALSE(open().find("bob")->verified);
}

TEST(PinText, MaySayThatAPinIsVerified) {
  const auto id = Identity::generate()->id();
  const auto pins = PinFile::parse("alice " + id.text() + "\nbob " + id.text() + " verified\n");
  ASSERT_TRUE(pins);
  EXPECT_THAT(*pins, testing::ElementsAre(Pin{"alice", id, false}, Pin{"bob", id, true}));
  for (const auto& wrong : {" Verified", " verified ", " verified verified", " trusted", "verified"}) EXPECT_FALSE(PinFile::parse("bob " + id.text() + wrong)) << wrong;
  EXPECT_FALSE(PinFile::parse("bob verified"));
}

TEST(PinText, NamesTheLineThatIsWrong) {
  const auto id = Identity::generate()->id().text();
  auto mistyped = id;
  mistyped[3] = mistyped[3] == 'A' ? 'B' : 'A';
  for (const auto& line : {std::string{"bob"}, "bob " + mistyped, std::string{" "} + id, "bob " + id + "A", std::string{"alice "} + id}) {
    const auto parsed = PinFile::parse("# comment\n\nalice " + id + "\n" + line + "\n");
    ASSERT_FALSE(parsed) << line;
    EXPECT_THAT(parsed.error().doing, HasSubstr("line 4")) << line;
  }
}

TEST(PinText, HoldsAtMostTenThousandNames) {
  const auto id = Identity::generate()->id().text();
  std::string text;
  for (std::size_t i = 0; i < PinFile::max_pins; ++i) text += "n" + std::to_string(i) + " " + id + "\n";
  EXPECT_TRUE(PinFile::parse(text));
  const auto parsed = PinFile::parse(text + "more " + id + "\n");
  ASSERT_FALSE(parsed);
  EXPECT_EQ(parsed.error().code, Errc::limit);
}

}  // namespace
}  // namespace pshare
