#include "traversal/mapping/pinhole_client.hpp"

#include <algorithm>
#include <utility>

namespace pshare {

using std::chrono::seconds;

namespace {

/// The name that WANIPv6FirewallControl:1 has for an error (tables 2-12, 2-14, 2-16), as words. Empty: it has none.
std::string_view error_words(int error) {
  switch (error) {
    case 606: return "not-authorized";
    case 701: return "pinhole-space-exhausted";
    case PinholeClient::firewall_disabled: return "firewall-disabled";
    case PinholeClient::inbound_pinhole_not_allowed: return "inbound-pinhole-not-allowed";
    case 704: return "no-such-entry";
    case 705: return "protocol-not-supported";
    case 706: return "internal-port-wildcarding-not-allowed";
    case 707: return "protocol-wildcarding-not-allowed";
    case 708: return "wildcard-not-permitted-in-source-address";
    case 709: return "no-packet-sent";
    default: return {};
  }
}

}  // namespace

void PinholeClient::map(Transport transport, Port port, seconds lifetime) {
  auto& pinhole = of(transport);
  pinhole.asked = {.transport = transport, .port = port, .lifetime = std::clamp(lifetime, seconds{1}, longest_lifetime)};
  if (auto* const open = std::get_if<Open>(&pinhole.state)) {
    if (!std::exchange(open->renewing, true)) actions_.emplace_back(Update{transport, open->id, pinhole.asked.lifetime});
  } else if (auto* const adding = std::get_if<Adding>(&pinhole.state)) {
    adding->wanted = true;  // its answer is still to come
  } else {
    add(pinhole, std::nullopt);
  }
}

void PinholeClient::add(Pinhole& pinhole, std::optional<PinholeId> before) {
  pinhole.state = Adding{.wanted = true, .before = before};
  actions_.emplace_back(pinhole.asked);
}

void PinholeClient::remove(Pinhole& pinhole, PinholeId id) {
  pinhole.state = Deleting{};
  actions_.emplace_back(Delete{pinhole.asked.transport, id});
}

void PinholeClient::release(Transport transport) {
  auto& pinhole = of(transport);
  if (const auto* const open = std::get_if<Open>(&pinhole.state)) {
    remove(pinhole, open->id);
  } else if (auto* const adding = std::get_if<Adding>(&pinhole.state)) {
    adding->wanted = false;
  } else if (std::holds_alternative<Closed>(pinhole.state)) {
    actions_.emplace_back(MappingReleased{transport});
  }
}

void PinholeClient::found(FirewallStatus status) {
  if (!status.enabled) {
    actions_.emplace_back(GatewayUnneeded{});
  } else if (!status.pinholes_allowed) {
    actions_.emplace_back(GatewayUnusable{Reason::igd_refused, std::string{error_words(inbound_pinhole_not_allowed)}});
  } else {
    actions_.emplace_back(GatewayAnswers{});
  }
}

void PinholeClient::absent() { actions_.emplace_back(GatewayUnusable{Reason::no_igd, {}}); }

void PinholeClient::added(Transport transport, PinholeId id) {
  auto& pinhole = of(transport);
  const auto* const adding = std::get_if<Adding>(&pinhole.state);
  if (adding == nullptr || !adding->wanted) {  // nobody asked, or nobody wants it any more
    pinhole.asked.transport = transport;
    remove(pinhole, id);
  } else {
    pinhole.state = Open{id};
    grant(pinhole);
  }
}

void PinholeClient::updated(Transport transport) {
  auto& pinhole = of(transport);
  auto* const open = std::get_if<Open>(&pinhole.state);
  if (open != nullptr && std::exchange(open->renewing, false)) grant(pinhole);
}

void PinholeClient::grant(const Pinhole& pinhole) {
  const auto& asked = pinhole.asked;
  actions_.emplace_back(MappingGranted{asked.transport, {own_, asked.port}, asked.lifetime});
}

void PinholeClient::denied(Transport transport, int error, std::string_view words) {
  auto& pinhole = of(transport);
  const auto* const open = std::get_if<Open>(&pinhole.state);
  if (error == firewall_disabled) actions_.emplace_back(GatewayUnneeded{});
  else if (open != nullptr && open->renewing) return add(pinhole, open->id);
  const auto known = error_words(error);
  const auto said = known.empty() ? words : known;
  deny(transport, std::to_string(error) + (said.empty() ? "" : " ") + std::string{said});
}

void PinholeClient::failed(Transport transport, std::string_view words) { deny(transport, words); }

void PinholeClient::deny(Transport transport, std::string_view words) {
  auto& pinhole = of(transport);
  if (auto* const open = std::get_if<Open>(&pinhole.state)) {
    if (std::exchange(open->renewing, false)) actions_.emplace_back(MappingDenied{transport, std::string{words}, {}});
  } else if (const auto* const adding = std::get_if<Adding>(&pinhole.state)) {
    const auto [wanted, before] = *adding;
    if (before && !wanted) return remove(pinhole, *before);
    if (before) pinhole.state = Open{*before};
    else pinhole.state = Closed{};
    if (wanted) actions_.emplace_back(MappingDenied{transport, std::string{words}, {}});
    else actions_.emplace_back(MappingReleased{transport});
  }
}

void PinholeClient::deleted(Transport transport) {
  auto& pinhole = of(transport);
  if (std::holds_alternative<Deleting>(pinhole.state)) pinhole.state = Closed{};
  const auto* const adding = std::get_if<Adding>(&pinhole.state);
  if (adding == nullptr || adding->wanted) actions_.emplace_back(MappingReleased{transport});  // else another is still to come, and to go
}

std::optional<PinholeClient::Action> PinholeClient::take() {
  if (actions_.empty()) return std::nullopt;
  auto action = std::move(actions_.front());
  actions_.pop_front();
  return action;
}

}  // namespace pshare
