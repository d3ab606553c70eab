// The file of pshare-server beside its command line.
#include "apps/pshare-server/server_config.hpp"

#include <gmock/gmock.h>

#include <algorithm>

#include "apps/pshare-server/options.hpp"

namespace pshare {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

Result<std::variant<ServerOptions, Answered>> parse(std::vector<const char*> arguments, const std::string& file) {
  arguments.insert(arguments.begin(), {"pshare-server", "--config", "/etc/s.toml"});
  return parse_server_options(static_cast<int>(arguments.size()), arguments.data(), [&](const std::filesystem::path& path) -> Result<std::string> {
    EXPECT_EQ(path, "/etc/s.toml");
    return file;
  });
}

ServerOptions parsed(std::vector<const char*> arguments, const std::string& file) {
  const auto result = parse(std::move(arguments), file);
  EXPECT_TRUE(result) << (result ? "" : result.error().message());
  return result ? std::get<ServerOptions>(*result) : ServerOptions{};
}

std::string refused(const std::string& file, std::vector<const char*> arguments = {"--data", "/d"}) {
  const auto result = parse(std::move(arguments), file);
  EXPECT_FALSE(result) << file;
  if (result) return {};
  EXPECT_EQ(result.error().code, Errc::usage);
  return result.error().doing;
}

TEST(ServerConfig, SaysWhatTheCommandLineDoesNot) {
  const std::string file = "listen = [\"192.0.2.1:4800\", \":443\"]\nalternate = \"192.0.2.2\"\ndata = \"/srv/pshare\"\nno-relay = true\nrelay-rate = \"20M\"\nrelay-sessions = 7\n"
                           "relay-quota = \"50G\"\nmax-clients = 9\nverbose = 1\n";
  const auto options = parsed({}, file);
  EXPECT_EQ(options.address, *IpAddress::parse("192.0.2.1"));
  EXPECT_EQ(options.port, Port{4800});
  ASSERT_EQ(options.further.size(), 1u);
  EXPECT_EQ(options.further.front().port, Port{443});
  EXPECT_FALSE(options.https_too);
  EXPECT_EQ(options.alternate, *IpAddress::parse("192.0.2.2"));
  EXPECT_EQ(options.data, "/srv/pshare");
  EXPECT_FALSE(options.relays);
  EXPECT_EQ(options.relay_rate, 20 * MiB);
  EXPECT_EQ(options.relay_sessions, 7u);
  EXPECT_EQ(options.relay_quota, 50 * GiB);
  EXPECT_EQ(options.max_clients, 9u);
  EXPECT_EQ(options.verbosity, 1);
}

TEST(ServerConfig, IsWeakerThanTheCommandLine) {
  const auto options = parsed({"--listen", ":4900", "--data", "/d", "--max-clients", "5", "--no-relay=false"}, "listen = [\":4800\", \":443\"]\ndata = \"/srv\"\nmax-clients = 9\nno-relay = true\nrelay-sessions = 3\n");
  EXPECT_EQ(options.port, Port{4900});
  EXPECT_TRUE(options.further.empty());
  EXPECT_EQ(options.data, "/d");
  EXPECT_EQ(options.max_clients, 5u);
  EXPECT_TRUE(options.relays);
  EXPECT_EQ(options.relay_sessions, 3u);
}

TEST(ServerConfig, IsRefusedWithTheLineThatIsWrong) {
  EXPECT_THAT(refused("max-clients = 9\nrelay-rate = \"fast\"\n"), StartsWith("/etc/s.toml:2:14: relay-rate: \"fast\" is not a rate"));
  EXPECT_THAT(refused("max-client = 9\n"), HasSubstr("Perhaps you mean max-clients."));
  EXPECT_THAT(refused("max-clients = \"9\"\n"), StartsWith("/etc/s.toml:1:15: max-clients is a whole number"));
  EXPECT_THAT(refused("max-clients = 0\n"), StartsWith("/etc/s.toml:1:15: max-clients: "));
  EXPECT_THAT(refused("listen = \":http\"\n"), StartsWith("/etc/s.toml:1:10: listen: "));
  EXPECT_THAT(refused("relay-quota = 0\n"), HasSubstr("no-relay"));
  EXPECT_THAT(refused("data = \"here\"\n"), HasSubstr("whole path"));
  EXPECT_THAT(refused("metrics = \":9\"\n"), HasSubstr("not in this version"));
  EXPECT_THAT(refused("config = \"/x\"\n"), HasSubstr("cannot stand here"));
  EXPECT_THAT(refused("[relay]\nrate = \"1M\"\n"), StartsWith("/etc/s.toml:1:2: [relay] is no table"));
  EXPECT_THAT(refused("verbose = 4294967296\n"), HasSubstr("from 0 to 9"));
  EXPECT_THAT(refused("verbose = 1\nverbose = 1\n"), StartsWith("/etc/s.toml:2:"));
}

TEST(ServerConfig, IsNotDoneWithoutWhereItsNameIsEmpty) {
  for (const auto& arguments : {std::vector{"pshare-server", "--config", ""}, std::vector{"pshare-server", "--data", ""}, std::vector{"pshare-server", "--config", "", "--data", "/d"}}) {
    const auto result = parse_server_options(static_cast<int>(arguments.size()), arguments.data(), [](const std::filesystem::path&) { return Result<std::string>{""}; });
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code, Errc::usage);
    EXPECT_THAT(result.error().doing, HasSubstr("is empty"));
  }
}

TEST(ServerConfig, HasASampleWithTheNumbersInForce) {
  const auto root = pshare_server_command();
  std::string uncommented;
  std::istringstream lines{server_config_sample(root)};
  for (std::string line; std::getline(lines, line);)
    if (line.starts_with('#') && !line.starts_with("# ")) uncommented += line.substr(1) + "\n";
  const auto keys = server_config_grammar(root).keys;
  EXPECT_EQ(static_cast<std::size_t>(std::ranges::count(uncommented, '\n')), keys.size());
  const auto options = parsed({}, uncommented), plain = parsed({"--data", "/d"}, "");
  EXPECT_EQ(options.relay_sessions, plain.relay_sessions);
  EXPECT_EQ(options.max_clients, plain.max_clients);
  EXPECT_EQ(options.verbosity, plain.verbosity);
  EXPECT_EQ(options.relays, plain.relays);
}

}  // namespace
}  // namespace pshare
