// What a program finds out about supernodes, from a server of a few lines, over real sockets.
#include "traversal/io/relay_guide.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "conversation.hpp"
#include "io/deadline.hpp"
#include "io/task_group.hpp"

namespace pshare {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using testing::accept_client;
using testing::here;
using testing::Person;
using testing::run;

/// Of TEST-NET-1 (RFC 5737): nobody is there, and most often nobody says so.
const Endpoint out_of_reach{*IpAddress::parse("192.0.2.1"), Port{4700}};

ProxySettings by(Port proxy, ProxySettings::Use use) {
  return {.proxy = value_or_throw(Proxy::parse("http://127.0.0.1:" + std::to_string(proxy.number))), .use = use};
}

Welcome knows_relays() {
  Welcome words;
  words.signs_tickets = true;
  return words;
}

struct World {
  asio::io_context loop;
  SeededRandom random{1};
  Person alice, server, carol;
  Listener listener = Listener::on(loop.get_executor(), {here(), Port{0}}), proxy = Listener::on(loop.get_executor(), {here(), Port{0}}),
           carols = Listener::on(loop.get_executor(), {here(), Port{0}});
  Outlet outlet;
  RendezvousClient client{loop.get_executor(), alice.tls, {.host = "127.0.0.1", .port = listener.port(), .key = server.id()}, random, outlet};
  RelayGuide guide{loop.get_executor(), RelayWay{alice.tls, outlet}, client, [this] { return std::vector{carol.id()}; }};
  std::size_t asked = 0, proxied = 0;

  std::vector<RelayListing> others;
  /// Lists carol, at that address, and the others, as often as asked.
  awaitable<void> serve(Endpoint at) {
    auto conversation = co_await accept_client(listener, server);
    auto words = knows_relays();
    co_await conversation.welcome(std::move(words));
    for (;;) {
      const auto wanted = co_await conversation.hear_a<AskRelays>();
      ++asked;
      Relays listed{.request = wanted.request, .relays = {{.relay = carol.id(), .endpoints = {at}}}};
      listed.relays.insert(listed.relays.end(), others.begin(), others.end());
      co_await conversation.say(listed);
    }
  }
  /// Says that it has connected, after so long.
  awaitable<void> serve_as_proxy(Duration takes) {
    for (;;) {
      auto caller = co_await proxy.accept();
      ByteBuffer request(1024);
      request.resize(co_await caller.read_some(request));
      EXPECT_THAT(std::string{text_of(request)}, HasSubstr("CONNECT " + out_of_reach.text()));
      ++proxied;
      co_await sleep_until(Clock::now() + takes);
      const ByteView yes = bytes_of("HTTP/1.1 200 Connection established\r\n\r\n");
      co_await caller.write(yes);
    }
  }
  /// With carol at that address.
  template <typename Story>
  void tell(Endpoint at, Story story, Duration proxy_takes = {}) {
    auto all = [&]() -> awaitable<void> {
      auto body = [&](TaskGroup& tasks) -> awaitable<void> {
        tasks.start(serve(at));
        tasks.start(serve_as_proxy(proxy_takes));
        tasks.start(client.run());
        co_await story(tasks);
      };
      co_await with_tasks(std::move(body));
    };
    run(loop, all());
  }
};

TEST(RelayGuide, AllWhoLookAtOnceSeeTheSame) {
  World world;
  world.tell({here(), world.carols.port()}, [&](TaskGroup& tasks) -> awaitable<void> {
    tasks.start(world.guide.look());
    co_await world.guide.look();
    EXPECT_EQ(world.asked, 1u);
    EXPECT_TRUE(world.guide.nearby());
    EXPECT_THAT(*world.guide.nearby(), SizeIs(1));
  });
}

TEST(RelayGuide, BelievesTheServerOnlyOfThoseThatServeAnyone) {
  World world;
  const Endpoint at{here(), world.carols.port()};
  const Person stranger, volunteer;
  world.others = {{.relay = stranger.id(), .endpoints = {at}, .for_anyone = false}, {.relay = volunteer.id(), .endpoints = {at}, .for_anyone = true}};
  world.tell(at, [&](TaskGroup&) -> awaitable<void> {
    co_await world.guide.look();
    EXPECT_TRUE(world.guide.nearby());
    EXPECT_THAT(*world.guide.nearby(), SizeIs(2));
    EXPECT_EQ(world.guide.tier_of(world.carol.id()), Tier::supernode);
    EXPECT_EQ(world.guide.tier_of(volunteer.id()), Tier::supernode);
    EXPECT_EQ(world.guide.tier_of(stranger.id()), std::nullopt);
  });
}

TEST(RelayGuide, LooksItselfWhenTheLookUnderWayIsCalledOff) {
  World world;
  world.tell({here(), world.carols.port()}, [&](TaskGroup&) -> awaitable<void> {
    const auto called_off = [&](TaskGroup& tasks) -> awaitable<void> {
      tasks.start(world.guide.look());
      co_await sleep_until(Clock::now());
    };
    const auto looks = [&](TaskGroup& tasks) -> awaitable<void> {
      const auto other = [&]() -> awaitable<void> { co_await with_tasks<void>(called_off); };
      tasks.start(other());
      co_await world.guide.look();
    };
    co_await with_tasks<void>(looks);
    EXPECT_TRUE(world.guide.nearby());
    EXPECT_THAT(*world.guide.nearby(), SizeIs(1));
  });
}

TEST(RelayGuide, TakesNoAnswerForNoSupernode) {
  World world;
  const auto refuse = [&](Errc code) -> awaitable<void> {
    auto conversation = co_await accept_client(world.listener, world.server);
    auto words = knows_relays();
    co_await conversation.welcome(std::move(words));
    const auto wanted = co_await conversation.hear_a<AskRelays>();
    const Trouble no{.request = wanted.request, .code = code, .words = "no"};
    co_await conversation.say(no);
    co_await conversation.hear();
  };
  auto story = [&]() -> awaitable<void> {
    const auto body = [&](TaskGroup& tasks) -> awaitable<void> {
      tasks.start(refuse(Errc::limit));
      tasks.start(world.client.run());
      co_await world.guide.look();
      EXPECT_FALSE(world.guide.nearby());
    };
    co_await with_tasks<void>(body);
  };
  run(world.loop, story());
}

TEST(RelayGuide, MeasuresThroughTheProxyWhereNothingGoesStraight) {
  World world;
  world.outlet = Outlet{by(world.proxy.port(), ProxySettings::Use::only)};
  world.tell(out_of_reach, [&](TaskGroup&) -> awaitable<void> {
    co_await world.guide.look();
    EXPECT_EQ(world.proxied, 1u);
    EXPECT_THAT(*world.guide.nearby(), SizeIs(1));
  });
}

TEST(RelayGuide, MeasuresThroughTheProxyWhereTheStraightWayLeadsNowhere) {
  World world;
  world.outlet = Outlet{by(world.proxy.port(), ProxySettings::Use::beside)};
  world.tell(
      out_of_reach,
      [&](TaskGroup&) -> awaitable<void> {
        co_await world.guide.look();
        EXPECT_THAT(*world.guide.nearby(), SizeIs(1));
        EXPECT_GE(world.guide.nearby()->front().round_trip, relay_distance_patience) << "a proxy takes its time";
      },
      relay_distance_patience + 100ms);
}

TEST(RelayGuide, HasNoPatienceWithoutEnd) {
  World world;
  world.outlet = Outlet{by(world.proxy.port(), ProxySettings::Use::only)};
  world.tell(
      out_of_reach,
      [&](TaskGroup&) -> awaitable<void> {
        co_await world.guide.look();
        EXPECT_THAT(*world.guide.nearby(), IsEmpty());
      },
      1min);
}

}  // namespace
}  // namespace pshare
