#include "traversal/io/relay_dial.hpp"

#include <array>
#include <utility>

#include "io/deadline.hpp"
#include "io/printable.hpp"
#include "io/proxy_dial.hpp"
#include "io/task_group.hpp"
#include "io/wakeup.hpp"
#include "secure/io/tls_stream.hpp"
#include "wire/framing.hpp"

namespace pshare {

namespace {

/// How long a relay may take to say why a lane has ended: somebody waits for another lane meanwhile.
constexpr Duration why_patience = std::chrono::seconds{2};

std::string place_words(const RelayPlace& place) {
  if (const auto* named = std::get_if<HostAndPort>(&place.at)) return named->text();
  const auto& endpoints = std::get<std::vector<Endpoint>>(place.at);
  return endpoints.empty() ? place.relay.short_text() : endpoints.front().text();
}

awaitable<TlsStream> reach(RelayPlace place, RelayWay way) {
  ServerDial dial{.to = std::move(place.at), .role = std::string{relay_alpn}, .check = only(place.relay), .until = Clock::now() + relay_connect_patience};
  auto connection = co_await dial_server(way.tls, way.outlet, std::move(dial));
  connection.stream.stop_reading_ahead();  // behind the relay's answer come the peer's bytes, which are not of this connection
  co_return std::move(connection.stream);
}

awaitable<Duration> straight_round_trip(std::vector<Endpoint> endpoints) {
  const auto began = Clock::now();
  const auto socket = co_await connect_any(std::move(endpoints));
  co_return socket.took().value_or(Clock::now() - began);
}

/// From when the proxy is reached to its word that the relay is, for which both parts of the way are gone there and back.
awaitable<Duration> round_trip_through(Proxy proxy, Endpoint to) {
  const auto began = Clock::now();
  auto connecting = connect_through(std::move(proxy), to.address.text(), to.port);
  const auto socket = co_await std::move(connecting);
  co_return Clock::now() - began - socket.took().value_or(Duration::zero());
}

/// Ways to one relay; the first that leads there has measured it.
struct Distance {
  std::size_t open = 0;
  std::optional<Duration> found = {};
  std::optional<Error> trouble = {};
  Wakeup news;
};

awaitable<void> measure_by(awaitable<Duration> way, Distance& distance) {
  try {
    const auto round_trip = co_await std::move(way);
    if (!distance.found) distance.found = round_trip;
  } catch (const Failure& failure) {
    distance.trouble = failure.error();
  }
  --distance.open;
  distance.news.ring();
}

awaitable<RelayAnswer> present(TlsStream& stream, ByteBuffer ticket) {
  const RelayHello hello{.ticket = std::move(ticket)};
  const auto words = frame(encode(hello));
  co_await stream.write(ByteView{words});
  FrameReader frames;
  std::array<std::byte, 1024> piece;
  for (;;) {
    const auto body = value_or_throw(frames.next());
    if (body) co_return value_or_throw(decode_relay_answer(*body));
    const auto count = co_await stream.read_some(piece);
    frames.feed(ByteView{piece}.first(count));
  }
}

}  // namespace

awaitable<JoinedRelay> join_at_relay(RelayPlace place, RelayWay way, ByteBuffer ticket) {
  const auto where = place_words(place);
  auto stream = co_await reach(std::move(place), way);
  auto presenting = present(stream, std::move(ticket));
  const auto answer = co_await with_deadline(std::move(presenting), Clock::now() + relay_join_patience, "waiting at the relay " + where + " for the peer");
  if (const auto* refused = std::get_if<RelayRefused>(&answer))
    throw Failure{{.code = refused->code, .doing = "the relay " + where + " refused: " + printable(refused->words)}};
  co_return JoinedRelay{std::move(stream).release(), std::get<RelayJoined>(answer)};
}

awaitable<std::optional<std::string>> why_relay_ended(RelayPlace place, RelayWay way, ByteBuffer ticket) {
  std::optional<std::string> why;
  try {
    const auto ask = [](RelayPlace at, RelayWay by, ByteBuffer of) -> awaitable<RelayAnswer> {
      auto stream = co_await reach(std::move(at), by);
      co_return co_await present(stream, std::move(of));
    };
    auto asking = ask(std::move(place), way, std::move(ticket));
    const auto answer = co_await with_deadline(std::move(asking), Clock::now() + why_patience, "asking the relay why it ended");
    const auto* refused = std::get_if<RelayRefused>(&answer);
    // Refused is our question, then: the relay has not noticed yet that the lane has ended, or was asked too late.
    if (refused && refused->code != Errc::refused && !refused->words.empty()) why = printable(refused->words);
  } catch (const Failure&) {
    // It is gone, which says enough.
  }
  co_return why;
}

awaitable<Duration> relay_round_trip(std::vector<Endpoint> endpoints, const Outlet& outlet) {
  std::vector<Endpoint> straight, through_proxy;
  for (const auto& each : endpoints)
    for (const auto& plan : outlet.ways(each.address.text(), each.port, Outlet::OtherPort::none)) (plan.way.through_proxy ? through_proxy : straight).push_back(each);
  Distance distance{.news = Wakeup{co_await asio::this_coro::executor}};
  const auto begin = [&distance](TaskGroup& tasks, awaitable<Duration> way) {
    ++distance.open;
    tasks.start(measure_by(std::move(way), distance));
  };
  const auto body = [&](TaskGroup& tasks) -> awaitable<void> {
    if (!straight.empty()) begin(tasks, straight_round_trip(straight));
    if (!straight.empty() && !through_proxy.empty()) {
      const auto head_start_over = Clock::now() + proxy_head_start;
      while (distance.open > 0 && !distance.found && Clock::now() < head_start_over) co_await distance.news.wait(head_start_over);
    }
    if (!distance.found)
      for (const auto& each : through_proxy) begin(tasks, round_trip_through(*outlet.proxy(), each));
    while (distance.open > 0 && !distance.found) co_await distance.news.wait();
  };
  co_await with_tasks<void>(body);
  if (!distance.found) throw Failure{distance.trouble.value_or(Error{.code = Errc::unreachable, .doing = "connecting to a relay without any address"})};
  co_return *distance.found;
}

}  // namespace pshare
