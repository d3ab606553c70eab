#include "traversal/mapping/port_mappings.hpp"

#include <algorithm>
#include <utility>

#include "traversal/overloaded.hpp"

namespace pshare {

using State = ProtocolReport::State;

PortMappings::PortMappings(Settings settings, Random& random, TimePoint now) : settings_(std::move(settings)), random_(random) {
  begin(now);
  settle(now);
}

void PortMappings::begin(TimePoint now) {
  head_start_until_ = now + head_start;
  retry_at_.reset();
  protocols_ = {};
  for (auto& each : slots_) each.failed.clear();
  if (speaks(MappingProtocol::pcp)) pcp_.emplace(settings_.gateway, settings_.own, random_, now);
  if (speaks(MappingProtocol::nat_pmp)) nat_pmp_.emplace(settings_.gateway, now);
  if (!speaks(MappingProtocol::upnp)) return;
  if (settings_.own.is_v4()) igd_.emplace(random_);
  else pinholes_.emplace(settings_.own);
}

bool PortMappings::speaks(MappingProtocol protocol) const {
  return std::ranges::find(settings_.protocols, protocol) != settings_.protocols.end();
}

// ---- What comes in ----

void PortMappings::receive(MappingProtocol protocol, const Endpoint& from, ByteView datagram, TimePoint now) {
  if (protocol == MappingProtocol::pcp && pcp_) pcp_->receive(from, datagram, now);
  if (protocol == MappingProtocol::nat_pmp && nat_pmp_) nat_pmp_->receive(from, datagram, now);
  settle(now);
}

void PortMappings::announced(const Endpoint& from, ByteView datagram, TimePoint now) {
  if (datagram.empty()) return;
  const auto version = std::to_integer<std::uint8_t>(datagram.front());
  if (version == pcp_version) receive(MappingProtocol::pcp, from, datagram, now);
  if (version == nat_pmp_version) receive(MappingProtocol::nat_pmp, from, datagram, now);
}

void PortMappings::refused(MappingProtocol protocol, TimePoint now) {
  if (protocol == MappingProtocol::pcp && pcp_) pcp_->refused(now);
  if (protocol == MappingProtocol::nat_pmp && nat_pmp_) nat_pmp_->refused(now);
  settle(now);
}

void PortMappings::igd_found(std::optional<IpAddress> external, TimePoint now) {
  if (igd_) igd_->found(external);
  settle(now);
}

void PortMappings::firewall_found(FirewallStatus status, TimePoint now) {
  if (pinholes_) pinholes_->found(status);
  settle(now);
}

void PortMappings::igd_absent(TimePoint now) {
  if (igd_) igd_->absent();
  if (pinholes_) pinholes_->absent();
  settle(now);
}

void PortMappings::igd_added(Transport transport, TimePoint now) {
  if (igd_) igd_->added(transport);
  settle(now);
}

void PortMappings::pinhole_added(Transport transport, PinholeId id, TimePoint now) {
  if (pinholes_) pinholes_->added(transport, id);
  settle(now);
}

void PortMappings::pinhole_updated(Transport transport, TimePoint now) {
  if (pinholes_) pinholes_->updated(transport);
  settle(now);
}

void PortMappings::igd_denied(Transport transport, int error, std::string_view words, TimePoint now) {
  if (igd_) igd_->denied(transport, error, words);
  if (pinholes_) pinholes_->denied(transport, error, words);
  settle(now);
}

void PortMappings::igd_failed(Transport transport, std::string_view words, TimePoint now) {
  if (igd_) igd_->failed(transport, words);
  if (pinholes_) pinholes_->failed(transport, words);
  settle(now);
}

void PortMappings::igd_deleted(Transport transport, TimePoint now) {
  if (igd_) igd_->deleted(transport);
  if (pinholes_) pinholes_->deleted(transport);
  settle(now);
}

void PortMappings::observed(const IpAddress& address, TimePoint now) {
  observed_ = address;
  for (auto& each : slots_) each.verifying.reset();  // what could not be tried is tried again
  settle(now);
}

void PortMappings::dialled(Transport transport, const Endpoint& external, bool arrived, TimePoint now) {
  auto& of = slot(transport);
  if (std::exchange(of.verifying, std::nullopt) != external || !of.lease) return;
  if (of.lease->external() == external) of.lease->dialled(arrived, now);
  settle(now);
}

void PortMappings::give_back(TimePoint now) {
  giving_back_ = true;
  retry_at_.reset();
  for (auto& each : slots_)
    if (each.lease) each.lease->give_back(now);
  settle(now);
}

bool PortMappings::is_given_back() const {
  return giving_back_ && std::ranges::none_of(slots_, [](const Slot& each) { return each.lease.has_value(); });
}

// ---- What clients say ----

PortLease* PortMappings::leased(MappingProtocol by, Transport transport) {
  auto& of = slot(transport);
  return of.lease && of.by == by ? &*of.lease : nullptr;
}

void PortMappings::heard(MappingProtocol protocol, const GatewayAnswers& answer, TimePoint /*now*/) {
  of(protocol) = {.state = State::answers, .reason = Reason::none, .said = {}, .no_address = false};
  if (answer.external) router_address_ = answer.external;
}

void PortMappings::heard(MappingProtocol protocol, const GatewayUnusable& answer, TimePoint /*now*/) {
  const bool no_address = answer.reason == Reason::unreachable;
  of(protocol) = {
      .state = State::useless, .reason = no_address ? Reason::igd_refused : answer.reason, .said = answer.said, .no_address = no_address};
}

void PortMappings::heard(MappingProtocol protocol, const GatewayUnneeded& /*answer*/, TimePoint /*now*/) {
  of(protocol) = {.state = State::unneeded, .reason = Reason::none, .said = {}, .no_address = false};
}

void PortMappings::heard(MappingProtocol protocol, const GatewayForgot& /*answer*/, TimePoint now) {
  for (const auto transport : both_transports)
    if (auto* const lease = leased(protocol, transport)) lease->gateway_forgot(now);
}

void PortMappings::heard(MappingProtocol protocol, const MappingGranted& answer, TimePoint now) {
  if (auto* const lease = leased(protocol, answer.transport)) lease->granted(answer, now);
  of(protocol) = {.state = State::answers, .reason = Reason::none, .said = {}, .no_address = false};
  if (settings_.own.is_v4()) router_address_ = answer.external.address;
}

void PortMappings::heard(MappingProtocol protocol, const MappingDenied& answer, TimePoint now) {
  if (answer.router_address) router_address_ = answer.router_address;
  if (auto* const lease = leased(protocol, answer.transport)) lease->denied(answer, now);
}

void PortMappings::heard(MappingProtocol protocol, const MappingReleased& answer, TimePoint now) {
  if (auto* const lease = leased(protocol, answer.transport)) lease->released(now);
}

template <typename Client>
bool PortMappings::drain(std::optional<Client>& client, MappingProtocol protocol, TimePoint now) {
  if (!client) return false;
  bool any = false;
  while (auto action = client->take()) {
    any = true;
    std::visit(
        [&]<typename Said>(Said& said) {
          if constexpr (requires { heard(protocol, said, now); }) {
            heard(protocol, said, now);
          } else if constexpr (requires { Send{protocol, std::move(said.bytes)}; }) {
            actions_.emplace_back(Send{protocol, std::move(said.bytes)});
          } else {
            actions_.emplace_back(said);
          }
        },
        *action);
  }
  return any;
}

// ---- Choosing ----

bool PortMappings::choose(Slot& slot, TimePoint now) {
  if (slot.lease || giving_back_) return false;
  for (const auto protocol : settings_.protocols) {
    const auto state = of(protocol).state;
    if (state == State::asked && head_start_until_) return false;
    if (state != State::answers || slot.failed.contains(protocol)) continue;
    slot.by = protocol;
    slot.verifying.reset();
    slot.lease.emplace(settings_.local, now);
    return true;
  }
  return false;
}

void PortMappings::perform(Slot& slot, PortLease::Action action, TimePoint now) {
  const auto unspecified = settings_.own.is_v4() ? IpAddress{} : IpAddress{IpAddress::V6{}};
  std::visit(Overloaded{
                 [&](const PortLease::Ask& ask) {
                   switch (slot.by) {
                     case MappingProtocol::pcp:
                       return pcp_->map(slot.transport, settings_.local, {unspecified, ask.suggested}, settings_.lifetime, now);
                     case MappingProtocol::nat_pmp:
                       return nat_pmp_->map(slot.transport, settings_.local, ask.suggested, settings_.lifetime, now);
                     case MappingProtocol::upnp:
                       if (pinholes_) return pinholes_->map(slot.transport, settings_.local, settings_.lifetime);
                       return igd_->map(slot.transport, settings_.local, ask.suggested, settings_.lifetime);
                   }
                 },
                 [&](PortLease::Release) {
                   switch (slot.by) {
                     case MappingProtocol::pcp: return pcp_->release(slot.transport, now);
                     case MappingProtocol::nat_pmp: return nat_pmp_->release(slot.transport, now);
                     case MappingProtocol::upnp: return pinholes_ ? pinholes_->release(slot.transport) : igd_->release(slot.transport);
                   }
                 },
                 [&](const PortLease::Ended& ended) {
                   slot.lease.reset();
                   slot.verifying.reset();
                   if (giving_back_) return;
                   slot.failed.insert(slot.by);
                   const bool serves_other = std::ranges::any_of(slots_, [&](const Slot& each) { return each.lease && each.by == slot.by; });
                   const auto state = serves_other ? of(slot.by).state : State::useless;
                   if (of(slot.by).state != State::unneeded) of(slot.by) = {.state = state, .reason = ended.reason, .said = ended.said, .no_address = false};
                   if (ended.reason == Reason::timeout) perform(slot, PortLease::Release{}, now);  // an answer may have been lost
                 },
             },
             action);
}

void PortMappings::verify(Slot& slot) {
  if (!slot.lease || slot.lease->is_proved() || slot.verifying || !observed_) return;
  const auto external = slot.lease->external();
  if (!external || is_behind_another_nat(external->address, observed_)) return;
  slot.verifying = external;
  actions_.emplace_back(Verify{slot.transport, *external});
}

/// Passes on what the parts have to say to each other, once. False: nothing.
bool PortMappings::pump(TimePoint now) {
  bool any = drain(pcp_, MappingProtocol::pcp, now);
  any |= drain(nat_pmp_, MappingProtocol::nat_pmp, now);
  any |= drain(igd_, MappingProtocol::upnp, now);
  any |= drain(pinholes_, MappingProtocol::upnp, now);
  for (auto& each : slots_) {
    while (each.lease) {
      auto action = each.lease->take();
      if (!action) break;
      any = true;
      perform(each, std::move(*action), now);
    }
    any |= choose(each, now);
  }
  return any;
}

void PortMappings::settle(TimePoint now) {
  while (pump(now)) {
  }
  for (auto& each : slots_) verify(each);
  const bool all_heard = std::ranges::all_of(settings_.protocols, [&](MappingProtocol each) { return of(each).state != State::asked; });
  const bool lacking = std::ranges::any_of(slots_, [](const Slot& each) { return !each.lease; });
  if (!lacking || giving_back_) {
    retry_at_.reset();
  } else if (all_heard && !retry_at_) {
    retry_at_ = now + retry_pause;
  }
  report();
}

void PortMappings::report() {
  MappedPorts is;
  is.router_address = router_address_;
  const bool outer = router_address_ && settings_.own.is_v4() && is_behind_another_nat(*router_address_, observed_);
  bool open = false;
  for (const auto& each : slots_) {
    const auto external = each.lease ? each.lease->external() : std::nullopt;
    if (external)
      is.ports.push_back({.transport = each.transport,
                          .protocol = each.by,
                          .external = *external,
                          .proved = each.lease->is_proved(),
                          .behind_another = is_behind_another_nat(external->address, observed_)});
    open = open || (each.lease && !external);
  }
  for (const auto protocol : settings_.protocols) {
    const auto& known = of(protocol);
    ProtocolReport report{.protocol = protocol, .ipv6 = settings_.own.is_v6(), .state = known.state, .reason = known.reason, .said = known.said};
    // That it has no address to map under, though the server sees us at one, says the same.
    if (report.reason == Reason::igd_refused && (outer || (known.no_address && observed_))) report.reason = Reason::double_nat;
    open = open || report.state == State::asked;
    if (std::ranges::any_of(is.ports, [&](const MappedPort& each) { return each.protocol == protocol; })) report.state = State::maps;
    is.protocols.push_back(std::move(report));
  }
  is.settled = !open;
  if (is == ports_) return;
  ports_ = std::move(is);
  actions_.emplace_back(Changed{});
}

// ---- Time ----

void PortMappings::expire(TimePoint now) {
  if (pcp_) pcp_->expire(now);
  if (nat_pmp_) nat_pmp_->expire(now);
  for (auto& each : slots_)
    if (each.lease) each.lease->expire(now);
  if (head_start_until_ && now >= *head_start_until_) head_start_until_.reset();
  if (retry_at_ && now >= *retry_at_) {
    const bool nothing = std::ranges::none_of(slots_, [](const Slot& each) { return each.lease.has_value(); });
    retry_at_.reset();
    if (nothing) {
      begin(now);
    } else {
      for (auto& each : slots_)
        if (!each.lease) each.failed.clear();
    }
  }
  settle(now);
}

std::optional<TimePoint> PortMappings::deadline() const {
  std::optional<TimePoint> first;
  const auto consider = [&](std::optional<TimePoint> when) {
    if (when) first = std::min(first.value_or(*when), *when);
  };
  if (pcp_) consider(pcp_->deadline());
  if (nat_pmp_) consider(nat_pmp_->deadline());
  for (const auto& each : slots_)
    if (each.lease) consider(each.lease->deadline());
  consider(head_start_until_);
  consider(retry_at_);
  return first;
}

std::optional<PortMappings::Action> PortMappings::take() {
  if (actions_.empty()) return std::nullopt;
  auto action = std::move(actions_.front());
  actions_.pop_front();
  return action;
}

}  // namespace pshare
