// UDP ports on the loopback interface.
#include "traversal/io/udp_port.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "../../io/run.hpp"
#include "io/deadline.hpp"
#include "received_ttl.hpp"
#include "wire/error.hpp"

namespace pshare {
namespace {

using namespace std::chrono_literals;
using testing::run;
using ::testing::ElementsAre;

Endpoint loopback(std::uint16_t port = 0) { return {*IpAddress::parse("127.0.0.1"), Port{port}}; }

/// Elsewhere it depends on the version.
#ifdef __linux__
constexpr bool is_cut_and_marked_by_the_system = true;
#else
constexpr bool is_cut_and_marked_by_the_system = false;
#endif

ByteBuffer datagram(unsigned first, std::size_t size) {
  ByteBuffer bytes(size, std::byte{7});
  bytes.front() = static_cast<std::byte>(first);
  return bytes;
}

/// A lane's end that only writes down what it is given.
struct Notebook final : UdpPort::LaneEnd {
  void arrived(const Endpoint&, ByteView bytes, std::uint8_t ecn, TimePoint) override { sizes.push_back(bytes.size()), last_ecn = ecn; }
  void all_arrived(TimePoint) override { ++rounds; }
  void writable(TimePoint) override {}
  bool recognises(ByteView bytes) const override { return bytes[1] == std::byte{42}; }
  std::vector<std::size_t> sizes;
  int rounds = 0;
  std::uint8_t last_ecn = 0;
};

struct World {
  asio::io_context loop{1};
  std::shared_ptr<UdpPort> left = UdpPort::open(loop.get_executor(), loopback()), right = UdpPort::open(loop.get_executor(), loopback());
  std::vector<std::string> heard;

  UdpPort::Listener as(const char* name) {
    return [this, name](const Endpoint& from, ByteView bytes, TimePoint) {
      EXPECT_EQ(from, left->local());
      heard.push_back(name + std::to_string(bytes.size()));
    };
  }
  awaitable<void> until(const std::function<bool()>& done) {
    while (!done()) co_await sleep_until(Clock::now());
  }
  void end() {
    left->close();
    right->close();
  }
};

TEST(UdpPort, TellsStunQuicAndTheRestApartByTheFirstByte) {
  World world;
  auto story = [&]() -> awaitable<void> {
    const auto stun = world.right->on_stun(world.as("stun")), other = world.right->on_other(world.as("other")), stray = world.right->on_stray_quic(world.as("stray"));
    const auto say = [&](unsigned first, std::size_t size) { EXPECT_TRUE(world.left->send(world.right->local(), datagram(first, size))); };
    say(0, 20);
    say(3, 21);
    say(4, 20);
    say(4, 15);
    say(63, 16);
    say(63, 65);
    say(64, 22);
    say(127, 23);
    say(128, 64);
    say(191, 24);
    say(192, 25);
    say(255, 26);
    co_await world.until([&] { return !world.heard.empty() && world.heard.back() == "stray26"; });
    EXPECT_THAT(world.heard, ElementsAre("stun20", "stun21", "other20", "other16", "stray22", "stray23", "other64", "other24", "stray25", "stray26"));
    world.end();
  };
  run(world.loop, story());
}

TEST(UdpPort, EveryStunListenerHearsEverythingUntilItsRegistrationEnds) {
  World world;
  auto story = [&]() -> awaitable<void> {
    auto first = world.right->on_stun(world.as("a"));
    std::optional<UdpPort::Registration> own;
    own = world.right->on_stun([&](const Endpoint&, ByteView, TimePoint) {
      world.heard.push_back("once");
      own.reset();
    });
    const auto last = world.right->on_stun(world.as("b"));
    world.left->send(world.right->local(), datagram(0, 20));
    world.left->send(world.right->local(), datagram(0, 21));
    co_await world.until([&] { return world.heard.size() == 5; });
    first = {};
    world.left->send(world.right->local(), datagram(0, 22));
    co_await world.until([&] { return world.heard.size() == 6; });
    EXPECT_THAT(world.heard, ElementsAre("a20", "once", "b20", "a21", "b21", "b22"));
    world.end();
  };
  run(world.loop, story());
}

TEST(UdpPort, BoundToEveryAddressKnowsFromWhichOneItSendsWhere) {
  asio::io_context loop{1};
  const auto port = UdpPort::open(loop.get_executor(), IpFamily::v4);
  EXPECT_EQ(port->local_towards(loopback(9)), loopback(port->local().port.number));
  EXPECT_EQ(port->local_towards({*IpAddress::parse("::1"), Port{9}}), port->local()) << "not from there";
  const auto narrow = UdpPort::open(loop.get_executor(), loopback());
  EXPECT_EQ(narrow->local_towards({*IpAddress::parse("192.0.2.9"), Port{9}}), narrow->local());
}

TEST(UdpPort, ARegistrationMayOutliveItsPort) {
  World world;
  auto registration = world.right->on_stun(world.as("a"));
  world.right.reset();
  registration = {};
}

TEST(UdpPort, GivesQuicToTheLaneOfItsRemoteOrToTheOneThatRecognisesIt) {
  World world;
  auto third = UdpPort::open(world.loop.get_executor(), loopback());
  Notebook lane, other;
  auto story = [&]() -> awaitable<void> {
    const auto stray = world.right->on_stray_quic([&](const Endpoint&, ByteView, TimePoint) { world.heard.push_back("stray"); });
    world.right->enlist(world.left->local(), lane);
    EXPECT_THROW(world.right->enlist(world.left->local(), other), Failure);
    world.left->send(world.right->local(), datagram(64, 100));
    auto known = datagram(64, 101);
    known[1] = std::byte{42};
    third->send(world.right->local(), known);
    third->send(world.right->local(), datagram(64, 102));
    co_await world.until([&] { return !world.heard.empty(); });
    EXPECT_THAT(lane.sizes, ElementsAre(100, 101));
    world.right->drop(lane);
    world.left->send(world.right->local(), datagram(64, 103));
    co_await world.until([&] { return world.heard.size() == 2; });
    EXPECT_EQ(lane.sizes.size(), 2u);
    third->close();
    world.end();
  };
  run(world.loop, story());
}

TEST(UdpPort, SplitsRunsAndSortsEachDatagramByItself) {
  World world;
  Notebook lane;
  auto story = [&]() -> awaitable<void> {
    const auto stun = world.right->on_stun(world.as("stun"));
    world.right->enlist(world.left->local(), lane);
    auto bytes = datagram(64, 1200);
    const auto more = datagram(65, 1200), check = datagram(0, 60);
    bytes.insert(bytes.end(), more.begin(), more.end());
    bytes.insert(bytes.end(), check.begin(), check.end());  // the kernel puts it into the same run
    constexpr std::uint8_t ect0 = 2;
    EXPECT_EQ(world.left->send_run(SocketAddress{world.right->local()}, bytes, 1200, ect0), UdpSent::sent);
    co_await world.until([&] { return !world.heard.empty(); });
    EXPECT_THAT(lane.sizes, ElementsAre(1200, 1200));
    if (is_cut_and_marked_by_the_system) {
      EXPECT_EQ(lane.last_ecn, ect0);
      EXPECT_EQ(lane.rounds, 1);
    }
    EXPECT_THAT(world.heard, ElementsAre("stun60"));
    world.end();
  };
  run(world.loop, story());
}

TEST(UdpPort, SendsDatagramsOneByOneWhereTheKernelWillNotCutARun) {
  World world;
  Notebook lane;
  auto story = [&]() -> awaitable<void> {
    world.right->enlist(world.left->local(), lane);
    constexpr std::size_t size = 100, count = 300;  // more of them than any kernel cuts at once
    ByteBuffer bytes;
    for (std::size_t i = 0; i < count; ++i) {
      const auto one = datagram(64, size);
      bytes.insert(bytes.end(), one.begin(), one.end());
    }
    EXPECT_EQ(world.left->send_run(SocketAddress{world.right->local()}, bytes, size, 0), UdpSent::sent);
    co_await world.until([&] { return lane.sizes.size() == count; });
    EXPECT_EQ(world.left->send_run(SocketAddress{world.right->local()}, ByteView{bytes}.first(2 * size), size, 0), UdpSent::sent);
    co_await world.until([&] { return lane.sizes.size() == count + 2; });
    EXPECT_THAT(lane.sizes, ::testing::Each(size));
    world.end();
  };
  run(world.loop, story());
}

TEST(UdpPort, SendsWithTheTtlThatItIsAskedFor) {
  asio::io_context loop;
  asio::ip::udp::socket plain{loop, {asio::ip::address_v4::loopback(), 0}};
  want_ttl(plain);
  const auto port = UdpPort::open(loop.get_executor(), loopback());
  const auto received_ttl = [&] {
    const auto got = receive_ttl(plain);
    EXPECT_EQ(got.size, 20u);
    return got.ttl;
  };
  const auto to = loopback(plain.local_endpoint().port());
  EXPECT_TRUE(port->send(to, datagram(0, 20), 5));
  EXPECT_EQ(received_ttl(), 5);
  EXPECT_TRUE(port->send(to, datagram(0, 20)));
  EXPECT_GT(received_ttl(), 5);
}

TEST(UdpPort, OutlivesDatagramsThatNobodyTakes) {
  World world;
  auto story = [&]() -> awaitable<void> {
    const auto stun = world.right->on_stun(world.as("stun"));
    auto gone = UdpPort::open(world.loop.get_executor(), loopback());
    const auto nobody = gone->local();
    gone.reset();
    for (int i = 0; i < 5; ++i) world.left->send(nobody, datagram(0, 20));  // each is answered by ICMP
    EXPECT_TRUE(world.left->send(world.right->local(), datagram(0, 20)));
    co_await world.until([&] { return !world.heard.empty(); });
    EXPECT_FALSE(world.left->send({*IpAddress::parse("::1"), Port{9}}, datagram(0, 20)));
    EXPECT_FALSE(world.left->send(world.right->local(), ByteBuffer(65535)));
    world.end();
    EXPECT_FALSE(world.left->send(world.right->local(), datagram(0, 20)));
  };
  run(world.loop, story());
}

TEST(UdpPort, HasTheSameNumberInBothFamiliesAndSaysBusyWhenItIsTaken) {
  asio::io_context loop;
  const auto v4 = UdpPort::open(loop.get_executor(), IpFamily::v4);
  const auto number = v4->local().port;
  EXPECT_NE(number, Port{0});
  try {
    const auto v6 = UdpPort::open(loop.get_executor(), IpFamily::v6, number);
    EXPECT_EQ(v6->local().port, number);
  } catch (const Failure& failure) {
    EXPECT_EQ(failure.error().code, Errc::unsupported) << failure.what();
  }
  const asio::ip::tcp::acceptor tcp{loop, {asio::ip::tcp::v4(), number.number}};
  try {
    UdpPort::open(loop.get_executor(), IpFamily::v4, number);
    ADD_FAILURE() << "did not throw";
  } catch (const Failure& failure) {
    EXPECT_EQ(failure.error().code, Errc::busy);
    EXPECT_NE(failure.error().doing.find(std::to_string(number.number)), std::string::npos);
    EXPECT_FALSE(failure.error().hint.empty());
  }
}

TEST(UdpPort, ThereMayBeHundredsWhichAllHear) {
  asio::io_context loop;
  std::vector<std::shared_ptr<UdpPort>> ports;
  std::vector<UdpPort::Registration> registrations;
  std::set<std::uint16_t> heard;
  for (int i = 0; i < 300; ++i) {
    ports.push_back(UdpPort::open(loop.get_executor(), loopback()));
    registrations.push_back(ports.back()->on_stun([&](const Endpoint& from, ByteView, TimePoint) { heard.insert(from.port.number); }));
  }
  auto story = [&]() -> awaitable<void> {
    for (std::size_t i = 0; i < ports.size(); ++i) ports[i]->send(ports[(i + 1) % ports.size()]->local(), datagram(0, 20));
    while (heard.size() < ports.size()) co_await sleep_until(Clock::now());
    ports.clear();
  };
  run(loop, story());
  EXPECT_EQ(heard.size(), 300u);
}

}  // namespace
}  // namespace pshare
