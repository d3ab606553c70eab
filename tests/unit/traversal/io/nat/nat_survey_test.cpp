// Surveying where there is no NAT: that client and server understand each other, on loopback. NATs themselves: sim_nat, and natlab.
#include "traversal/io/nat_survey.hpp"

#include <gtest/gtest.h>

#include "io/deadline.hpp"
#include "io/task_group.hpp"
#include "person.hpp"
#include "relay/io/server.hpp"
#include "relay/io/stun_responder.hpp"
#include "relay/rendezvous.hpp"
#include "relay/store.hpp"

namespace pshare {
namespace {

using namespace std::chrono_literals;
using testing::here;
using testing::Person;
using testing::run;
using Kind = PortForecast::Kind;

const IpAddress there = *IpAddress::parse("127.0.0.2");

/// A server as pshare-server is, with two addresses of the loopback interface.
class TestServer {
 public:
  /// The alternate port is the next, if it can be had, as with pshare-server.
  explicit TestServer(asio::any_io_executor executor)
      : executor_(executor),
        stun_(UdpPorts::on(executor, {here(), there}, Port{})),
        stun_alternate_(next_or_any(executor, stun_.port())),
        reflector_(Listener::on(executor, Port{})),
        listener_(Listener::on(executor, {here(), stun_.port()})),
        port(stun_.port()),
        stun_alternate(stun_alternate_.port()),
        reflect_alternate(reflector_.port()),
        server_(executor, operators_.tls, rendezvous_, std::move(listener_), listeners()),
        responder_(StunServer{{.port = port, .alternate_port = stun_alternate, .addresses = std::pair{here(), there}, .software = "test"}}, std::move(stun_),
                   std::move(stun_alternate_)) {}

  void begin(TaskGroup& tasks, bool with_stun = true) {
    tasks.start(server_.run());
    if (with_stun) tasks.start(responder_.run());
  }
  /// At one more port, where the first connection gets lost.
  awaitable<void> serve_after_a_loss(Listener listener) {
    { const auto lost = co_await listener.accept(); }
    co_await serve(std::move(listener));
  }
  /// At one more port.
  awaitable<void> serve(Listener listener) {
    Server more{executor_, operators_.tls, rendezvous_, std::move(listener)};
    co_await more.run();
  }
  ServerAddress address() const { return {.host = "127.0.0.1", .port = port, .key = operators_.id()}; }
  Endpoint endpoint() const { return {here(), port}; }
  Welcome welcome(const Endpoint& observed) const {
    return {.version = 1, .device = {}, .observed = observed, .now = {}, .agent = {}, .notice = {}, .stun = port, .stun_alternate = stun_alternate,
            .reflect_alternate = reflect_alternate, .alternate_address = std::nullopt};
  }

 private:
  static UdpPorts next_or_any(asio::any_io_executor executor, Port port) {
    try {
      return UdpPorts::on(executor, {here(), there}, Port{static_cast<std::uint16_t>(port.number + 1)});
    } catch (const Failure&) {
      return UdpPorts::on(executor, {here(), there}, Port{});
    }
  }
  std::vector<Listener> listeners() {
    std::vector<Listener> all;
    all.push_back(std::move(reflector_));
    return all;
  }
  asio::any_io_executor executor_;
  Person operators_;
  MemoryNameStore names_;
  Rendezvous rendezvous_{names_, {.max_clients = 10, .agent = "test", .notice = ""}};
  UdpPorts stun_, stun_alternate_;
  Listener reflector_, listener_;

 public:
  const Port port, stun_alternate, reflect_alternate;

 private:
  Server server_;
  StunResponder responder_;
};

struct Survey : ::testing::Test {
  asio::io_context loop;
  SeededRandom random{1};
  Person alice;
  TestServer server{loop.get_executor()};
  Listener listener = Listener::on(loop.get_executor(), Port{});
  PunchingPort port{loop.get_executor(), listener.port()};
  NatSurvey survey{loop.get_executor(), alice.tls, random, port, server.address()};
  Wakeups changed{loop.get_executor()};
  Endpoint own{here(), port.number()};

  void SetUp() override { survey.set_on_change([this] { changed.ring(); }); }

  awaitable<void> until(std::function<bool()> done) {
    while (!done()) co_await changed.wait();
  }
  void tell(awaitable<void> story, bool with_stun = true) {
    const auto body = [&](TaskGroup& tasks) -> awaitable<void> {
      server.begin(tasks, with_stun);
      tasks.start(survey.run());
      co_await std::move(story);
    };
    run(loop, with_tasks<void>(body));
  }
};

TEST_F(Survey, BeginsWithoutAWordFromTheServer) {
  const auto& view = survey.view(Transport::udp, IpFamily::v4);
  const auto story = [&]() -> awaitable<void> {
    co_await until([&] { return view.surveyed; });
    EXPECT_EQ(view.reflexive, own);
    EXPECT_EQ(view.forecast, (PortForecast{.kind = Kind::stable, .external = own}));
    EXPECT_TRUE(view.round_trip);
    co_await until([&] { return survey.settled(Transport::udp); });
    EXPECT_EQ(survey.forecast(Transport::udp).kind, Kind::stable);
    EXPECT_EQ(survey.forecast(Transport::tcp).kind, Kind::unknown) << "nobody has asked yet";
  };
  tell(story());
}

TEST_F(Survey, LooksAtTcpOnceTheServerHasLetUsIn) {
  const auto& view = survey.view(Transport::tcp, IpFamily::v4);
  const auto story = [&]() -> awaitable<void> {
    survey.welcomed(server.welcome(own), server.endpoint(), own);
    co_await until([&] { return view.surveyed; });
    EXPECT_EQ(view.reflexive, own);
    EXPECT_EQ(view.forecast, (PortForecast{.kind = Kind::stable, .external = own}));
    EXPECT_EQ(co_await survey.measure_tcp(), view.forecast) << "nothing is measured anew";
  };
  tell(story());
}

TEST_F(Survey, LooksAtTcpAlsoWhereTheServerWasDialledFromAnotherPort) {
  const auto& view = survey.view(Transport::tcp, IpFamily::v4);
  const auto story = [&]() -> awaitable<void> {
    survey.welcomed(server.welcome({here(), Port{1}}), server.endpoint(), {here(), Port{1}});
    co_await until([&] { return view.surveyed; });
    EXPECT_EQ(view.reflexive, own);
    EXPECT_EQ(view.forecast.kind, Kind::stable);
  };
  tell(story());
}

TEST_F(Survey, LooksAtTcpOnceMoreWhenAConnectionGotLost) {
  auto losing = Listener::on(loop.get_executor(), Port{});
  auto welcome = server.welcome({*IpAddress::parse("203.0.113.7"), Port{40'000}});  // as if by a NAT; the other look shows another endpoint
  welcome.reflect_alternate = losing.port();
  const auto& view = survey.view(Transport::tcp, IpFamily::v4);
  const auto story = [&](TaskGroup& tasks) -> awaitable<void> {
    tasks.start(server.serve_after_a_loss(std::move(losing)));
    survey.welcomed(welcome, server.endpoint(), own);
    co_await until([&] { return view.surveyed; });
    EXPECT_TRUE(is_hard(view.forecast)) << "one look alone tells nothing";
  };
  tell(with_tasks<void>(story));
}

TEST_F(Survey, DoesNotTellOfAnOlderNetworksTcpEndpoint) {
  const auto& view = survey.view(Transport::tcp, IpFamily::v4);
  const auto story = [&]() -> awaitable<void> {
    survey.welcomed(server.welcome(own), server.endpoint(), own);
    co_await until([&] { return view.surveyed; });
    EXPECT_TRUE(survey.settled(Transport::tcp));
    // The next connection is from another port, so it does not show where the punching port is by now.
    survey.welcomed(server.welcome({here(), Port{1}}), server.endpoint(), {here(), Port{1}});
    EXPECT_EQ(view.reflexive, std::nullopt);
    EXPECT_FALSE(survey.settled(Transport::tcp));
    co_await until([&] { return view.surveyed; });
    EXPECT_EQ(view.reflexive, own);
    EXPECT_TRUE(survey.settled(Transport::tcp));
  };
  tell(story());
}

TEST_F(Survey, LooksAtTcpAgainUntilItIsAnswered) {
  // Nobody is at this port until the first survey has come to nothing.
  auto later = std::make_unique<Listener>(Listener::on(loop.get_executor(), Port{}));
  const Port reflect = later->port();
  later.reset();
  const auto& view = survey.view(Transport::tcp, IpFamily::v4);
  const auto story = [&](TaskGroup& tasks) -> awaitable<void> {
    auto welcome = server.welcome({here(), Port{1}});
    welcome.reflect_alternate = Port{};
    survey.welcomed(welcome, {here(), reflect}, {here(), Port{1}});
    co_await until([&] { return view.surveyed; });
    EXPECT_EQ(view.reflexive, std::nullopt);
    tasks.start(server.serve(Listener::on(loop.get_executor(), reflect)));
    auto answered = until([&] { return view.reflexive == own; });
    co_await with_deadline(std::move(answered), Clock::now() + 2 * tcp_survey_again, "surveying TCP again");
  };
  tell(with_tasks<void>(story));
}

TEST_F(Survey, TakesTwoTcpEndpointsForAHardNatAndThenMeasuresFreshPorts) {
  const Endpoint elsewhere{here(), Port{static_cast<std::uint16_t>(port.number().number + 1)}};
  const auto& view = survey.view(Transport::tcp, IpFamily::v4);
  const auto story = [&]() -> awaitable<void> {
    survey.welcomed(server.welcome(elsewhere), server.endpoint(), own);
    co_await until([&] { return view.surveyed; });
    EXPECT_TRUE(is_hard(view.forecast));
    const auto forecast = co_await survey.measure_tcp();
    EXPECT_EQ(forecast.kind, Kind::stable) << "as the fresh ones are";
    EXPECT_NE(forecast.external.port, port.number());
  };
  tell(story());
}

TEST_F(Survey, MeasuresWithFreshSocketsAndGivesThem) {
  std::vector<std::shared_ptr<UdpPort>> sockets;
  const auto story = [&]() -> awaitable<void> {
    co_await until([&] { return survey.settled(Transport::udp); });
    const auto forecast = co_await survey.measure_udp(sockets);
    EXPECT_EQ(forecast.kind, Kind::stable);
    EXPECT_EQ(sockets.size(), sockets_to_measure_with);
    EXPECT_EQ(forecast.external.port, sockets.front()->local().port);
    EXPECT_LE(survey.measured_at(), Clock::now());
  };
  tell(story());
}

TEST_F(Survey, FindsNoNatWhereThereIsNone) {
  const auto story = [&]() -> awaitable<void> {
    auto welcome = server.welcome(own);
    welcome.alternate_address = there;
    survey.welcomed(welcome, server.endpoint(), own);
    const auto found = co_await survey.discover();
    EXPECT_TRUE(found);
    if (!found) co_return;
    EXPECT_EQ(found->translates, false);
    EXPECT_EQ(found->mapping, exactly(Dependence::endpoint_independent));
    EXPECT_EQ(found->filtering, exactly(Dependence::endpoint_independent));
  };
  tell(story());
}

TEST_F(Survey, DoesNotTakeAServerWithoutStunForBlockedUdp) {
  const auto story = [&]() -> awaitable<void> {
    auto welcome = server.welcome(own);
    welcome.stun = welcome.stun_alternate = Port{};
    survey.welcomed(welcome, server.endpoint(), own);
    co_await until([&] { return survey.view(Transport::udp, IpFamily::v4).surveyed; });
    EXPECT_EQ(survey.forecast(Transport::udp).kind, Kind::unknown);
    std::vector<std::shared_ptr<UdpPort>> sockets;
    EXPECT_EQ((co_await survey.measure_udp(sockets)).kind, Kind::unknown);
    EXPECT_EQ(co_await survey.discover(), std::nullopt);
  };
  tell(story(), false);
}

/// A server that says by STUN whatever it is told to, or nothing.
class Oracle {
 public:
  Oracle(asio::any_io_executor executor, Endpoint first) : says(first), news(executor), port_(UdpPort::open(executor, Endpoint{here(), Port{}})) {
    registration_ = port_->on_stun([this](const Endpoint& from, ByteView datagram, TimePoint) {
      ++asked;
      news.ring();
      const auto request = decode_stun(datagram);
      if (!request || !says) return;
      StunMessage answer{.kind = StunClass::success, .id = request->message.id};
      answer.xor_mapped_address = *says;
      port_->send(from, encode(answer));
    });
  }
  ServerAddress address() const { return {.host = "127.0.0.1", .port = port_->local().port, .key = operators_.id()}; }

  std::optional<Endpoint> says;
  int asked = 0;
  Wakeups news;

 private:
  Person operators_;
  std::shared_ptr<UdpPort> port_;
  UdpPort::Registration registration_;
};

struct SurveyInDoubt : Survey {
  const Endpoint before = *Endpoint::parse("192.0.2.1:1000"), after = *Endpoint::parse("192.0.2.2:1000");
  Oracle oracle{loop.get_executor(), before};
  NatSurvey doubting{loop.get_executor(), alice.tls, random, port, oracle.address()};
  const NatSurvey::View& view = doubting.view(Transport::udp, IpFamily::v4);
  std::vector<std::optional<Endpoint>> seen;

  void SetUp() override {
    doubting.set_on_change([this] {
      seen.push_back(view.reflexive);
      changed.ring();
      oracle.news.ring();
    });
  }
  void tell(awaitable<void> story) {
    const auto body = [&](TaskGroup& tasks) -> awaitable<void> {
      tasks.start(doubting.run());
      co_await std::move(story);
    };
    run(loop, with_tasks<void>(body));
  }
  /// Sooner than it would be found without any doubt.
  awaitable<void> finds_the_new_address(TimePoint surveyed_at) {
    auto found = until([&] { return view.reflexive == after; });
    co_await with_deadline(std::move(found), surveyed_at + nat_keep_alive, "finding the new address");
  }
};

TEST_F(SurveyInDoubt, FindsTheNewAddressBeforeTheNextLookIsDue) {
  const auto story = [&]() -> awaitable<void> {
    co_await until([&] { return view.surveyed && view.reflexive == before; });
    const auto surveyed_at = Clock::now();
    oracle.says = after;
    doubting.doubt();
    co_await finds_the_new_address(surveyed_at);
  };
  tell(story());
}

TEST_F(SurveyInDoubt, BelievesWhatItKnowsThroughAnOutageAndAsksUntilItIsAnswered) {
  const auto story = [&]() -> awaitable<void> {
    co_await until([&] { return view.surveyed && view.reflexive == before; });
    const auto surveyed_at = Clock::now();
    oracle.says.reset();
    const int asked_before = oracle.asked;
    seen.clear();
    doubting.doubt();
    constexpr int sends_of_several_looks = 12;
    while (oracle.asked <= asked_before + sends_of_several_looks && view.reflexive) co_await oracle.news.wait();
    EXPECT_EQ(view.reflexive, before);
    oracle.says = after;
    co_await finds_the_new_address(surveyed_at);
    EXPECT_TRUE(std::ranges::none_of(seen, [](const auto& each) { return !each; }));
  };
  tell(story());
}

}  // namespace
}  // namespace pshare
