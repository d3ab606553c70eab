// What the home keeps of networks: written for its owner alone, and never in anybody's way.
#include "apps/pshare/home.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

namespace pshare {
namespace {

namespace fs = std::filesystem;

class AHome : public testing::Test {
 public:
  AHome() : folder_(fs::path{testing::TempDir()} / (std::string{"home-"} + testing::UnitTest::GetInstance()->current_test_info()->name())) { fs::remove_all(folder_); }
  ~AHome() override { fs::remove_all(folder_); }
  Home open() const {
    CommonOptions options;
    options.home = folder_;
    return value_or_throw(Home::open(options));
  }
  static NetworkPair pair_with(std::uint8_t peer) {
    PeerId::Digest digest{};
    digest.front() = std::byte{peer};
    return {.own_external = {}, .own_default = {}, .peer = PeerId{digest}, .peer_external = {}};
  }
  const fs::path folder_;
  SeededRandom random_{3};
  const Remembered punched_{.tier = Tier::punched, .transport = Transport::udp, .way = Way::measured, .when = {}};
};

TEST_F(AHome, RemembersWhatWorkedBetweenNetworks) {
  const auto home = open();
  EXPECT_EQ(home.pair_memory(random_).size(), 0u);
  ASSERT_TRUE(home.remember(pair_with(1), punched_, random_));
  ASSERT_TRUE(open().remember(pair_with(2), punched_, random_));
  const auto memory = home.pair_memory(random_);
  EXPECT_EQ(memory.recall(pair_with(1)), punched_);
  EXPECT_EQ(memory.recall(pair_with(2)), punched_);
  struct stat facts{};
  ASSERT_EQ(::stat((folder_ / "pairs").c_str(), &facts), 0);
  EXPECT_EQ(facts.st_mode & 0777, 0600u);
}

TEST_F(AHome, BeginsAnewWhereTheFileIsTornForgedOrNoFile) {
  const auto home = open();
  ASSERT_TRUE(home.remember(pair_with(1), punched_, random_));
  const auto file = folder_ / "pairs";
  fs::resize_file(file, fs::file_size(file) - 1);
  EXPECT_EQ(home.pair_memory(random_).size(), 0u);
  std::ofstream{file} << std::string(1'000'000, 'x');
  EXPECT_EQ(home.pair_memory(random_).size(), 0u);
  ASSERT_TRUE(home.remember(pair_with(2), punched_, random_));
  EXPECT_EQ(home.pair_memory(random_).recall(pair_with(2)), punched_);
  fs::remove(file);
  fs::create_directory(file);
  EXPECT_EQ(home.pair_memory(random_).size(), 0u);
  EXPECT_FALSE(home.remember(pair_with(2), punched_, random_)) << "which is said, and nobody need care";
}

TEST_F(AHome, CountsWhatItsSupernodesHaveCarried) {
  const UnixTime november = std::chrono::sys_days{std::chrono::year{2026} / 11 / 28};
  const auto home = open();
  EXPECT_EQ(value_or_throw(home.volume()), MonthlyVolume{});
  EXPECT_EQ(value_or_throw(home.add_to_volume(100, november)).used(november), 100u);
  EXPECT_EQ(value_or_throw(open().add_to_volume(20, november)).used(november), 120u) << "another program of the same home";
  EXPECT_EQ(value_or_throw(home.volume()).used(november), 120u);
  struct stat facts{};
  ASSERT_EQ(::stat((folder_ / "supernode-volume").c_str(), &facts), 0);
  EXPECT_EQ(facts.st_mode & 0777, 0600u);
}

TEST_F(AHome, DoesNotForgetWhatWasCarriedBecauseTheFileCannotBeRead) {
  const auto home = open();
  std::ofstream{folder_ / "supernode-volume"} << "2026-11 many\n";
  for (const auto& volume : {home.volume(), home.add_to_volume(1, UnixTime{})}) {
    ASSERT_FALSE(volume);
    EXPECT_EQ(volume.error().code, Errc::local_io);
    EXPECT_NE(volume.error().hint.find("Remove the file"), std::string::npos);
  }
}

TEST_F(AHome, KeepsNameAndServerAmongTheLinesOfTheUsersOwn) {
  CommonOptions options;
  options.home = folder_;
  ASSERT_FALSE(value_or_throw(Home::pshare_toml(options)));
  EXPECT_FALSE(fs::exists(folder_)) << "asking makes none";
  const auto home = open();
  const auto file = folder_ / "pshare.toml";
  const auto text = [&] { return value_or_throw(Home::pshare_toml(options))->text; };
  ASSERT_TRUE(home.keep({.server = "one.example:4700", .name = "ann"}));
  EXPECT_EQ(text(), "server = \"one.example:4700\"\nname = \"ann\"\n");
  std::ofstream{file} << "# mine\nname = \"ann\" # me\n\n[send]\nlanes = 4 # enough\n";
  ASSERT_TRUE(home.keep({.server = "two.example:4700", .name = "bob"}));
  EXPECT_EQ(text(), "# mine\nname = \"bob\" # me\nserver = \"two.example:4700\"\n\n[send]\nlanes = 4 # enough\n");
  struct stat facts{};
  ASSERT_EQ(::stat(file.c_str(), &facts), 0);
  EXPECT_EQ(facts.st_mode & 0777, 0600u);
}

TEST_F(AHome, LeavesASettingsFileAsItIsThatItCannotChange) {
  const auto home = open();
  const auto file = folder_ / "pshare.toml";
  std::ofstream{file} << "name = \n";
  const auto refused = home.keep({.server = std::nullopt, .name = "bob"});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::usage);
  EXPECT_EQ(fs::file_size(file), 8u);
  std::ofstream{file} << std::string(max_config_text + 1, '#');
  CommonOptions options;
  options.home = folder_;
  const auto too_long = Home::pshare_toml(options);
  ASSERT_FALSE(too_long);
  EXPECT_EQ(too_long.error().code, Errc::local_io);
}

TEST_F(AHome, WritesThroughALinkToItsSettings) {
  const auto home = open();
  const auto elsewhere = folder_ / "dotfiles.toml";
  std::ofstream{elsewhere} << "# under version control\n";
  fs::create_symlink(elsewhere, folder_ / "pshare.toml");
  ASSERT_TRUE(home.keep({.server = std::nullopt, .name = "ann"}));
  EXPECT_TRUE(fs::is_symlink(folder_ / "pshare.toml"));
  std::ifstream in{elsewhere};
  EXPECT_EQ((std::string{std::istreambuf_iterator<char>{in}, {}}), "name = \"ann\"\n# under version control\n");
}

TEST_F(AHome, WritesThroughALinkToSettingsThatAreNotThereYet) {
  const auto home = open();
  fs::create_directory(folder_ / "dotfiles");
  fs::create_symlink("dotfiles/link.toml", folder_ / "pshare.toml");
  fs::create_symlink("pshare.toml", folder_ / "dotfiles" / "link.toml");
  ASSERT_TRUE(home.keep({.server = std::nullopt, .name = "ann"}));
  EXPECT_TRUE(fs::is_symlink(folder_ / "pshare.toml"));
  EXPECT_TRUE(fs::is_symlink(folder_ / "dotfiles" / "link.toml"));
  EXPECT_TRUE(fs::is_regular_file(folder_ / "dotfiles" / "pshare.toml"));
  CommonOptions options;
  options.home = folder_;
  EXPECT_EQ(value_or_throw(Home::pshare_toml(options))->text, "name = \"ann\"\n");
}

TEST_F(AHome, ReplacesNoLinkThatLeadsNowhere) {
  const auto home = open();
  fs::create_symlink("missing/pshare.toml", folder_ / "pshare.toml");
  EXPECT_FALSE(home.keep({.server = std::nullopt, .name = "ann"}));
  EXPECT_TRUE(fs::is_symlink(folder_ / "pshare.toml"));
  fs::remove(folder_ / "pshare.toml");
  fs::create_symlink("pshare.toml", folder_ / "pshare.toml");
  EXPECT_FALSE(home.keep({.server = std::nullopt, .name = "ann"}));
  EXPECT_TRUE(fs::is_symlink(folder_ / "pshare.toml"));
}

TEST_F(AHome, AsksOfSettingsThatCannotBeReadWhetherTheyMayBe) {
  fs::create_directories(folder_ / "pshare.toml");
  CommonOptions options;
  options.home = folder_;
  const auto refused = Home::pshare_toml(options);
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().hint.find("may this user read it"), std::string::npos) << refused.error().hint;
}

}  // namespace
}  // namespace pshare
