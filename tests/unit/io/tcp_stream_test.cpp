#include "io/tcp_stream.hpp"

#include <gtest/gtest.h>

#include "../wine.hpp"
#include "io/deadline.hpp"
#include "io/task_group.hpp"
#include "run.hpp"

namespace pshare {
namespace {

using namespace std::chrono_literals;
using testing::run;

Endpoint loopback_v4(Port port) { return {*IpAddress::parse("127.0.0.1"), port}; }
Endpoint loopback_v6(Port port) { return {*IpAddress::parse("::1"), port}; }

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

bool has_ipv6(asio::io_context& loop) {
  try {
    Listener::on(loop.get_executor(), loopback_v6(Port{0}));
    return true;
  } catch (const Failure&) {
    return false;
  }
}

TEST(TcpStream, CarriesBytesBothWaysAndTellsTheEndOfTheStream) {
  asio::io_context loop;
  auto story = [&]() -> awaitable<void> {
    auto listener = Listener::on(loop.get_executor(), loopback_v4(Port{0}));
    auto left = co_await connect(loopback_v4(listener.port()));
    auto right = co_await listener.accept();
    EXPECT_EQ(left.local(), right.remote());
    EXPECT_EQ(left.remote(), right.local());
    co_await left.write(bytes_of("hello"));
    std::array<std::byte, 16> buffer;
    const auto count = co_await right.read_some(buffer);
    EXPECT_EQ(text_of(ByteView{buffer}.first(count)), "hello");
    EXPECT_EQ(left.write_now(bytes_of("bye")), 3u);
    left.close();
    EXPECT_EQ(co_await right.read_some(buffer), 3u);
    EXPECT_EQ(co_await trouble_of(right.read_some(buffer)), Errc::closed);
  };
  run(loop, story());
}

TEST(TcpStream, OurOwnCloseEndsAPendingRead) {
  asio::io_context loop;
  auto story = [&]() -> awaitable<void> {
    auto listener = Listener::on(loop.get_executor(), loopback_v4(Port{0}));
    auto left = co_await connect(loopback_v4(listener.port()));
    auto right = co_await listener.accept();
    Errc code{};
    auto reader = [&]() -> awaitable<void> {
      std::array<std::byte, 16> buffer;
      code = co_await trouble_of(left.read_some(buffer));
    };
    auto body = [&](TaskGroup& tasks) -> awaitable<void> {
      tasks.start(reader());
      co_await sleep_until(Clock::now());
      left.close();
      while (tasks.running() > 0) co_await sleep_until(Clock::now());
    };
    co_await with_tasks(body);
    EXPECT_EQ(code, Errc::closed);
  };
  run(loop, story());
}

TEST(TcpStream, AResetIsNotAnOrderlyEnd) {
  if (test::on_wine()) GTEST_SKIP() << "Wine tells of a reset as of an end";
  asio::io_context loop;
  auto story = [&]() -> awaitable<void> {
    auto listener = Listener::on(loop.get_executor(), loopback_v4(Port{0}));
    auto left = co_await connect(loopback_v4(listener.port()));
    auto right = co_await listener.accept();
    left.socket().set_option(asio::socket_base::linger{true, 0});
    left.socket().close();
    std::array<std::byte, 16> buffer;
    EXPECT_EQ(co_await trouble_of(right.read_some(buffer)), Errc::unreachable);
  };
  run(loop, story());
}

TEST(TcpStream, CancellingAReadLeavesTheStreamUsable) {
  asio::io_context loop;
  auto story = [&]() -> awaitable<void> {
    auto listener = Listener::on(loop.get_executor(), loopback_v4(Port{0}));
    auto left = co_await connect(loopback_v4(listener.port()));
    auto right = co_await listener.accept();
    std::array<std::byte, 16> buffer;
    auto read = with_deadline(right.read_some(buffer), Clock::now() + 1ms, "reading");
    EXPECT_EQ(co_await trouble_of(std::move(read)), Errc::timed_out);
    co_await left.write(bytes_of("x"));
    EXPECT_EQ(co_await right.read_some(buffer), 1u);
  };
  run(loop, story());
}

TEST(Connect, SaysRefusedWhereNobodyListens) {
  asio::io_context loop;
  auto story = [&]() -> awaitable<void> {
    auto listener = Listener::on(loop.get_executor(), loopback_v4(Port{0}));
    const auto port = listener.port();
    listener.close();
    EXPECT_EQ(co_await trouble_of(connect(loopback_v4(port))), Errc::refused);
  };
  run(loop, story());
}

TEST(ConnectAny, SkipsAddressesThatRefuse) {
  asio::io_context loop;
  auto story = [&]() -> awaitable<void> {
    auto gone = Listener::on(loop.get_executor(), loopback_v4(Port{0}));
    auto listener = Listener::on(loop.get_executor(), loopback_v4(Port{0}));
    std::vector to{loopback_v4(gone.port()), loopback_v4(listener.port())};
    gone.close();
    const auto stream = co_await connect_any(to);
    EXPECT_EQ(stream.remote(), to[1]);
  };
  run(loop, story());
}

TEST(ConnectAny, FailsAsTheLastOneDid) {
  asio::io_context loop;
  auto story = [&]() -> awaitable<void> {
    auto gone = Listener::on(loop.get_executor(), loopback_v4(Port{0}));
    std::vector to{loopback_v4(gone.port()), loopback_v4(gone.port())};
    gone.close();
    EXPECT_EQ(co_await trouble_of(connect_any(to)), Errc::refused);
    EXPECT_EQ(co_await trouble_of(connect_any({})), Errc::unreachable);
  };
  run(loop, story());
}

TEST(Resolve, ReadsLiteralAddressesWithoutAsking) {
  asio::io_context loop;
  auto story = [&]() -> awaitable<void> {
    const auto v4 = co_await resolve("192.0.2.1", Port{7});
    EXPECT_EQ(v4, std::vector{*Endpoint::parse("192.0.2.1:7")});
    const auto v6 = co_await resolve("2001:db8::1", Port{7});
    EXPECT_EQ(v6, std::vector{*Endpoint::parse("[2001:db8::1]:7")});
  };
  run(loop, story());
}

TEST(Resolve, FindsLocalhostAndNamesWhatItDoesNotFind) {
  asio::io_context loop;
  auto story = [&]() -> awaitable<void> {
    const auto found = co_await resolve("localhost", Port{9});
    EXPECT_FALSE(found.empty());
    EXPECT_EQ(found.front().port, Port{9});
    EXPECT_EQ(found.front().address.scope(), Scope::loopback);
    try {
      co_await resolve("not a host name", Port{9});
      ADD_FAILURE() << "did not throw";
    } catch (const Failure& failure) {
      EXPECT_EQ(failure.error().code, Errc::unreachable);
      EXPECT_NE(failure.error().doing.find("not a host name"), std::string::npos);
    }
  };
  run(loop, story());
}

TEST(Listener, ListensOnBothFamiliesWithOnePortNumber) {
  asio::io_context loop;
  const bool both = has_ipv6(loop);
  auto story = [&]() -> awaitable<void> {
    auto listener = Listener::on(loop.get_executor(), Port{0});
    EXPECT_NE(listener.port(), Port{0});
    const auto from_v4 = co_await connect(loopback_v4(listener.port()));
    EXPECT_EQ((co_await listener.accept()).remote(), from_v4.local());
    if (!both) co_return;
    const auto from_v6 = co_await connect(loopback_v6(listener.port()));
    EXPECT_EQ((co_await listener.accept()).remote(), from_v6.local());
  };
  run(loop, story());
}

TEST(Listener, DropsNobodyWhenBothFamiliesCallAtOnce) {
  asio::io_context loop;
  if (!has_ipv6(loop)) GTEST_SKIP() << "this machine has no IPv6";
  auto story = [&]() -> awaitable<void> {
    auto listener = Listener::on(loop.get_executor(), Port{0});
    for (int round = 0; round < 20; ++round) {
      auto a = co_await connect(loopback_v4(listener.port()));
      auto b = co_await connect(loopback_v6(listener.port()));
      auto first = co_await listener.accept();
      auto second = co_await listener.accept();
      EXPECT_NE(first.remote().address.is_v4(), second.remote().address.is_v4());
    }
  };
  run(loop, story());
}

TEST(Listener, SaysBusyWhenThePortIsTaken) {
  asio::io_context loop;
  auto first = Listener::on(loop.get_executor(), Port{0});
  try {
    Listener::on(loop.get_executor(), first.port());
    ADD_FAILURE() << "did not throw";
  } catch (const Failure& failure) {
    EXPECT_EQ(failure.error().code, Errc::busy);
    EXPECT_NE(failure.error().doing.find(std::to_string(first.port().number)), std::string::npos);
    EXPECT_FALSE(failure.error().hint.empty());
  }
}

TEST(Listener, SaysBusyWhenThePortIsTakenInOneFamilyOnly) {
  asio::io_context loop;
  auto v4_only = Listener::on(loop.get_executor(), loopback_v4(Port{0}));
  EXPECT_THROW(Listener::on(loop.get_executor(), v4_only.port()), Failure);
}

TEST(Listener, CloseEndsAPendingAccept) {
  asio::io_context loop;
  auto story = [&]() -> awaitable<void> {
    auto listener = Listener::on(loop.get_executor(), Port{0});
    Errc code{};
    auto waiter = [&]() -> awaitable<void> { code = co_await trouble_of(listener.accept()); };
    auto body = [&](TaskGroup& tasks) -> awaitable<void> {
      tasks.start(waiter());
      co_await sleep_until(Clock::now());
      listener.close();
      while (tasks.running() > 0) co_await sleep_until(Clock::now());
    };
    co_await with_tasks(body);
    EXPECT_EQ(code, Errc::closed);
  };
  run(loop, story());
}

TEST(Endpoints, KeepTheirMeaningThroughAsio) {
  for (const auto* text : {"192.0.2.1:80", "[2001:db8::1]:443", "[fe80::1]:9"}) {
    const auto endpoint = *Endpoint::parse(text);
    EXPECT_EQ(from_asio(to_asio(endpoint)), endpoint);
  }
  EXPECT_EQ(to_asio(*Endpoint::parse("[fe80::1]:9"), 3).address().to_v6().scope_id(), 3u);
}

// --- one port for listening and dialling ---------------------------------------------------------------------------------------------------

TEST(Listener, SharesItsPortWithConnectionsThatAreDialledFromIt) {
  if (test::on_wine()) GTEST_SKIP() << "Wine lets nothing bind to a port that somebody listens on";
  asio::io_context loop;
  auto story = [&]() -> awaitable<void> {
    auto ours = Listener::on(loop.get_executor(), Port{0});
    auto one = Listener::on(loop.get_executor(), loopback_v4(Port{0}));
    auto other = Listener::on(loop.get_executor(), loopback_v4(Port{0}));
    auto to_one = co_await connect(loopback_v4(one.port()), 0, ours.port());
    auto to_other = co_await connect(loopback_v4(other.port()), 0, ours.port());
    EXPECT_EQ(to_one.local(), loopback_v4(ours.port()));
    EXPECT_EQ(to_other.local(), loopback_v4(ours.port()));
    auto caller = co_await connect(loopback_v4(ours.port()));  // it still listens
    auto called = co_await ours.accept();
    EXPECT_EQ(called.remote(), caller.local());
  };
  run(loop, story());
}

TEST(Listener, LetsNoOtherListenerShareItsPort) {
  if (test::on_wine()) GTEST_SKIP() << "Wine lets nothing bind to a port that somebody listens on";
  asio::io_context loop;
  auto story = [&]() -> awaitable<void> {
    auto first = Listener::on(loop.get_executor(), Port{0});
    auto elsewhere = Listener::on(loop.get_executor(), loopback_v4(Port{0}));
    auto dialled = co_await connect(loopback_v4(elsewhere.port()), 0, first.port());  // does not open the port to others
    auto same = [&]() -> awaitable<void> {
      Listener::on(loop.get_executor(), first.port());
      co_return;
    };
    EXPECT_EQ(co_await trouble_of(same()), Errc::busy);
  };
  run(loop, story());
}

TEST(Listener, FindsAPortOfConnectionsAloneFree) {
  if (test::on_wine()) GTEST_SKIP() << "Wine lets nothing bind to a port that somebody listens on";
  asio::io_context loop;
  auto story = [&]() -> awaitable<void> {
    auto elsewhere = Listener::on(loop.get_executor(), loopback_v4(Port{0}));
    auto first = Listener::on(loop.get_executor(), Port{0});
    const auto port = first.port();
    auto dialled = co_await connect(loopback_v4(elsewhere.port()), 0, port);
    first.close();
    auto again = Listener::on(loop.get_executor(), port);  // as a program that was started again, while old connections linger
    EXPECT_EQ(again.port(), port);
  };
  run(loop, story());
}

TEST(Connect, SaysThatThePortIsBusyWhenItIsAnothersOrAlreadyConnectedToThere) {
  if (test::on_wine()) GTEST_SKIP() << "Wine lets nothing bind to a port that somebody listens on";
  asio::io_context loop;
  auto story = [&]() -> awaitable<void> {
    auto ours = Listener::on(loop.get_executor(), Port{0});
    auto there = Listener::on(loop.get_executor(), loopback_v4(Port{0}));
    auto first = co_await connect(loopback_v4(there.port()), 0, ours.port());
    EXPECT_EQ(co_await trouble_of(connect(loopback_v4(there.port()), 0, ours.port())), Errc::busy);

    asio::ip::tcp::acceptor stranger{loop, {asio::ip::tcp::v4(), 0}, false};  // shares with nobody
    EXPECT_EQ(co_await trouble_of(connect(loopback_v4(there.port()), 0, Port{stranger.local_endpoint().port()})), Errc::busy);
  };
  run(loop, story());
}

TEST(ConnectAny, FallsBackToAnyPortWhereTheWantedOneCannotBeUsed) {
  if (test::on_wine()) GTEST_SKIP() << "Wine lets nothing bind to a port that somebody listens on";
  asio::io_context loop;
  auto story = [&]() -> awaitable<void> {
    auto ours = Listener::on(loop.get_executor(), Port{0});
    auto there = Listener::on(loop.get_executor(), loopback_v4(Port{0}));
    std::vector<Endpoint> server{loopback_v4(there.port())};
    auto first = co_await connect_any(server, ours.port());
    EXPECT_EQ(first.local().port, ours.port());
    auto second = co_await connect_any(server, ours.port());
    EXPECT_NE(second.local().port, ours.port());

    first.close();  // our side closes first, so the four numbers stay taken for a while (TIME_WAIT)
    auto their_side = co_await there.accept();
    std::array<std::byte, 1> byte;
    EXPECT_EQ(co_await trouble_of(their_side.read_some(byte)), Errc::closed);
    their_side.close();
    auto third = co_await connect_any(server, ours.port());
    EXPECT_EQ(third.remote(), server.front());
  };
  run(loop, story());
}

TEST(TcpStream, KnowsHowLongConnectingTookIfItDialled) {
  asio::io_context loop;
  auto story = [&]() -> awaitable<void> {
    auto listener = Listener::on(loop.get_executor(), loopback_v4(Port{0}));
    auto left = co_await connect(loopback_v4(listener.port()));
    auto right = co_await listener.accept();
    EXPECT_GT(left.took().value_or(Duration::zero()), Duration::zero());
    EXPECT_FALSE(right.took().has_value());
  };
  run(loop, story());
}

}  // namespace
}  // namespace pshare
