#include "network/router.hpp"

#include <algorithm>
#include <charconv>

namespace pshare::sim {

namespace {

Interface* named(std::deque<Interface>& interfaces, std::string_view name) {
  const auto found = std::ranges::find(interfaces, name, &Interface::name);
  return found == interfaces.end() ? nullptr : &*found;
}

IpAddress masked(const IpAddress& address, unsigned length) {
  const auto mask = [length](auto bytes) {
    for (std::size_t i = 0; i < bytes.size(); ++i) {
      const auto kept = std::clamp<int>(static_cast<int>(length) - static_cast<int>(8 * i), 0, 8);
      bytes[i] &= static_cast<std::byte>(0xff00u >> kept);
    }
    return IpAddress{bytes};
  };
  if (address.is_v4()) {
    IpAddress::V4 bytes;
    std::ranges::copy(address.bytes(), bytes.begin());
    return mask(bytes);
  }
  IpAddress::V6 bytes;
  std::ranges::copy(address.bytes(), bytes.begin());
  return mask(bytes);
}

}  // namespace

Result<Prefix> Prefix::parse(std::string_view text) {
  const auto slash = text.find('/');
  const auto address = IpAddress::parse(text.substr(0, slash));
  if (!address) return Unexpected{address.error()};
  const unsigned longest = address->is_v4() ? 32 : 128;
  unsigned length = longest;
  if (slash != std::string_view::npos) {
    const auto digits = text.substr(slash + 1);
    const auto [end, trouble] = std::from_chars(digits.data(), digits.data() + digits.size(), length);
    if (trouble != std::errc{} || end != digits.data() + digits.size() || length > longest)
      return Unexpected{{.code = Errc::malformed, .doing = "reading \"" + std::string{text} + "\" as a prefix"}};
  }
  return Prefix{masked(*address, length), length};
}

bool Prefix::contains(const IpAddress& other) const {
  return other.is_v4() == address.is_v4() && masked(other, length) == masked(address, length);
}

void TrafficTable::count(const Interface& from, const Interface& to, const Packet& packet) {
  auto found = std::ranges::find_if(pairs_, [&](const Pair& pair) { return pair.from == &from && pair.to == &to; });
  if (found == pairs_.end()) found = pairs_.insert(pairs_.end(), {&from, &to, {}});
  auto& traffic = found->traffic;
  ++traffic.packets;
  traffic.bytes += packet.size;
  if (packet.error) return;
  if (packet.flow.protocol == Protocol::udp) traffic.udp_bytes += packet.size;
  if (packet.flow.protocol == Protocol::tcp) traffic.tcp_bytes += packet.size;
}

Interface* Router::interface(std::string_view name) { return named(interfaces_, name); }

void Router::route(const Prefix& prefix, Interface& to) { routes_[{prefix.address.is_v4(), prefix.length}][masked(prefix.address, prefix.length)] = &to; }

void Router::no_route(const Prefix& prefix) {
  if (const auto table = routes_.find({prefix.address.is_v4(), prefix.length}); table != routes_.end()) table->second.erase(masked(prefix.address, prefix.length));
}

Interface* Router::way_to(const IpAddress& address) {
  for (auto& [kind, table] : routes_) {
    if (kind.first != address.is_v4()) continue;
    if (const auto found = table.find(masked(address, kind.second)); found != table.end()) return found->second;
  }
  return nullptr;
}

void Router::receive(Packet packet, Interface& at) {
  const auto report = [&](IcmpError::Kind kind) {
    if (auto error = error_about(packet, kind, address_)) at.send(*std::move(error));
  };
  if (is_multicast(packet.flow.to.address)) return;
  if (packet.ttl <= 1) return report(IcmpError::Kind::time_exceeded);
  --packet.ttl;
  auto* to = way_to(packet.flow.to.address);
  if (to == nullptr) return report(IcmpError::Kind::network_unreachable);
  traffic_.count(at, *to, packet);
  to->send(std::move(packet));
}

bool Switch::is_broadcast(const IpAddress& address) const {
  const auto bytes = address.bytes();
  if (address.is_v6() || bytes[3] != std::byte{255}) return false;
  if (std::ranges::all_of(bytes, [](std::byte byte) { return byte == std::byte{255}; })) return true;
  return std::ranges::any_of(hosts_, [&](const auto& host) { return Prefix{masked(address, 24), 24}.contains(host.first); });
}

Interface* Switch::interface(std::string_view name) { return named(interfaces_, name); }

void Switch::receive(Packet packet, Interface& at) {
  const auto& destination = packet.flow.to.address;
  if (is_multicast(destination) || is_broadcast(destination)) {
    for (auto& interface : interfaces_)
      if (&interface != &at) forward(packet, at, interface);
    return;
  }
  const auto host = hosts_.find(destination);
  if (auto* to = host != hosts_.end() ? host->second : default_; to != nullptr && to != &at) forward(std::move(packet), at, *to);
}

void Switch::forward(Packet packet, Interface& from, Interface& to) {
  if (between_ == Between::default_only && &from != default_ && &to != default_) return;
  traffic_.count(from, to, packet);
  to.send(std::move(packet));
}

}  // namespace pshare::sim
