#include "punching/punching_peer.hpp"

#include <algorithm>
#include <string_view>

#include "traversal/overloaded.hpp"

namespace pshare::sim {

using namespace std::chrono_literals;

namespace {

constexpr std::string_view are_you_it = "it is me", i_am = "me too", this_one = "this one", something = "something";
const IpAddress any_v4{IpAddress::V4{}}, any_v6{IpAddress::V6{}};

// As of traversal/io.
constexpr Duration reflect_patience = 2s, syn_again = 900ms, punched_tls_patience = 700ms, punched_lane_patience = 5s;

Errc errc_of(const TcpEnd& how) {
  switch (how.kind) {
    case TcpEnd::Kind::refused:
    case TcpEnd::Kind::reset: return Errc::refused;
    case TcpEnd::Kind::unreachable: return Errc::unreachable;
    case TcpEnd::Kind::timed_out: return Errc::timed_out;
    case TcpEnd::Kind::address_in_use: return Errc::busy;
    case TcpEnd::Kind::closed: break;
  }
  return Errc::closed;
}

}  // namespace

PunchingPeer::PunchingPeer(Machine& machine, const StunServer& stun, const TcpReflector& reflector, Settings settings, std::function<void(const Punch&)> say)
    : machine_(machine), stun_(stun), reflector_(reflector), settings_(settings), say_(std::move(say)), listener_(value_or_throw(machine.listen({.port = settings.port}))) {
  port_ = listener_.port();
  listener_.on_accept([this](TcpSocket socket) {
    const auto number = next_connection_++;
    connections_[number].socket = std::move(socket);
    up(number);
  });
  if (!settings_.listens) listener_.close();
  survey_udp();
  survey_tcp();
}

// ---- Finding out about our NAT ----

void PunchingPeer::survey_udp() {
  auto& survey = measuring_.emplace_back();
  auto& socket = survey.sockets.emplace_back(value_or_throw(machine_.udp({.address = any_v4, .port = port_})));
  listen({.index = 1}, value_or_throw(machine_.udp({.address = any_v6, .port = port_})));
  socket.on_datagram([this, &survey](const Endpoint& from, const Endpoint&, ByteView datagram) {
    if (const auto received = decode_stun(datagram)) survey.core->feed([&](UdpMeasurement& core) { core.arrived(0, from, *received, machine_.now()); });
  });
  UdpMeasurement core{{port_}, stun_.destinations(), {}, machine_.random(), machine_.now()};
  survey.core = std::make_unique<Driver<UdpMeasurement>>(machine_, std::move(core), [this, &survey](UdpMeasurement::Action action) {
    if (const auto* send = std::get_if<UdpMeasurement::Send>(&action)) survey.sockets.front().send_to(send->to, send->bytes);
    if (const auto* reflexive = std::get_if<UdpMeasurement::Reflexive>(&action)) seen_over_udp_ = reflexive->external;
    if (const auto* found = std::get_if<UdpMeasurement::Measured>(&action)) {
      facts_.udp = found->forecast;
      udp_survey_over_ = true;
      listen({.index = 0}, std::move(survey.sockets.front()));
    }
  });
  survey.core->feed([](UdpMeasurement&) {});
}

void PunchingPeer::survey_tcp() {
  const auto samples = std::make_shared<std::vector<PortSample>>();
  ask_all(samples, {{port_, reflector_.at(TcpReflector::first)}, {port_, reflector_.at(TcpReflector::second)}}, [this, samples] {
    if (!settings_.asks_over_tcp_too) facts_.tcp = facts_.udp, seen_over_tcp_ = seen_over_udp_;
    else if (!samples->empty()) facts_.tcp = forecast_ports(*samples), seen_over_tcp_ = samples->front().external;
    tcp_survey_over_ = true;
  });
}

void PunchingPeer::ask_all(std::shared_ptr<std::vector<PortSample>> samples, const std::vector<Volley>& volley, std::function<void()> over) {
  const auto wanted = samples->size() + volley.size();
  const auto is_over = std::make_shared<bool>(false);
  const auto end = [is_over, over = std::move(over)] {
    if (!std::exchange(*is_over, true)) over();
  };
  Duration tick{};  // of a clock that goes on from one connect() to the next
  for (const auto& each : volley) {
    auto& socket = asking_.emplace_back(machine_.connect(each.to, {.from = each.from}));
    socket.on_data([this, samples, end, wanted, is_over, &socket, asked = PortSample{.sent = machine_.now() + tick++, .local = each.from, .destination = each.to, .external = {}, .repeated = false}](ByteView word) {
      if (*is_over) return;
      auto sample = asked;
      sample.external = value_or_throw(Endpoint::parse(text_of(word)));
      sample.repeated = machine_.now() - asked.sent > syn_again;
      if (const auto rtt = socket.round_trip(); rtt && (facts_.server_rtt == Duration{} || *rtt < facts_.server_rtt)) facts_.server_rtt = *rtt;
      samples->push_back(sample);
      if (samples->size() == wanted) end();
    });
  }
  machine_.in(reflect_patience, end);
}

void PunchingPeer::measure(std::uint64_t round, Transport transport) {
  if (transport == Transport::udp) measure_udp(round);
  else measure_tcp(round);
}

void PunchingPeer::measure_udp(std::uint64_t round) {
  auto& measuring = measuring_.emplace_back();
  std::vector<Port> locals;
  while (measuring.sockets.size() < sockets_to_measure_with) {
    auto& socket = measuring.sockets.emplace_back(value_or_throw(machine_.udp({.address = any_v4})));
    locals.push_back(socket.port());
    socket.on_datagram([this, &measuring, index = locals.size() - 1](const Endpoint& from, const Endpoint&, ByteView datagram) {
      if (const auto received = decode_stun(datagram)) measuring.core->feed([&](UdpMeasurement& core) { core.arrived(index, from, *received, machine_.now()); });
    });
  }
  UdpMeasurement core{locals, stun_.destinations(), UdpMeasurement::settings_for(facts_.server_rtt), machine_.random(), machine_.now()};
  measuring.core = std::make_unique<Driver<UdpMeasurement>>(machine_, std::move(core), [this, &measuring, round](UdpMeasurement::Action action) {
    if (const auto* send = std::get_if<UdpMeasurement::Send>(&action)) measuring.sockets[send->socket].send_to(send->to, send->bytes);
    const auto* const found = std::get_if<UdpMeasurement::Measured>(&action);
    if (found == nullptr) return;
    std::swap(measuring.sockets.front(), measuring.sockets[found->socket]);
    for (std::size_t i = 0; i < measuring.sockets.size(); ++i) listen({.round = round, .index = i, .main = false}, std::move(measuring.sockets[i]));
    measured(round, found->forecast);
  });
  measuring.core->feed([](UdpMeasurement&) {});
}

/// Four connections from three new ports, the last 60 ms later; what was seen as stable is not measured again.
void PunchingPeer::measure_tcp(std::uint64_t round) {
  if (!is_hard(facts_.tcp)) {
    machine_.in(0s, [this, round] { measured(round, facts_.tcp); });
    return;
  }
  const auto holders = std::make_shared<std::vector<TcpListener>>();
  while (holders->size() < sockets_to_measure_with) holders->push_back(value_or_throw(machine_.listen()));
  const auto port = [&](std::size_t i) { return (*holders)[i].port(); };
  const auto first = reflector_.at(TcpReflector::first), second = reflector_.at(TcpReflector::second);
  const auto samples = std::make_shared<std::vector<PortSample>>();
  const auto volleys_left = std::make_shared<int>(2);
  const auto over = [this, samples, volleys_left, holders, round] {
    if (--*volleys_left > 0) return;
    measured(round, samples->empty() ? facts_.tcp : forecast_ports(*samples));
    holders->clear();
  };
  const auto early = std::make_shared<std::vector<PortSample>>(), late = std::make_shared<std::vector<PortSample>>();
  const auto collect = [samples, over](const std::shared_ptr<std::vector<PortSample>>& some) {
    return [samples, over, some] { samples->insert(samples->end(), some->begin(), some->end()), over(); };
  };
  ask_all(early, {{port(0), first}, {port(0), second}, {port(1), first}}, collect(early));
  machine_.in(pause_between_volleys, [this, late, third = port(2), first, collect] { ask_all(late, {{third, first}}, collect(late)); });
}

void PunchingPeer::measured(std::uint64_t round, const PortForecast& forecast) {
  rounds_->feed([&](PunchRounds& core) { core.measured(round, forecast, machine_.now()); });
}

PunchRounds::Targets PunchingPeer::targets() const {
  PunchRounds::Targets all;
  for (const auto& own : machine_.addresses()) all.udp.push_back({{own.address, port_}, Tier::direct});
  if (seen_over_udp_ && std::ranges::none_of(all.udp, [&](const auto& each) { return each.remote == *seen_over_udp_; })) all.udp.push_back({*seen_over_udp_, Tier::punched});
  if (seen_over_tcp_) all.tcp.push_back({*seen_over_tcp_, Tier::punched});
  return all;
}

std::optional<IpAddress> PunchingPeer::seen_at() const {
  const auto& seen = seen_over_tcp_ ? seen_over_tcp_ : seen_over_udp_;
  return seen ? std::optional{seen->address} : std::nullopt;
}

// ---- Rounds ----

void PunchingPeer::begin(PunchRounds::Targets targets, const NatFacts& theirs, std::optional<IpAddress> vouched) {
  theirs_ = theirs;
  PunchRounds::Settings settings{.side = settings_.side,
                                 .session = settings_.session,
                                 .key = settings_.key,
                                 .udp = settings_.udp,
                                 .tcp = settings_.tcp,
                                 .main_sockets = {false, true},
                                 .mine = facts_,
                                 .theirs = theirs,
                                 .vouched = vouched ? std::vector{*vouched} : std::vector<IpAddress>{}};
  PunchRounds core{std::move(targets), std::move(settings), machine_.random(), machine_.now()};
  rounds_ = std::make_unique<Driver<PunchRounds>>(machine_, std::move(core), [this](PunchRounds::Action action) { perform(std::move(action)); });
  rounds_->feed([](PunchRounds&) {});
  for (const auto& [punch, at] : std::exchange(heard_early_, {}))
    rounds_->feed([&, early = at](PunchRounds& rounds) {
      rounds.heard(punch.round, punch.transport, punch.forecast, round_trip() / 2 + (machine_.now() - early), machine_.now());
    });
}

void PunchingPeer::heard(const Punch& punch) {
  if (!rounds_) {
    heard_early_.emplace_back(punch, machine_.now());
    return;
  }
  rounds_->feed([&](PunchRounds& core) { core.heard(punch.round, punch.transport, punch.forecast, round_trip() / 2, machine_.now()); });
}

bool PunchingPeer::has_given_up() const {
  return (!settings_.udp || gone_.contains(Transport::udp)) && (!settings_.tcp || gone_.contains(Transport::tcp));
}

void PunchingPeer::perform(PunchRounds::Action action) {
  std::visit(Overloaded{
                 [&](const PunchRounds::SendUdp& datagram) { send(datagram); },
                 [&](const PunchRounds::Reached& reached) {
                   if (!something_at_) something_at_ = machine_.now();
                   if (controls()) say_hello(reached.socket, reached.remote, machine_.now() + punched_lane_patience);
                 },
                 [&](const PunchRounds::Moved& moved) {
                   if (udp_lane_ && udp_lane_->socket == moved.socket) udp_lane_->remote = moved.to;
                 },
                 [&](const PunchRounds::Dial& due) { dial(due); },
                 [&](const PunchRounds::Drop& unwanted) { drop(unwanted); },
                 [&](const PunchRounds::Measure& wanted) { measure(wanted.round, wanted.transport); },
                 [&](const PunchRounds::Say& word) {
                   rounds_begun_ = std::max(rounds_begun_, word.round);
                   say_({.session = settings_.session, .round = word.round, .transport = word.transport, .forecast = word.forecast});
                 },
                 [&](const PunchRounds::End& over) { end(over); },
                 [&](PunchRounds::Failed& failed) { gone_.emplace(failed.transport, Gone{machine_.now(), failed.reason, std::move(failed.words)}); },
             },
             action);
}

void PunchingPeer::end(const PunchRounds::End& ended) {
  if (ended.transport == Transport::udp) {
    const bool carries_lane = udp_lane_ && !udp_lane_->socket.main && udp_lane_->socket.round == ended.round;
    if (!carries_lane) std::erase_if(sockets_, [&](const auto& each) { return !each.first.main && each.first.round == ended.round; });
    return;
  }
  std::vector<DialKey> dials;
  for (const auto& [number, connection] : connections_)
    if (connection.dial && connection.round == ended.round && !connection.up) dials.push_back(*connection.dial);
  for (const auto dial : dials) drop({ended.round, dial, true});
}

void PunchingPeer::choose(Transport transport) {
  if (lane_at_) return;
  lane_at_ = machine_.now();
  lane_ = transport;
  rounds_->feed([&](PunchRounds& core) {
    core.contented();
    if (!controls()) return;
    for (const auto each : {Transport::udp, Transport::tcp}) core.stop(each, machine_.now());
  });
  if (controls()) std::erase_if(connections_, [&](const auto& each) { return transport != Transport::tcp || each.first != *tcp_lane_; });
}

void PunchingPeer::say_something() {
  if (lane_ == Transport::udp) sockets_.at(udp_lane_->socket).send_to(udp_lane_->remote, bytes_of(something));
  if (lane_ == Transport::tcp && tcp_lane_) connections_.at(*tcp_lane_).socket.send(bytes_of(something));
}

bool PunchingPeer::heard_something(Transport transport) {
  if (lane_ != transport) return false;
  ++things_heard_;
  return !controls();
}

// ---- UDP ----

void PunchingPeer::listen(const PunchRounds::Socket& name, UdpSocket socket) {
  auto& ours = sockets_[name] = std::move(socket);
  ours.on_datagram([this, name](const Endpoint& from, const Endpoint&, ByteView datagram) { arrived(name, from, datagram); });
}

void PunchingPeer::send(const PunchRounds::SendUdp& datagram) {
  if (!sockets_.contains(datagram.socket)) listen(datagram.socket, value_or_throw(machine_.udp({.address = any_v4})));  // one of a search's many
  UdpSendOptions options;
  if (datagram.ttl) options.ttl = static_cast<std::uint8_t>(*datagram.ttl);
  sockets_.at(datagram.socket).send_to(datagram.to, datagram.bytes, options);
}

void PunchingPeer::arrived(const PunchRounds::Socket& socket, const Endpoint& from, ByteView datagram) {
  if (looks_like_stun(datagram)) {
    const auto received = decode_stun(datagram);
    if (received && rounds_) rounds_->feed([&](PunchRounds& core) { core.arrived(socket, from, *received, machine_.now()); });
    return;
  }
  const auto word = text_of(datagram);
  if (word == something && heard_something(Transport::udp)) sockets_.at(socket).send_to(from, bytes_of(something));
  if (word == are_you_it && !controls() && rounds_) sockets_.at(socket).send_to(from, bytes_of(i_am));
  if (word != (controls() ? i_am : this_one) || lane_at_) return;
  if (controls()) sockets_.at(socket).send_to(from, bytes_of(this_one));
  udp_lane_ = {socket, from};
  rounds_->feed([&](PunchRounds& core) { core.settle(socket, from, machine_.now()); });
  choose(Transport::udp);
}

/// As QUIC would, it says so again until there is an answer.
void PunchingPeer::say_hello(const PunchRounds::Socket& socket, const Endpoint& to, TimePoint until) {
  if (lane_at_ || machine_.now() > until || !sockets_.contains(socket)) return;
  sockets_.at(socket).send_to(to, bytes_of(are_you_it));
  machine_.in(std::max<Duration>(2 * round_trip(), 100ms), [this, socket, to, until] { say_hello(socket, to, until); });
}

// ---- TCP ----

void PunchingPeer::dial(const PunchRounds::Dial& due) {
  const auto number = next_connection_++;
  auto& connection = connections_[number];
  connection.round = due.round;
  connection.dial = due.dial.dial;
  auto& from = due.dial.from ? fresh_ports_[{due.round, *due.dial.from}] : port_;
  connection.socket = machine_.connect(due.dial.to, {.from = from, .ttl = static_cast<std::uint8_t>(due.dial.ttl.value_or(64))});
  from = connection.socket.local().port;
  connection.socket.set_ttl(64);
  connection.socket.on_connected([this, number] { up(number); });
  connection.socket.on_closed([this, number](const TcpEnd& how) { ended(number, how); });
  const auto dialling = std::ranges::count_if(connections_, [](const auto& each) { return each.second.dial && !each.second.up && !each.second.dropped; });
  most_dials_at_once_ = std::max(most_dials_at_once_, static_cast<std::size_t>(dialling));
}

void PunchingPeer::drop(const PunchRounds::Drop& unwanted) {
  const auto found = std::ranges::find_if(connections_, [&](const auto& each) {
    return each.second.round == unwanted.round && each.second.dial == unwanted.dial && !each.second.up;
  });
  if (found == connections_.end()) return;
  auto& connection = found->second;
  if (connection.socket.is_answered() && !unwanted.answered_too) {
    connection.dropped = true;
    return;
  }
  connection.socket.abort();
  connections_.erase(found);
}

void PunchingPeer::up(std::uint64_t number) {
  auto& connection = connections_.at(number);
  connection.up = true;
  if (!something_at_) something_at_ = machine_.now();
  connection.socket.on_data([this, number](ByteView word) { read(number, word); });
  connection.socket.on_closed([this, number](const TcpEnd& how) { ended(number, how); });
  connection.socket.on_finished([this, number] { ended(number, {}); });
  if (controls() && !lane_at_) connection.socket.send(bytes_of(are_you_it));
  if (!connection.dial || !rounds_) return;
  machine_.in(punched_tls_patience + 3 * round_trip(), [this, number] {
    const auto found = connections_.find(number);
    if (found == connections_.end() || found->second.greeted) return;
    found->second.socket.abort();
    ended(number, {});
  });
  rounds_->feed([round = connection.round, dial = *connection.dial, this](PunchRounds& core) { core.connected(round, dial, machine_.now()); });
}

void PunchingPeer::read(std::uint64_t number, ByteView bytes) {
  auto& connection = connections_.at(number);
  const auto word = text_of(bytes);
  if (word == something && heard_something(Transport::tcp)) connection.socket.send(bytes_of(something));
  if (word == are_you_it && !controls() && rounds_) connection.socket.send(bytes_of(i_am));
  if (word != (controls() ? i_am : this_one) || lane_at_) return;
  if (controls()) connection.socket.send(bytes_of(this_one));
  connection.greeted = true;
  tcp_lane_ = number;
  choose(Transport::tcp);
}

void PunchingPeer::ended(std::uint64_t number, const TcpEnd& how) {
  const auto found = connections_.find(number);
  if (found == connections_.end()) return;
  const auto connection = std::move(found->second);
  connections_.erase(found);
  if (tcp_lane_ == number) tcp_lane_.reset();
  if (!connection.dial || !rounds_) return;
  rounds_->feed([&](PunchRounds& core) {
    if (connection.up) core.lost(connection.round, *connection.dial, machine_.now());
    else core.failed(connection.round, *connection.dial, errc_of(how), machine_.now());
  });
}

}  // namespace pshare::sim
