#include "network/mapping_table.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "network/router.hpp"

namespace pshare::sim {

namespace {

/// Of a LAN, or of a carrier's customers. Who asks from elsewhere has made up where it is.
bool is_inner(const IpAddress& address) {
  return address.is_v4() && (address.scope() == Scope::private_use || address.scope() == Scope::shared || address.scope() == Scope::link_local);
}

/// Not of the internet. For documentation and for measuring (RFC 5737, RFC 2544), which miniupnpd knows too, among others.
bool is_reserved(const IpAddress& address) {
  static const std::array reserved{value_or_throw(Prefix::parse("192.0.2.0/24")), value_or_throw(Prefix::parse("198.51.100.0/24")),
                                   value_or_throw(Prefix::parse("203.0.113.0/24")), value_or_throw(Prefix::parse("198.18.0.0/15"))};
  return address.scope() != Scope::global || std::ranges::any_of(reserved, [&](const Prefix& prefix) { return prefix.contains(address); });
}

}  // namespace

MappingTable::Outcome MappingTable::lease(const Request& request, TimePoint now) {
  expire(now);
  if (const auto why = reason_against(request)) return *why;
  const auto lifetime = std::min(std::max(request.lifetime.value_or(Duration::max()), habits_.shortest_lifetime), habits_.longest_lifetime);
  const auto known = find(request.protocol, request.internal);
  if (known == mappings_.end()) return make(request, now + lifetime, now);
  if (known->nonce && request.nonce && *known->nonce != *request.nonce) return Refusal::other_nonce;
  if (request.only_this_port && known->external != request.external) return Refusal::port_taken;
  auto ends_at = std::optional{now + lifetime};
  if (!known->ends_at) ends_at.reset();
  else if (known->nonce && !request.nonce) ends_at = std::max(ends_at, known->ends_at);
  renew(*known, ends_at, now);
  if (!known->nonce) known->nonce = request.nonce;
  return *known;
}

bool MappingTable::release(Protocol protocol, const Endpoint& internal, const std::optional<PcpNonce>& nonce, TimePoint now) {
  expire(now);
  const auto known = find(protocol, internal);
  if (known == mappings_.end())
    return std::ranges::none_of(nat_.rules(), [&](const NatBox::Rule& rule) { return rule.protocol == protocol && rule.internal == internal; });
  if (!known->ends_at || (known->nonce && known->nonce != nonce)) return false;
  remove(protocol, known->external);
  return true;
}

MappingTable::Outcome MappingTable::put(const Request& request, TimePoint now) {
  expire(now);
  if (const auto why = reason_against(request)) return *why;
  const auto ends_at = request.lifetime ? std::optional{now + *request.lifetime} : std::nullopt;
  const auto known = request.external == Port{} ? mappings_.end() : find(request.protocol, request.external);
  if (known == mappings_.end()) return make(request, ends_at, now);
  if (known->internal.address != request.internal.address) {
    if (request.only_this_port) return Refusal::port_taken;
    return make(request, ends_at, now);
  }
  if (known->internal == request.internal && known->enabled == request.enabled) {
    known->description = request.description;
    renew(*known, ends_at, now);
    return *known;
  }
  auto before = *known;
  remove(before.protocol, before.external);
  auto outcome = make(request, ends_at, now);
  // What has come through it goes on, and the NAT has the port for that: then it stays where it was.
  if (std::holds_alternative<Refusal>(outcome) && place(before, before.external, now)) mappings_.push_back(std::move(before));
  return outcome;
}

void MappingTable::remove(Protocol protocol, Port external) {
  const auto known = find(protocol, external);
  if (known == mappings_.end()) return;
  if (known->enabled && !known->dead) nat_.remove_rule(protocol, external);
  mappings_.erase(known);
}

std::optional<MappingTable::Refusal> MappingTable::reason_against(const Request& request) const {
  const auto& client = request.internal.address;
  if (!is_inner(client) || (habits_.for_requester_only && request.requester != client)) return Refusal::not_allowed;
  if (request.internal.port < habits_.lowest_port || request.internal.port == Port{}) return Refusal::not_allowed;
  if (request.only_this_port && request.external < habits_.lowest_port) return Refusal::not_allowed;
  const auto told = told_address(client);
  if (!told) return Refusal::no_address;
  if (!is_suitable(*told)) return Refusal::reserved_address;
  return std::nullopt;
}

MappingTable::Outcome MappingTable::make(const Request& request, std::optional<TimePoint> ends_at, TimePoint now) {
  if (mappings_.size() >= habits_.limit) return Refusal::full;
  PortMapping mapping{.protocol = request.protocol,
                      .external = {},
                      .internal = request.internal,
                      .ends_at = ends_at,
                      .nonce = request.nonce,
                      .description = request.description,
                      .enabled = request.enabled,
                      .dead = made_dead_ < habits_.dead_at_first};
  const auto wanted = request.external != Port{} ? request.external : request.internal.port;
  if (request.only_this_port) {
    if (!place(mapping, wanted, now)) return Refusal::port_taken;
  } else {
    const std::uint32_t lowest = std::max<std::uint16_t>(habits_.lowest_port.number, 1), ports = 65536 - lowest;
    const auto asked = std::max<std::uint32_t>(wanted.number, lowest) - lowest;
    std::uint32_t tried = habits_.gives_other_port ? 1 : 0;
    while (tried < ports && !place(mapping, Port{static_cast<std::uint16_t>(lowest + (asked + tried) % ports)}, now)) ++tried;
    if (tried == ports) return Refusal::full;
  }
  if (mapping.dead) ++made_dead_;
  return mappings_.emplace_back(std::move(mapping));
}

bool MappingTable::place(PortMapping& mapping, Port external, TimePoint now) {
  // Whatever rule the NAT has there was made by hand, and keeps its end.
  if (find(mapping.protocol, external) != mappings_.end() || nat_.rule(mapping.protocol, external)) return false;
  if (mapping.enabled && !mapping.dead && !nat_.add_rule({mapping.protocol, external, mapping.internal, mapping.ends_at}, now)) return false;
  mapping.external = external;
  return true;
}

void MappingTable::renew(PortMapping& mapping, std::optional<TimePoint> ends_at, TimePoint now) {
  mapping.ends_at = ends_at;
  if (mapping.enabled && !mapping.dead) nat_.add_rule({mapping.protocol, mapping.external, mapping.internal, mapping.ends_at}, now);
}

void MappingTable::expire(TimePoint now) {
  nat_.expire(now);
  std::erase_if(mappings_, [now](const PortMapping& mapping) { return mapping.ends_at && *mapping.ends_at <= now; });
}

MappingTable::At MappingTable::find(Protocol protocol, Port external) {
  return std::ranges::find_if(mappings_, [&](const PortMapping& each) { return each.protocol == protocol && each.external == external; });
}

MappingTable::At MappingTable::find(Protocol protocol, const Endpoint& internal) {
  return std::ranges::find_if(mappings_, [&](const PortMapping& each) { return each.protocol == protocol && each.internal == internal; });
}

std::optional<PortMapping> MappingTable::by_external(Protocol protocol, Port external, TimePoint now) {
  expire(now);
  const auto known = find(protocol, external);
  return known == mappings_.end() ? std::nullopt : std::optional{*known};
}

std::optional<PortMapping> MappingTable::by_internal(Protocol protocol, const Endpoint& internal, TimePoint now) {
  expire(now);
  const auto known = find(protocol, internal);
  return known == mappings_.end() ? std::nullopt : std::optional{*known};
}

const std::vector<PortMapping>& MappingTable::all(TimePoint now) {
  expire(now);
  return mappings_;
}

std::chrono::seconds MappingTable::lifetime_of(const PortMapping& mapping, TimePoint now) const {
  return std::chrono::floor<std::chrono::seconds>(mapping.ends_at ? *mapping.ends_at - now : habits_.longest_lifetime);
}

std::optional<IpAddress> MappingTable::told_address(const IpAddress& inner) const {
  return habits_.tells_address ? habits_.tells_address : nat_.external_address(inner);
}

bool MappingTable::is_suitable(const IpAddress& told) const { return !habits_.refuses_reserved_address || !is_reserved(told); }

void MappingTable::reboot(TimePoint now) {
  expire(now);
  switch (habits_.at_reboot) {
    case MappingHabits::AtReboot::forgets: return mappings_.clear();
    case MappingHabits::AtReboot::keeps_the_list_only:
      for (auto& mapping : mappings_) mapping.dead = true;
      return;
    case MappingHabits::AtReboot::keeps:
      for (const auto& mapping : mappings_)
        if (mapping.enabled && !mapping.dead) nat_.add_rule({mapping.protocol, mapping.external, mapping.internal, mapping.ends_at}, now);
  }
}

}  // namespace pshare::sim
