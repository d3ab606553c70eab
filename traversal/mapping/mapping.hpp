// What the protocols have in common by which a home router opens a port of its own for us: PCP (RFC 6887), NAT-PMP (RFC 6886) and UPnP's
// Internet Gateway Device. Each has a client (pcp_client, nat_pmp_client, igd_client; for IPv6 pcp_client, pinhole_client) that says the same few
// things of what it is answered; port_lease lives by them, and port_mappings chooses.
#pragma once

#include <array>
#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "wire/address.hpp"
#include "wire/reason.hpp"
#include "wire/time.hpp"
#include "wire/units.hpp"

namespace pshare {

/// The best first: PCP says most when it refuses, and its mappings are ours by a nonce; UPnP needs a search, HTTP and XML.
enum class MappingProtocol { pcp, nat_pmp, upnp };
inline constexpr std::array all_mapping_protocols{MappingProtocol::pcp, MappingProtocol::nat_pmp, MappingProtocol::upnp};
/// "pcp", "nat-pmp", "upnp".
std::string_view word(MappingProtocol protocol);

inline constexpr std::array both_transports{Transport::tcp, Transport::udp};

// Ours: of a lease. RFC 6886 recommends two hours; a router that forgets without a word is noticed after half of this, and what a killed
// program leaves behind ends within it.
inline constexpr std::chrono::seconds mapping_lifetime{1200};
/// A gateway that has not answered for so long counts as none; it is asked on, more and more rarely. The third of NAT-PMP's waits has ended then.
inline constexpr Duration silence_of_gateway = std::chrono::milliseconds{1750};

// What clients say of a gateway.

/// It speaks this protocol. `external`: its address outside, where the protocol tells that without a mapping.
struct GatewayAnswers {
  std::optional<IpAddress> external;
  friend bool operator==(const GatewayAnswers&, const GatewayAnswers&) = default;
};
/// The protocol is of no use here, or not yet: GatewayAnswers may still follow no_igd. `said` are the gateway's words, if it said anything.
struct GatewayUnusable {
  Reason reason = Reason::no_igd;  // no_igd, unsupported (it speaks another version), igd_refused, unreachable (it has no address that it would map)
  std::string said;
  friend bool operator==(const GatewayUnusable&, const GatewayUnusable&) = default;
};
/// A firewall that is switched off: it lets everybody in, and nothing is to be asked for. Not an error.
struct GatewayUnneeded {
  friend bool operator==(GatewayUnneeded, GatewayUnneeded) = default;
};
/// It has forgotten all mappings, or has another address outside: they are to be asked for again.
struct GatewayForgot {
  friend bool operator==(GatewayForgot, GatewayForgot) = default;
};
struct MappingGranted {
  Transport transport = Transport::tcp;
  Endpoint external;
  std::optional<std::chrono::seconds> lifetime;  // nothing: until it is taken away
  friend bool operator==(const MappingGranted&, const MappingGranted&) = default;
};
struct MappingDenied {
  Transport transport = Transport::tcp;
  std::string said;                          // "no-resources"
  std::optional<IpAddress> router_address;   // outside, where the refusal gives it away
  friend bool operator==(const MappingDenied&, const MappingDenied&) = default;
};
/// The mapping is gone, or the gateway will not hear of that.
struct MappingReleased {
  Transport transport = Transport::tcp;
  friend bool operator==(MappingReleased, MappingReleased) = default;
};

/// Whether what is mapped at an address that the gateway calls its own can be reached from the internet: not if it is none of the
/// internet's (RFC 1918, RFC 6598), nor if the server sees us elsewhere. Addresses of different families say nothing of each other.
bool is_behind_another_nat(const IpAddress& told, const std::optional<IpAddress>& observed);

}  // namespace pshare
