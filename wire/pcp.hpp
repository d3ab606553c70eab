// The Port Control Protocol (RFC 6887), version 2: how a client asks a gateway or firewall for mappings, and what that answers. Both directions,
// since the simulated gateway in tests speaks it too. Network order, UDP, gateway's port 5351; addresses have 128 bits, IPv4 as ::ffff:a.b.c.d:
//
//   request:  version 2 | opcode       | reserved (16)               | lifetime (32) | client's address (128)
//   answer:   version 2 | 128 + opcode | reserved (8) | result (8)   | lifetime (32) | epoch (32) | reserved (96)
//   both, for MAP:   nonce (96) | protocol (8) | reserved (24) | internal port (16) | external port (16) | external address (128)
//   and for PEER:    the same, then remote port (16) | reserved (16) | remote address (128)
//   then options:    code (8) | reserved (8) | length (16) | data, padded to a multiple of four
//
// NAT-PMP (wire/nat_pmp.hpp) is the older protocol of the same port. When to ask again, and what an epoch means, is decided elsewhere.
#pragma once

#include <array>
#include <chrono>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <variant>
#include <vector>

#include "wire/address.hpp"
#include "wire/bytes.hpp"
#include "wire/random.hpp"
#include "wire/result.hpp"
#include "wire/units.hpp"

namespace pshare {

// Fixed by RFC 6887 sections 5, 7 and 19.1.
inline constexpr std::uint8_t pcp_version = 2;
inline constexpr Port pcp_server_port{5351};
inline constexpr Port pcp_client_port{5350};  // where servers announce that they forgot everything, to ff02::1 and 224.0.0.1
inline constexpr std::size_t max_pcp_message = 1100;

/// The most FILTERs that surely fit beside the rest of a MAP.
inline constexpr std::size_t max_pcp_filters = 40;

/// Section 7.4. Servers may answer others.
enum class PcpResult : std::uint8_t {
  success = 0,
  unsupported_version = 1,
  not_authorized = 2,
  malformed_request = 3,
  unsupported_opcode = 4,
  unsupported_option = 5,
  malformed_option = 6,
  network_failure = 7,
  no_resources = 8,
  unsupported_protocol = 9,
  user_exceeded_quota = 10,
  cannot_provide_external = 11,
  address_mismatch = 12,  // a NAT lies between client and server
  excessive_remote_peers = 13,
};
std::string_view word(PcpResult result);  // "not-authorized", ...; "unknown" for others

/// As IANA numbers them. Others are possible.
enum class IpProtocol : std::uint8_t { every = 0, tcp = 6, udp = 17 };

/// Proves that who changes a mapping is who made it. Chosen at random for each.
struct PcpNonce {
  std::array<std::byte, 12> bytes{};
  static PcpNonce random(Random& random);
  friend auto operator<=>(const PcpNonce&, const PcpNonce&) = default;
};

/// In a request: is anybody there? From a server, unasked: all mappings are forgotten.
struct PcpAnnounce {
  friend bool operator==(const PcpAnnounce&, const PcpAnnounce&) = default;
};
/// A lifetime of 0 takes the mapping away.
struct PcpMap {
  PcpNonce nonce;
  IpProtocol protocol = IpProtocol::udp;
  Port internal = {};
  Endpoint external = {};  // in a request: suggested (0.0.0.0 or ::, and port 0: any); in an answer: given
  friend bool operator==(const PcpMap&, const PcpMap&) = default;
};
/// The mapping of one flow to one remote endpoint.
struct PcpPeer {
  PcpMap mapping;
  Endpoint remote;
  friend bool operator==(const PcpPeer&, const PcpPeer&) = default;
};
using PcpOperation = std::variant<PcpAnnounce, PcpMap, PcpPeer>;

/// FILTER: let in only what comes from here (section 13.3). Prefixes count all 128 bits, so that 192.0.2.0/24 is 120; 0 takes away earlier filters.
struct PcpFilter {
  std::uint8_t prefix_length = 128;
  Endpoint remote;  // port 0: every port
  friend bool operator==(const PcpFilter&, const PcpFilter&) = default;
};

/// In an answer: what the server has heeded. Section 13.
struct PcpOptions {
  std::optional<IpAddress> third_party = {};  // MAP and PEER: for this host, not for the client
  bool prefer_failure = false;                // MAP: exactly what is suggested, or nothing
  std::vector<PcpFilter> filters = {};        // MAP, up to max_pcp_filters
  friend bool operator==(const PcpOptions&, const PcpOptions&) = default;
};

struct PcpRequest {
  std::chrono::seconds lifetime{0};  // 32 bits
  IpAddress client;                  // as the client knows itself
  PcpOperation operation;
  PcpOptions options = {};
  friend bool operator==(const PcpRequest&, const PcpRequest&) = default;
};

/// An error repeats the operation and the options of its request.
struct PcpResponse {
  PcpResult result = PcpResult::success;
  std::chrono::seconds lifetime{0};  // of the mapping, or how long an error will last; 32 bits
  std::chrono::seconds epoch{0};     // since the server forgot all mappings; 32 bits
  PcpOperation operation;
  PcpOptions options = {};
  friend bool operator==(const PcpResponse&, const PcpResponse&) = default;
};

/// The server speaks this version and not ours: 0 is NAT-PMP (RFC 6886 section 9, RFC 6887 section 9 and appendix A).
struct PcpVersionMismatch {
  std::uint8_t version = 0;
  friend bool operator==(const PcpVersionMismatch&, const PcpVersionMismatch&) = default;
};

/// A request that cannot be carried out as it stands.
struct PcpRefusal {
  PcpResult why = PcpResult::malformed_request;
  friend bool operator==(const PcpRefusal&, const PcpRefusal&) = default;
};

/// Whether an answer's operation is for a request's: same opcode, nonce, protocol, internal port and remote endpoint (sections 11.4 and 12.4).
bool answers(const PcpOperation& answer, const PcpOperation& asked);

/// Times are brought into the 32 bits that they have. Options must go with the operation, within their limit (our own reasoning, so asserted).
ByteBuffer encode(const PcpRequest& request);
ByteBuffer encode(const PcpResponse& response);
/// The error answer to any bytes that decode_pcp_request gave a PcpRefusal for, or that the server will not serve: they come back within it
/// (section 8.2). Also what a server without NAT-PMP says to a NAT-PMP request.
ByteBuffer encode_pcp_refusal(ByteView request, PcpResult why, std::chrono::seconds lifetime, std::chrono::seconds epoch);

/// For clients. Errors: malformed, limit.
using PcpAnswer = std::variant<PcpResponse, PcpVersionMismatch>;
Result<PcpAnswer> decode_pcp_answer(ByteView datagram);

/// For servers: a request, or the refusal that it must get. Errors: malformed (what gets no answer).
using PcpQuestion = std::variant<PcpRequest, PcpRefusal>;
Result<PcpQuestion> decode_pcp_request(ByteView datagram);

}  // namespace pshare
