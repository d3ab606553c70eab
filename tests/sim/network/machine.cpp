#include "network/machine.hpp"

#include <algorithm>
#include <cassert>
#include <charconv>
#include <utility>

namespace pshare::sim {

namespace {

// Linux, ip_local_port_range.
constexpr std::uint16_t first_free_port = 32768, last_free_port = 60999;

}  // namespace

bool is_unspecified(const IpAddress& address) {
  return std::ranges::all_of(address.bytes(), [](std::byte byte) { return byte == std::byte{}; });
}

std::optional<int> bind_fit(const std::optional<IpAddress>& bound, const IpAddress& address) {
  if (!bound) return 0;
  if (bound->is_v4() != address.is_v4()) return std::nullopt;
  if (is_unspecified(*bound)) return 1;
  return *bound == address ? std::optional{2} : std::nullopt;
}

bool binds_overlap(const std::optional<IpAddress>& a, const std::optional<IpAddress>& b) { return !a || !b || bind_fit(a, *b) || bind_fit(b, *a); }

LocalAddress LocalAddress::of(std::string_view text) {
  const auto slash = text.find('/');
  assert(slash != std::string_view::npos);
  LocalAddress local{.address = value_or_throw(IpAddress::parse(text.substr(0, slash)))};
  std::from_chars(text.data() + slash + 1, text.data() + text.size(), local.prefix_length);
  return local;
}

bool LocalAddress::subnet_contains(const IpAddress& other) const {
  const auto ours = address.bytes(), theirs = other.bytes();
  if (ours.size() != theirs.size()) return false;
  const auto whole = prefix_length / 8, rest = prefix_length % 8;
  if (!std::equal(ours.begin(), ours.begin() + whole, theirs.begin())) return false;
  return rest == 0 || ((ours[whole] ^ theirs[whole]) >> (8 - rest)) == std::byte{};
}

Machine::Machine(World& world, std::string name, MachineSettings settings)
    : Host(world.events(), std::move(name)), world_(world), settings_(settings), tcp_(*this, settings.tcp) {}

Machine::~Machine() = default;

// ---- The process and the power ----

void Machine::start() {
  if (powered_) Host::start();
}

void Machine::kill() {
  if (!runs()) return;
  Host::kill();
  on_addresses_changed_.reset();
  udp_.close_all();
  tcp_.close_all();
}

void Machine::power_off() {
  powered_ = false;
  Host::kill();
  on_addresses_changed_.reset();
  udp_.close_all();
  tcp_.lose_all();
}

void Machine::power_on() { powered_ = true; }

// ---- Addresses and routes ----

Interface& Machine::add_interface(std::string name, InterfaceSettings settings) {
  interfaces_.push_back({.interface = std::make_unique<Interface>(*this, std::move(name)), .settings = std::move(settings)});
  addresses_changed();
  return *interfaces_.back().interface;
}

Machine::Attached& Machine::attached(const Interface& interface) {
  const auto found = std::ranges::find(interfaces_, &interface, [](const Attached& each) { return each.interface.get(); });
  assert(found != interfaces_.end());
  return *found;
}

void Machine::change(Interface& interface, InterfaceSettings settings) {
  attached(interface).settings = std::move(settings);
  addresses_changed();
}

void Machine::down(Interface& interface) {
  attached(interface).up = false;
  addresses_changed();
}

void Machine::up(Interface& interface) {
  attached(interface).up = true;
  addresses_changed();
}

void Machine::addresses_changed() {
  if (!on_addresses_changed_) return;
  in(Duration::zero(), [call = on_addresses_changed_] { (*call)(); });
}

void Machine::on_addresses_changed(std::function<void()> call) {
  on_addresses_changed_ = call ? std::make_shared<std::function<void()>>(std::move(call)) : nullptr;
}

std::vector<LocalAddress> Machine::addresses() const {
  std::vector<LocalAddress> all;
  for (const auto& each : interfaces_)
    if (each.up) all.insert(all.end(), each.settings.addresses.begin(), each.settings.addresses.end());
  return all;
}

std::vector<IpAddress> Machine::gateways() const {
  std::vector<IpAddress> all;
  for (const auto& each : interfaces_)
    if (each.up) all.insert(all.end(), each.settings.gateways.begin(), each.settings.gateways.end());
  return all;
}

bool Machine::Attached::has(const IpAddress& address) const {
  return up && std::ranges::find(settings.addresses, address, &LocalAddress::address) != settings.addresses.end();
}

bool Machine::has(const IpAddress& address) const {
  return std::ranges::any_of(interfaces_, [&](const Attached& each) { return each.has(address); }) || address.scope() == Scope::loopback;
}

const Machine::Attached* Machine::way_to(const IpAddress& to, const std::optional<IpAddress>& source) const {
  const Attached* best = nullptr;
  std::optional<unsigned> best_length;  // of the prefix; a default route is 0
  for (const auto& each : interfaces_) {
    if (!each.up || (settings_.routes_by_source && source && !each.has(*source))) continue;
    const auto consider = [&](unsigned length) {
      if (std::optional{length} > best_length) best = &each, best_length = length;
    };
    for (const auto& local : each.settings.addresses)
      if (local.subnet_contains(to)) consider(local.prefix_length);
    for (const auto& gateway : each.settings.gateways)
      if (gateway.is_v4() == to.is_v4()) consider(0);
  }
  return best;
}

std::optional<IpAddress> Machine::source_for(const IpAddress& to) const {
  if (has(to)) return to;
  const auto* way = way_to(to, std::nullopt);
  if (way == nullptr) return std::nullopt;
  // RFC 6724 section 5, as far as it matters here: of its subnet, else of its scope, else the first that is not only link-local.
  const LocalAddress* best = nullptr;
  int best_rank = -1;
  for (const auto& local : way->settings.addresses) {
    if (local.address.is_v4() != to.is_v4()) continue;
    const auto scope = local.address.scope();
    const int rank = local.subnet_contains(to) ? 3 : scope == to.scope() ? 2 : scope != Scope::link_local ? 1 : 0;
    if (rank > best_rank) best = &local, best_rank = rank;
  }
  return best == nullptr ? std::nullopt : std::optional{best->address};
}

std::optional<Port> Machine::free_port(const std::function<bool(Port)>& taken) {
  constexpr std::uint16_t ports = last_free_port - first_free_port + 1;
  const auto start = static_cast<std::uint16_t>(random().below(ports));
  for (std::uint16_t i = 0; i < ports; ++i) {
    const Port port{static_cast<std::uint16_t>(first_free_port + (start + i) % ports)};
    if (!taken(port)) return port;
  }
  return std::nullopt;
}

// ---- Packets ----

bool Machine::transmit(Packet packet) {
  const auto &from = packet.flow.from.address, &to = packet.flow.to.address;
  if (!powered_ || !has(from)) return false;
  if (has(to)) {
    events().in(Duration::zero(), [this, own = std::make_shared<Packet>(std::move(packet))] { take(*own); });
    return true;
  }
  const auto* way = way_to(to, from);
  if (way == nullptr) return false;
  way->interface->send(std::move(packet));
  return true;
}

void Machine::receive(Packet packet, Interface& at) {
  if (attached(at).up) take(packet);
}

void Machine::take(const Packet& packet) {
  if (!powered_ || !has(packet.flow.to.address)) return;
  const auto protocol = packet.error ? packet.error->quoted.protocol : packet.flow.protocol;
  switch (protocol) {
    case Protocol::udp: return packet.error ? udp_.receive_error(*packet.error) : udp_.receive(packet);
    case Protocol::tcp: return packet.error ? tcp_.receive_error(*packet.error) : tcp_.receive(packet);
    case Protocol::icmp_echo: {
      if (packet.error || packet.echo_reply) return;  // nobody here asks
      auto reply = packet;
      reply.flow = packet.flow.reversed();
      reply.ttl = Packet{}.ttl;
      reply.echo_reply = true;
      transmit(std::move(reply));
    }
  }
}

}  // namespace pshare::sim
