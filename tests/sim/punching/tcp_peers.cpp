#include "punching/tcp_peers.hpp"

#include <algorithm>
#include <string>
#include <string_view>

namespace pshare::sim {

using namespace std::chrono_literals;

namespace {

constexpr std::string_view are_you_it = "it is me", i_am = "me too", this_one = "this one";

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

TcpReflector::TcpReflector(Machine& machine) : address_(machine.addresses().front().address), other_address_(machine.addresses().back().address) {
  for (const auto port : {first, second}) {
    auto& listener = listeners_.emplace_back(value_or_throw(machine.listen({.port = port})));
    listener.on_accept([this](TcpSocket socket) {
      auto& guest = guests_.emplace_back(std::move(socket));
      const auto text = guest.remote().text();
      guest.send(bytes_of(text));
    });
  }
}

TcpPeer::TcpPeer(Machine& machine, const TcpReflector& reflector, Settings settings)
    : machine_(machine), reflector_(reflector), settings_(settings), listener_(value_or_throw(machine.listen())) {
  port_ = listener_.port();
  listener_.on_accept([this](TcpSocket socket) {
    if (settled_) return;
    const auto number = next_connection_++;
    connections_[number].socket = std::move(socket);
    up(number);
  });
  control_ = machine.connect(reflector.at(TcpReflector::first), {.from = port_});
  control_.on_data([this](ByteView word) { seen_ = value_or_throw(Endpoint::parse(text_of(word))); });
}

// ---- Measuring ----

void TcpPeer::probe(Port from, Port destination) {
  const PortSample asked{.sent = machine_.now(), .local = from, .destination = reflector_.at(destination), .external = {}};
  auto& socket = probes_.emplace_back(machine_.connect(asked.destination, {.from = from}));
  socket.on_data([this, asked](ByteView word) {
    auto sample = asked;
    sample.external = value_or_throw(Endpoint::parse(text_of(word)));
    samples_.push_back(sample);
    if (samples_.size() < 6) return;
    forecast_ = forecast_ports(samples_);
    if (forecast_->kind == PortForecast::Kind::stable && seen_) forecast_->external = *seen_;
  });
}

/// As traversal/nat/port_forecast.hpp wants it.
void TcpPeer::measure() {
  forecast_.reset(), samples_.clear(), probes_.clear();
  const auto volley = [this](int ports) {
    for (int i = 0; i < ports; ++i) {
      // Any free port: that of a listener that goes away again.
      const auto port = value_or_throw(machine_.listen()).port();
      for (const auto destination : {TcpReflector::first, TcpReflector::second}) probe(port, destination);
    }
    measured_at_ = machine_.now();
  };
  volley(2);
  machine_.in(pause_between_volleys, [volley] { volley(1); });
}

// ---- Punching ----

void TcpPeer::punch(std::vector<TcpPunch::Target> targets) {
  start(TcpPunch{std::move(targets), {settings_.side, settings_.rtt, settings_.patience}, machine_.random(), machine_.now()});
}

void TcpPeer::search(const SearchPlan& plan) {
  const bool stable = forecast_ && forecast_->kind == PortForecast::Kind::stable;
  start(TcpPunch{plan, stable, {settings_.side, settings_.rtt, settings_.patience}, machine_.random(), machine_.now()});
}

void TcpPeer::start(TcpPunch punch) {
  punch_ = std::make_unique<Driver<TcpPunch>>(machine_, std::move(punch), [this](const TcpPunch::Action& action) { perform(action); });
  punch_->feed([](TcpPunch&) {});
}

void TcpPeer::perform(const TcpPunch::Action& action) {
  if (settled_) return;
  if (const auto* const wanted = std::get_if<TcpPunch::Dial>(&action)) dial(*wanted);
  if (const auto* const unwanted = std::get_if<TcpPunch::Drop>(&action)) drop(*unwanted);
  if (const auto* const failed = std::get_if<TcpPunch::Failed>(&action)) failure_ = failed->reason;
}

Port TcpPeer::port_of(const TcpPunch::LocalPort& from) {
  if (!from) return port_;
  const auto known = fresh_ports_.find(*from);
  if (known != fresh_ports_.end()) return known->second;
  return fresh_ports_[*from] = value_or_throw(machine_.listen()).port();
}

void TcpPeer::dial(const TcpPunch::Dial& dial) {
  ++dialled_;
  const auto number = next_connection_++;
  auto& connection = connections_[number];
  connection.dial = dial.dial;
  connection.socket = machine_.connect(dial.to, {.from = port_of(dial.from), .ttl = static_cast<std::uint8_t>(dial.ttl.value_or(64))});
  connection.socket.set_ttl(64);
  connection.socket.on_connected([this, number] { up(number); });
  connection.socket.on_closed([this, number](const TcpEnd& how) { ended(number, how); });
  const auto dialling = std::ranges::count_if(connections_, [](const auto& each) { return each.second.dial && !each.second.up && !each.second.dropped; });
  most_at_once_ = std::max(most_at_once_, static_cast<std::size_t>(dialling));
}

void TcpPeer::drop(const TcpPunch::Drop& unwanted) {
  const auto found = std::ranges::find_if(connections_, [&](const auto& each) { return each.second.dial == unwanted.dial; });
  if (found == connections_.end()) return;
  if (found->second.socket.is_answered() && !unwanted.answered_too) {
    found->second.dropped = true;
    ++spared_;
    return;
  }
  found->second.socket.abort();
  connections_.erase(found);
}

void TcpPeer::up(std::uint64_t number) {
  auto& connection = connections_.at(number);
  connection.up = true;
  connection.socket.on_data([this, number](ByteView word) { heard(number, word); });
  connection.socket.on_closed([this, number](const TcpEnd& how) { ended(number, how); });
  connection.socket.on_finished([this, number] { ended(number, {}); });
  if (!settings_.one_chooses && !settled_) return settle(number);
  if (settings_.side == CheckSide::controlling && !settled_) connection.socket.send(bytes_of(are_you_it));
  if (connection.dial && punch_) punch_->feed([&](TcpPunch& core) { core.connected(*connections_.at(number).dial, machine_.now()); });
}

void TcpPeer::heard(std::uint64_t number, ByteView word) {
  auto& socket = connections_.at(number).socket;
  const auto text = text_of(word);
  if (text == are_you_it) socket.send(bytes_of(i_am));
  if (settled_) return;
  if (text == i_am) socket.send(bytes_of(this_one));
  if (text == i_am || text == this_one) settle(number);
}

/// The other side closes nothing before it has heard which one it is, so what goes away here is of no use to it.
void TcpPeer::settle(std::uint64_t number) {
  settled_ = machine_.now();
  chosen_ = number;
  std::erase_if(connections_, [number](const auto& each) { return each.first != number; });
}

void TcpPeer::ended(std::uint64_t number, const TcpEnd& how) {
  const auto found = connections_.find(number);
  if (found == connections_.end()) return;
  const auto connection = std::move(found->second);
  connections_.erase(found);
  if (!connection.dial || !punch_) return;
  punch_->feed([&](TcpPunch& core) {
    if (connection.up) core.lost(*connection.dial, machine_.now());
    else core.failed(*connection.dial, errc_of(how), machine_.now());
  });
}

}  // namespace pshare::sim
