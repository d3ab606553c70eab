#include "apps/pshare-server/services.hpp"

#include "io/interfaces.hpp"
#include "io/log.hpp"
#include "io/outlet.hpp"

namespace pshare {

namespace {

/// How often another port is chosen when the one that TCP got is taken on UDP.
constexpr int port_choices = 32;

/// One address alone, and not 0.0.0.0, which stands for all of its family.
bool is_one(const std::optional<IpAddress>& address) { return address && *address != IpAddress{}; }

/// Two addresses by which the world can reach us. IPv4 alone: of IPv6, one interface has several that come and go (RFC 8981).
std::optional<std::pair<IpAddress, IpAddress>> addresses_of(const ServerOptions& options) {
  if (is_one(options.address)) return options.alternate ? std::optional{std::pair{*options.address, *options.alternate}} : std::nullopt;
  std::optional<IpAddress> first;
  const auto all = interface_addresses();
  if (!all) return std::nullopt;
  for (const auto& each : *all) {
    if (!each.address.is_v4() || each.address.scope() != Scope::global || each.address == options.alternate) continue;
    if (options.alternate) return std::pair{each.address, *options.alternate};
    if (first) return std::pair{*first, each.address};
    first = each.address;
  }
  return std::nullopt;
}

/// Where to listen: nothing for every address.
std::vector<IpAddress> places(const ServerOptions& options) {
  std::vector<IpAddress> at;
  if (options.address) at.push_back(*options.address);
  if (is_one(options.address) && options.alternate) at.push_back(*options.alternate);
  return at;
}

Listener tcp(const asio::any_io_executor& executor, const std::optional<IpAddress>& at, Port port) {
  return at ? Listener::on(executor, Endpoint{*at, port}) : Listener::on(executor, port);
}

UdpPorts udp(const asio::any_io_executor& executor, const std::vector<IpAddress>& at, Port port) {
  return at.empty() ? UdpPorts::on(executor, port) : UdpPorts::on(executor, at, port);
}

/// What `open` gives for the wanted port, or for any if that one is not to be had.
template <typename Open>
auto wanted_or_any(Open open, Port wanted) {
  try {
    return open(wanted);
  } catch (const Failure& failure) {
    if (failure.error().code != Errc::busy) throw;
  }
  return open(Port{0});
}

/// What was asked for must be had; 443 unasked is a kindness to clients in networks that let through nothing else.
std::vector<Listener> further_places(const asio::any_io_executor& executor, const ServerOptions& options) {
  std::vector<Listener> further;
  for (const auto& each : options.further) further.push_back(tcp(executor, each.address, each.port));
  if (!options.https_too || options.port == https_port) return further;
  try {
    further.push_back(tcp(executor, std::nullopt, https_port));
  } catch (const Failure& failure) {
    log(LogLevel::info, "server.not-on-443", {{"why", failure.what()}});
  }
  return further;
}

}  // namespace

Services open_services(const asio::any_io_executor& executor, const ServerOptions& options) {
  const auto at = places(options);
  std::optional<Listener> control;
  std::optional<UdpPorts> stun;
  for (int choice = 0; !stun; ++choice) {
    control.emplace(tcp(executor, options.address, options.port));
    try {
      stun.emplace(udp(executor, at, control->port()));
    } catch (const Failure& failure) {
      if (options.port.number != 0 || failure.error().code != Errc::busy || choice == port_choices) throw;
    }
  }
  const auto port = control->port();
  const Port next{static_cast<std::uint16_t>(port.number + 1)};  // after the last comes 0: any
  auto stun_alternate = wanted_or_any([&](Port wanted) { return udp(executor, at, wanted); }, next);
  std::vector<Listener> reflectors;
  reflectors.push_back(wanted_or_any([&](Port wanted) { return tcp(executor, options.address, wanted); }, next));
  const auto reflect_alternate = reflectors.front().port();
  if (at.size() > 1)
    for (const auto each : {port, reflect_alternate}) reflectors.push_back(tcp(executor, at[1], each));
  return {*std::move(control), std::move(reflectors), further_places(executor, options), *std::move(stun), std::move(stun_alternate), reflect_alternate, addresses_of(options)};
}

}  // namespace pshare
