// NAT-PMP (RFC 6886): how a client asks an older home gateway for its external address and for port mappings, and what that answers. Both
// directions, since the simulated gateway in tests speaks it too. Network order, UDP, gateway's port 5351:
//
//   request:  version 0 | opcode       | for a mapping: reserved (16), internal port (16), suggested external port (16), lifetime (32)
//   answer:   version 0 | 128 + opcode | result (16), epoch (32) | external IPv4 address (32)
//                                                                | or internal port (16), external port (16), lifetime (32)
//
// PCP (wire/pcp.hpp) has the same port and the version at the same place; each answers the other's requests so that the version is understood to be
// the trouble (section 9 and RFC 6887 appendix A). When to ask again, and what an epoch means, is decided elsewhere.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <variant>

#include "wire/address.hpp"
#include "wire/bytes.hpp"
#include "wire/reason.hpp"
#include "wire/result.hpp"
#include "wire/units.hpp"

namespace pshare {

// Fixed by RFC 6886 sections 1.1, 3.2.1 and 3.3.
inline constexpr std::uint8_t nat_pmp_version = 0;
inline constexpr Port nat_pmp_gateway_port{5351};
inline constexpr Port nat_pmp_client_port{5350};  // where gateways announce a new address, to the group 224.0.0.1
inline constexpr std::chrono::seconds nat_pmp_recommended_lifetime{7200};

/// The longest message that is read (section 8.3 of RFC 6887, the protocol that took over the port). Ours are 16 bytes at most.
inline constexpr std::size_t max_nat_pmp_message = 1100;

/// Section 3.5. Gateways may answer others.
enum class NatPmpResult : std::uint16_t {
  success = 0,
  unsupported_version = 1,
  not_authorized = 2,   // or refused: the user has switched mappings off
  network_failure = 3,  // the gateway itself has no address yet
  out_of_resources = 4,
  unsupported_opcode = 5,
};
std::string_view word(NatPmpResult result);  // "unsupported-version", ...; "unknown" for others

/// Without 128. Gateways may be asked for others.
enum class NatPmpOpcode : std::uint8_t { address = 0, map_udp = 1, map_tcp = 2 };

struct NatPmpAddressRequest {
  friend bool operator==(const NatPmpAddressRequest&, const NatPmpAddressRequest&) = default;
};
/// A lifetime of 0 takes the mapping away; then with internal port 0 all mappings of that transport (section 3.4).
struct NatPmpMapRequest {
  Transport transport = Transport::udp;
  Port internal = {};
  Port suggested = {};  // external; 0: any
  std::chrono::seconds lifetime = nat_pmp_recommended_lifetime;
  friend bool operator==(const NatPmpMapRequest&, const NatPmpMapRequest&) = default;
};
using NatPmpRequest = std::variant<NatPmpAddressRequest, NatPmpMapRequest>;

struct NatPmpAddress {
  IpAddress external;  // IPv4
  friend bool operator==(const NatPmpAddress&, const NatPmpAddress&) = default;
};
struct NatPmpMapping {
  Transport transport = Transport::udp;
  Port internal = {};
  Port external = {};
  std::chrono::seconds lifetime{0};
  friend bool operator==(const NatPmpMapping&, const NatPmpMapping&) = default;
};
/// Does not say which mapping was asked for: what else an error carries "MUST be ignored" (section 3.5).
struct NatPmpRefused {
  NatPmpOpcode asked = NatPmpOpcode::address;  // means nothing with unsupported_version: gateways differ (erratum 3618)
  NatPmpResult why = NatPmpResult::not_authorized;
  friend bool operator==(const NatPmpRefused&, const NatPmpRefused&) = default;
};
/// The gateway speaks another version and not this one: 2 is PCP.
struct NatPmpVersionMismatch {
  std::uint8_t version = 0;
  friend bool operator==(const NatPmpVersionMismatch&, const NatPmpVersionMismatch&) = default;
};

struct NatPmpResponse {
  std::chrono::seconds epoch{0};  // since the gateway forgot all mappings; 32 bits
  std::variant<NatPmpAddress, NatPmpMapping, NatPmpRefused> outcome;
  friend bool operator==(const NatPmpResponse&, const NatPmpResponse&) = default;
};

/// Times are brought into the 32 bits that they have.
ByteBuffer encode(const NatPmpRequest& request);
ByteBuffer encode(const NatPmpResponse& response);

/// For clients. Bytes behind a message are ignored. Errors: malformed, limit.
using NatPmpAnswer = std::variant<NatPmpResponse, NatPmpVersionMismatch>;
Result<NatPmpAnswer> decode_nat_pmp_answer(ByteView datagram);

/// For gateways: a request, or the refusal that it must get. Errors: malformed, limit (what gets no answer).
using NatPmpQuestion = std::variant<NatPmpRequest, NatPmpRefused>;
Result<NatPmpQuestion> decode_nat_pmp_request(ByteView datagram);

}  // namespace pshare
