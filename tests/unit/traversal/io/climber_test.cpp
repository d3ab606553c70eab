// The climb between two people on this machine, through their doors, over real sockets.
#include "traversal/io/climber.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

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

TimePoint within(Duration patience) { return Clock::now() + patience; }

Candidate candidate(Port port) {
  return {.type = Candidate::Type::host, .transport = Transport::tcp, .endpoint = {here(), port}};
}

/// Two people, each with a door on this host, and one session between them.
struct World {
  asio::io_context loop;
  SeededRandom random{1};
  Person alice, bob, eve;
  LaneDoor alices_door = door(alice), bobs_door = door(bob);
  SessionId session = SessionId::random(random);

  LaneDoor door(const Person& of, LaneDoorLimits limits = {}) {
    return LaneDoor{loop.get_executor(), of.tls, Listener::on(loop.get_executor(), {here(), Port{0}}), limits};
  }
  ClimbSettings with(const Person& peer) const {
    return {.session = session, .peer = peer.id(), .tiers = {Tier::direct}, .tcp_allowed = true, .loopback_peer = true};
  }
  Climber climber(const Person& of, LaneDoor& at, const Person& peer) {
    return Climber{loop.get_executor(), of.tls, at, random, with(peer)};
  }
  /// A TLS connection to bob's door with the key of `as`.
  awaitable<TlsStream> call(const Person& as, Port port, const Person& whom) {
    auto socket = co_await connect({here(), port});
    std::vector<std::string> alpn{std::string{lane_alpn}};
    TlsStream stream{std::move(socket), TlsEngine{as.tls, TlsRole::client, std::move(alpn), only(whom.id())}};
    co_await stream.handshake();
    co_return stream;
  }
};

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
    auto sender = world.climber(world.alice, world.alices_door, world.bob);
    auto receiver = world.climber(world.bob, world.bobs_door, world.alice);
    std::vector<Attempt> attempts;
    sender.set_on_attempt([&](const Attempt& attempt) { attempts.push_back(attempt); });
    auto body = [&](TaskGroup& tasks) -> awaitable<void> {
      tasks.start(world.bobs_door.run());
      tasks.start(receiver.attend({}, within(10s)));
      const std::vector remote{candidate(world.bobs_door.port())};
      auto lane = co_await sender.first_lane(remote, within(10s));
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
    auto sender = world.climber(world.alice, world.alices_door, world.bob);
    auto receiver = world.climber(world.bob, world.bobs_door, world.alice);
    auto body = [&](TaskGroup& tasks) -> awaitable<void> {
      tasks.start(world.alices_door.run());
      const std::vector remote{candidate(world.alices_door.port())};
      tasks.start(receiver.attend(remote, within(10s)));
      auto lane = co_await sender.first_lane(nowhere, within(10s));
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
    auto sender = world.climber(world.alice, world.alices_door, world.bob);
    auto receiver = world.climber(world.bob, world.bobs_door, world.alice);
    auto body = [&](TaskGroup& tasks) -> awaitable<void> {
      tasks.start(world.alices_door.run());
      tasks.start(world.bobs_door.run());
      tasks.start(receiver.attend({candidate(world.alices_door.port())}, within(10s)));
      const std::vector remote{candidate(world.bobs_door.port())};
      auto chosen = co_await sender.first_lane(remote, within(10s));
      const ByteView piece = bytes_of("this one");
      co_await chosen->write(std::span{&piece, 1});
      // The receiver reads on each lane that comes: one says something, the others are closed.
      for (;;) {
        auto lane = co_await receiver.next_lane();
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
    auto sender = world.climber(world.alice, world.alices_door, world.bob);
    auto receiver = world.climber(world.bob, world.bobs_door, world.alice);
    auto refusing = Listener::on(world.loop.get_executor(), {here(), Port{0}});
    const auto dead = refusing.port();
    refusing.close();
    auto silent = Listener::on(world.loop.get_executor(), {here(), Port{0}});  // the system accepts, nobody answers
    auto body = [&](TaskGroup& tasks) -> awaitable<void> {
      tasks.start(world.bobs_door.run());
      const std::vector remote{candidate(dead), candidate(silent.port()), candidate(world.bobs_door.port())};
      const auto lane = co_await sender.first_lane(remote, within(9s));
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
    auto sender = world.climber(world.alice, world.alices_door, world.bob);
    auto expecting = eves_door.expect(world.session, world.alice.id());
    std::vector<Attempt> attempts;
    sender.set_on_attempt([&](const Attempt& attempt) { attempts.push_back(attempt); });
    auto body = [&](TaskGroup& tasks) -> awaitable<void> {
      tasks.start(eves_door.run());
      const std::vector remote{candidate(eves_door.port())};
      const auto error = co_await error_of(sender.first_lane(remote, within(1s)));
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
    auto settings = world.with(world.bob);
    settings.tiers = {Tier::mapped, Tier::relay};
    Climber sender{world.loop.get_executor(), world.alice.tls, world.alices_door, world.random, settings};
    std::vector<Attempt> attempts;
    sender.set_on_attempt([&](const Attempt& attempt) { attempts.push_back(attempt); });
    const std::vector remote{candidate(Port{9})};
    const auto error = co_await error_of(sender.first_lane(remote, within(10s)));
    EXPECT_EQ(error.value().code, Errc::no_path);
    EXPECT_THAT(error.value().doing, HasSubstr("mapped: unsupported"));
    EXPECT_THAT(error.value().doing, HasSubstr("relay: unsupported"));
    EXPECT_EQ(attempts.size(), 2u);
    for (const auto& attempt : attempts) EXPECT_EQ(attempt.reason, Reason::unsupported);
    EXPECT_TRUE(sender.local_candidates(std::nullopt, std::nullopt).empty());
  };
  run(world.loop, story());
}

TEST(Climber, WithoutTcpTheDirectTierIsUnsupportedAndNobodyIsLetIn) {
  World world;
  auto story = [&]() -> awaitable<void> {
    auto settings = world.with(world.alice);
    settings.tcp_allowed = false;
    Climber receiver{world.loop.get_executor(), world.bob.tls, world.bobs_door, world.random, settings};
    const std::vector remote{candidate(Port{9})};
    const auto failed = co_await error_of(receiver.attend(remote, within(10s)));
    EXPECT_EQ(failed.value().code, Errc::no_path);
    auto body = [&](TaskGroup& tasks) -> awaitable<void> {
      tasks.start(world.bobs_door.run());
      auto stream = co_await world.call(world.alice, world.bobs_door.port(), world.bob);
      const LaneHello hello{.session = world.session};
      EXPECT_TRUE(co_await error_of(say_hello(stream, hello)));
    };
    co_await with_tasks(std::move(body));
  };
  run(world.loop, story());
}

TEST(Climber, OffersItsDoorOnThisHostsAddresses) {
  World world;
  auto sender = world.climber(world.alice, world.alices_door, world.bob);
  const auto candidates = sender.local_candidates(std::nullopt, std::nullopt);
  EXPECT_THAT(candidates, ::testing::Contains(candidate(world.alices_door.port())));
}

TEST(Climber, ASecondClimbFindsALaneAfterAllWereLost) {
  World world;
  auto story = [&]() -> awaitable<void> {
    auto sender = world.climber(world.alice, world.alices_door, world.bob);
    auto receiver = world.climber(world.bob, world.bobs_door, world.alice);
    auto body = [&](TaskGroup& tasks) -> awaitable<void> {
      tasks.start(world.alices_door.run());
      tasks.start(receiver.attend({candidate(world.alices_door.port())}, within(10s)));
      for (int round = 0; round < 3; ++round) {
        auto lane = co_await sender.first_lane(nowhere, within(10s));
        auto other = co_await receiver.next_lane();
        co_await speak(*lane, *other, "hello");
        lane->close();
        receiver.climb_again();
      }
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
      auto stream = co_await world.call(world.alice, world.bobs_door.port(), world.bob);
      const LaneHello hello{.session = SessionId::random(world.random)};
      const auto error = co_await error_of(say_hello(stream, hello));
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
      auto stream = co_await world.call(world.eve, world.bobs_door.port(), world.bob);
      const LaneHello hello{.session = world.session};
      const auto error = co_await error_of(say_hello(stream, hello));
      EXPECT_EQ(error.value().code, Errc::closed);
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
        auto stream = co_await world.call(world.eve, world.bobs_door.port(), world.bob);
        const LaneHello hello{.session = world.session};
        co_await say_hello(stream, hello);
      } catch (const Failure& failure) {
        error = failure.error();
      }
      EXPECT_EQ(error.value().code, Errc::identity_mismatch);
    };
    co_await with_tasks(std::move(body));
  };
  run(world.loop, story());
}

TEST(LaneDoor, HandsLanesToTheirSessionWithTheirOrdinals) {
  World world;
  auto story = [&]() -> awaitable<void> {
    const auto other_session = SessionId::random(world.random);
    auto first = world.bobs_door.expect(world.session, world.alice.id());
    auto second = world.bobs_door.expect(other_session, world.alice.id());
    auto body = [&](TaskGroup& tasks) -> awaitable<void> {
      tasks.start(world.bobs_door.run());
      auto a = co_await world.call(world.alice, world.bobs_door.port(), world.bob);
      const LaneHello to_second{.session = other_session, .ordinal = 3};
      co_await say_hello(a, to_second);
      auto b = co_await world.call(world.alice, world.bobs_door.port(), world.bob);
      const LaneHello to_first{.session = world.session, .ordinal = 5};
      co_await say_hello(b, to_first);
      const auto got_first = co_await first.next();
      const auto got_second = co_await second.next();
      EXPECT_EQ(got_first.second, 5u);
      EXPECT_EQ(got_second.second, 3u);
      EXPECT_EQ(got_first.first->path().remote, b.socket().local());
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
      auto stream = co_await world.call(world.alice, door.port(), world.bob);  // there is room again
      const LaneHello hello{.session = world.session};
      co_await say_hello(stream, hello);
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
      EXPECT_TRUE(co_await error_of(after_tls.read_some(nothing)));
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
      std::vector<TlsStream> lanes;
      for (int i = 0; i < 2; ++i) {
        lanes.push_back(co_await world.call(world.alice, door.port(), world.bob));
        co_await say_hello(lanes.back(), hello);
      }
      auto third = co_await world.call(world.alice, door.port(), world.bob);
      EXPECT_EQ((co_await error_of(say_hello(third, hello))).value().code, Errc::closed);
      co_await expecting.next();
      auto fourth = co_await world.call(world.alice, door.port(), world.bob);
      co_await say_hello(fourth, hello);
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
      auto stream = co_await world.call(world.alice, world.bobs_door.port(), world.bob);
      const LaneHello hello{.session = world.session};
      co_await say_hello(stream, hello);
      expecting.reset();
      ByteBuffer nothing(1);
      EXPECT_EQ((co_await error_of(stream.read_some(nothing))).value().code, Errc::closed);
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
  auto stream = co_await world.call(world.alice, world.bobs_door.port(), world.bob);
  const LaneHello hello{.session = world.session};
  co_await say_hello(stream, hello);
  auto arrived = co_await expecting.next();
  TwoEnds ends;
  ends.dialled = std::make_unique<TcpLane>(std::move(stream), Path{}, world.loop.get_executor(), silence);
  ends.accepted = std::move(arrived.first);
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
