// The client against the real server: that both sides of control understand each other.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "io/deadline.hpp"
#include "io/task_group.hpp"
#include "person.hpp"
#include "relay/io/server.hpp"
#include "relay/rendezvous.hpp"
#include "relay/store.hpp"
#include "traversal/io/reflection.hpp"
#include "traversal/io/rendezvous_client.hpp"

namespace pshare {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using testing::error_of;
using testing::here;
using testing::Person;
using testing::run;

using Whom = std::variant<std::string, PeerId>;

TEST(RendezvousClientAndServer, IntroduceTwoPeopleToEachOther) {
  asio::io_context loop;
  SeededRandom random{1};
  Outlet outlet;
  Person operators, alice, bob;
  MemoryNameStore names;
  Rendezvous rendezvous{names, {.max_clients = 10, .agent = "test", .notice = "welcome, both"}};
  auto listener = Listener::on(loop.get_executor(), {here(), Port{0}});
  const auto port = listener.port();
  Server server{loop.get_executor(), operators.tls, rendezvous, std::move(listener)};
  const ServerAddress address{.host = "127.0.0.1", .port = port, .key = operators.id()};
  RendezvousClient alices{loop.get_executor(), alice.tls, address, random, outlet};
  RendezvousClient bobs{loop.get_executor(), bob.tls, address, random, outlet};
  std::vector<std::string> notices;
  alices.set_on_notice([&](std::string words) { notices.push_back(std::move(words)); });

  auto story = [&]() -> awaitable<void> {
    auto body = [&](TaskGroup& tasks) -> awaitable<void> {
      tasks.start(server.run());
      const auto until = Clock::now() + 20s;
      EXPECT_EQ(co_await learn_server_key("127.0.0.1", port, alice.tls, outlet, until), operators.id());
      tasks.start(alices.run());
      EXPECT_EQ((co_await alices.welcome(until)).observed.address, here());
      EXPECT_EQ(co_await alices.register_name("Alice", until), "alice");

      const Whom bob_by_name{"bob"}, alice_by_name{"alice"}, bob_by_id{bob.id()};
      EXPECT_EQ((co_await error_of(alices.resolve(bob_by_name, until))).value().code, Errc::unknown_peer);
      tasks.start(bobs.run());
      EXPECT_EQ(co_await bobs.register_name("bob", until), "bob");
      EXPECT_EQ((co_await error_of(bobs.register_name("alice", until))).value().code, Errc::refused);
      EXPECT_EQ((co_await bobs.resolve(alice_by_name, until)).key, alice.identity.public_key());
      EXPECT_EQ((co_await alices.resolve(bob_by_id, until)).name, "bob");
      const std::vector<PeerId> both{bob.id(), operators.id()};
      EXPECT_THAT(co_await alices.who(both, until), ElementsAre(bob.id()));

      const auto session = SessionId::random(random);
      auto sealed = buffer_of(bytes_of("sealed"));
      EXPECT_EQ(co_await alices.signal(bob.id(), DeviceId{}, std::move(sealed), false, session, until), Fate::delivered);
      const auto delivery = co_await bobs.next_delivery();
      EXPECT_EQ(delivery.from, alice.id());
      EXPECT_EQ(text_of(delivery.body), "sealed");
      co_await alices.withdraw(bob.id(), session, until);
    };
    co_await with_tasks(std::move(body));
  };
  run(loop, story());
  EXPECT_THAT(notices, ElementsAre("welcome, both"));
}

/// A server that dials back and reflects on two ports, and a client of its.
struct World {
  asio::io_context loop;
  SeededRandom random{1};
  Outlet outlet;
  Person operators, alice;
  MemoryNameStore names;
  Rendezvous rendezvous{names, {.max_clients = 10, .agent = "test", .notice = {}, .stun = Port{1}, .dials_back = true}};
  Listener listener = Listener::on(loop.get_executor(), {here(), Port{0}}), alternate = Listener::on(loop.get_executor(), {here(), Port{0}});
  const Port port = listener.port(), alternate_port = alternate.port();
  Server server{loop.get_executor(), operators.tls, rendezvous, std::move(listener), one(std::move(alternate))};
  Listener ours = Listener::on(loop.get_executor(), Port{0});
  RendezvousClient client{loop.get_executor(), alice.tls, {.host = "127.0.0.1", .port = port, .key = operators.id()}, random, outlet,
                          RendezvousClient::Attendance::answers_only, ours.port()};
  const TimePoint until = Clock::now() + 20s;

  static std::vector<Listener> one(Listener listener) {
    std::vector<Listener> all;
    all.push_back(std::move(listener));
    return all;
  }
  awaitable<Endpoint> ask(Port at, std::optional<Port> from = std::nullopt) {
    return reflect(loop.get_executor(), alice.tls, {here(), at}, operators.id(), from);
  }
};

template <typename Story>
void tell(World& world, Story story) {
  auto beside_server = [&]() -> awaitable<void> {
    auto body = [&](TaskGroup& tasks) -> awaitable<void> {
      tasks.start(world.server.run());
      co_await story(tasks);
    };
    co_await with_tasks(std::move(body));
  };
  run(world.loop, beside_server());
}

TEST(Reflect, TellsWhereAConnectionFromThatPortComesFromOnBothPorts) {
  World world;
  tell(world, [&](TaskGroup&) -> awaitable<void> {
    const Endpoint own{here(), world.ours.port()};
    EXPECT_EQ(co_await world.ask(world.port, world.ours.port()), own);
    EXPECT_EQ(co_await world.ask(world.alternate_port, world.ours.port()), own);
    EXPECT_EQ((co_await world.ask(world.alternate_port)).address, here());
  });
}

TEST(Reflect, LeavesTheLocalPortFreeToAskAgain) {
  World world;
  tell(world, [&](TaskGroup&) -> awaitable<void> {
    for (int i = 0; i < 5; ++i) EXPECT_EQ((co_await world.ask(world.alternate_port, world.ours.port())).port, world.ours.port());
  });
}

TEST(Reflect, BelievesNobodyButTheServer) {
  World world;
  tell(world, [&](TaskGroup&) -> awaitable<void> {
    const Endpoint server{here(), world.port};
    auto asking = reflect(world.loop.get_executor(), world.alice.tls, server, world.alice.id());
    EXPECT_EQ((co_await error_of(std::move(asking))).value().code, Errc::identity_mismatch);
  });
}

TEST(Server, TakesNoControlConnectionsOnItsAlternatePort) {
  World world;
  tell(world, [&](TaskGroup&) -> awaitable<void> {
    EXPECT_TRUE((co_await error_of(learn_server_key("127.0.0.1", world.alternate_port, world.alice.tls, world.outlet, world.until))).has_value());
  });
}

TEST(Probe, HasTheServerSayTheNonceOverTcpToAPortThatIsOpen) {
  World world;
  tell(world, [&](TaskGroup& tasks) -> awaitable<void> {
    tasks.start(world.client.run());
    DialBackNonce nonce;
    world.random.fill(nonce);
    EXPECT_EQ(co_await world.client.probe(Transport::tcp, world.ours.port(), nonce, world.until), DialBackOutcome::reached);
    auto dialled = co_await world.ours.accept();
    EXPECT_NE(dialled.remote(), world.client.server_endpoint());
    ByteBuffer heard;
    std::array<std::byte, 64> piece;
    for (bool open = true; open;) {
      try {
        const auto count = co_await dialled.read_some(piece);
        heard.insert(heard.end(), piece.begin(), piece.begin() + static_cast<std::ptrdiff_t>(count));
      } catch (const Failure&) {
        open = false;
      }
    }
    EXPECT_EQ(decode_dial_back(heard), nonce);
  });
}

TEST(Probe, HasTheServerSayTheNonceOverUdpUpToThreeTimes) {
  World world;
  tell(world, [&](TaskGroup& tasks) -> awaitable<void> {
    tasks.start(world.client.run());
    asio::ip::udp::socket socket{world.loop, {asio::ip::make_address("127.0.0.1"), 0}};
    DialBackNonce nonce;
    world.random.fill(nonce);
    EXPECT_EQ(co_await world.client.probe(Transport::udp, Port{socket.local_endpoint().port()}, nonce, world.until), DialBackOutcome::reached);
    std::size_t heard = 0;
    std::array<std::byte, 64> datagram;
    for (socket.non_blocking(true); socket.available() > 0; ++heard)
      EXPECT_EQ(decode_dial_back(ByteView{datagram}.first(socket.receive(asio::buffer(datagram)))), nonce);
    EXPECT_EQ(heard, 3u);
  });
}

TEST(Probe, HearsOfPortsThatAreClosed) {
  World world;
  tell(world, [&](TaskGroup& tasks) -> awaitable<void> {
    tasks.start(world.client.run());
    const auto closed = Listener::on(world.loop.get_executor(), Port{0}).port();
    const DialBackNonce nonce{};
    EXPECT_EQ(co_await world.client.probe(Transport::tcp, closed, nonce, world.until), DialBackOutcome::refused);
    EXPECT_EQ(co_await world.client.probe(Transport::udp, closed, nonce, world.until), DialBackOutcome::refused);
  });
}

}  // namespace
}  // namespace pshare
