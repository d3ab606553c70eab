#include "apps/pshare/in_force.hpp"

#include <gmock/gmock.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <sstream>

#include "apps/pshare/options.hpp"
#include "apps/pshare/pshare_toml.hpp"

namespace pshare {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

struct Surroundings {
  std::map<std::string, std::vector<std::string>> command_line = {};
  std::map<std::string, std::string> environment = {};
};

std::vector<SettingInForce> in_force(std::string_view text, const Surroundings& around = {}) {
  const auto file = read_pshare_toml("/home/ann/.config/pshare/pshare.toml", text, "/home/ann");
  EXPECT_TRUE(file.faults.empty());
  const auto environment = [&](const char* name) {
    const auto found = around.environment.find(name);
    return found == around.environment.end() ? std::nullopt : std::optional{found->second};
  };
  return settings_in_force(pshare_toml_grammar(pshare_command()), file, {.command_line = around.command_line, .environment = environment}, "/home/ann/.config/pshare");
}

const SettingInForce& find(const std::vector<SettingInForce>& settings, std::string_view name) {
  const auto found = std::ranges::find(settings, name, &SettingInForce::name);
  if (found == settings.end()) throw std::out_of_range{std::string{name}};
  return *found;
}

std::string source(const std::vector<SettingInForce>& settings, std::string_view name) { return find(settings, name).source; }

TEST(InForce, IsWhatIsStrongestInTheOrderCommandLineEnvironmentFileDefault) {
  const std::string file = "server = \"file.example\"\ntimeout = \"1m\"\n\n[send]\nlanes = 4\n";
  const auto only_file = in_force(file);
  EXPECT_EQ(source(only_file, "server"), "pshare.toml:1");
  EXPECT_EQ(source(only_file, "timeout"), "pshare.toml:2");
  EXPECT_EQ(source(only_file, "send.lanes"), "pshare.toml:5");
  EXPECT_EQ(source(only_file, "send.limit"), "default");
  EXPECT_EQ(source(only_file, "home"), "default");
  const auto environment = in_force(file, {.environment = {{"PSHARE_SERVER", "env.example"}, {"PSHARE_HOME", "/h"}}});
  EXPECT_EQ(source(environment, "server"), "PSHARE_SERVER");
  EXPECT_THAT(*find(environment, "server").words, ElementsAre("env.example"));
  EXPECT_EQ(source(environment, "home"), "PSHARE_HOME");
  const auto given = in_force(file, {.command_line = {{"server", {"a.example", "b.example"}}, {"timeout", {"5s"}}, {"home", {"/x"}}}, .environment = {{"PSHARE_SERVER", "env.example"}}});
  EXPECT_EQ(source(given, "server"), "command line");
  EXPECT_THAT(*find(given, "server").words, ElementsAre("a.example", "b.example"));
  EXPECT_THAT(*find(given, "timeout").words, ElementsAre("5s"));
  EXPECT_EQ(source(given, "home"), "command line");
}

TEST(InForce, HasTheProxyOfTheFileBeforeThatOfAllPrograms) {
  const Surroundings around{.environment = {{"HTTPS_PROXY", "http://env:3128"}, {"ALL_PROXY", "http://all:3128"}}};
  EXPECT_EQ(source(in_force("", around), "proxy"), "HTTPS_PROXY");
  EXPECT_EQ(source(in_force("proxy = \"none\"\n", around), "proxy"), "pshare.toml:1");
  EXPECT_EQ(source(in_force(""), "proxy"), "default");
}

TEST(InForce, ShowsNoPassword) {
  for (const auto& settings : {in_force("proxy = \"http://ann:s3cret@proxy:3128\"\n"), in_force("", {.environment = {{"HTTPS_PROXY", "socks5://ann:s3cret@proxy:3128"}}}),
                               in_force("", {.command_line = {{"proxy", {"ann:s3cret@proxy:3128"}}}}), in_force("[send]\nproxy = \"http://ann:s3cret@proxy\"\n")}) {
    EXPECT_THAT(in_force_words(settings), HasSubstr("ann:***@proxy"));
    EXPECT_THAT(in_force_words(settings) + in_force_json(settings), Not(HasSubstr("s3cret")));
  }
}

TEST(InForce, ShowsNoPasswordWhateverItsCharacters) {
  for (const auto* proxy : {"ann:p://s3cret@x:1", "ann:s3cret://@x:1", "http://ann:p://s3cret@x:1", "http://ann:s3@cret@x:1"}) {
    const auto settings = in_force("", {.environment = {{"HTTPS_PROXY", proxy}}});
    EXPECT_THAT(in_force_words(settings), HasSubstr("ann:***@x:1")) << proxy;
    EXPECT_THAT(in_force_json(settings), HasSubstr("ann:***@x:1")) << proxy;
  }
}

TEST(InForce, HasARowForWhatAVerbIsToldOtherwise) {
  const auto settings = in_force("port = 4711\n[supernode]\nport = 4712\n");
  EXPECT_EQ(source(settings, "port"), "pshare.toml:1");
  EXPECT_EQ(source(settings, "supernode.port"), "pshare.toml:3");
  EXPECT_TRUE(std::ranges::none_of(settings, [](const SettingInForce& each) { return each.name == "receive.port"; }));
}

bool has(const std::vector<SettingInForce>& settings, std::string_view name) { return std::ranges::find(settings, name, &SettingInForce::name) != settings.end(); }

TEST(InForce, LeavesOutOfAVerbsTableWhatIsOverruled) {
  const std::string file = "[send]\ntimeout = \"2m\"\nserver = \"file.example\"\nno-tiers = [\"relay\"]\n";
  for (const auto* row : {"send.timeout", "send.server", "send.no-tiers"}) EXPECT_TRUE(has(in_force(file), row)) << row;
  EXPECT_FALSE(has(in_force(file, {.command_line = {{"timeout", {"5s"}}}}), "send.timeout"));
  EXPECT_FALSE(has(in_force(file, {.command_line = {{"server", {"a.example"}}}}), "send.server"));
  EXPECT_FALSE(has(in_force(file, {.environment = {{"PSHARE_SERVER", "env.example"}}}), "send.server"));
  EXPECT_FALSE(has(in_force(file, {.command_line = {{"tiers", {"direct"}}}}), "send.no-tiers"));
}

TEST(InForce, ShowsNoLineThatGivesWayToTheCommandLine) {
  const auto settings = in_force("no-tiers = \"relay\"\n", {.command_line = {{"tiers", {"direct"}}}});
  EXPECT_EQ(source(settings, "no-tiers"), "default");
  EXPECT_EQ(find(settings, "no-tiers").words, std::nullopt);
  EXPECT_EQ(source(in_force("no-tiers = \"relay\"\n"), "no-tiers"), "pshare.toml:1");
}

TEST(InForce, IsATableOfEightyColumns) {
  const auto words = in_force_words(in_force("name = \"ann\"\nserver = \"a-rather-long-name-of-a-server.example.org:4700,another-one.example.org:4700\"\n[receive]\nfrom = [\"bob\", \"carol\"]\n"));
  std::istringstream lines{words};
  for (std::string line; std::getline(lines, line);) EXPECT_LE(line.size(), line.starts_with("server") ? 120u : 80u) << line;
  EXPECT_THAT(words, HasSubstr("\nname                 ann "));
  EXPECT_THAT(words, HasSubstr("another-one.example.org:4700\n" + std::string(64, ' ') + "pshare.toml:2\n"));
  EXPECT_THAT(words, HasSubstr("\nreceive.from         bob,carol "));
  EXPECT_THAT(words, HasSubstr("\nsend.limit           (none) "));
  EXPECT_THAT(words, HasSubstr("\ntimeout              10m "));
}

TEST(InForce, IsAnObjectALineForPrograms) {
  const auto lines = in_force_json(in_force("name = \"ann\"\n[send]\nlanes = 4\nexclude = [\"*.o\", \".git\"]\nno-qr = true\nlimit = \"2M\"\n"));
  std::map<std::string, nlohmann::json> values;
  std::istringstream each{lines};
  for (std::string line; std::getline(each, line);) {
    const auto object = nlohmann::json::parse(line);
    EXPECT_EQ(object.at("event"), "setting");
    EXPECT_TRUE(object.at("source").is_string());
    values[object.at("key")] = object.at("value");
  }
  EXPECT_EQ(values.at("name"), "ann");
  EXPECT_EQ(values.at("send.lanes"), 4);
  EXPECT_EQ(values.at("send.exclude"), (nlohmann::json{"*.o", ".git"}));
  EXPECT_EQ(values.at("send.no-qr"), true);
  EXPECT_EQ(values.at("receive.yes"), false);
  EXPECT_EQ(values.at("send.limit"), "2M");
  EXPECT_EQ(values.at("tiers"), (nlohmann::json{"direct", "mapped", "punched", "supernode", "relay"}));
  EXPECT_TRUE(values.at("supernode.rate").is_null());
  EXPECT_EQ(values.at("verbose"), 0);
}

}  // namespace
}  // namespace pshare
