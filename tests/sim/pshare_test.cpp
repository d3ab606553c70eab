// pshare as it stands, in the simulated internet: the rendezvous, a sender and a receiver made of the real cores, on machines behind NATs. What is
// direct and what is not follows from one rule; where there is no path, both sides are told why.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>

#include "apps/pshare/exit_status.hpp"
#include "network/nat_presets.hpp"
#include "network/site_kinds.hpp"
#include "pshare/receiving.hpp"
#include "pshare/rendezvous_host.hpp"
#include "pshare/sending.hpp"

namespace pshare::sim {
namespace {

using namespace std::chrono_literals;
using ::testing::EndsWith;
using ::testing::StartsWith;

PublicKey key_number(int number) {
  PublicKey key;
  key.bytes[0] = static_cast<std::byte>(number);
  return key;
}

constexpr auto server_v4 = "81.2.65.10", server_v6 = "2001:db8:65::10";
constexpr std::uint64_t a_file = 3 * MiB;

/// An internet with a server. Alice sends, Bob receives.
class Scene {
 public:
  explicit Scene(std::uint64_t seed = 1)
      : trace_(__FILE__, __LINE__, "seed " + std::to_string(seed)),
        world(Seed{seed}),
        internet(world),
        server(world, internet.add_server("server", {server_v4, server_v6}), key_number(100)) {
    server.start();
  }

  void put_alice(Machine& machine, std::optional<Port> forwarded = {}) { alice.emplace(Person{"alice", machine, key_number(1), forwarded}); }
  void put_bob(Machine& machine, std::optional<Port> forwarded = {}) { bob.emplace(Person{"bob", machine, key_number(2), forwarded}); }
  void put_both_in(Lan& lan) {
    put_alice(internet.add_machine(lan, "alice"));
    put_bob(internet.add_machine(lan, "bob"));
  }

  void receive() { receiving.emplace(world, *bob, chronicle, address_of_server(), disk); }
  void send(const std::vector<std::uint64_t>& files = {a_file}) { sending.emplace(world, *alice, chronicle, address_of_server(), "bob", files); }
  /// Both, one after the other.
  void begin(const std::vector<std::uint64_t>& files = {a_file}) {
    receive();
    world.events().in(1s, [this, files] { send(files); });
  }

  bool run_until(const std::function<bool()>& done, Duration at_most = 5min) { return world.events().run_until(done, world.now() + at_most); }
  bool is_over() const { return sending && sending->account().ended && receiving && receiving->account().ended; }
  bool run_to_the_end() {
    return run_until([this] { return is_over(); });
  }
  bool has_path() const { return sending && !sending->account().paths.empty() && receiving && !receiving->account().paths.empty(); }

  void expect_delivered() const {
    ASSERT_TRUE(is_over());
    EXPECT_FALSE(sending->account().trouble) << sending->account().trouble->doing;
    EXPECT_FALSE(receiving->account().trouble) << receiving->account().trouble->doing;
    EXPECT_TRUE(disk.has_all_of(sending->source()));
    EXPECT_EQ(disk.deliveries, 1);
    EXPECT_TRUE(disk.journal.empty()) << "the partial is forgotten";
    for (const auto& paths : {sending->account().paths, receiving->account().paths}) {
      ASSERT_FALSE(paths.empty());
      for (const auto& path : paths) EXPECT_EQ(path.tier, Tier::direct);
    }
  }

  /// Bytes between the server and everybody, in both directions.
  std::uint64_t bytes_at_server() {
    std::uint64_t bytes = 0;
    for (const auto& [from, to, traffic] : internet.backbone().traffic().pairs())
      if (from->name() == "server" || to->name() == "server") bytes += traffic.bytes;
    return bytes;
  }
  std::uint64_t bytes_between_others() {
    std::uint64_t bytes = 0;
    for (const auto& [from, to, traffic] : internet.backbone().traffic().pairs())
      if (from->name() != "server" && to->name() != "server") bytes += traffic.bytes;
    return bytes;
  }
  /// What the server forwards is so little that no chunk can have been in it.
  void expect_no_file_byte_crossed_the_server() { EXPECT_LT(bytes_at_server(), 32 * KiB); }

  /// Everything that happened, as one text.
  std::string digest() {
    std::string text;
    for (const auto& line : chronicle.lines()) text += line + '\n';
    for (const auto& [from, to, traffic] : internet.backbone().traffic().pairs())
      text += from->name() + " to " + to->name() + ": " + std::to_string(traffic.packets) + " packets, " + std::to_string(traffic.bytes) + " bytes\n";
    return text + std::to_string(world.events().steps()) + " steps\n";
  }

 private:
  Server address_of_server() const { return {server.endpoints(), id_of(server.key())}; }
  ::testing::ScopedTrace trace_;

 public:
  World world;
  Internet internet;
  RendezvousHost server;
  Chronicle chronicle{world};
  std::optional<Person> alice, bob;
  Disk disk;
  std::optional<Receiving> receiving;
  std::optional<Sending> sending;
};

/// Both sides give up, with exit status 5, and say of every tier what came of it; of direct, `direct`.
void expect_no_path(const Account& account, Reason direct) {
  ASSERT_TRUE(account.trouble);
  const auto& doing = account.trouble->doing;
  EXPECT_EQ(account.trouble->code, Errc::no_path);
  EXPECT_EQ(exit_status_of(account.trouble->code), ExitStatus::no_path);
  EXPECT_TRUE(account.paths.empty());
  EXPECT_THAT(doing, StartsWith("no path to the peer; tried direct: " + std::string{word(direct)} + " ("));
  EXPECT_THAT(doing, EndsWith("; mapped, punched: no-candidates; supernode, relay: unsupported"));
  for (const auto tier : {Tier::mapped, Tier::punched, Tier::supernode, Tier::relay}) {
    const auto reason = tier < Tier::supernode ? Reason::no_candidates : Reason::unsupported;
    const auto attempt = std::ranges::find(account.attempts, tier, &Attempt::tier);
    ASSERT_NE(attempt, account.attempts.end());
    EXPECT_EQ(attempt->outcome, Outcome::failed);
    EXPECT_EQ(attempt->reason, reason);
  }
  const auto first = std::ranges::find(account.attempts, Tier::direct, &Attempt::tier);
  ASSERT_NE(first, account.attempts.end());
  EXPECT_LE(first->elapsed, dial_patience + 1s) << "for the few addresses that there are here";
  for (const auto& attempt : account.attempts)
    if (attempt.tier == Tier::direct) {
      EXPECT_EQ(attempt.reason, direct) << word(attempt.reason);
    }
}

void expect_no_path(Scene& scene, Reason direct) {
  ASSERT_TRUE(scene.run_to_the_end());
  expect_no_path(scene.sending->account(), direct);
  expect_no_path(scene.receiving->account(), direct);
  EXPECT_EQ(scene.disk.deliveries, 0);
  EXPECT_EQ(scene.sending->sent(), 0u);
  scene.expect_no_file_byte_crossed_the_server();
}

// --- every kind of site with every other ---------------------------------------------------------------------------------

/// What pshare as it stands comes to between two sites: direct, or no path, and why.
struct Expectation {
  bool direct = false;
  Reason reason = Reason::none;
};

/// Each side offers the addresses of its own interfaces. One of them means something everywhere if there is no NAT; and since both sides dial,
/// one such side is enough. Of a private address the backbone knows no way to, and says so; every NAT passes that on.
Expectation expectation(const SiteKind& sender, const SiteKind& receiver) {
  const auto has_public_address = [](const SiteKind& kind) { return kind.home.empty(); };
  if (has_public_address(sender) || has_public_address(receiver)) return {.direct = true};
  return {.reason = Reason::unreachable};
}

/// What stands at the end of this site's line to the backbone.
std::string at_backbone(const SiteKind& kind, const std::string& name) { return kind.carrier.empty() ? name : name + "-carrier"; }

class PshareBetweenSites : public ::testing::TestWithParam<SiteKind> {};

TEST_P(PshareBetweenSites, IsDirectWhereTheRuleSaysSoAndElseSaysWhyNot) {
  const auto& from = GetParam();
  for (const auto& to : site_kinds) {
    SCOPED_TRACE("from " + std::string{from.name} + " to " + std::string{to.name});
    Scene scene;
    scene.put_alice(add_site(scene.internet, from, "alice"));
    scene.put_bob(add_site(scene.internet, to, "bob"));
    scene.begin();
    const auto expected = expectation(from, to);
    if (!expected.direct) {
      expect_no_path(scene, expected.reason);
      continue;
    }
    ASSERT_TRUE(scene.run_to_the_end());
    scene.expect_delivered();
    EXPECT_EQ(scene.sending->account().paths.size(), 1u);
    const auto direct = scene.internet.between(at_backbone(from, "alice"), at_backbone(to, "bob"));
    EXPECT_GT(direct.tcp_bytes, a_file);
    EXPECT_EQ(direct.udp_bytes, 0u);
    scene.expect_no_file_byte_crossed_the_server();
  }
}

INSTANTIATE_TEST_SUITE_P(Grid, PshareBetweenSites, ::testing::ValuesIn(site_kinds), [](const auto& kind) {
  std::string name{kind.param.name};
  std::ranges::replace(name, '-', '_');
  return name;
});

TEST(Pshare, HasADirectPathAfterThreeRoundTripsForTcpTlsAndGreeting) {
  Scene scene;
  scene.put_alice(scene.internet.add_public("alice", {.delay = 30ms}));
  scene.put_bob(scene.internet.add_machine(scene.internet.add_lan("bob", nat_preset("sym-rnd").value(), {.delay = 10ms}), "bob"));
  scene.begin();
  ASSERT_TRUE(scene.run_to_the_end());
  scene.expect_delivered();
  const Duration house = 2 * 100us;  // to the switch, and on to the gateway
  EXPECT_EQ(scene.receiving->account().paths.front().elapsed, 3 * 2 * (30ms + 10ms + house));  // he dialled
}

TEST(Pshare, WhereBothReachEachOtherUsesOneLaneAndClosesTheOther) {
  Scene scene;
  scene.put_alice(scene.internet.add_public("alice", {.delay = 30ms}));
  scene.put_bob(scene.internet.add_public("bob", {.delay = 10ms}));
  scene.begin();
  ASSERT_TRUE(scene.run_to_the_end());
  scene.expect_delivered();
  const auto &chosen = scene.sending->account().paths, &kept = scene.receiving->account().paths;
  ASSERT_EQ(chosen.size(), 1u);
  ASSERT_EQ(kept.size(), 2u);
  EXPECT_EQ(std::ranges::count(kept, chosen.front().remote, &Path::local), 1);
  EXPECT_LT(scene.internet.between("alice", "bob").bytes, a_file + a_file / 10) << "on both";
}

// --- in one house --------------------------------------------------------------------------------------------------------

TEST(Pshare, InOneLanStaysInIt) {
  Scene scene;
  auto& lan = scene.internet.add_lan("home", nat_preset("port-restricted").value());
  scene.put_both_in(lan);
  scene.begin();
  ASSERT_TRUE(scene.run_to_the_end());
  scene.expect_delivered();
  EXPECT_EQ(scene.bytes_between_others(), 0u);
  scene.expect_no_file_byte_crossed_the_server();
}

TEST(Pshare, InAGuestNetworkThatIsolatesItsClientsTimesOut) {
  Switch access_point{"access point", Switch::Between::default_only};  // outlives the wires of the scene
  Scene scene;
  auto& lan = scene.internet.add_lan("home", nat_preset("port-restricted").value());
  // It stands between the clients and the switch. What a client sends to another would have to come back from the switch to where it came
  // from, and no switch does that.
  auto& to_clients = lan.net->add_interface("access point");
  auto& uplink = access_point.add_interface("up");
  access_point.set_default(uplink);
  const Wire cable{scene.world.events(), scene.world.random(), uplink, to_clients, Wire::both_ways({.delay = 100us})};
  for (const unsigned host : {lan.next_host, lan.next_host + 1}) lan.net->plug(lan.address(host), to_clients);
  auto* const switch_of_house = std::exchange(lan.net, &access_point);
  scene.put_both_in(lan);
  lan.net = switch_of_house;
  scene.begin();
  expect_no_path(scene, Reason::timeout);
}

TEST(Pshare, InTwoHomesOfTheSameSubnetMeetsOnlyItself) {
  Scene scene;
  for (const auto* name : {"alice", "bob"}) {
    scene.internet.next_subnet(1);
    auto& machine = scene.internet.add_machine(scene.internet.add_lan(name, nat_preset("port-restricted").value()), name);
    name == std::string{"alice"} ? scene.put_alice(machine) : scene.put_bob(machine);
  }
  ASSERT_EQ(scene.alice->machine.addresses(), scene.bob->machine.addresses());
  scene.begin();
  expect_no_path(scene, Reason::refused);
}

// --- IPv6 ----------------------------------------------------------------------------------------------------------------

/// A home whose gateway is a NAT for IPv4, and for IPv6 a firewall that lets out and keeps out.
Machine& home_with_ipv6(Scene& scene, const std::string& name, NatBehaviour behaviour = nat_preset("port-restricted").value()) {
  auto& lan = scene.internet.add_lan(name, std::move(behaviour));
  scene.internet.give_ipv6(lan);
  return scene.internet.add_machine(lan, name);
}

TEST(Pshare, OverIpv6ReachesAHostThatHasNothingElse) {
  for (const bool sends_from_home : {true, false}) {
    SCOPED_TRACE(sends_from_home ? "from the home" : "to the home");
    Scene scene;
    auto& home = home_with_ipv6(scene, "home");
    auto& host = scene.internet.add_server("host", {"2001:db8:77::2"});
    scene.put_alice(sends_from_home ? home : host);
    scene.put_bob(sends_from_home ? host : home);
    scene.begin();
    ASSERT_TRUE(scene.run_to_the_end());
    scene.expect_delivered();
    EXPECT_TRUE(scene.sending->account().paths.front().remote.address.is_v6());
    EXPECT_GT(scene.bytes_between_others(), a_file);
    scene.expect_no_file_byte_crossed_the_server();
  }
}

TEST(Pshare, PrefersIpv6WhereBothWaysAreOpen) {
  Scene scene;
  scene.put_alice(home_with_ipv6(scene, "alice"));
  scene.put_bob(scene.internet.add_server("bob", {"81.2.99.2", "2001:db8:77::2"}));
  scene.begin();
  ASSERT_TRUE(scene.run_to_the_end());
  scene.expect_delivered();
  EXPECT_TRUE(scene.sending->account().paths.front().remote.address.is_v6());
}

TEST(Pshare, BetweenTwoIpv6FirewallsGivesTheReasonThatTheirRefusalsAmountTo) {
  struct Case { const char* preset; Reason reason; };
  constexpr std::array cases{Case{"port-restricted", Reason::timeout}, Case{"full-cone", Reason::timeout}, Case{"rst-syn", Reason::refused},
                             Case{"icmp-syn", Reason::unreachable}};
  for (const auto& [preset, reason] : cases) {
    SCOPED_TRACE(preset);
    Scene scene;
    scene.put_alice(home_with_ipv6(scene, "alice", nat_preset(preset).value()));
    scene.put_bob(home_with_ipv6(scene, "bob", nat_preset(preset).value()));
    scene.begin();
    expect_no_path(scene, reason);
  }
}

TEST(Pshare, WithoutIpv6DoesNotReachAHostThatHasNothingElse) {
  Scene scene;
  scene.put_alice(scene.internet.add_machine(scene.internet.add_lan("alice", nat_preset("full-cone").value()), "alice"));
  scene.put_bob(scene.internet.add_server("bob", {"2001:db8:77::2"}));
  scene.begin();
  expect_no_path(scene, Reason::unreachable);
}

// --- a port that was forwarded by hand ------------------------------------------------------------------------------------

TEST(Pshare, WithAForwardedPortIsReachedBehindAnyNat) {
  for (const auto* preset : {"port-restricted", "sym-rnd"}) {
    SCOPED_TRACE(preset);
    Scene scene;
    auto& lan = scene.internet.add_lan("alice", nat_preset(preset).value());
    auto& machine = scene.internet.add_machine(lan, "alice");
    const Endpoint inside{machine.addresses().front().address, Port{4711}};
    ASSERT_TRUE(lan.gateway->nat().add_rule({.protocol = Protocol::tcp, .external = Port{4711}, .internal = inside}, scene.world.now()));
    scene.put_alice(machine, Port{4711});
    scene.put_bob(scene.internet.add_machine(scene.internet.add_lan("bob", nat_preset("sym-rnd").value()), "bob"));
    scene.begin();
    ASSERT_TRUE(scene.run_to_the_end());
    scene.expect_delivered();
    EXPECT_EQ(scene.receiving->account().paths.front().remote, (Endpoint{lan.gateway->external_address(), Port{4711}}));
    scene.expect_no_file_byte_crossed_the_server();
  }
}

// --- the same run --------------------------------------------------------------------------------------------------------

std::string digest_of_a_run(std::uint64_t seed) {
  Scene scene{seed};
  scene.put_alice(add_site(scene.internet, *std::ranges::find(site_kinds, "sym-rnd", &SiteKind::name), "alice", {.more = {.jitter = 5ms, .loss = 0.01}}));
  scene.put_bob(scene.internet.add_public("bob", {.more = {.jitter = 5ms, .loss = 0.01}}));
  scene.begin();
  EXPECT_TRUE(scene.run_to_the_end());
  scene.expect_delivered();
  return scene.digest();
}

TEST(Pshare, WithTheSameSeedIsTheSameRunAndWithAnotherIsAnother) {
  const auto first = digest_of_a_run(7);
  EXPECT_EQ(first, digest_of_a_run(7));
  EXPECT_NE(first, digest_of_a_run(8));
}

TEST(Pshare, DeliversOverLossyLinesWhateverTheSeed) {
  for (std::uint64_t seed = 1; seed <= 10; ++seed) digest_of_a_run(seed);
}

// --- faults --------------------------------------------------------------------------------------------------------------

TEST(Pshare, NeedsTheServerNoMoreOnceThePathIsUp) {
  Scene scene;
  // Slow enough that both links to the server notice before the transfer is over.
  scene.put_alice(scene.internet.add_public("alice", {.more = {.rate = BytesPerSecond{32 * KiB}}}));
  scene.put_bob(scene.internet.add_machine(scene.internet.add_lan("bob", nat_preset("masq").value()), "bob"));
  scene.begin();
  ASSERT_TRUE(scene.run_until([&] { return scene.has_path(); }));
  scene.server.power_off();
  ASSERT_TRUE(scene.run_until([&] { return !scene.sending->online() && !scene.receiving->online(); }));
  EXPECT_FALSE(scene.is_over());
  ASSERT_TRUE(scene.run_to_the_end());
  scene.expect_delivered();
  EXPECT_EQ(scene.sending->account().paths.size(), 1u);
}

TEST(Pshare, FindsAnOfferAgainAfterTheServerWasStartedAnewAtAnyMoment) {
  for (auto after = 0ms; after <= 800ms; after += 20ms)
    for (const auto pause : {0s, 3s}) {
      SCOPED_TRACE("killed after " + std::to_string(after.count()) + " ms, for " + std::to_string(pause.count()) + " s");
      Scene scene;
      scene.put_alice(scene.internet.add_public("alice"));
      scene.put_bob(add_site(scene.internet, *std::ranges::find(site_kinds, "cgnat", &SiteKind::name), "bob"));
      scene.receive();
      ASSERT_TRUE(scene.run_until([&] { return scene.receiving->registered(); }));
      scene.send();
      scene.run_until([] { return false; }, after);
      scene.server.kill();
      scene.world.events().in(pause, [&] { scene.server.start(); });
      ASSERT_TRUE(scene.run_to_the_end()) << scene.digest();
      if (HasFailure()) return;
      scene.expect_delivered();
      scene.expect_no_file_byte_crossed_the_server();
    }
}

TEST(Pshare, IsKnownByNameToAServerThatWasStartedAnew) {
  Scene scene;
  scene.put_alice(scene.internet.add_public("alice"));
  scene.put_bob(scene.internet.add_public("bob"));
  scene.receive();
  ASSERT_TRUE(scene.run_until([&] { return scene.receiving->registered(); }));
  scene.bob->machine.kill();
  scene.server.kill();
  scene.server.start();
  scene.send();
  scene.run_until([] { return false; }, 5s);
  EXPECT_FALSE(scene.sending->account().ended) << "the offer waits";
  scene.bob->machine.start();
  scene.receive();
  ASSERT_TRUE(scene.run_to_the_end());
  scene.expect_delivered();
}

/// Reboots the gateway of one side in the middle of a transfer.
void reboot_in_the_middle(bool sends_from_home) {
  SCOPED_TRACE(sends_from_home ? "from the home" : "to the home");
  Scene scene;
  const AccessLine slow{.more = {.rate = BytesPerSecond{1 * MiB}}};
  constexpr std::uint64_t big_file = 8 * MiB;
  auto& lan = scene.internet.add_lan("home", nat_preset("port-restricted").value(), slow);
  auto& home = scene.internet.add_machine(lan, "home");
  auto& host = scene.internet.add_public("host", slow);
  scene.put_alice(sends_from_home ? home : host);
  scene.put_bob(sends_from_home ? host : home);
  scene.begin({big_file});
  ASSERT_TRUE(scene.run_until([&] { return scene.sending && scene.sending->durable() >= big_file / 4; }));
  const auto rebooted = scene.world.now();
  lan.gateway->reboot();
  ASSERT_TRUE(scene.run_to_the_end());

  // As it stands: nothing gets through the old connection any more, and nobody is told. Both sides give it up after lane_silence; whoever is at
  // home dials again, and the transfer goes on where it was.
  scene.expect_delivered();
  for (const auto* account : {&scene.sending->account(), &scene.receiving->account()}) {
    ASSERT_EQ(account->paths.size(), 2u);
    EXPECT_GE(account->ended_at - rebooted, lane_silence);
    EXPECT_LT(account->ended_at - rebooted, lane_silence + 15s);
  }
  const auto& at_home = (sends_from_home ? scene.sending->account() : scene.receiving->account()).paths;
  EXPECT_EQ(at_home[0].remote, at_home[1].remote);
  EXPECT_NE(at_home[0].local.port, at_home[1].local.port);
  EXPECT_LE(scene.sending->sent(), big_file + send_window);
  EXPECT_GT(scene.sending->sent(), big_file) << "what was under way at the reboot is lost";
  scene.expect_no_file_byte_crossed_the_server();
}

TEST(Pshare, ComesBackOnANewConnectionWhenTheSendersGatewayRebootsInTheMiddle) { reboot_in_the_middle(true); }

TEST(Pshare, ComesBackOnANewConnectionWhenTheReceiversGatewayRebootsInTheMiddle) { reboot_in_the_middle(false); }

}  // namespace
}  // namespace pshare::sim
