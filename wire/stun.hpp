// STUN messages (RFC 8489) with the attributes that finding out about a NAT (RFC 5780) and connectivity checks (RFC 8445 section 7.1)
// take, as values. A message is a header of 20 bytes and attributes, each padded to a multiple of four:
//
//    0                   1                   2                   3          attribute:
//   |0 0|   class and method (14)   |         length (16)           |      |      type (16)    |    length (16)    |
//   |                       magic cookie (32)                       |      |      value, length bytes, padded      |
//   |                    transaction ID (96)                        |
//
// Clients of RFC 3489 know no magic cookie: there these 32 bits are the beginning of a longer transaction ID. Such messages are read and
// written as well (`cookie`), so that a server can answer them. MACs are computed by functions of the caller's: no cryptography in here.
// What a message asks for, when it is sent again and whether it may be believed is decided elsewhere.
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "wire/address.hpp"
#include "wire/bytes.hpp"
#include "wire/random.hpp"
#include "wire/result.hpp"
#include "wire/units.hpp"

namespace pshare {

// Fixed by RFC 8489: sections 5, 14.3, 14.8 and 14.14 (texts may be read longer than they may be written).
inline constexpr std::uint32_t stun_magic_cookie = 0x2112A442;
inline constexpr std::size_t stun_header_size = 20;
inline constexpr std::size_t max_stun_username = 508;
inline constexpr std::size_t max_stun_text_written = 509;
inline constexpr std::size_t max_stun_text_read = 763;

/// The longest message that is read or written. Ours: room for a PADDING of one Ethernet MTU (RFC 5780 section 7.6) and all the rest.
inline constexpr std::size_t max_stun_message = 2048;

/// Names a transaction: chosen at random by who asks, repeated by who answers. RFC 8489 section 5.
struct TransactionId {
  std::array<std::byte, 12> bytes{};
  static TransactionId random(Random& random);
  std::string text() const;  // 24 hexadecimal digits
  friend auto operator<=>(const TransactionId&, const TransactionId&) = default;
};

enum class StunClass : std::uint8_t { request = 0, indication = 1, success = 2, error = 3 };

/// 12 bits. Messages of other methods are read too: whoever answers refuses them.
enum class StunMethod : std::uint16_t { binding = 1 };

/// ERROR-CODE. `number` is 300 to 699; the reason is for people, not printable yet.
struct StunError {
  std::uint16_t number = 0;
  std::string reason;
  friend bool operator==(const StunError&, const StunError&) = default;
};

/// CHANGE-REQUEST: please answer from another address, another port. RFC 5780 section 7.2.
struct ChangeRequest {
  bool address = false;
  bool port = false;
  friend bool operator==(const ChangeRequest&, const ChangeRequest&) = default;
};

/// ICE-CONTROLLING or ICE-CONTROLLED with the tie-breaker. RFC 8445 section 7.1.3.
struct IceRole {
  enum class Side { controlling, controlled };
  Side side = Side::controlling;
  std::uint64_t tie_breaker = 0;
  friend bool operator==(const IceRole&, const IceRole&) = default;
};

struct StunMessage {
  StunClass kind = StunClass::request;
  StunMethod method = StunMethod::binding;
  TransactionId id = {};
  std::uint32_t cookie = stun_magic_cookie;          // another one: a message of RFC 3489; an answer repeats it

  std::optional<std::string> software = {};          // not printable yet
  std::optional<Endpoint> xor_mapped_address = {};
  std::optional<Endpoint> mapped_address = {};
  std::optional<StunError> error = {};
  std::vector<std::uint16_t> unknown_attributes = {};  // what the asked one did not understand (error 420)

  std::optional<ChangeRequest> change_request = {};  // RFC 5780, and RFC 3489
  std::optional<Port> response_port = {};
  std::optional<Endpoint> response_origin = {};
  std::optional<Endpoint> other_address = {};
  std::optional<std::size_t> padding = {};           // how many bytes; what they are means nothing

  std::optional<Endpoint> source_address = {};       // RFC 3489's names for response origin
  std::optional<Endpoint> changed_address = {};      // and other address

  std::optional<std::uint32_t> priority = {};        // RFC 8445
  bool use_candidate = false;
  std::optional<IceRole> ice_role = {};
  std::optional<std::string> username = {};

  bool is_classic() const { return cookie != stun_magic_cookie; }
  friend bool operator==(const StunMessage&, const StunMessage&) = default;
};

/// Gives the MAC of the bytes: HMAC-SHA1 (20 bytes) for MESSAGE-INTEGRITY, HMAC-SHA256 (32 bytes) for MESSAGE-INTEGRITY-SHA256.
using StunMac = std::function<ByteBuffer(ByteView covered)>;

/// MESSAGE-INTEGRITY or MESSAGE-INTEGRITY-SHA256 of a message that was received.
struct StunProof {
  ByteBuffer covered;  // what the MAC is computed over: the message up to here, its length field changed as the RFC demands
  ByteBuffer claimed;  // what the sender says that the MAC is

  /// Compares in constant time. A MAC that was cut short (RFC 8489 section 14.6 lets usages allow it) does not hold: no usage of ours does.
  bool holds(const StunMac& mac) const;
};

/// A message as it arrived. What follows a proof is not in it: RFC 8489 sections 14.5 and 14.6 say to ignore that, but for FINGERPRINT.
struct ReceivedStun {
  StunMessage message;
  std::vector<std::uint16_t> not_understood = {};  // comprehension-required attributes that we do not know: a request gets error 420
  std::optional<StunProof> integrity = {};
  std::optional<StunProof> integrity_sha256 = {};
  bool fingerprint = false;                        // it had one, and that was right
};

/// What is put behind a message's attributes, in this order. An empty function leaves its attribute out.
struct StunTrailer {
  StunMac integrity = {};
  StunMac integrity_sha256 = {};
  bool fingerprint = false;
};

/// Whether a datagram on a socket that carries other protocols too is meant as STUN: RFC 8489 section 5, RFC 9443 (first byte 0 to 3).
/// Says no to messages of RFC 3489, which cannot be told from other traffic.
bool looks_like_stun(ByteView datagram);

/// Texts and the whole must keep the limits above (our own reasoning, so asserted).
ByteBuffer encode(const StunMessage& message, const StunTrailer& trailer = {});
/// The datagram must be one message and no more. Of an attribute that occurs twice, the first counts.
/// Errors: malformed (a wrong FINGERPRINT too), limit.
Result<ReceivedStun> decode_stun(ByteView datagram);

}  // namespace pshare
