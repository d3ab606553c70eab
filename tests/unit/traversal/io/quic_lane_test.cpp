// Lanes over QUIC on real sockets of the loopback interface.
#include "traversal/io/quic_lane.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "../../io/run.hpp"
#include "io/deadline.hpp"
#include "io/task_group.hpp"
#include "io/tcp_stream.hpp"
#include "wire/error.hpp"

namespace pshare {
namespace {

using namespace std::chrono_literals;
using testing::run;

Endpoint any_loopback() { return {*IpAddress::parse("127.0.0.1"), Port{0}}; }

/// The code with which `work` fails.
template <typename T>
awaitable<Errc> trouble_of(awaitable<T> work) {
  try {
    co_await std::move(work);
  } catch (const Failure& failure) {
    co_return failure.error().code;
  }
  ADD_FAILURE() << "did not fail";
  co_return Errc::failed;
}

/// Two people, each with a UDP port on the loopback interface.
struct Pair {
  explicit Pair(const Endpoint& at = any_loopback()) : left(UdpPort::open(loop.get_executor(), at)), right(UdpPort::open(loop.get_executor(), at)) {}
  asio::io_context loop{1};
  Identity sender = *Identity::generate(), receiver = *Identity::generate();
  std::shared_ptr<UdpPort> left, right;
  std::unique_ptr<QuicLane> client, server;

  awaitable<void> accept(QuicSettings settings) { server = co_await quic_accept(right, left->local(), receiver, sender.id(), {}, settings); }
  awaitable<void> up(QuicSettings settings = {}) {
    auto body = [&](TaskGroup& tasks) -> awaitable<void> {
      tasks.start(accept(settings));
      client = co_await quic_connect(left, right->local(), sender, receiver.id(), {}, settings);
      while (!server) co_await sleep_until(Clock::now());
    };
    co_await with_tasks(body);
  }
  /// Ends all that would keep the loop running.
  void end() {
    client.reset();
    server.reset();
    left.reset();
    right.reset();
  }
};

awaitable<void> say(Lane& lane, std::string_view words) {
  const std::array pieces{bytes_of(words)};
  co_await lane.write(pieces);
}

awaitable<std::string> hear(Lane& lane, std::size_t count) {
  ByteBuffer heard(count);
  std::size_t got = 0;
  while (got < count) got += co_await lane.read_some(std::span{heard}.subspan(got));
  co_return std::string{text_of(heard)};
}

TEST(QuicLane, CarriesBytesBothWaysBetweenTwoWhoKnowEachOther) {
  Pair pair;
  auto story = [&]() -> awaitable<void> {
    co_await pair.up();
    EXPECT_EQ(pair.client->peer(), pair.receiver.id());
    EXPECT_EQ(pair.server->peer(), pair.sender.id());
    co_await say(*pair.client, "hello");
    EXPECT_EQ(co_await hear(*pair.server, 5), "hello");
    co_await say(*pair.server, "ready");
    EXPECT_EQ(co_await hear(*pair.client, 5), "ready");
    pair.end();
  };
  run(pair.loop, story());
}

TEST(QuicLane, CarriesBytesOverIpv6) {
  std::optional<Pair> pair;
  try {
    pair.emplace(Endpoint{*IpAddress::parse("::1"), Port{0}});
  } catch (const Failure& failure) {
    GTEST_SKIP() << failure.what();
  }
  auto story = [&]() -> awaitable<void> {
    co_await pair->up();
    const std::string words(300'000, 'v');
    co_await say(*pair->client, words);
    EXPECT_EQ(co_await hear(*pair->server, words.size()), words);
    pair->end();
  };
  run(pair->loop, story());
}

TEST(QuicLane, CarriesMegabytesBothWaysAtOnce) {
  Pair pair;
  constexpr std::size_t size = 20 * MiB;
  const auto bytes_from = [](std::size_t seed) {
    ByteBuffer bytes(size);
    for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<std::byte>(((i + seed) * 2654435761U) >> 13);
    return bytes;
  };
  const auto one = bytes_from(1), other = bytes_from(2'000'000);
  ByteBuffer heard_by_server, heard_by_client;
  auto write = [](Lane& lane, const ByteBuffer& bytes) -> awaitable<void> {
    const std::array pieces{ByteView{bytes}.first(7), ByteView{bytes}.subspan(7)};
    co_await lane.write(pieces);
    lane.finish();
  };
  auto read = [](Lane& lane, ByteBuffer& into) -> awaitable<void> {
    ByteBuffer some(100'000);
    while (into.size() < size) {
      const auto count = co_await lane.read_some(some);
      into.insert(into.end(), some.begin(), some.begin() + static_cast<std::ptrdiff_t>(count));
    }
    EXPECT_EQ(co_await trouble_of(lane.read_some(some)), Errc::closed);
  };
  auto story = [&]() -> awaitable<void> {
    co_await pair.up();
    auto body = [&](TaskGroup& tasks) -> awaitable<void> {
      tasks.start(write(*pair.client, one));
      tasks.start(write(*pair.server, other));
      tasks.start(read(*pair.server, heard_by_server));
      co_await read(*pair.client, heard_by_client);
      while (tasks.running() > 0) co_await sleep_until(Clock::now());
    };
    co_await with_tasks(body);
    pair.end();
  };
  run(pair.loop, story());
  EXPECT_TRUE(heard_by_server == one);
  EXPECT_TRUE(heard_by_client == other);
}

TEST(QuicLane, WhoReadsLittleByLittleMissesNothing) {
  Pair pair;
  auto story = [&]() -> awaitable<void> {
    co_await pair.up();
    co_await say(*pair.client, "abcdefgh");
    for (const auto* each : {"a", "bc", "def", "gh"}) EXPECT_EQ(co_await hear(*pair.server, std::string_view{each}.size()), each);
    pair.end();
  };
  run(pair.loop, story());
}

TEST(QuicLane, WhatWasWrittenBeforeTheCloseStillArrives) {
  Pair pair;
  auto story = [&]() -> awaitable<void> {
    co_await pair.up();
    const std::string last_words(900'000, 'w');
    co_await say(*pair.client, last_words);
    pair.client.reset();
    EXPECT_EQ(co_await hear(*pair.server, last_words.size()), last_words);
    EXPECT_EQ(co_await trouble_of(hear(*pair.server, 1)), Errc::closed);
    pair.end();
  };
  run(pair.loop, story());
}

TEST(QuicLane, OurOwnCloseEndsAPendingReadAndLaterCalls) {
  Pair pair;
  auto story = [&]() -> awaitable<void> {
    co_await pair.up();
    Errc code{};
    auto reader = [&]() -> awaitable<void> { code = co_await trouble_of(hear(*pair.client, 1)); };
    auto body = [&](TaskGroup& tasks) -> awaitable<void> {
      tasks.start(reader());
      co_await sleep_until(Clock::now());
      pair.client->close();
      while (tasks.running() > 0) co_await sleep_until(Clock::now());
    };
    co_await with_tasks(body);
    EXPECT_EQ(code, Errc::closed);
    EXPECT_EQ(co_await trouble_of(say(*pair.client, "x")), Errc::closed);
    EXPECT_EQ(co_await trouble_of(hear(*pair.client, 1)), Errc::closed);
    EXPECT_EQ(co_await trouble_of(hear(*pair.server, 1)), Errc::closed);
    pair.end();
  };
  run(pair.loop, story());
}

TEST(QuicLane, CancellingAReadLeavesTheLaneUsable) {
  Pair pair;
  auto story = [&]() -> awaitable<void> {
    co_await pair.up();
    auto read = with_deadline(hear(*pair.server, 1), Clock::now() + 1ms, "reading");
    EXPECT_EQ(co_await trouble_of(std::move(read)), Errc::timed_out);
    co_await say(*pair.client, "x");
    EXPECT_EQ(co_await hear(*pair.server, 1), "x");
    pair.end();
  };
  run(pair.loop, story());
}

TEST(QuicLane, AWriterWaitsForAReaderAndAWriteThatBrokeOffIsTheLast) {
  Pair pair;
  auto story = [&]() -> awaitable<void> {
    co_await pair.up();
    const std::string much(64 * MiB, 'm');
    auto write = with_deadline(say(*pair.client, much), Clock::now() + 200ms, "writing");
    EXPECT_EQ(co_await trouble_of(std::move(write)), Errc::timed_out);
    EXPECT_EQ(co_await trouble_of(say(*pair.client, "x")), Errc::unreachable);
    EXPECT_EQ(co_await hear(*pair.server, 3), "mmm");
    pair.end();
  };
  run(pair.loop, story());
}

TEST(QuicAccept, ReportsAStrangerAndGoesOnListening) {
  Pair pair;
  const auto stranger = *Identity::generate();
  auto story = [&]() -> awaitable<void> {
    auto intrude = [&]() -> awaitable<void> {
      auto lane = co_await quic_connect(pair.left, pair.right->local(), stranger, pair.receiver.id(), {});
      EXPECT_EQ(co_await trouble_of(hear(*lane, 1)), Errc::identity_mismatch);
    };
    auto body = [&](TaskGroup& tasks) -> awaitable<void> {
      tasks.start(intrude());
      EXPECT_EQ(co_await trouble_of(quic_accept(pair.right, pair.left->local(), pair.receiver, pair.sender.id(), {})), Errc::identity_mismatch);
      while (tasks.running() > 0) co_await sleep_until(Clock::now());
    };
    co_await with_tasks(body);
    co_await pair.up();
    co_await say(*pair.client, "x");
    EXPECT_EQ(co_await hear(*pair.server, 1), "x");
    pair.end();
  };
  run(pair.loop, story());
}

TEST(QuicConnect, DoesNotTalkToAStranger) {
  Pair pair;
  const auto stranger = *Identity::generate();
  auto story = [&]() -> awaitable<void> {
    auto body = [&](TaskGroup& tasks) -> awaitable<void> {
      tasks.start(pair.accept({}));
      EXPECT_EQ(co_await trouble_of(quic_connect(pair.left, pair.right->local(), pair.sender, stranger.id(), {})), Errc::identity_mismatch);
      while (tasks.running() > 0) co_await sleep_until(Clock::now());  // ends by what accept() throws
    };
    EXPECT_EQ(co_await trouble_of(with_tasks(body)), Errc::identity_mismatch);
    pair.end();
  };
  run(pair.loop, story());
}

TEST(QuicConnect, CanBeGivenUpAfterWhichTheRemoteIsFreeAgain) {
  Pair pair;
  auto story = [&]() -> awaitable<void> {
    for (int round = 0; round < 2; ++round) {
      auto dial = quic_connect(pair.left, pair.right->local(), pair.sender, pair.receiver.id(), {});
      EXPECT_EQ(co_await trouble_of(with_deadline(std::move(dial), Clock::now() + 5ms, "dialling")), Errc::timed_out);
      auto listen = quic_accept(pair.right, pair.left->local(), pair.receiver, pair.sender.id(), {});
      EXPECT_EQ(co_await trouble_of(with_deadline(std::move(listen), Clock::now() + 5ms, "listening")), Errc::timed_out);
    }
    co_await pair.up();
    EXPECT_EQ(co_await trouble_of(quic_connect(pair.left, pair.right->local(), pair.sender, pair.receiver.id(), {})), Errc::busy);
    pair.end();
  };
  run(pair.loop, story());
}

TEST(QuicConnect, IsHeardThoughTheOtherSideBeginsToListenLater) {
  Pair pair;
  QuicSettings patient;
  patient.rtt = 20s;  // a second datagram would leave after the test's own patience
  auto story = [&]() -> awaitable<void> {
    auto connect = [&]() -> awaitable<void> { pair.client = co_await quic_connect(pair.left, pair.right->local(), pair.sender, pair.receiver.id(), {}, patient); };
    auto body = [&](TaskGroup& tasks) -> awaitable<void> {
      tasks.start(connect());
      for (int turns = 0; turns < 20; ++turns) co_await sleep_until(Clock::now() + 1ms);
      co_await with_deadline(pair.accept(patient), Clock::now() + 10s, "accepting");
      while (!pair.client) co_await sleep_until(Clock::now());
    };
    co_await with_tasks(body);
    pair.end();
  };
  run(pair.loop, story());
}

TEST(QuicLane, EndsWhenItsPortIsClosed) {
  Pair pair;
  auto story = [&]() -> awaitable<void> {
    co_await pair.up();
    pair.left->close();
    auto speak = [&]() -> awaitable<void> {
      for (;;) co_await say(*pair.client, "x");
    };
    EXPECT_EQ(co_await trouble_of(speak()), Errc::unreachable);
    pair.end();
  };
  run(pair.loop, story());
}

TEST(QuicLane, LearnsAtOnceThatTheOtherProgramWasRestarted) {
  Pair pair;
  auto story = [&]() -> awaitable<void> {
    co_await pair.up();
    const auto at = pair.right->local();
    pair.right->close();  // killed: no word to anybody
    pair.server.reset();
    pair.right.reset();
    auto again = UdpPort::open(pair.loop.get_executor(), at);
    const auto resets = reset_strays(*again, pair.receiver);
    co_await say(*pair.client, "are you there?");
    auto heard = with_deadline(hear(*pair.client, 1), Clock::now() + 5s, "hearing of it");
    EXPECT_EQ(co_await trouble_of(std::move(heard)), Errc::unreachable);
    pair.end();
  };
  run(pair.loop, story());
}

/// Between the two of a Pair, as a NAT is: whoever is behind it can be given another port.
struct Box {
  Box(asio::io_context& in, TaskGroup& group, const Endpoint& to) : loop(in), tasks(group), server(to_asio(to).address(), to.port.number) {}

  using Socket = asio::ip::udp::socket;
  asio::io_context& loop;
  TaskGroup& tasks;
  asio::ip::udp::endpoint server;
  asio::ip::udp::endpoint client;
  std::shared_ptr<Socket> front, back;  // towards the client and towards the server; shared with their loops

  std::shared_ptr<Socket> fresh() { return std::make_shared<Socket>(loop, asio::ip::udp::endpoint{asio::ip::address_v4::loopback(), 0}); }
  static Endpoint of(const Socket& socket) { return {*IpAddress::parse("127.0.0.1"), Port{socket.local_endpoint().port()}}; }

  void new_front() {
    front = fresh();
    tasks.start(from_client(front));
  }
  void new_back() {
    back = fresh();
    tasks.start(from_server(back));
  }
  awaitable<void> from_client(std::shared_ptr<Socket> socket) {
    ByteBuffer buffer(65536);
    for (;;) {
      const auto count = co_await socket->async_receive_from(asio::buffer(buffer), client, use_awaitable);
      std::error_code ignored;  // lost, as any datagram may be
      if (socket == front) back->send_to(asio::buffer(buffer.data(), count), server, 0, ignored);
    }
  }
  awaitable<void> from_server(std::shared_ptr<Socket> socket) {
    ByteBuffer buffer(65536);
    for (;;) {
      asio::ip::udp::endpoint from;
      const auto count = co_await socket->async_receive_from(asio::buffer(buffer), from, use_awaitable);
      std::error_code ignored;
      if (socket == back) front->send_to(asio::buffer(buffer, count), client, 0, ignored);
    }
  }
};

/// The lanes of a pair with a box between them.
awaitable<void> up_through(Pair& pair, Box& box, TaskGroup& tasks) {
  box.new_front();
  box.new_back();
  auto accept = [&]() -> awaitable<void> { pair.server = co_await quic_accept(pair.right, Box::of(*box.back), pair.receiver, pair.sender.id(), {}); };
  tasks.start(accept());
  pair.client = co_await quic_connect(pair.left, Box::of(*box.front), pair.sender, pair.receiver.id(), {});
  while (!pair.server) co_await sleep_until(Clock::now());
}

TEST(QuicLane, GoesOnWhenTheServersAddressChangesAndTheClientIsToldSo) {
  Pair pair;
  auto story = [&]() -> awaitable<void> {
    auto body = [&](TaskGroup& tasks) -> awaitable<void> {
      Box box{pair.loop, tasks, pair.right->local()};
      co_await up_through(pair, box, tasks);
      co_await say(*pair.client, "one");
      EXPECT_EQ(co_await hear(*pair.server, 3), "one");
      box.new_front();
      pair.client->move(Box::of(*box.front));
      EXPECT_EQ(pair.client->path().remote, Box::of(*box.front));
      co_await say(*pair.client, "two");
      EXPECT_EQ(co_await hear(*pair.server, 3), "two");
      co_await say(*pair.server, "three");
      EXPECT_EQ(co_await hear(*pair.client, 5), "three");
      pair.server.reset();
      EXPECT_EQ(co_await trouble_of(hear(*pair.client, 1)), Errc::closed);
      pair.client.reset();
      for (int turns = 0; turns < 20; ++turns) co_await sleep_until(Clock::now() + 1ms);  // its farewell goes through the box
    };
    co_await with_tasks(body);
    pair.end();
  };
  run(pair.loop, story());
}

TEST(QuicLane, FollowsAClientWhoseAddressChangesByItself) {
  Pair pair;
  auto story = [&]() -> awaitable<void> {
    auto body = [&](TaskGroup& tasks) -> awaitable<void> {
      Box box{pair.loop, tasks, pair.right->local()};
      co_await up_through(pair, box, tasks);
      co_await say(*pair.client, "one");
      EXPECT_EQ(co_await hear(*pair.server, 3), "one");
      box.new_back();
      co_await say(*pair.client, "two");
      EXPECT_EQ(co_await hear(*pair.server, 3), "two");
      co_await say(*pair.server, "three");
      EXPECT_EQ(co_await hear(*pair.client, 5), "three");
      pair.server.reset();
      EXPECT_EQ(co_await trouble_of(hear(*pair.client, 1)), Errc::closed);
      pair.client.reset();
      for (int turns = 0; turns < 20; ++turns) co_await sleep_until(Clock::now() + 1ms);  // its farewell goes through the box
    };
    co_await with_tasks(body);
    pair.end();
  };
  run(pair.loop, story());
}

}  // namespace
}  // namespace pshare
