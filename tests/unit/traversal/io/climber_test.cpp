// The climb between two people on this machine, through their doors, over real sockets.
#include "traversal/io/climber.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>

#include "conversation.hpp"
#include "io/deadline.hpp"
#include "io/task_group.hpp"
#include "person.hpp"
#include "traversal/io/lane_greeting.hpp"
#include "traversal/io/tcp_lane.hpp"

namespace pshare {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using testing::error_of;
using testing::here;
using testing::Person;
using testing::run;

const std::vector<Candidate> nowhere;

PeerFacts peer_at(std::vector<Candidate> candidates) { return {.candidates = std::move(candidates)}; }

TimePoint within(Duration patience) { return Clock::now() + patience; }

Candidate candidate(Port port) {
  return {.type = Candidate::Type::host, .transport = Transport::tcp, .endpoint = {here(), port}};
}

/// Somebody's door and what stands beside it. There is no server: only what one knows of oneself.
struct Home {
  Home(asio::io_context& loop, const Person& person, Random& random, LaneDoorLimits limits = {}, ServerAddress its_server = {"127.0.0.1", Port{9}, PeerId{}},
       std::vector<PeerId> trusted = {})
      : address(std::move(its_server)),
        of(person),
        door(loop.get_executor(), person.tls, Listener::on(loop.get_executor(), {here(), Port{0}}), limits),
        server(loop.get_executor(), person.tls, address, random, outlet),
        relays(loop.get_executor(), RelayWay{person.tls, outlet}, server, [trusted] { return trusted; }),
        standpoint(loop.get_executor(), person.tls, random, server, address, door, {.ask_routers = false, .peer_may_be_here = true}) {}
  const ServerAddress address;
  const Person& of;
  LaneDoor door;
  Outlet outlet;
  RendezvousClient server;
  RelayGuide relays;
  Standpoint standpoint;
};

/// Two people on this host, and one session between them.
struct World {
  asio::io_context loop;
  SeededRandom random{1};
  Person alice, bob, eve;
  Home alices{loop, alice, random}, bobs{loop, bob, random};
  LaneDoor& alices_door = alices.door;
  LaneDoor& bobs_door = bobs.door;
  SessionId session = SessionId::random(random);

  LaneDoor door(const Person& of, LaneDoorLimits limits = {}) {
    return LaneDoor{loop.get_executor(), of.tls, Listener::on(loop.get_executor(), {here(), Port{0}}), limits};
  }
  ClimbSettings with(const Person& peer, ClimbRole role) const {
    return {.session = session, .peer = peer.id(), .role = role, .tiers = {Tier::direct}, .tcp_allowed = true, .udp_allowed = false};
  }
  Climber climber(Home& at, ClimbSettings settings) {
    const Climber::Equipment equipment{loop.get_executor(), at.of.tls, at.of.identity, at.door, at.standpoint, at.relays, random};
    return Climber{equipment, std::move(settings)};
  }
  Climber sender() { return climber(alices, with(bob, ClimbRole::sender)); }
  Climber receiver() { return climber(bobs, with(alice, ClimbRole::receiver)); }
  /// A TLS connection to bob's door with the key of `as`.
  awaitable<LanePtr> call(const Person& as, Port port, const Person& whom, Duration silence = lane_silence) {
    auto socket = co_await connect({here(), port});
    co_return co_await begin(std::move(socket), as, whom, silence);
  }
  /// The sender's side of a connection that is there, whoever dialled.
  awaitable<LanePtr> begin(TcpStream socket, const Person& as, const Person& whom, Duration silence = lane_silence) {
    const Path path{.local = socket.local(), .remote = socket.remote()};
    std::vector<std::string> alpn{std::string{lane_alpn}};
    TlsStream stream{std::move(socket), TlsEngine{as.tls, TlsRole::client, std::move(alpn), only(whom.id())}};
    co_await stream.handshake();
    co_return std::make_unique<TcpLane>(std::move(stream), path, loop.get_executor(), silence);
  }
};

/// Greets, and finds out whether the other side is ready: it says nothing more, so that waiting for its next word takes forever if it is.
awaitable<std::optional<Error>> greeted(LanePtr& lane, LaneHello hello, Duration patience = 300ms) {
  lane = co_await say_hello(std::move(lane), hello);
  ByteBuffer nothing(1);
  auto reading = lane->read_some(nothing);
  auto trouble = co_await error_of(with_deadline(std::move(reading), Clock::now() + patience, "waiting for more"));
  if (trouble && trouble->code == Errc::timed_out) trouble.reset();
  co_return trouble;
}

awaitable<void> speak(Lane& from, Lane& to, std::string_view words) {
  const ByteView piece = bytes_of(words);
  co_await from.write(std::span{&piece, 1});
  ByteBuffer heard(words.size());
  const auto count = co_await to.read_some(heard);
  EXPECT_EQ(text_of(ByteView{heard}.first(count)), words);
}

TEST(Climber, TheSenderDialsAndTheReceiverHasTheSameLane) {
  World world;
  auto story = [&]() -> awaitable<void> {
    auto sender = world.sender();
    auto receiver = world.receiver();
    std::vector<Attempt> attempts;
    sender.set_on_attempt([&](const Attempt& attempt) { attempts.push_back(attempt); });
    auto body = [&](TaskGroup& tasks) -> awaitable<void> {
      tasks.start(world.bobs_door.run());
      tasks.start(sender.run());
      tasks.start(receiver.run());
      receiver.attend(peer_at({}), Clock::now(), within(10s));
      const std::vector remote{candidate(world.bobs_door.port())};
      auto lane = co_await sender.first_lane(peer_at(remote), within(10s));
      auto other = co_await receiver.next_lane();
      EXPECT_EQ(lane->peer(), world.bob.id());
      EXPECT_EQ(other->peer(), world.alice.id());
      EXPECT_EQ(lane->path().tier, Tier::direct);
      EXPECT_EQ(lane->path().remote, remote[0].endpoint);
      EXPECT_EQ(lane->path().local, other->path().remote);
      EXPECT_TRUE(sender.dialled(lane->path()));
      EXPECT_FALSE(receiver.dialled(other->path()));
      co_await speak(*lane, *other, "hello");
      co_await speak(*other, *lane, "and back");

      auto second = co_await sender.another_lane(lane->path(), 1, within(10s));
      auto seconds_other = co_await receiver.next_lane();
      co_await speak(*second, *seconds_other, "second lane");
    };
    co_await with_tasks(std::move(body));
    EXPECT_EQ(attempts.size(), 1u);
    EXPECT_EQ(attempts.at(0).outcome, Outcome::connected);
    EXPECT_EQ(attempts.at(0).tier, Tier::direct);
    EXPECT_EQ(attempts.at(0).transport, Transport::tcp);
    EXPECT_TRUE(attempts.at(0).remote);
  };
  run(world.loop, story());
}

TEST(Climber, TheReceiverDialsWhenTheSenderCannot) {
  World world;
  auto story = [&]() -> awaitable<void> {
    auto sender = world.sender();
    auto receiver = world.receiver();
    auto body = [&](TaskGroup& tasks) -> awaitable<void> {
      tasks.start(world.alices_door.run());
      const std::vector remote{candidate(world.alices_door.port())};
      tasks.start(sender.run());
      tasks.start(receiver.run());
      receiver.attend(peer_at(remote), Clock::now(), within(10s));
      auto lane = co_await sender.first_lane(peer_at(nowhere), within(10s));
      auto other = co_await receiver.next_lane();
      EXPECT_FALSE(sender.dialled(lane->path()));
      EXPECT_TRUE(receiver.dialled(other->path()));
      co_await speak(*lane, *other, "hello");

      LanePtr second, seconds_other;
      auto dial = [&]() -> awaitable<void> { seconds_other = co_await receiver.another_lane(other->path(), 1, within(10s)); };
      auto more = [&](TaskGroup& both) -> awaitable<void> {
        both.start(dial());
        second = co_await sender.another_lane(lane->path(), 1, within(10s));
        while (both.running() > 0) co_await sleep_until(Clock::now());
      };
      co_await with_tasks(std::move(more));
      co_await speak(*second, *seconds_other, "second lane");
    };
    co_await with_tasks(std::move(body));
  };
  run(world.loop, story());
}

TEST(Climber, WhenBothDialTheSendersChoiceIsAmongTheReceiversLanes) {
  World world;
  auto story = [&]() -> awaitable<void> {
    auto sender = world.sender();
    auto receiver = world.receiver();
    auto body = [&](TaskGroup& tasks) -> awaitable<void> {
      tasks.start(world.alices_door.run());
      tasks.start(world.bobs_door.run());
      tasks.start(sender.run());
      tasks.start(receiver.run());
      receiver.attend(peer_at({candidate(world.alices_door.port())}), Clock::now(), within(10s));
      const std::vector remote{candidate(world.bobs_door.port())};
      auto chosen = co_await sender.first_lane(peer_at(remote), within(10s));
      const ByteView piece = bytes_of("this one");
      co_await chosen->write(std::span{&piece, 1});
      // The receiver reads on each lane that comes: one says something, the others are closed.
      for (;;) {
        auto coming = receiver.next_lane();
        auto lane = co_await with_deadline(std::move(coming), Clock::now() + 10s, "waiting for the lane that the sender has chosen");
        ByteBuffer heard(64);
        std::size_t count = 0;
        try {
          count = co_await lane->read_some(heard);
        } catch (const Failure&) {
        }
        if (count == 0) continue;
        EXPECT_EQ(text_of(ByteView{heard}.first(count)), "this one");
        break;
      }
    };
    co_await with_tasks(std::move(body));
  };
  for (int round = 0; round < 10; ++round) {
    world.loop.restart();
    run(world.loop, story());
  }
}

TEST(Climber, SkipsAnAddressThatRefusesAndOneThatSwallowsEverything) {
  World world;
  auto story = [&]() -> awaitable<void> {
    auto sender = world.sender();
    auto receiver = world.receiver();
    auto refusing = Listener::on(world.loop.get_executor(), {here(), Port{0}});
    const auto dead = refusing.port();
    refusing.close();
    auto silent = Listener::on(world.loop.get_executor(), {here(), Port{0}});  // the system accepts, nobody answers
    auto body = [&](TaskGroup& tasks) -> awaitable<void> {
      tasks.start(sender.run());
      tasks.start(receiver.run());
      receiver.attend(peer_at({}), Clock::now(), within(10s));
      tasks.start(world.bobs_door.run());
      const std::vector remote{candidate(dead), candidate(silent.port()), candidate(world.bobs_door.port())};
      const auto lane = co_await sender.first_lane(peer_at(remote), within(9s));
      EXPECT_EQ(lane->path().remote, remote[2].endpoint);
      EXPECT_GE(lane->path().elapsed, 250ms);  // the silent one had its head start
      EXPECT_LT(lane->path().elapsed, 5s);
    };
    co_await with_tasks(std::move(body));
  };
  run(world.loop, story());
}

TEST(Climber, RefusesAWrongKeyAtTheRightAddress) {
  World world;
  auto eves_door = world.door(world.eve);
  auto story = [&]() -> awaitable<void> {
    auto sender = world.sender();
    auto expecting = eves_door.expect(world.session, world.alice.id());
    std::vector<Attempt> attempts;
    sender.set_on_attempt([&](const Attempt& attempt) { attempts.push_back(attempt); });
    auto body = [&](TaskGroup& tasks) -> awaitable<void> {
      tasks.start(sender.run());
      tasks.start(eves_door.run());
      const std::vector remote{candidate(eves_door.port())};
      const auto error = co_await error_of(sender.first_lane(peer_at(remote), within(1s)));
      EXPECT_TRUE(error);
      EXPECT_EQ(error.value().code, Errc::no_path);
      EXPECT_THAT(error.value().doing, HasSubstr("not-authenticated"));
      EXPECT_THAT(error.value().doing, HasSubstr(std::to_string(eves_door.port().number)));
      EXPECT_FALSE(error.value().hint.empty());
    };
    co_await with_tasks(std::move(body));
    EXPECT_EQ(attempts.at(0).reason, Reason::not_authenticated);
  };
  run(world.loop, story());
}

TEST(Climber, ReportsTiersThatThisBuildHasNotGot) {
  World world;
  auto story = [&]() -> awaitable<void> {
    auto settings = world.with(world.bob, ClimbRole::sender);
    settings.tiers = {Tier::mapped, Tier::relay};
    auto sender = world.climber(world.alices, settings);
    std::vector<Attempt> attempts;
    sender.set_on_attempt([&](const Attempt& attempt) { attempts.push_back(attempt); });
    auto body = [&](TaskGroup& tasks) -> awaitable<void> {
      tasks.start(sender.run());
      const std::vector remote{candidate(Port{9})};
      const auto error = co_await error_of(sender.first_lane(peer_at(remote), within(1s)));
      EXPECT_EQ(error.value().code, Errc::no_path);
      EXPECT_THAT(error.value().doing, HasSubstr("mapped"));
      EXPECT_THAT(error.value().doing, HasSubstr("relay: unsupported"));
    };
    co_await with_tasks(std::move(body));
    EXPECT_TRUE(std::any_of(attempts.begin(), attempts.end(), [](const Attempt& each) { return each.tier == Tier::relay && each.reason == Reason::unsupported; }));
  };
  run(world.loop, story());
}

TEST(Climber, WithoutTcpNobodyIsLetIn) {
  World world;
  auto story = [&]() -> awaitable<void> {
    auto settings = world.with(world.alice, ClimbRole::receiver);
    settings.tcp_allowed = false;
    auto receiver = world.climber(world.bobs, settings);
    std::optional<Error> refused;
    auto body = [&](TaskGroup& tasks) -> awaitable<void> {
      tasks.start(world.bobs_door.run());
      receiver.attend(peer_at({candidate(Port{9})}), Clock::now(), within(10s));
      tasks.start(receiver.run());
      auto lane = co_await world.call(world.alice, world.bobs_door.port(), world.bob);
      const LaneHello hello{.session = world.session};
      refused = co_await greeted(lane, hello);
    };
    const auto failed = co_await error_of(with_tasks<void>(body));
    EXPECT_TRUE(refused || failed);
    if (failed) {
      EXPECT_EQ(failed->code, Errc::no_path);
    }
  };
  run(world.loop, story());
}

TEST(Climber, TheStandpointOffersItsDoorOnThisHostsAddresses) {
  World world;
  EXPECT_THAT(world.alices.standpoint.candidates(), ::testing::Contains(candidate(world.alices_door.port())));
}

TEST(Climber, UdpLanesComeUpWhereTcpIsNotAllowed) {
  World world;
  auto story = [&]() -> awaitable<void> {
    const auto key = CheckKey::random(world.random);
    const auto udp_alone = [&](ClimbSettings settings) {
      settings.tcp_allowed = false;
      settings.udp_allowed = true;
      settings.check_key = key;
      return settings;
    };
    auto sender = world.climber(world.alices, udp_alone(world.with(world.bob, ClimbRole::sender)));
    auto receiver = world.climber(world.bobs, udp_alone(world.with(world.alice, ClimbRole::receiver)));
    auto body = [&](TaskGroup& tasks) -> awaitable<void> {
      tasks.start(sender.run());
      tasks.start(receiver.run());
      receiver.attend(peer_at(world.alices.standpoint.candidates()), Clock::now(), within(10s));
      auto lane = co_await sender.first_lane(peer_at(world.bobs.standpoint.candidates()), within(10s));
      EXPECT_EQ(lane->path().transport, Transport::udp);
      EXPECT_EQ(lane->path().tier, Tier::direct);
      EXPECT_EQ(lane->peer(), world.bob.id());
      const ByteView piece = bytes_of("hello");
      co_await lane->write(std::span{&piece, 1});
      auto other = co_await receiver.next_lane();
      EXPECT_EQ(other->path().tier, Tier::direct);
      EXPECT_EQ(other->peer(), world.alice.id());
      ByteBuffer heard(5);
      EXPECT_EQ(co_await other->read_some(heard), 5u);
      EXPECT_EQ(text_of(heard), "hello");
      co_await speak(*other, *lane, "and back");
    };
    co_await with_tasks(std::move(body));
  };
  run(world.loop, story());
}

TEST(Climber, ASecondClimbFindsALaneAfterAllWereLost) {
  World world;
  auto story = [&]() -> awaitable<void> {
    auto sender = world.sender();
    auto receiver = world.receiver();
    auto body = [&](TaskGroup& tasks) -> awaitable<void> {
      tasks.start(world.alices_door.run());
      tasks.start(sender.run());
      tasks.start(receiver.run());
      receiver.attend(peer_at({candidate(world.alices_door.port())}), Clock::now(), within(10s));
      for (int round = 0; round < 3; ++round) {
        auto lane = co_await sender.first_lane(peer_at(nowhere), within(10s));
        auto other = co_await receiver.next_lane();
        co_await speak(*lane, *other, "hello");
        lane->close();
        receiver.climb_again(plain_udp_patience);
      }
    };
    co_await with_tasks(std::move(body));
  };
  run(world.loop, story());
}

// --- supernodes ---

/// A server that lists carol's supernode, from the second time on that somebody asks.
struct Listing {
  explicit Listing(World& in) : world(in) {}
  World& world;
  Person server, carol;
  Listener listener = Listener::on(world.loop.get_executor(), {here(), Port{0}}), carols = Listener::on(world.loop.get_executor(), {here(), Port{0}});
  std::size_t asked = 0, tickets = 0;

  Home home(const Person& person) { return {world.loop, person, world.random, {}, {"127.0.0.1", listener.port(), server.id()}, {carol.id()}}; }
  ClimbSettings with(const Person& peer, ClimbRole role) const {
    auto settings = world.with(peer, role);
    settings.tiers = {Tier::supernode};
    return settings;
  }
  awaitable<void> serve() {
    auto conversation = co_await testing::accept_client(listener, server);
    Welcome words;
    words.signs_tickets = true;
    co_await conversation.welcome(std::move(words));
    for (;;) {
      const auto message = co_await conversation.hear();
      if (const auto* wanted = std::get_if<AskRelays>(&message)) {
        Relays listed{.request = wanted->request, .relays = {}};
        if (++asked > 1) listed.relays.push_back({.relay = carol.id(), .endpoints = {{here(), carols.port()}}});
        ServerMessage reply = std::move(listed);
        co_await conversation.say(std::move(reply));
      }
      if (const auto* wanted = std::get_if<AskTicket>(&message)) {
        ++tickets;
        ServerMessage no = Trouble{.request = wanted->request, .code = Errc::limit, .words = "no"};
        co_await conversation.say(std::move(no));
      }
    }
  }
};

TEST(Climber, TheReceiverLooksAgainForSupernodesAndSaysSo) {
  World world;
  Listing listing{world};
  auto home = listing.home(world.bob);
  auto story = [&]() -> awaitable<void> {
    auto receiver = world.climber(home, listing.with(world.alice, ClimbRole::receiver));
    std::vector<std::size_t> said;
    Wakeup news{world.loop.get_executor()};
    receiver.set_on_say([&](const Climber::Word& word) {
      if (const auto* near = std::get_if<RelaysNear>(&word)) said.push_back(near->relays.size());
      news.ring();
    });
    auto body = [&](TaskGroup& tasks) -> awaitable<void> {
      tasks.start(listing.serve());
      tasks.start(home.server.run());
      tasks.start(receiver.run());
      receiver.attend(peer_at({}), Clock::now(), within(10s));
      while (said.size() < 2) co_await news.wait();
    };
    co_await with_tasks(std::move(body));
    EXPECT_THAT(said, ::testing::ElementsAre(0, 1));
  };
  run(world.loop, story());
}

TEST(Climber, TheSenderLooksAgainForSupernodesAndGoesOnWhenTheReceiverHasFoundOne) {
  World world;
  Listing listing{world};
  auto home = listing.home(world.alice);
  auto story = [&]() -> awaitable<void> {
    auto sender = world.climber(home, listing.with(world.bob, ClimbRole::sender));
    auto tell = [&](std::vector<RelaysNear::Distance> relays) { sender.heard(RelaysNear{world.session, std::move(relays)}); };
    auto body = [&](TaskGroup& tasks) -> awaitable<void> {
      tasks.start(listing.serve());
      tasks.start(home.server.run());
      tasks.start(sender.run());
      auto search = [&]() -> awaitable<void> { co_await error_of(sender.first_lane(peer_at({}), within(10s))); };
      tasks.start(search());
      tell({});
      while (listing.asked < 2) co_await sleep_until(within(5ms));
      EXPECT_EQ(listing.tickets, 0u);
      tell({{listing.carol.id(), 1ms}});
      while (listing.tickets == 0) co_await sleep_until(within(5ms));
    };
    co_await with_tasks(std::move(body));
  };
  run(world.loop, story());
}

// --- the door ---

TEST(LaneDoor, DropsTheRightPeerWithTheWrongSession) {
  World world;
  auto story = [&]() -> awaitable<void> {
    auto expecting = world.bobs_door.expect(world.session, world.alice.id());
    auto body = [&](TaskGroup& tasks) -> awaitable<void> {
      tasks.start(world.bobs_door.run());
      auto lane = co_await world.call(world.alice, world.bobs_door.port(), world.bob);
      const LaneHello hello{.session = SessionId::random(world.random)};
      const auto error = co_await greeted(lane, hello);
      EXPECT_EQ(error.value().code, Errc::closed);
    };
    co_await with_tasks(std::move(body));
  };
  run(world.loop, story());
}

TEST(LaneDoor, DropsTheRightSessionWithThePeerOfAnother) {
  World world;
  auto story = [&]() -> awaitable<void> {
    auto alices = world.bobs_door.expect(world.session, world.alice.id());
    auto eves = world.bobs_door.expect(SessionId::random(world.random), world.eve.id());
    auto body = [&](TaskGroup& tasks) -> awaitable<void> {
      tasks.start(world.bobs_door.run());
      auto lane = co_await world.call(world.eve, world.bobs_door.port(), world.bob);
      const LaneHello hello{.session = world.session};
      const auto error = co_await greeted(lane, hello);
      EXPECT_EQ(error.value().code, Errc::closed);
    };
    co_await with_tasks(std::move(body));
  };
  run(world.loop, story());
}

TEST(LaneDoor, TakesNoLaneOfAnotherSessionForThatOfTheOneThatHasDialled) {
  World world;
  auto story = [&]() -> awaitable<void> {
    auto diallers = world.bobs_door.expect(world.session, world.alice.id());
    const auto another = SessionId::random(world.random);
    auto others = world.bobs_door.expect(another, world.alice.id());
    auto listener = Listener::on(world.loop.get_executor(), {here(), Port{0}});
    auto answer = [&]() -> awaitable<void> {
      auto socket = co_await listener.accept();
      auto lane = co_await world.begin(std::move(socket), world.alice, world.bob);
      const LaneHello hello{.session = another};
      co_await greeted(lane, hello);
    };
    auto body = [&](TaskGroup& tasks) -> awaitable<void> {
      tasks.start(answer());
      auto socket = co_await connect({here(), listener.port()});
      const auto error = co_await error_of(diallers.hear(std::move(socket)));
      EXPECT_EQ(error.value().code, Errc::refused);
    };
    co_await with_tasks(std::move(body));
  };
  run(world.loop, story());
}

TEST(LaneDoor, RefusesAKeyThatNobodyExpectsWithinTheHandshake) {
  World world;
  auto story = [&]() -> awaitable<void> {
    auto expecting = world.bobs_door.expect(world.session, world.alice.id());
    auto body = [&](TaskGroup& tasks) -> awaitable<void> {
      tasks.start(world.bobs_door.run());
      std::optional<Error> error;
      try {
        auto socket = co_await connect({here(), world.bobs_door.port()});
        std::vector<std::string> alpn{std::string{lane_alpn}};
        TlsStream stream{std::move(socket), TlsEngine{world.eve.tls, TlsRole::client, std::move(alpn), only(world.bob.id())}};
        co_await stream.handshake();
        std::array<std::byte, 1> nothing;
        co_await stream.read_some(nothing);  // without having said for which session it comes
      } catch (const Failure& failure) {
        error = failure.error();
      }
      EXPECT_TRUE(error);
      if (error) {
        EXPECT_EQ(error->code, Errc::identity_mismatch);
      }
    };
    co_await with_tasks(std::move(body));
  };
  run(world.loop, story());
}

TEST(LaneDoor, HandsLanesToTheirSessionWithTheTierThatTheSenderSays) {
  World world;
  auto story = [&]() -> awaitable<void> {
    const auto other_session = SessionId::random(world.random);
    auto first = world.bobs_door.expect(world.session, world.alice.id());
    auto second = world.bobs_door.expect(other_session, world.alice.id());
    auto body = [&](TaskGroup& tasks) -> awaitable<void> {
      tasks.start(world.bobs_door.run());
      auto a = co_await world.call(world.alice, world.bobs_door.port(), world.bob);
      const LaneHello to_second{.session = other_session, .ordinal = 3, .tier = Tier::mapped};
      a = co_await say_hello(std::move(a), to_second);
      auto b = co_await world.call(world.alice, world.bobs_door.port(), world.bob);
      const LaneHello to_first{.session = world.session, .ordinal = 5, .tier = Tier::punched};
      b = co_await say_hello(std::move(b), to_first);
      const auto got_first = co_await first.next();
      const auto got_second = co_await second.next();
      EXPECT_EQ(got_first->path().tier, Tier::punched);
      EXPECT_EQ(got_second->path().tier, Tier::mapped);
      EXPECT_EQ(got_first->path().remote, b->path().local);
    };
    co_await with_tasks(std::move(body));
  };
  run(world.loop, story());
}

TEST(LaneDoor, ExpectsOneSessionWithOnePeerOnce) {
  World world;
  const auto expecting = world.bobs_door.expect(world.session, world.alice.id());
  try {
    world.bobs_door.expect(world.session, world.alice.id());
    ADD_FAILURE() << "did not throw";
  } catch (const Failure& failure) {
    EXPECT_EQ(failure.error().code, Errc::busy);
  }
  const auto with_another = world.bobs_door.expect(world.session, world.eve.id());
}

TEST(LaneDoor, BoundsTheCallersThatHaveNotGreetedFromOneHost) {
  World world;
  auto door = world.door(world.bob, {.half_open = 16, .half_open_per_host = 4});
  auto story = [&]() -> awaitable<void> {
    auto expecting = door.expect(world.session, world.alice.id());
    auto body = [&](TaskGroup& tasks) -> awaitable<void> {
      tasks.start(door.run());
      std::vector<TcpStream> flood;
      for (int i = 0; i < 4; ++i) flood.push_back(co_await connect({here(), door.port()}));
      auto fifth = co_await connect({here(), door.port()});
      ByteBuffer nothing(1);
      EXPECT_TRUE(co_await error_of(fifth.read_some(nothing)));  // hung up on at once
      EXPECT_EQ(door.half_open(), 4u);
      flood.clear();
      while (door.half_open() > 0) co_await sleep_until(Clock::now());
      auto lane = co_await world.call(world.alice, door.port(), world.bob);  // there is room again
      const LaneHello hello{.session = world.session};
      EXPECT_FALSE(co_await greeted(lane, hello));
    };
    co_await with_tasks(std::move(body));
  };
  run(world.loop, story());
}

TEST(LaneDoor, HangsUpOnACallerThatDoesNotGreetInTime) {
  World world;
  auto door = world.door(world.bob, {.greeting_patience = 20ms});
  auto story = [&]() -> awaitable<void> {
    auto expecting = door.expect(world.session, world.alice.id());
    auto body = [&](TaskGroup& tasks) -> awaitable<void> {
      tasks.start(door.run());
      auto before_tls = co_await connect({here(), door.port()});
      auto after_tls = co_await world.call(world.alice, door.port(), world.bob);
      ByteBuffer nothing(1);
      EXPECT_TRUE(co_await error_of(before_tls.read_some(nothing)));
      EXPECT_TRUE(co_await error_of(after_tls->read_some(nothing)));
      EXPECT_EQ(door.half_open(), 0u);
    };
    co_await with_tasks(std::move(body));
  };
  run(world.loop, story());
}

TEST(LaneDoor, HandsCallersToItsGuestsWhileNobodyIsExpected) {
  World world;
  std::vector<Endpoint> guests;
  Wakeup came{world.loop.get_executor()};
  world.bobs_door.set_guests([&](TcpStream socket) -> awaitable<void> {
    guests.push_back(socket.remote());
    came.ring();
    co_return;
  });
  auto story = [&]() -> awaitable<void> {
    auto body = [&](TaskGroup& tasks) -> awaitable<void> {
      tasks.start(world.bobs_door.run());
      auto guest = co_await connect({here(), world.bobs_door.port()});
      co_await came.wait();
      EXPECT_EQ(guests, std::vector{guest.local()});
      auto expecting = world.bobs_door.expect(world.session, world.alice.id());
      auto lane = co_await world.call(world.alice, world.bobs_door.port(), world.bob);
      const LaneHello hello{.session = world.session};
      EXPECT_FALSE(co_await greeted(lane, hello));
      EXPECT_EQ(guests.size(), 1u);
    };
    co_await with_tasks(std::move(body));
  };
  run(world.loop, story());
}

TEST(LaneDoor, HangsUpOnAHostThatCallsTooOften) {
  World world;
  auto door = world.door(world.bob, {.calls_of_a_host = {.burst = 3, .each_second = 0.001}});
  int guests = 0;
  door.set_guests([&](TcpStream) -> awaitable<void> {
    ++guests;
    co_return;
  });
  auto story = [&]() -> awaitable<void> {
    auto body = [&](TaskGroup& tasks) -> awaitable<void> {
      tasks.start(door.run());
      for (int calls = 1; calls <= 6; ++calls) {
        auto caller = co_await connect({here(), door.port()});
        ByteBuffer nothing(1);
        EXPECT_TRUE(co_await error_of(caller.read_some(nothing)));
        EXPECT_EQ(guests, std::min(calls, 3));
      }
    };
    co_await with_tasks(std::move(body));
  };
  run(world.loop, story());
}

TEST(LaneDoor, CountsAGuestAsHalfOpenAndHasNoMorePatienceThanWithOthers) {
  World world;
  auto door = world.door(world.bob, {.greeting_patience = 20ms});
  bool hung_up_on = false;
  door.set_guests([&](TcpStream socket) -> awaitable<void> {
    EXPECT_EQ(door.half_open(), 1u);
    struct End {
      bool& seen;
      ~End() { seen = true; }
    } const end{hung_up_on};
    ByteBuffer nothing(1);
    co_await socket.read_some(nothing);
  });
  auto story = [&]() -> awaitable<void> {
    auto body = [&](TaskGroup& tasks) -> awaitable<void> {
      tasks.start(door.run());
      auto silent = co_await connect({here(), door.port()});
      ByteBuffer nothing(1);
      EXPECT_TRUE(co_await error_of(silent.read_some(nothing)));
      EXPECT_TRUE(hung_up_on);
      EXPECT_EQ(door.half_open(), 0u);
    };
    co_await with_tasks(std::move(body));
  };
  run(world.loop, story());
}

TEST(LaneDoor, BoundsTheLanesThatASessionHasNotTaken) {
  World world;
  auto door = world.door(world.bob, {.waiting_lanes = 2});
  auto story = [&]() -> awaitable<void> {
    auto expecting = door.expect(world.session, world.alice.id());
    auto body = [&](TaskGroup& tasks) -> awaitable<void> {
      tasks.start(door.run());
      const LaneHello hello{.session = world.session};
      std::vector<LanePtr> lanes;
      for (int i = 0; i < 2; ++i) {
        lanes.push_back(co_await world.call(world.alice, door.port(), world.bob));
        EXPECT_FALSE(co_await greeted(lanes.back(), hello));
      }
      auto third = co_await world.call(world.alice, door.port(), world.bob);
      EXPECT_EQ((co_await greeted(third, hello)).value().code, Errc::closed);
      co_await expecting.next();
      auto fourth = co_await world.call(world.alice, door.port(), world.bob);
      EXPECT_FALSE(co_await greeted(fourth, hello));
    };
    co_await with_tasks(std::move(body));
  };
  run(world.loop, story());
}

TEST(LaneDoor, ClosesWhatWasNotTakenWhenASessionEnds) {
  World world;
  auto story = [&]() -> awaitable<void> {
    auto body = [&](TaskGroup& tasks) -> awaitable<void> {
      tasks.start(world.bobs_door.run());
      std::optional<LaneDoor::Registration> expecting{world.bobs_door.expect(world.session, world.alice.id())};
      auto lane = co_await world.call(world.alice, world.bobs_door.port(), world.bob);
      const LaneHello hello{.session = world.session};
      EXPECT_FALSE(co_await greeted(lane, hello));
      expecting.reset();
      ByteBuffer nothing(1);
      EXPECT_EQ((co_await error_of(lane->read_some(nothing))).value().code, Errc::closed);
    };
    co_await with_tasks(std::move(body));
  };
  run(world.loop, story());
}

// --- lanes ---

struct TwoEnds {
  LanePtr dialled, accepted;
};

awaitable<TwoEnds> two_ends(World& world, LaneDoor::Registration& expecting, Duration silence) {
  TwoEnds ends;
  ends.dialled = co_await world.call(world.alice, world.bobs_door.port(), world.bob, silence);
  const LaneHello hello{.session = world.session};
  ends.dialled = co_await say_hello(std::move(ends.dialled), hello);
  ends.accepted = co_await expecting.next();
  co_return ends;
}

TEST(TcpLane, SilentForTooLongIsTimedOut) {
  World world;
  auto story = [&]() -> awaitable<void> {
    auto expecting = world.bobs_door.expect(world.session, world.alice.id());
    auto body = [&](TaskGroup& tasks) -> awaitable<void> {
      tasks.start(world.bobs_door.run());
      auto ends = co_await two_ends(world, expecting, 30ms);
      for (int i = 0; i < 5; ++i) {  // longer than the silence altogether, but something is said each time
        co_await sleep_until(within(10ms));
        co_await speak(*ends.accepted, *ends.dialled, "beat");
      }
      ByteBuffer nothing(1);
      const auto error = co_await error_of(ends.dialled->read_some(nothing));
      EXPECT_EQ(error.value().code, Errc::timed_out);
    };
    co_await with_tasks(std::move(body));
  };
  run(world.loop, story());
}

TEST(TcpLane, IsNotSilentWhileNobodyReads) {
  World world;
  auto story = [&]() -> awaitable<void> {
    auto expecting = world.bobs_door.expect(world.session, world.alice.id());
    auto body = [&](TaskGroup& tasks) -> awaitable<void> {
      tasks.start(world.bobs_door.run());
      auto ends = co_await two_ends(world, expecting, 20ms);
      co_await speak(*ends.accepted, *ends.dialled, "first");
      co_await sleep_until(within(60ms));  // a slow disk
      co_await speak(*ends.accepted, *ends.dialled, "second");
    };
    co_await with_tasks(std::move(body));
  };
  run(world.loop, story());
}

TEST(TcpLane, TellsAnOrderlyEndFromOurOwnClose) {
  World world;
  auto story = [&]() -> awaitable<void> {
    auto expecting = world.bobs_door.expect(world.session, world.alice.id());
    auto body = [&](TaskGroup& tasks) -> awaitable<void> {
      tasks.start(world.bobs_door.run());
      auto ends = co_await two_ends(world, expecting, 1min);
      ends.accepted->close();
      ByteBuffer nothing(1);
      EXPECT_EQ((co_await error_of(ends.dialled->read_some(nothing))).value().code, Errc::closed);
      EXPECT_EQ((co_await error_of(ends.accepted->read_some(nothing))).value().code, Errc::closed);
      const ByteView piece = bytes_of("too late");
      EXPECT_EQ((co_await error_of(ends.accepted->write(std::span{&piece, 1}))).value().code, Errc::closed);
    };
    co_await with_tasks(std::move(body));
  };
  run(world.loop, story());
}

}  // namespace
}  // namespace pshare
