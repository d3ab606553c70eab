#include "wire/reason.hpp"

namespace pshare {

std::string_view word(Tier tier) {
  switch (tier) {
    case Tier::direct: return "direct";
    case Tier::mapped: return "mapped";
    case Tier::punched: return "punched";
    case Tier::supernode: return "supernode";
    case Tier::relay: return "relay";
  }
  return "?";
}

std::string_view word(Transport transport) { return transport == Transport::tcp ? "tcp" : "udp"; }

std::string_view word(Outcome outcome) { return outcome == Outcome::connected ? "connected" : "failed"; }

std::string_view word(Reason reason) {
  switch (reason) {
    case Reason::none: return "";
    case Reason::refused: return "refused";
    case Reason::timeout: return "timeout";
    case Reason::unreachable: return "unreachable";
    case Reason::not_authenticated: return "not-authenticated";
    case Reason::no_igd: return "no-igd";
    case Reason::igd_refused: return "igd-refused";
    case Reason::double_nat: return "double-nat";
    case Reason::no_candidates: return "no-candidates";
    case Reason::unsupported: return "unsupported";
    case Reason::superseded: return "superseded";
  }
  return "?";
}

std::optional<Tier> tier_from(std::string_view text) {
  for (const auto tier : all_tiers)
    if (word(tier) == text) return tier;
  return std::nullopt;
}

}  // namespace pshare
