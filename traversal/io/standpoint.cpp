#include "traversal/io/standpoint.hpp"

#include <algorithm>

#include "io/deadline.hpp"
#include "io/interfaces.hpp"
#include "io/log.hpp"
#include "traversal/seen_address.hpp"

namespace pshare {

namespace {

/// How long a dial-back may take to arrive.
constexpr Duration dial_back_patience = std::chrono::seconds{4};

}  // namespace

Standpoint::Standpoint(asio::any_io_executor executor, const TlsContext& tls, Random& random, RendezvousClient& server, const ServerAddress& address, LaneDoor& door,
                       Settings settings)
    : executor_(executor),
      random_(random),
      server_(server),
      settings_(settings),
      port_(executor, door.port()),
      survey_(executor, tls, random, port_, address),
      surveyed_server_(address.key),
      mapper_(executor, random, door.port()),
      door_(door),
      changed_(executor) {
  survey_.set_on_change([this] { note_change(); });
  survey_.set_server_heard([this] { return server_.connected(); });
  mapper_.set_on_change([this] { note_change(); });
  mapper_.set_verify([this](Transport transport, Endpoint external) { return dial_back(transport, external); });
}

void Standpoint::begin(TaskGroup& tasks) {
  tasks.start(watch_server());
  if (settings_.survey) tasks.start(survey_.run());
  if (settings_.ask_routers) tasks.start(mapper_.run());
}

awaitable<void> Standpoint::watch_server() {
  auto welcome = co_await server_.welcome(TimePoint::max());
  for (;;) {
    const auto server = server_.server();
    if (server.key != surveyed_server_) survey_.moved_to(server);
    surveyed_server_ = server.key;
    note_welcome(welcome);
    // Each time the link is made again we may be somewhere else: many providers give a new address every night.
    welcome = co_await server_.next_welcome();
  }
}

void Standpoint::note_welcome(const Welcome& welcome) {
  server_other_address_ = welcome.alternate_address;
  if (server_.through_proxy()) {  // whose address it is that the server sees
    observed_.reset();
    survey_.welcomed_through_proxy(welcome);
    return note_change();
  }
  const auto there = server_.server_endpoint();
  observed_ = there && can_be_seen_at(welcome.observed, there->address) ? std::optional{welcome.observed} : std::nullopt;
  const auto here = server_.local_endpoint();
  if (there && here) survey_.welcomed(welcome, *there, *here);
  if (observed_) mapper_.set_observed(observed_->address);
  note_change();
}

void Standpoint::note_change() {
  if (const auto there = server_.server_endpoint()) {
    const auto other = survey_.view(Transport::tcp, there->address.is_v4() ? IpFamily::v6 : IpFamily::v4).reflexive;
    server_.set_other_address(other ? std::optional{other->address} : std::nullopt);
  }
  changed_.ring();
}

awaitable<void> Standpoint::changed() { co_await changed_.wait(); }

awaitable<void> Standpoint::settled(TimePoint until) {
  while (settings_.survey && !survey_settled() && Clock::now() < until) co_await changed_.wait(until);
}

/// TCP's endpoint counts where there is no other; elsewhere it may follow, since over UDP peers meet as well.
bool Standpoint::survey_settled() const {
  const auto& sockets = port_.udp();
  const bool udp = settings_.udp_allowed && !sockets.empty();
  if (udp && !survey_.settled(Transport::udp)) return false;
  const auto seen = [this](const auto& socket) { return survey_.view(Transport::udp, socket->family()).reflexive.has_value(); };
  return (udp && std::ranges::any_of(sockets, seen)) || !settings_.tcp_allowed || survey_.settled(Transport::tcp);
}

// --- what peers are told ---------------------------------------------------------------------------------------------------

std::vector<LocalAddress> Standpoint::local_addresses() const {
  std::vector<LocalAddress> out;
  const auto found = interface_addresses();
  if (!found) {
    log(LogLevel::warn, "interfaces.unknown", {{"why", found.error().message()}});
    return out;
  }
  for (const auto& each : *found) out.push_back({.address = each.address, .prefix_length = each.prefix_length, .zone = each.interface});
  return out;
}

PeerHost Standpoint::peer_host() const {
  const bool over_loopback = observed_ && observed_->address.scope() == Scope::loopback;
  return settings_.peer_may_be_here || over_loopback ? PeerHost::may_be_this : PeerHost::anywhere;
}

bool Standpoint::has_mapping(Transport transport) const {
  const auto& ports = mapper_.ports().ports;
  return std::any_of(ports.begin(), ports.end(), [&](const MappedPort& each) { return each.transport == transport && !each.behind_another; });
}

std::optional<Reason> Standpoint::mapping_trouble() const {
  if (!settings_.ask_routers) return Reason::unsupported;
  const auto reason = mapper_.ports().reason();
  return reason == Reason::none ? std::nullopt : std::optional{reason};
}

std::vector<Candidate> Standpoint::candidates() const {
  if (!settings_.survey) return {};
  Surroundings around{.addresses = local_addresses(),
                      .listening = port_.number(),
                      .manual = settings_.manual,
                      .peer_host = peer_host(),
                      .tcp_allowed = settings_.tcp_allowed,
                      .udp_allowed = settings_.udp_allowed && !port_.udp().empty(),
                      .direct_allowed = settings_.direct_allowed};
  if (!port_.udp().empty()) around.udp = port_.number();
  if (observed_) around.observed = observed_->address;
  around.reflexive_tcp = survey_.view(Transport::tcp, IpFamily::v4).reflexive;
  around.reflexive_tcp_v6 = survey_.view(Transport::tcp, IpFamily::v6).reflexive;
  around.reflexive_udp = survey_.view(Transport::udp, IpFamily::v4).reflexive;
  around.reflexive_udp_v6 = survey_.view(Transport::udp, IpFamily::v6).reflexive;
  if (settings_.ask_routers) {
    const auto& mapped = mapper_.ports();
    for (const auto& port : mapped.ports)
      around.mapped.push_back({.transport = port.transport, .external = port.external, .beyond_another_nat = port.behind_another});
    around.router_wan = mapped.router_address;
  }
  auto candidates = gather(around);
  if (!settings_.punched_allowed) std::erase_if(candidates, [](const Candidate& each) { return each.type == Candidate::Type::server_reflexive; });
  return candidates;
}

NatFacts Standpoint::facts() const {
  if (!settings_.survey) return {};
  NatFacts facts{.udp = survey_.forecast(Transport::udp), .tcp = survey_.forecast(Transport::tcp)};
  const auto udp = survey_.view(Transport::udp, IpFamily::v4).round_trip;
  const auto tcp = server_.round_trip_time();
  facts.server_rtt = udp && tcp ? std::min(*udp, *tcp) : udp ? *udp : tcp.value_or(Duration::zero());
  facts.server_rtt = std::min(facts.server_rtt, longest_server_rtt);
  // Whatever the network lets through, nobody need try what the user forbids.
  if (!settings_.tcp_allowed) facts.tcp = {.kind = PortForecast::Kind::blocked};
  if (!settings_.udp_allowed) facts.udp = {.kind = PortForecast::Kind::blocked};
  return facts;
}

std::vector<IpAddress> Standpoint::seen_as() const {
  std::vector<IpAddress> out;
  const auto add = [&](const std::optional<Endpoint>& endpoint) {
    if (endpoint && std::find(out.begin(), out.end(), endpoint->address) == out.end()) out.push_back(endpoint->address);
  };
  add(observed_);
  for (const auto transport : {Transport::tcp, Transport::udp})
    for (const auto family : {IpFamily::v4, IpFamily::v6}) add(survey_.view(transport, family).reflexive);
  return out;
}

NetworkPair Standpoint::network_pair(const PeerId& peer, const std::vector<Candidate>& theirs) const {
  NetworkPair pair{.own_external = seen_as(), .peer = peer};
  if (const auto here = server_.local_endpoint())
    for (const auto& each : local_addresses())
      if (each.address == here->address) pair.own_default = each;
  for (const auto& candidate : theirs)
    if (candidate.type == Candidate::Type::server_reflexive) pair.peer_external.push_back(candidate.endpoint.address);
  return pair;
}

awaitable<PortForecast> Standpoint::measure(Transport transport, std::vector<std::shared_ptr<UdpPort>>& sockets) {
  if (transport == Transport::udp) co_return co_await survey_.measure_udp(sockets);
  co_return co_await survey_.measure_tcp();
}

// --- mappings --------------------------------------------------------------------------------------------------------------

awaitable<PortMapper::DialBack> Standpoint::dial_back(Transport transport, Endpoint external) {
  // The server dials only where it sees us: another address (a pool of them, IPv6 beside IPv4) cannot be proved that way.
  if (!observed_ || observed_->address != external.address) co_return PortMapper::DialBack::not_tried;
  std::optional<bool> arrived;
  try {
    auto waiting = nonce_arrives(transport, external);
    arrived = co_await with_deadline(std::move(waiting), Clock::now() + dial_back_patience, "waiting for the server to dial back");
  } catch (const Failure& failure) {
    log(LogLevel::debug, "dial-back.none", {{"external", external}, {"transport", word(transport)}, {"why", failure.what()}});
    if (failure.error().code == Errc::timed_out) arrived = false;
  }
  co_return !arrived ? PortMapper::DialBack::not_tried : *arrived ? PortMapper::DialBack::arrived : PortMapper::DialBack::lost;
}

awaitable<bool> Standpoint::nonce_arrives(Transport transport, Endpoint external) {
  DialBackNonce nonce{};
  random_.fill(nonce);
  const auto server = server_.server_endpoint();
  if (!server) throw Failure{{.code = Errc::offline, .doing = "asking the server to dial back"}};
  const auto until = Clock::now() + dial_back_patience;
  // Where the server has another address it dials back from there, since no NAT knows that one.
  LaneDoor::DialBackWaiter at_door{door_, server_other_address_.value_or(server->address), nonce};
  bool over_udp = false;
  Wakeup news{executor_};
  std::vector<UdpPort::Registration> at_sockets;
  if (transport == Transport::udp)
    for (const auto& port : port_.udp())
      at_sockets.push_back(port->on_other([&](const Endpoint&, ByteView datagram, TimePoint) {
        if (decode_dial_back(datagram) != nonce) return;
        over_udp = true;
        news.ring();
      }));
  const auto outcome = co_await server_.probe(transport, external.port, nonce, until);
  if (outcome != DialBackOutcome::reached) co_return false;
  if (transport == Transport::tcp) {
    co_await at_door.arrived();
    co_return true;
  }
  while (!over_udp) co_await news.wait();
  co_return true;
}

awaitable<void> Standpoint::give_back(TimePoint until) { co_await mapper_.give_back(until); }

}  // namespace pshare
