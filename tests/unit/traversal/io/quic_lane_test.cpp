// Lanes over QUIC on real sockets of the loopback interface.
#include "traversal/io/quic_lane.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "../../io/run.hpp"
#include "io/deadline.hpp"
#include "io/task_group.hpp"
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
  asio::io_context loop{1};
  Identity sender = *Identity::generate(), receiver = *Identity::generate();
  std::shared_ptr<UdpPort> left = UdpPort::open(loop.get_executor(), any_loopback()), right = UdpPort::open(loop.get_executor(), any_loopback());
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

}  // namespace
}  // namespace pshare
