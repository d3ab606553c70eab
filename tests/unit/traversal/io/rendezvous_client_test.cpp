// The client's driver against a server of a few lines, over real TLS. The real server's own tests are elsewhere.
#include "traversal/io/rendezvous_client.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "conversation.hpp"
#include "io/deadline.hpp"
#include "io/task_group.hpp"
#include "person.hpp"

namespace pshare {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::Conversation;
using testing::error_of;
using testing::here;
using testing::Person;
using testing::run;

TimePoint within(Duration patience) { return Clock::now() + patience; }

struct World {
  asio::io_context loop;
  SeededRandom random{1};
  Outlet outlet;
  Person alice, bob, server;
  Listener listener = Listener::on(loop.get_executor(), {here(), Port{0}});

  ServerAddress address() const { return {.host = "127.0.0.1", .port = listener.port(), .key = server.id()}; }
  RendezvousClient client(const Person& of) { return {loop.get_executor(), of.tls, address(), random, outlet}; }

  awaitable<Conversation> accept() { return testing::accept_client(listener, server); }
};

TEST(RendezvousClient, AsksAndIsAnswered) {
  World world;
  auto client = world.client(world.alice);
  std::vector<std::string> notices;
  client.set_on_notice([&](std::string words) { notices.push_back(std::move(words)); });
  auto serve = [&]() -> awaitable<void> {
    auto conversation = co_await world.accept();
    EXPECT_EQ(conversation.client(), world.alice.id());
    co_await conversation.welcome();
    const auto named = co_await conversation.hear_a<Register>();
    EXPECT_EQ(named.name, "Alice");
    const Registered registered{.request = named.request, .name = "alice"};
    co_await conversation.say(registered);
    const auto asked = co_await conversation.hear_a<Resolve>();
    Resolved found;
    found.request = asked.request;
    found.name = "bob";
    found.key = world.bob.identity.public_key();
    found.online = true;
    co_await conversation.say(found);
    const auto unknown = co_await conversation.hear_a<Resolve>();
    const Trouble trouble{.request = unknown.request, .code = Errc::unknown_peer, .words = "no such name\x1b[2J"};
    co_await conversation.say(trouble);
    const auto who = co_await conversation.hear_a<Who>();
    const WhoReply online{.request = who.request, .online = {who.peers[1]}};
    co_await conversation.say(online);
    const auto signal = co_await conversation.hear_a<SendSignal>();
    EXPECT_EQ(text_of(signal.body), "sealed");
    EXPECT_TRUE(signal.wait);
    const SignalFate waiting{.request = signal.request, .fate = Fate::waiting};
    co_await conversation.say(waiting);
    const auto withdrawn = co_await conversation.hear_a<Withdraw>();
    const SignalFate done{.request = withdrawn.request};
    co_await conversation.say(done);
    const Notice notice{"first line\nsecond\x1b[1m"};
    co_await conversation.say(notice);
    Delivery delivery;
    delivery.from = world.bob.id();
    delivery.body = buffer_of(bytes_of("from bob"));
    co_await conversation.say(delivery);
    co_await conversation.hear();  // until the client hangs up
  };
  auto story = [&]() -> awaitable<void> {
    auto body = [&](TaskGroup& tasks) -> awaitable<void> {
      tasks.start(serve());
      tasks.start(client.run());
      const auto until = within(10s);
      EXPECT_EQ((co_await client.welcome(until)).observed.port, Port{7});
      EXPECT_TRUE(client.connected());
      EXPECT_EQ(co_await client.register_name("Alice", until), "alice");
      const std::variant<std::string, PeerId> bob{"bob"}, carol{"carol"};
      const auto found = co_await client.resolve(bob, until);
      EXPECT_EQ(id_of(found.key), world.bob.id());
      const auto error = co_await error_of(client.resolve(carol, until));
      EXPECT_EQ(error.value().code, Errc::unknown_peer);
      EXPECT_THAT(error.value().doing, HasSubstr("no such name\\x1b[2J"));  // safe to show
      const std::vector<PeerId> both{world.alice.id(), world.bob.id()};
      EXPECT_THAT(co_await client.who(both, until), ElementsAre(world.bob.id()));
      const auto session = SessionId::random(world.random);
      auto sealed = buffer_of(bytes_of("sealed"));
      EXPECT_EQ(co_await client.signal(world.bob.id(), DeviceId{}, std::move(sealed), true, session, until), Fate::waiting);
      co_await client.withdraw(world.bob.id(), session, until);
      const auto delivery = co_await client.next_delivery();
      EXPECT_EQ(text_of(delivery.body), "from bob");
    };
    co_await with_tasks(std::move(body));
  };
  run(world.loop, story());
  EXPECT_THAT(notices, ElementsAre("first line\nsecond\\x1b[1m"));
}

TEST(RendezvousClient, ComesBackByItselfAndAsksAgainWhatWasNotAnswered) {
  World world;
  auto client = world.client(world.alice);
  std::vector<bool> states;
  client.set_on_state([&](bool connected, const Error& why) {
    states.push_back(connected);
    EXPECT_EQ(connected, why.doing.empty());
  });
  auto serve = [&]() -> awaitable<void> {
    {
      auto conversation = co_await world.accept();
      co_await conversation.welcome();
      co_await conversation.hear_a<Resolve>();
    }  // hangs up instead of answering
    auto conversation = co_await world.accept();
    co_await conversation.welcome();
    const auto again = co_await conversation.hear_a<Resolve>();
    Resolved found;
    found.request = again.request;
    co_await conversation.say(found);
    co_await conversation.hear();
  };
  auto story = [&]() -> awaitable<void> {
    auto body = [&](TaskGroup& tasks) -> awaitable<void> {
      tasks.start(serve());
      tasks.start(client.run());
      const std::variant<std::string, PeerId> bob{"bob"};
      co_await client.resolve(bob, within(10s));
    };
    co_await with_tasks(std::move(body));
  };
  run(world.loop, story());
  EXPECT_THAT(states, ElementsAre(true, false, true));
  EXPECT_FALSE(client.last_trouble().empty());
}

TEST(RendezvousClient, EndsWhenTheServersKeyIsNotThePinnedOne) {
  World world;
  auto address = world.address();
  address.key = world.bob.id();
  RendezvousClient client{world.loop.get_executor(), world.alice.tls, address, world.random, world.outlet};
  auto serve = [&]() -> awaitable<void> { co_await error_of(world.accept()); };
  auto story = [&]() -> awaitable<void> {
    auto body = [&](TaskGroup& tasks) -> awaitable<void> {
      tasks.start(serve());
      co_await client.run();
    };
    const auto error = co_await error_of(with_tasks(std::move(body)));
    EXPECT_EQ(error.value().code, Errc::identity_mismatch);
    EXPECT_THAT(error.value().doing, HasSubstr("127.0.0.1:" + std::to_string(address.port.number)));
    EXPECT_FALSE(error.value().hint.empty());
    EXPECT_EQ((co_await error_of(client.welcome(within(10s)))).value().code, Errc::identity_mismatch);
    const std::vector<PeerId> nobody{world.bob.id()};
    EXPECT_EQ((co_await error_of(client.who(nobody, within(10s)))).value().code, Errc::identity_mismatch);
  };
  run(world.loop, story());
}

TEST(RendezvousClient, NamesServerAndTroubleWhenThereIsNoneToWelcomeIt) {
  World world;
  world.listener.close();
  const auto gone = Listener::on(world.loop.get_executor(), {here(), Port{0}}).port();
  const ServerAddress address{.host = "127.0.0.1", .port = gone, .key = world.server.id()};
  RendezvousClient client{world.loop.get_executor(), world.alice.tls, address, world.random, world.outlet};
  auto story = [&]() -> awaitable<void> {
    auto body = [&](TaskGroup& tasks) -> awaitable<void> {
      tasks.start(client.run());
      const auto error = co_await error_of(client.welcome(within(150ms)));
      EXPECT_EQ(error.value().code, Errc::unreachable);
      EXPECT_THAT(error.value().doing, HasSubstr("127.0.0.1:" + std::to_string(gone.number)));
      EXPECT_THAT(error.value().doing, HasSubstr("refused"));
      EXPECT_FALSE(error.value().hint.empty());
      const std::vector<PeerId> nobody{world.bob.id()};
      EXPECT_EQ((co_await error_of(client.who(nobody, within(1ms)))).value().code, Errc::unreachable);
      EXPECT_FALSE(client.connected());
    };
    co_await with_tasks(std::move(body));
  };
  run(world.loop, story());
}

TEST(RendezvousClient, DropsDeliveriesBeyondItsLimitAndGoesOn) {
  World world;
  auto client = world.client(world.alice);
  auto serve = [&]() -> awaitable<void> {
    auto conversation = co_await world.accept();
    co_await conversation.welcome();
    for (std::size_t i = 0; i < max_waiting_deliveries + 10; ++i) {
      Delivery delivery;
      delivery.from_device.number = i;
      co_await conversation.say(delivery);
    }
    const auto who = co_await conversation.hear_a<Who>();
    const WhoReply nobody{.request = who.request, .online = {}};
    co_await conversation.say(nobody);
    co_await conversation.hear();
  };
  auto story = [&]() -> awaitable<void> {
    auto body = [&](TaskGroup& tasks) -> awaitable<void> {
      tasks.start(serve());
      tasks.start(client.run());
      const std::vector<PeerId> nobody{world.bob.id()};
      co_await client.who(nobody, within(10s));  // everything before it has arrived
      std::size_t taken = 0;
      for (; taken < max_waiting_deliveries; ++taken) EXPECT_EQ((co_await client.next_delivery()).from_device.number, taken);
      auto next = with_deadline(client.next_delivery(), within(1ms), "waiting");
      EXPECT_EQ((co_await error_of(std::move(next))).value().code, Errc::timed_out);
    };
    co_await with_tasks(std::move(body));
  };
  run(world.loop, story());
}

TEST(LearnServerKey, GivesTheKeyThatTheServerProves) {
  World world;
  auto serve = [&]() -> awaitable<void> { co_await error_of(world.accept()); };
  auto story = [&]() -> awaitable<void> {
    auto body = [&](TaskGroup& tasks) -> awaitable<void> {
      tasks.start(serve());
      const auto key = co_await learn_server_key("127.0.0.1", world.listener.port(), world.alice.tls, world.outlet, within(10s));
      EXPECT_EQ(key, world.server.id());
    };
    co_await with_tasks(std::move(body));
  };
  run(world.loop, story());
}

TEST(LearnServerKey, SaysWhomItAskedWhenThereIsNoSuchServer) {
  World world;
  auto garbage = [&]() -> awaitable<void> {
    auto socket = co_await world.listener.accept();
    co_await socket.write(bytes_of("220 mail.example.org ESMTP\r\n"));
    ByteBuffer nothing(1);
    co_await error_of(socket.read_some(nothing));
  };
  auto story = [&]() -> awaitable<void> {
    auto body = [&](TaskGroup& tasks) -> awaitable<void> {
      tasks.start(garbage());
      const auto port = world.listener.port();
      const auto error = co_await error_of(learn_server_key("127.0.0.1", port, world.alice.tls, world.outlet, within(10s)));
      EXPECT_THAT(error.value().doing, HasSubstr("127.0.0.1:" + std::to_string(port.number)));
      EXPECT_FALSE(error.value().hint.empty());
    };
    co_await with_tasks(std::move(body));
  };
  run(world.loop, story());
}

TEST(RendezvousClient, DialsFromThePortItIsGivenAndKnowsTheWayToTheServer) {
  World world;
  auto ours = Listener::on(world.loop.get_executor(), Port{0});
  RendezvousClient client{world.loop.get_executor(), world.alice.tls, world.address(), world.random, world.outlet, RendezvousClient::Attendance::offers, ours.port()};
  EXPECT_FALSE(client.server_endpoint() || client.local_endpoint() || client.round_trip_time());
  auto serve = [&]() -> awaitable<void> {
    auto conversation = co_await world.accept();
    co_await conversation.welcome();
    const auto signal = co_await conversation.hear_a<SendSignal>();
    EXPECT_TRUE(signal.show_address);
    const SignalFate fate{.request = signal.request, .fate = Fate::delivered};
    co_await conversation.say(fate);
    co_await conversation.hear();
  };
  auto story = [&]() -> awaitable<void> {
    auto body = [&](TaskGroup& tasks) -> awaitable<void> {
      tasks.start(serve());
      tasks.start(client.run());
      const auto until = within(10s);
      co_await client.welcome(until);
      const Endpoint server{here(), world.listener.port()}, own{here(), ours.port()};
      EXPECT_EQ(client.server_endpoint(), server);
      EXPECT_EQ(client.local_endpoint(), own);
      EXPECT_GT(client.round_trip_time().value_or(Duration::zero()), Duration::zero());
      ByteBuffer sealed;
      EXPECT_EQ(co_await client.signal(world.bob.id(), DeviceId{}, std::move(sealed), false, SessionId{}, until, RendezvousClient::OurAddress::shown),
                Fate::delivered);
    };
    co_await with_tasks(std::move(body));
  };
  run(world.loop, story());
}

TEST(RendezvousClient, GoesWhereTheServerWasWhenItsNameCannotBeLookedUp) {
  World world;
  auto address = world.address();
  address.host = "server.invalid";  // RFC 6761: nobody knows it
  world.outlet.found(address.host, {here()});
  RendezvousClient client{world.loop.get_executor(), world.alice.tls, address, world.random, world.outlet};
  auto serve = [&]() -> awaitable<void> {
    auto conversation = co_await world.accept();
    co_await conversation.welcome();
    co_await conversation.hear();
  };
  auto story = [&]() -> awaitable<void> {
    auto body = [&](TaskGroup& tasks) -> awaitable<void> {
      tasks.start(serve());
      tasks.start(client.run());
      co_await client.welcome(within(10s));
      EXPECT_EQ(client.server_endpoint(), (Endpoint{here(), address.port}));
    };
    co_await with_tasks(std::move(body));
  };
  run(world.loop, story());
}

TEST(RendezvousClient, DialsFromAnotherPortAfterNobodyAnsweredInTime) {
  World world;
  auto ours = Listener::on(world.loop.get_executor(), Port{0});
  RendezvousClient client{world.loop.get_executor(), world.alice.tls, world.address(), world.random, world.outlet, RendezvousClient::Attendance::offers, ours.port()};
  std::vector<Port> from;
  auto serve = [&]() -> awaitable<void> {
    const auto silent = co_await world.listener.accept();
    from.push_back(silent.remote().port);
    for (;;) {
      const auto next = co_await world.listener.accept();  // hung up on at once, so that there is a third
      from.push_back(next.remote().port);
    }
  };
  auto story = [&]() -> awaitable<void> {
    auto body = [&](TaskGroup& tasks) -> awaitable<void> {
      tasks.start(serve());
      client.doubt();
      tasks.start(client.run());
      co_await error_of(client.welcome(within(short_server_connect_patience + 3s)));
    };
    co_await with_tasks(std::move(body));
  };
  run(world.loop, story());
  ASSERT_GE(from.size(), 3u);
  EXPECT_EQ(from[0], ours.port());
  EXPECT_NE(from[1], ours.port());
  EXPECT_EQ(from[2], ours.port()) << "where the server is wanted, if it can be had";
}

}  // namespace
}  // namespace pshare
