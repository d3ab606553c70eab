#include "punching/udp_peers.hpp"

#include <algorithm>

namespace pshare::sim {

namespace {

const IpAddress any_v4{IpAddress::V4{}}, any_v6{IpAddress::V6{}};
constexpr std::string_view hello = "hello", welcome = "welcome", something = "something";

}  // namespace

StunServer::StunServer(Machine& machine) : address_(machine.addresses().front().address), other_address_(machine.addresses().back().address) {
  for (const auto port : {first, second}) {
    auto& socket = sockets_.emplace_back(value_or_throw(machine.udp({.port = port})));
    socket.on_datagram([&socket](const Endpoint& from, const Endpoint& to, ByteView datagram) {
      const auto asked = decode_stun(datagram);
      if (!asked || asked->message.kind != StunClass::request) return;
      StunMessage answer{.kind = StunClass::success, .id = asked->message.id};
      answer.xor_mapped_address = from;
      socket.send_to(from, encode(answer), {.source = to.address});
    });
  }
}

UdpPeer::UdpPeer(Machine& machine, const StunServer& server, Settings settings) : machine_(machine), server_(server), settings_(settings) {
  open(any_v4), open(any_v6);  // the main sockets
  survey_with({0}, survey_);
}

std::size_t UdpPeer::open(std::optional<IpAddress> address) {
  // One punching port for both families.
  const auto port = sockets_.size() == 1 ? sockets_.front().port() : Port{};
  auto& socket = sockets_.emplace_back(value_or_throw(machine_.udp({.address = address, .port = port})));
  const auto index = sockets_.size() - 1;
  socket.on_datagram([this, index](const Endpoint& from, const Endpoint&, ByteView datagram) { arrived(index, from, datagram); });
  return index;
}

std::vector<UdpPunch::Target> UdpPeer::candidates() const {
  std::vector<UdpPunch::Target> all;
  for (const auto& own : machine_.addresses()) all.push_back({{own.address, sockets_.front().port()}, Tier::direct});
  if (survey_ && survey_->forecast.external.port != Port{} && survey_->forecast.kind != PortForecast::Kind::blocked &&
      std::ranges::none_of(all, [&](const auto& each) { return each.remote == survey_->forecast.external; }))
    all.push_back({survey_->forecast.external, Tier::punched});
  all.insert(all.end(), more_.begin(), more_.end());
  return all;
}

void UdpPeer::survey_with(std::vector<std::size_t> sockets, std::optional<UdpMeasurement::Measured>& into) {
  into.reset();
  std::vector<Port> locals;
  for (const auto socket : sockets) locals.push_back(sockets_[socket].port());
  auto& measuring = measuring_.emplace_back(Measuring{sockets, nullptr});
  UdpMeasurement core{locals, server_.destinations(), {}, machine_.random(), machine_.now()};
  measuring.measurement = std::make_unique<Driver<UdpMeasurement>>(machine_, std::move(core), [this, sockets, &into](UdpMeasurement::Action action) {
    if (const auto* send = std::get_if<UdpMeasurement::Send>(&action)) ++packets_, sockets_[sockets[send->socket]].send_to(send->to, send->bytes);
    if (auto* measured = std::get_if<UdpMeasurement::Measured>(&action)) into = std::move(*measured);
  });
  measuring.measurement->feed([](UdpMeasurement&) {});
}

void UdpPeer::measure() {
  fresh_.clear();
  for (std::size_t i = 0; i < sockets_to_measure_with; ++i) fresh_.push_back(open(any_v4));
  survey_with(fresh_, measured_);
}

UdpPunch::Settings UdpPeer::punch_settings() const {
  return {.side = settings_.side,
          .session = settings_.session,
          .key = settings_.key,
          .rtt = settings_.rtt,
          .patience = settings_.patience,
          .openers = settings_.openers};
}

void UdpPeer::punch(std::vector<UdpPunch::Target> targets) {
  begin({0, 1}, UdpPunch{std::move(targets), {false, true}, punch_settings(), machine_.random(), machine_.now()});
}

void UdpPeer::search(const SearchPlan& plan) {
  std::vector<std::size_t> sockets;
  if (plan.sockets == 1) sockets.push_back(fresh_[measured_->socket]);
  while (sockets.size() < plan.sockets) sockets.push_back(open(any_v4));
  begin(std::move(sockets), UdpPunch{plan, punch_settings(), machine_.random(), machine_.now()});
}

void UdpPeer::begin(std::vector<std::size_t> sockets, UdpPunch punch) {
  ++begun_;
  auto& round = rounds_.emplace_back(Round{std::move(sockets), nullptr});
  round.punch = std::make_unique<Driver<UdpPunch>>(machine_, std::move(punch), [this, &round](UdpPunch::Action action) { perform(round, std::move(action)); });
  round.punch->feed([](UdpPunch&) {});
}

void UdpPeer::perform(Round& round, UdpPunch::Action action) {
  if (const auto* send = std::get_if<UdpPunch::Send>(&action); send != nullptr && (settings_.keeps_alive || !lane_)) {
    UdpSendOptions options;
    if (send->ttl) options.ttl = static_cast<std::uint8_t>(*send->ttl);
    ++packets_;
    sockets_[round.sockets[send->socket]].send_to(send->to, send->bytes, options);
  }
  if (const auto* reached = std::get_if<UdpPunch::Reached>(&action)) {
    const auto socket = round.sockets[reached->socket];
    if (settings_.side == CheckSide::controlling) say_hello(socket, reached->remote);
    if (lane_) return;
    reached_ = *reached;
    reached_at_ = machine_.now();
  }
  if (const auto* moved = std::get_if<UdpPunch::Moved>(&action)) {
    moved_.push_back(*moved);
    if (lane_) lane_->second = moved->to;
  }
  if (std::holds_alternative<UdpPunch::Failed>(action)) ++failed_;
}

/// As QUIC would, it says so again until there is an answer.
void UdpPeer::say_hello(std::size_t socket, const Endpoint& to) {
  if (lane_) return;
  sockets_[socket].send_to(to, bytes_of(hello));
  machine_.in(2 * settings_.rtt, [this, socket, to] { say_hello(socket, to); });
}

void UdpPeer::arrived(std::size_t socket, const Endpoint& from, ByteView datagram) {
  if (looks_like_stun(datagram)) {
    const auto received = decode_stun(datagram);
    if (!received) return;
    for (auto& measuring : measuring_) {
      const auto found = std::ranges::find(measuring.sockets, socket);
      if (found == measuring.sockets.end()) continue;
      const auto index = static_cast<std::size_t>(found - measuring.sockets.begin());
      if (measuring.measurement->feed([&](UdpMeasurement& core) { return core.arrived(index, from, *received, machine_.now()); })) return;
    }
    for (auto& round : rounds_) {
      const auto found = std::ranges::find(round.sockets, socket);
      if (found == round.sockets.end()) continue;
      const auto index = static_cast<std::size_t>(found - round.sockets.begin());
      if (round.punch->feed([&](UdpPunch& core) { return core.arrived(index, from, *received, machine_.now()); })) return;
    }
    return;
  }
  const auto word = text_of(datagram);
  if (word == hello && settings_.side == CheckSide::controlled) {
    settle(socket, from);
    sockets_[socket].send_to(from, bytes_of(welcome));
  } else if (word == welcome && settings_.side == CheckSide::controlling) {
    if (!lane_) settle(socket, from);
  } else if (word == something && lane_ && lane_->first == socket) {
    ++heard_;
  }
}

void UdpPeer::settle(std::size_t socket, const Endpoint& remote) {
  // A second hello from elsewhere: the other's first lane has not come up.
  if (lane_ == std::pair{socket, remote}) return;
  lane_ = std::pair{socket, remote};
  settled_at_ = machine_.now();
  for (auto& round : rounds_) {
    const auto found = std::ranges::find(round.sockets, socket);
    if (found == round.sockets.end()) continue;
    const auto index = static_cast<std::size_t>(found - round.sockets.begin());
    round.punch->feed([&](UdpPunch& core) { core.settle(index, remote, machine_.now()); });
  }
}

void UdpPeer::say_something() {
  if (lane_) sockets_[lane_->first].send_to(lane_->second, bytes_of(something));
}

}  // namespace pshare::sim
