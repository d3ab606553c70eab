#include "traversal/io/nat_survey.hpp"

#include <algorithm>
#include <utility>

#include "io/deadline.hpp"
#include "io/log.hpp"
#include "io/task_group.hpp"
#include "traversal/io/reflection.hpp"
#include "traversal/seen_address.hpp"

namespace pshare {

namespace {

using namespace std::chrono_literals;

/// A SYN that was lost goes out again after a second: what took as long may have made its mapping late.
constexpr Duration syn_again = 900ms;
/// Of each connection of a survey over TCP: reflect_patience is over before a second lost packet would be sent again.
constexpr int reflect_attempts = 2;
/// After a look-up that failed.
constexpr Duration look_up_again = 5s;

/// What a server takes for its alternate port if it can. Until it has told us: asking there saves a round trip.
Port next(Port port) { return Port{static_cast<std::uint16_t>(port.number == 65535 ? 0 : port.number + 1)}; }

IpFamily family_of(const IpAddress& address) { return address.is_v4() ? IpFamily::v4 : IpFamily::v6; }

/// The address of this machine that packets to there leave from; nothing without a route.
std::optional<IpAddress> source_towards(const asio::any_io_executor& executor, const Endpoint& there) {
  const auto to = to_asio(there);
  asio::ip::udp::socket socket{executor};
  std::error_code error;
  socket.connect({to.address(), to.port()}, error);  // opens it; nothing is sent
  const auto own = error ? asio::ip::udp::endpoint{} : socket.local_endpoint(error);
  if (error) return std::nullopt;
  return from_asio({own.address(), own.port()}).address;
}

}  // namespace

NatSurvey::NatSurvey(asio::any_io_executor executor, const TlsContext& tls, Random& random, const PunchingPort& port, ServerAddress server)
    : executor_(std::move(executor)),
      tls_(tls),
      random_(random),
      port_(port),
      server_(std::move(server)),
      ports_{.stun = server_.port, .stun_alternate = next(server_.port), .reflect = server_.port, .reflect_alternate = {}},
      welcomed_(executor_),
      moved_(executor_),
      places_known_(executor_),
      tcp_surveyed_(executor_) {
  for (const auto transport : {Transport::tcp, Transport::udp})
    for (const auto family : {IpFamily::v4, IpFamily::v6}) views_[{transport, family}];
}

awaitable<void> NatSurvey::run() {
  const auto all = [this](TaskGroup& tasks) -> awaitable<void> {
    for (const auto& port : port_.udp()) tasks.start(watch_udp(port));
    tasks.start(watch_tcp());
    for (;;) {
      const auto looked_up = server_.key;
      co_await resolve_server();
      while (server_.key == looked_up) co_await moved_.wait();
    }
  };
  co_await with_tasks<void>(all);
}

void NatSurvey::welcomed(const Welcome& welcome, const Endpoint& server, const Endpoint& local) {
  control_.reset();
  if (can_be_seen_at(welcome.observed, server.address)) control_ = Control{server, local, welcome.observed};
  expect_tcp_survey();
  learn_ports(welcome, server.port, [&] {
    places_[family_of(server.address)].address = server.address;
    if (const auto other = welcome.alternate_address) places_[family_of(*other)].alternate_address = other;
  });
}

void NatSurvey::moved_to(ServerAddress server) {
  server_ = std::move(server);
  places_.clear();
  control_.reset();
  ports_ = {.stun = server_.port, .stun_alternate = next(server_.port), .reflect = server_.port, .reflect_alternate = {}};
  moved_.ring();
  places_known_.ring();
}

void NatSurvey::welcomed_through_proxy(const Welcome& welcome) {
  control_.reset();
  expect_tcp_survey();
  learn_ports(welcome, server_.port, [] {});
}

void NatSurvey::learn_ports(const Welcome& welcome, Port reflect, const std::function<void()>& learn_places) {
  const std::array asked{stun_destinations(IpFamily::v4), stun_destinations(IpFamily::v6)};
  learn_places();
  ports_ = {.stun = welcome.stun, .stun_alternate = welcome.stun_alternate, .reflect = reflect, .reflect_alternate = welcome.reflect_alternate};
  has_stun_ = welcome.stun != Port{};
  if (!has_stun_)
    for (const auto family : {IpFamily::v4, IpFamily::v6}) view_of(Transport::udp, family) = {.surveyed = true};
  for (const auto family : {IpFamily::v4, IpFamily::v6})
    if (has_stun_ && stun_destinations(family) != asked[family == IpFamily::v4 ? 0 : 1]) view_of(Transport::udp, family).surveyed = false;
  welcomed_.ring();
  places_known_.ring();
  changed();
}

/// Whether the connection to the server is a look at the punching port.
bool NatSurvey::control_shows(IpFamily family) const {
  return control_ && control_->local.port == port_.number() && family_of(control_->server.address) == family;
}

/// What was known of TCP was true of the network in which the connection before this one was made.
void NatSurvey::expect_tcp_survey() {
  tcp_expected_ = true;
  for (const auto family : {IpFamily::v4, IpFamily::v6}) {
    auto& view = view_of(Transport::tcp, family);
    view.surveyed = false;
    view.reflexive = control_shows(family) ? std::optional{control_->observed} : std::nullopt;
  }
}

void NatSurvey::doubt() {
  doubted_at_ = Clock::now();
  places_known_.ring();
}

const PortForecast& NatSurvey::forecast(Transport transport) const {
  const auto& v4 = view(transport, IpFamily::v4).forecast;
  const auto& v6 = view(transport, IpFamily::v6).forecast;
  using Kind = PortForecast::Kind;
  if (v4.kind == Kind::unknown || (v4.kind == Kind::blocked && v6.kind != Kind::unknown)) return v6.kind == Kind::unknown ? v4 : v6;
  return v4;
}

bool NatSurvey::settled(Transport transport) const {
  const auto is_known = [&](IpFamily family) {
    const auto& one = view(transport, family);
    return one.reflexive || one.surveyed;
  };
  if (transport == Transport::udp) return std::ranges::all_of(port_.udp(), is_known, &UdpPort::family);
  const auto can_be_asked = [this](IpFamily family) {
    const auto there = reflect_destinations(family);
    return !there.empty() && source_towards(executor_, there.front());
  };
  return std::ranges::all_of(std::array{IpFamily::v4, IpFamily::v6}, [&](IpFamily family) { return is_known(family) || !can_be_asked(family); });
}

void NatSurvey::changed() {
  if (on_change_) on_change_();
}

// --- where to ask -----------------------------------------------------------------------------------------------------

awaitable<void> NatSurvey::resolve_server() {
  const auto asked = server_.key;
  for (;;) {
    std::vector<Endpoint> found;
    try {
      found = co_await resolve(server_.host, server_.port);
    } catch (const Failure& failure) {
      log(LogLevel::debug, "survey.no-server", {{"why", failure.what()}});
    }
    if (server_.key != asked) co_return;  // it is another one's address
    for (const auto& each : found) places_.try_emplace(family_of(each.address), Place{each.address});
    places_known_.ring();
    if (!found.empty()) break;
    co_await sleep_until(Clock::now() + look_up_again);
  }
  for (const auto& port : port_.udp())
    if (!places_.contains(port->family())) view_of(Transport::udp, port->family()).surveyed = true;  // there is nobody to ask over that
  changed();
}

std::vector<Endpoint> NatSurvey::stun_destinations(IpFamily family) const {
  const auto place = places_.find(family);
  if (place == places_.end() || !has_stun_) return {};
  std::vector<Endpoint> all{{place->second.address, ports_.stun}};
  if (ports_.stun_alternate == Port{}) return all;
  all.push_back({place->second.address, ports_.stun_alternate});
  if (const auto other = place->second.alternate_address; other && *other != place->second.address) all.push_back({*other, ports_.stun_alternate});
  return all;
}

std::vector<Endpoint> NatSurvey::reflect_destinations(IpFamily family) const {
  const auto place = places_.find(family);
  if (place == places_.end()) return {};
  std::vector<Endpoint> all{{place->second.address, ports_.reflect}};
  if (ports_.reflect_alternate == Port{}) return all;
  all.push_back({place->second.address, ports_.reflect_alternate});
  if (const auto other = place->second.alternate_address; other && *other != place->second.address) all.push_back({*other, ports_.reflect_alternate});
  return all;
}

std::optional<IpFamily> NatSurvey::family_to_measure(Transport transport) const {
  for (const auto family : {IpFamily::v4, IpFamily::v6}) {
    const auto destinations = transport == Transport::udp ? stun_destinations(family) : reflect_destinations(family);
    if (!destinations.empty() && source_towards(executor_, destinations.front())) return family;
  }
  return std::nullopt;
}

UdpMeasurement::Settings NatSurvey::settings(IpFamily family) const {
  const auto round_trip = view(Transport::udp, family).round_trip;
  auto settings = round_trip ? UdpMeasurement::settings_for(*round_trip) : UdpMeasurement::Settings{};
  settings.asks_other_port = true;
  if (Clock::now() < doubted_at_ + doubt_is_of_now) {
    settings.transaction.sends = sends_on_a_busy_line;
    settings.transaction.longest_wait = std::max(settings.transaction.rto, longest_wait_on_a_busy_line);
  }
  return settings;
}

// --- UDP --------------------------------------------------------------------------------------------------------------

/// Feeds a core with the STUN that arrives at these ports, and sends what it wants sent, until on_action() says that this was all.
template <typename Core, typename OnAction>
awaitable<void> NatSurvey::drive(Core& core, const std::vector<std::shared_ptr<UdpPort>>& ports, OnAction on_action) const {
  Wakeup news{executor_};
  std::vector<UdpPort::Registration> registrations;
  for (std::size_t socket = 0; socket < ports.size(); ++socket)
    registrations.push_back(ports[socket]->on_stun([&core, &news, socket](const Endpoint& from, ByteView datagram, TimePoint now) {
      const auto received = decode_stun(datagram);
      if (received && core.arrived(socket, from, *received, now)) news.ring();
    }));
  for (bool going_on = true; going_on;) {
    while (auto action = core.take()) {
      if (auto* send = std::get_if<typename Core::Send>(&*action)) ports[send->socket]->send(send->to, send->bytes);
      else going_on = on_action(*action);
    }
    if (!going_on) break;
    co_await news.wait(core.deadline());
    core.expire(Clock::now());
  }
}

awaitable<void> NatSurvey::watch_udp(std::shared_ptr<UdpPort> port) {
  for (;;) {
    while (stun_destinations(port->family()).empty()) co_await places_known_.wait();
    const auto asked = stun_destinations(port->family());
    auto looked = Clock::now();
    co_await survey_udp(port);
    const bool answered = view(Transport::udp, port->family()).reflexive.has_value();
    auto next = Clock::now() + (answered ? nat_keep_alive : nat_survey_again);
    while (stun_destinations(port->family()) == asked) {
      if (doubted_at_ <= looked) co_await places_known_.wait(next);
      const bool due = Clock::now() >= next;
      if (!due && doubted_at_ <= looked) continue;
      if (!answered) break;
      const auto asked_at = Clock::now();
      const auto seen = co_await reflexive_of(port);
      const bool outage = !seen && (!due || !server_heard_());  // after which everything may be as it was
      if (outage && !due) continue;
      if (!outage && seen != view(Transport::udp, port->family()).reflexive) break;
      looked = asked_at;
      next = Clock::now() + nat_keep_alive;
    }
  }
}

awaitable<void> NatSurvey::survey_udp(std::shared_ptr<UdpPort> port) {
  const auto family = port->family();
  auto& view = view_of(Transport::udp, family);
  const auto destinations = stun_destinations(family);
  if (!source_towards(executor_, destinations.front())) {  // no route: not blocked, just not there
    view = {.surveyed = true};
    changed();
    co_return;
  }
  UdpMeasurement survey{{port->local().port}, destinations, settings(family), random_, Clock::now()};
  const auto note = [&](UdpMeasurement::Action& action) {
    if (const auto* reflexive = std::get_if<UdpMeasurement::Reflexive>(&action)) {
      view.reflexive = reflexive->external;
      view.round_trip = reflexive->round_trip;
      changed();
      return true;
    }
    const auto& measured = std::get<UdpMeasurement::Measured>(action);
    if (measured.round_trip) view.round_trip = measured.round_trip;
    if (measured.forecast.kind == PortForecast::Kind::blocked) view.reflexive.reset();
    view.forecast = has_stun_ ? measured.forecast : PortForecast{};
    view.surveyed = true;
    return false;
  };
  const std::vector<std::shared_ptr<UdpPort>> ports{port};
  co_await drive(survey, ports, note);
  log(LogLevel::debug, "survey.udp", {{"family", family == IpFamily::v4 ? "IPv4" : "IPv6"}, {"mapping", word(view.forecast.kind)},
                                      {"external", view.reflexive ? view.reflexive->text() : "none"}});
  changed();
}

awaitable<std::optional<Endpoint>> NatSurvey::reflexive_of(std::shared_ptr<UdpPort> port) const {
  const auto family = port->family();
  const auto destinations = stun_destinations(family);
  std::optional<Endpoint> seen;
  if (destinations.empty()) co_return seen;
  auto once = settings(family);
  once.asks_other_port = false;
  UdpMeasurement question{{port->local().port}, {destinations.front()}, once, random_, Clock::now()};
  const auto note = [&](UdpMeasurement::Action& action) {
    if (const auto* reflexive = std::get_if<UdpMeasurement::Reflexive>(&action)) seen = reflexive->external;
    return !std::holds_alternative<UdpMeasurement::Measured>(action);
  };
  const std::vector<std::shared_ptr<UdpPort>> ports{port};
  co_await drive(question, ports, note);
  co_return seen;
}

awaitable<PortForecast> NatSurvey::measure_udp(std::vector<std::shared_ptr<UdpPort>>& sockets) {
  const auto family = family_to_measure(Transport::udp);
  PortForecast forecast;
  if (!family) co_return forecast;
  sockets.clear();
  std::vector<Port> locals;
  while (sockets.size() < sockets_to_measure_with) {
    sockets.push_back(UdpPort::open(executor_, *family));
    locals.push_back(sockets.back()->local().port);
  }
  UdpMeasurement measurement{locals, stun_destinations(*family), settings(*family), random_, Clock::now()};
  std::size_t stable = 0;
  const auto note = [&](UdpMeasurement::Action& action) {
    const auto* measured = std::get_if<UdpMeasurement::Measured>(&action);
    if (measured == nullptr) return true;
    forecast = measured->forecast;
    stable = measured->socket;
    measured_at_ = measured->taken;
    return false;
  };
  const auto ports = sockets;
  co_await drive(measurement, ports, note);
  std::swap(sockets.front(), sockets[stable]);
  co_return forecast;
}

awaitable<std::optional<NatBehaviour>> NatSurvey::discover() const {
  const auto family = family_to_measure(Transport::udp);
  if (!family) co_return std::nullopt;
  const auto& place = places_.at(*family);
  const NatDiscovery::Server server{{place.address, ports_.stun}, ports_.stun_alternate, place.alternate_address};
  const auto own = source_towards(executor_, server.primary);
  if (!own || ports_.stun_alternate == Port{}) co_return std::nullopt;
  std::vector<std::shared_ptr<UdpPort>> ports;
  std::array<Endpoint, NatDiscovery::sockets> locals;
  for (auto& local : locals) {
    ports.push_back(UdpPort::open(executor_, *family));
    local = {*own, ports.back()->local().port};
  }
  NatDiscovery discovery{locals, server, {}, random_, Clock::now()};
  NatBehaviour behaviour;
  const auto note = [&](NatDiscovery::Action& action) {
    behaviour = std::get<NatDiscovery::Found>(action).behaviour;
    return false;
  };
  co_await drive(discovery, ports, note);
  co_return behaviour;
}

awaitable<std::optional<MappingLifetime>> NatSurvey::measure_lifetime(Duration limit) const {
  const auto family = family_to_measure(Transport::udp);
  const auto waits = lifetimes_to_try(limit);
  if (!family || waits.empty()) co_return std::nullopt;
  std::vector<std::shared_ptr<UdpPort>> ports;
  while (ports.size() < waits.size() + 1) ports.push_back(UdpPort::open(executor_, *family));
  LifetimeMeasurement measurement{waits, stun_destinations(*family).front(), {}, random_, Clock::now()};
  std::optional<MappingLifetime> lifetime;
  const auto note = [&](LifetimeMeasurement::Action& action) {
    lifetime = std::get<LifetimeMeasurement::Measured>(action).lifetime;
    return false;
  };
  co_await drive(measurement, ports, note);
  co_return lifetime;
}

// --- TCP --------------------------------------------------------------------------------------------------------------

awaitable<void> NatSurvey::watch_tcp() {
  std::map<IpFamily, NextLook> next{{IpFamily::v4, {}}, {IpFamily::v6, {}}};
  for (;;) {
    std::optional<TimePoint> due;
    for (const auto& [family, look] : next)
      if (look.at && (!due || *look.at < *due)) due = look.at;
    co_await welcomed_.wait(due);
    const bool welcomed = std::exchange(tcp_expected_, false);
    for (auto& [family, look] : next) {
      if (welcomed) look = {};
      else if (!look.at || Clock::now() < *look.at) continue;
      look.at.reset();
      // While the server is away it tells nothing, and a welcome follows.
      if (!welcomed && !server_heard_()) continue;
      const auto answers = co_await survey_tcp(family);
      plan(look, answers, family);
    }
    tcp_surveyed_.ring();
  }
}

/// The connection to the server keeps the mapping that it shows, and notices when it is gone. Any other is looked at again.
void NatSurvey::plan(NextLook& next, Answers answers, IpFamily family) const {
  if (answers == Answers::some && !control_shows(family)) next = {.at = Clock::now() + nat_survey_again};
  if (answers != Answers::none) return;
  next.at = Clock::now() + next.pause;
  next.pause = std::min(2 * next.pause, nat_survey_again);
}

/// The connection to the server is one look at the punching port, if it was dialled from there.
awaitable<NatSurvey::Answers> NatSurvey::survey_tcp(IpFamily family) {
  auto& view = view_of(Transport::tcp, family);
  const auto destinations = reflect_destinations(family);
  if (destinations.empty() || !source_towards(executor_, destinations.front())) {
    view = {.surveyed = true};
    changed();
    co_return Answers::nobody_to_ask;
  }
  std::vector<PortSample> samples;
  if (control_shows(family)) {
    samples.push_back({.sent = Clock::now(), .local = port_.number(), .destination = control_->server, .external = control_->observed});
    view.reflexive = control_->observed;
    changed();
  }
  // A connection that got lost is made once more: from a single look nothing follows, and the next may be a minute away.
  for (int attempt = 0; attempt < reflect_attempts; ++attempt) {
    std::vector<Volley> volley;
    for (const auto& to : destinations)
      if (std::ranges::none_of(samples, [&](const PortSample& each) { return each.destination == to; })) volley.push_back({port_.number(), to});
    co_await reflect_all(samples, volley);
  }
  if (tcp_expected_) co_return Answers::none;  // welcomed meanwhile, and perhaps from elsewhere
  view.surveyed = true;
  view.forecast = samples.empty() ? PortForecast{} : forecast_ports(samples);
  view.reflexive = samples.empty() ? std::nullopt : std::optional{samples.front().external};
  log(LogLevel::debug, "survey.tcp", {{"family", family == IpFamily::v4 ? "IPv4" : "IPv6"}, {"mapping", word(view.forecast.kind)},
                                      {"external", view.reflexive ? view.reflexive->text() : "none"}});
  changed();
  co_return samples.empty() ? Answers::none : Answers::some;
}

/// All at once; returns when each has its answer or none.
awaitable<void> NatSurvey::reflect_all(std::vector<PortSample>& samples, std::vector<Volley> volley) {
  // Outside the group: its tasks outlive its body when all of it is cancelled.
  std::size_t under_way = volley.size();
  Wakeup ended{executor_};
  const auto one = [&](Volley each) -> awaitable<void> {
    co_await reflect_into(samples, each);
    --under_way;
    ended.ring();
  };
  const auto all = [&](TaskGroup& tasks) -> awaitable<void> {
    for (const auto& each : volley) tasks.start(one(each));
    while (under_way > 0) co_await ended.wait();
  };
  co_await with_tasks<void>(all);
}

awaitable<void> NatSurvey::reflect_into(std::vector<PortSample>& samples, Volley one) {
  const auto sent = Clock::now();
  try {
    auto asking = reflect(executor_, tls_, one.to, server_.key, one.local);
    const auto external = co_await with_deadline(std::move(asking), sent + reflect_patience, "asking " + one.to.text() + " where we come from");
    const bool repeated = Clock::now() - sent > syn_again;
    samples.push_back({.sent = sent, .local = one.local, .destination = one.to, .external = external, .repeated = repeated});
  } catch (const Failure& failure) {
    log(LogLevel::debug, "reflect.failed", {{"server", one.to}, {"from", one.local.number}, {"why", failure.what()}});
  }
}

awaitable<PortForecast> NatSurvey::measure_tcp() {
  const auto family = family_to_measure(Transport::tcp);
  if (!family) co_return PortForecast{};
  const auto until = Clock::now() + 2 * reflect_patience;
  while (!view(Transport::tcp, *family).surveyed && Clock::now() < until) co_await tcp_surveyed_.wait(until);
  const auto& known = view(Transport::tcp, *family).forecast;
  measured_at_ = Clock::now();
  if (!is_hard(known)) co_return known;

  // A port that is free is one on which nobody listens but we.
  std::vector<Listener> holders;
  for (std::size_t i = 0; i < sockets_to_measure_with; ++i) holders.push_back(Listener::on(executor_, Port{}));
  std::vector<PortSample> samples;
  // A connection takes some kilobytes of handshakes: four tell what over UDP six are asked for.
  const auto destinations = reflect_destinations(*family);
  if (destinations.empty()) co_return known;  // the server is another one since, and is being looked up
  std::vector<Volley> first{{holders[0].port(), destinations.front()}}, second{{holders[2].port(), destinations.front()}};
  if (destinations.size() > 1) first.push_back({holders[0].port(), destinations[1]});
  first.push_back({holders[1].port(), destinations.front()});
  const auto second_at = Clock::now() + pause_between_volleys;
  bool first_is_over = false;
  Wakeup ended{executor_};
  const auto first_volley = [&]() -> awaitable<void> {
    co_await reflect_all(samples, first);
    first_is_over = true;
    ended.ring();
  };
  const auto both = [&](TaskGroup& tasks) -> awaitable<void> {
    tasks.start(first_volley());
    co_await sleep_until(second_at);
    co_await reflect_all(samples, second);
    while (!first_is_over) co_await ended.wait();
  };
  co_await with_tasks<void>(both);
  measured_at_ = second_at;
  if (samples.empty()) co_return known;
  co_return forecast_ports(samples);
}

}  // namespace pshare
