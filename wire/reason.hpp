// How bytes can reach a peer, and why they could not: the words that attempts end in and that reports print.
#pragma once

#include <array>
#include <optional>
#include <string_view>

namespace pshare {

/// Design section 6, in the order of preference.
enum class Tier { direct, mapped, punched, supernode, relay };
inline constexpr std::array all_tiers{Tier::direct, Tier::mapped, Tier::punched, Tier::supernode, Tier::relay};

enum class Transport { tcp, udp };

enum class Outcome { connected, failed };

enum class Reason {
  none,  // only with Outcome::connected
  refused,
  timeout,
  unreachable,
  not_authenticated,
  no_igd,
  igd_refused,
  double_nat,
  no_candidates,
  unsupported,
  superseded,
};

/// The words of the contract: "direct", "tcp", "connected", "not-authenticated", ...
std::string_view word(Tier tier);
std::string_view word(Transport transport);
std::string_view word(Outcome outcome);
std::string_view word(Reason reason);

std::optional<Tier> tier_from(std::string_view text);

}  // namespace pshare
