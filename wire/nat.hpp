// What two peers tell each other of the NATs in front of them, so that each can aim where the other's next packets will come from. The words
// are those of RFC 4787; for TCP they mean the same (RFC 5382). Measured by traversal/nat, used by traversal/punching.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "wire/address.hpp"
#include "wire/cbor.hpp"
#include "wire/units.hpp"

namespace pshare {

/// The lowest port that a NAT is expected to give, as long as nothing else was seen (RFC 4787 section 4.2.2 keeps 0 to 1023 for themselves).
inline constexpr Port lowest_nat_port{1024};
inline constexpr Port highest_nat_port{65535};
/// Steps that count as stepping; what is further apart counts as random.
inline constexpr int longest_port_step = 64;

/// From which external endpoint our packets will come, over one transport.
struct PortForecast {
  enum class Kind {
    unknown,   // not measured (yet)
    blocked,   // nothing comes back over this transport
    stable,    // endpoint-independent mapping, or no NAT: `external` is the punching socket's, whatever it talks to
    stepping,  // a new port for each destination, each `step` after the last; `external` is the one that was given last
    random,    // a new port for each destination, anywhere between `lowest` and `highest`
  };
  Kind kind = Kind::unknown;
  Endpoint external = {};
  int step = 1;                     // stepping: -longest_port_step to longest_port_step, not 0
  std::uint32_t strangers = 0;      // stepping: ports that others behind this NAT take, each second
  Port lowest = lowest_nat_port;    // random: the range that was seen, if it is a small block; otherwise everything
  Port highest = highest_nat_port;
  friend bool operator==(const PortForecast&, const PortForecast&) = default;
};

std::string_view word(PortForecast::Kind kind);

/// True if a new destination gets a new port (address-and-port-dependent mapping): plain punching meets only NATs that do not filter by port.
constexpr bool is_hard(const PortForecast& forecast) {
  return forecast.kind == PortForecast::Kind::stepping || forecast.kind == PortForecast::Kind::random;
}

CborMap encode(const PortForecast& forecast);
/// Nothing for one that makes no sense: an unusable address, a step of 0, an empty range. An unknown kind is Kind::unknown.
std::optional<PortForecast> forecast_from(const CborMap& map);

}  // namespace pshare
