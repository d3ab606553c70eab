// The server as those behind NATs see it: how many round trips it takes to be heard, what its STUN ports tell, whom it vouches for, and whom
// it reaches when it dials back.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "network/internet.hpp"
#include "network/nat_presets.hpp"
#include "pshare/rendezvous_host.hpp"
#include "pshare/server_link.hpp"

namespace pshare::sim {
namespace {

using namespace std::chrono_literals;

PublicKey key_number(int number) {
  PublicKey key;
  key.bytes[0] = static_cast<std::byte>(number);
  return key;
}

const IpAddress server_one = *IpAddress::parse("81.2.65.10"), server_other = *IpAddress::parse("81.2.65.11");
constexpr Duration round_trip = 2 * (20ms + 5ms);  // a home's line and the server's

/// A server at two addresses, and people anywhere.
struct Scene {
  World world{Seed{1}};
  Internet internet{world};
  RendezvousHost server{world, internet.add_server("server", {"81.2.65.10", "81.2.65.11"}), key_number(100)};

  Scene() { server.start(); }
  Machine& home(std::string_view preset, const std::string& name = "alice") {
    return internet.add_machine(internet.add_lan(name, *nat_preset(preset)), name + "-pc");
  }
  void run(Duration time) { world.events().run_to(world.now() + time); }
};

/// Somebody's connection to the server, and what came of it.
struct Client {
  Scene& scene;
  std::optional<Welcome> welcome{};
  TimePoint welcomed{};
  std::vector<Delivery> deliveries{};
  ServerLink link;

  Client(Scene& at, Machine& machine, int number)
      : scene(at),
        link(at.world, machine, {at.server.endpoints(), id_of(at.server.key())}, key_number(number), {},
             {.online = [this](const Welcome& said) { welcome = said, welcomed = scene.world.now(); },
              .offline = [](const Error&) {},
              .delivered = [this](const Delivery& each) { deliveries.push_back(each); }}) {}

  std::optional<DialBackOutcome> probe(Transport transport, Port port, DialBackNonce nonce = {}) {
    std::optional<DialBackOutcome> outcome;
    link.ask(Probe{.transport = transport, .port = port, .nonce = nonce}, 10s, [&](Result<RendezvousLink::Reply> reply) {
      if (reply) outcome = std::get<Probed>(*reply).outcome;
    });
    scene.run(8s);
    return outcome;
  }
};

TEST(ServerInTheWorld, WelcomesAndAnswersThreeRoundTripsAfterTheFirstSyn) {  // TCP, TLS, and Hello with the first question behind it
  Scene scene;
  const auto began = scene.world.now();
  Client alice{scene, scene.home("port-restricted"), 1};
  std::optional<TimePoint> registered;
  alice.link.ask(Register{.name = "alice"}, 10s, [&](const Result<RendezvousLink::Reply>& reply) {
    if (reply) registered = scene.world.now();
  });
  scene.run(5s);
  ASSERT_TRUE(alice.welcome && registered);
  EXPECT_GE(alice.welcomed - began, 3 * round_trip);
  EXPECT_LT(alice.welcomed - began, 3 * round_trip + 5ms);
  EXPECT_LT(*registered - began, 3 * round_trip + 5ms);
}

TEST(ServerInTheWorld, TellsItsStunPortsAndItsOtherAddress) {
  Scene scene;
  Client alice{scene, scene.home("masq"), 1};
  scene.run(5s);
  ASSERT_TRUE(alice.welcome);
  EXPECT_EQ(alice.welcome->stun, rendezvous_port);
  EXPECT_EQ(alice.welcome->stun_alternate, alternate_stun_port);
  EXPECT_EQ(alice.welcome->alternate_address, server_other);
}

// --- STUN -------------------------------------------------------------------------------------------------------------

/// Which of a plain question, one for another port, and one for another address and port are answered.
std::vector<bool> answered(std::string_view preset) {
  std::vector<bool> all;
  for (const auto& change : {ChangeRequest{false, false}, ChangeRequest{false, true}, ChangeRequest{true, true}}) {
    Scene scene;
    auto& machine = scene.home(preset);
    auto socket = machine.udp({}).value();
    bool heard = false;
    socket.on_datagram([&](const Endpoint& from, const Endpoint&, ByteView bytes) {
      const auto answer = decode_stun(bytes).value();
      EXPECT_EQ(answer.message.response_origin, from);
      EXPECT_EQ(from.address, change.address ? server_other : server_one);
      EXPECT_EQ(from.port, change.port ? alternate_stun_port : rendezvous_port);
      EXPECT_EQ(answer.message.other_address, (Endpoint{server_other, alternate_stun_port}));
      heard = true;
    });
    const auto question = encode(StunMessage{.id = TransactionId::random(scene.world.random()), .change_request = change, .padding = 100});
    socket.send_to({server_one, rendezvous_port}, question);
    scene.run(1s);
    all.push_back(heard);
  }
  return all;
}

TEST(ServerInTheWorld, ShowsByStunHowANatFilters) {
  EXPECT_THAT(answered("full-cone"), testing::ElementsAre(true, true, true));
  EXPECT_THAT(answered("address-restricted"), testing::ElementsAre(true, true, false));
  EXPECT_THAT(answered("port-restricted"), testing::ElementsAre(true, false, false));
}

// --- vouching ---------------------------------------------------------------------------------------------------------

TEST(ServerInTheWorld, VouchesForTheAddressOutsideTheNat) {
  Scene scene;
  Client alice{scene, scene.home("masq"), 1}, bob{scene, scene.home("masq", "bob"), 2};
  scene.run(5s);
  for (const bool show : {false, true}) {
    SendSignal signal;
    signal.to = id_of(key_number(2));
    signal.show_address = show;
    alice.link.ask(std::move(signal), 10s);
  }
  scene.run(5s);
  ASSERT_EQ(bob.deliveries.size(), 2u);
  EXPECT_EQ(bob.deliveries[0].from_address, std::nullopt);
  ASSERT_TRUE(alice.welcome);
  EXPECT_EQ(bob.deliveries[1].from_address, alice.welcome->observed.address);
  EXPECT_EQ(alice.welcome->observed.address.scope(), Scope::global);
}

// --- dialling back ----------------------------------------------------------------------------------------------------

const DialBackNonce nonce{std::byte{1}, std::byte{2}, std::byte{3}};

TEST(ServerInTheWorld, SaysTheNonceWhereThePortIsOpen) {
  Scene scene;
  auto& machine = scene.internet.add_public("alice");
  Client alice{scene, machine, 1};
  ByteBuffer heard;
  std::vector<Endpoint> callers;
  std::optional<TcpSocket> caller;
  auto listener = machine.listen({.port = Port{5000}}).value();
  listener.on_accept([&](TcpSocket socket) {
    caller.emplace(std::move(socket));
    callers.push_back(caller->remote());
    caller->on_data([&](ByteView bytes) { heard.insert(heard.end(), bytes.begin(), bytes.end()); });
  });
  EXPECT_EQ(alice.probe(Transport::tcp, Port{5000}, nonce), DialBackOutcome::reached);
  EXPECT_EQ(decode_dial_back(heard), nonce);
  ASSERT_EQ(callers.size(), 1u);
  EXPECT_EQ(callers[0].address, server_other);  // not the one that the client talks to

  auto socket = machine.udp({.port = Port{5000}}).value();
  std::size_t datagrams = 0;
  socket.on_datagram([&](const Endpoint& from, const Endpoint&, ByteView bytes) {
    EXPECT_EQ(from.address, server_other);
    EXPECT_EQ(decode_dial_back(bytes), nonce);
    ++datagrams;
  });
  EXPECT_EQ(alice.probe(Transport::udp, Port{5000}, nonce), DialBackOutcome::reached);
  EXPECT_EQ(datagrams, 3u);
}

TEST(ServerInTheWorld, HearsThatNobodyIsThere) {
  Scene scene;
  Client alice{scene, scene.internet.add_public("alice"), 1};
  EXPECT_EQ(alice.probe(Transport::tcp, Port{5000}), DialBackOutcome::refused);
  EXPECT_EQ(alice.probe(Transport::udp, Port{5000}), DialBackOutcome::refused);
}

TEST(ServerInTheWorld, IsNotLetInByANatThatWasToldOfNothing) {
  Scene scene;
  auto& machine = scene.home("address-restricted");  // which lets in whatever comes from an address that was spoken to
  Client alice{scene, machine, 1};
  auto socket = machine.udp({.port = Port{5000}}).value();
  std::size_t datagrams = 0;
  socket.on_datagram([&](const Endpoint&, const Endpoint&, ByteView) { ++datagrams; });
  socket.send_to({server_one, rendezvous_port}, bytes_of("a mapping, please"));
  EXPECT_EQ(alice.probe(Transport::udp, Port{5000}, nonce), DialBackOutcome::reached);  // as far as the server can tell
  EXPECT_EQ(datagrams, 0u);
  EXPECT_EQ(alice.probe(Transport::tcp, Port{5000}, nonce), DialBackOutcome::timeout);
}

}  // namespace
}  // namespace pshare::sim
