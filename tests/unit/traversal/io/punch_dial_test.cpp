#include "traversal/io/punch_dial.hpp"

#include <gtest/gtest.h>

#include "person.hpp"

namespace pshare {
namespace {

using asio::ip::tcp;
using testing::error_of;
using testing::here;
using testing::run;

/// A port of this host at which SYNs are swallowed: somebody listens there, and the queue of those who wait to be let in is full.
class SilentPort {
 public:
  explicit SilentPort(asio::io_context& loop) : door_(loop, tcp::endpoint{asio::ip::address_v4::loopback(), 0}), first_(loop) {
    door_.listen(0);
    first_.connect(door_.local_endpoint());  // has the only place
  }
  Endpoint endpoint() const { return {here(), Port{door_.local_endpoint().port()}}; }

 private:
  tcp::acceptor door_;
  tcp::socket first_;
};

TEST(PunchDial, OpensTheNatWithoutWaitingForAnAnswerThatMayNeverCome) {
  asio::io_context loop;
  SilentPort silent{loop};
  PunchDial opener{loop.get_executor()};
  std::optional<Error> outcome;
  const auto story = [&]() -> awaitable<void> {
    opener.bind(silent.endpoint(), Port{});
    outcome = co_await error_of(opener.connect(silent.endpoint(), 5));
  };
  run(loop, story());  // if it waited, this would be two minutes, in which nobody else has a turn: the test's time-out
  ASSERT_TRUE(outcome);
  EXPECT_EQ(outcome->code, Errc::closed) << "it went out, and was taken back";
}

TEST(PunchDial, SaysThatTwoEndpointsAreInUse) {
  asio::io_context loop;
  tcp::acceptor door{loop, tcp::endpoint{asio::ip::address_v4::loopback(), 0}};
  const Endpoint there{here(), Port{door.local_endpoint().port()}};
  PunchDial first{loop.get_executor()}, opener{loop.get_executor()};
  std::optional<Error> outcome;
  const auto story = [&]() -> awaitable<void> {
    const auto from = first.bind(there, Port{});
    auto connecting = first.connect(there, std::nullopt);
    const auto connected = co_await std::move(connecting);
    opener.bind(there, from);
    outcome = co_await error_of(opener.connect(there, 5));
  };
  run(loop, story());
  ASSERT_TRUE(outcome);
  EXPECT_EQ(outcome->code, Errc::busy);
}

}  // namespace
}  // namespace pshare
