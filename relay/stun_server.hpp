// A STUN server (RFC 8489 section 6.3) that tells what a NAT does, too (RFC 5780 section 6, and the older RFC 3489): one question in, at most
// one answer out, nothing remembered. A core; relay/io/stun_responder.hpp gives it sockets, and the simulator a virtual world.
//
// No answer is longer than its question, so that nobody who forges the address of a question gains anything by it. What does not fit is left
// out, the less important first: XOR-MAPPED-ADDRESS, FINGERPRINT (if the question had one), RESPONSE-ORIGIN, OTHER-ADDRESS, SOFTWARE, and
// PADDING (if the question had it) with what room is left; for clients of RFC 3489: MAPPED-ADDRESS, SOURCE-ADDRESS, CHANGED-ADDRESS. A question
// that is too short even for the first gets no answer. Whoever wants all of it asks in stun_room_for_all bytes, by PADDING (RFC 5780 section
// 7.6). Why: docs/decisions/0015.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <utility>

#include "wire/address.hpp"
#include "wire/bytes.hpp"
#include "wire/stun.hpp"

namespace pshare {

/// A question of so many bytes has all that a client acts upon answered, over IPv4 and IPv6: a header, three addresses and a FINGERPRINT.
inline constexpr std::size_t stun_room_for_all = stun_header_size + 3 * 24 + 8;

class StunServer {
 public:
  struct Settings {
    Port port, alternate_port;
    /// Two addresses of this host, of one family. Without them nothing can be answered from another address.
    std::optional<std::pair<IpAddress, IpAddress>> addresses = {};
    std::string software = {};  // at most max_stun_text_written bytes; empty: unsaid
  };
  struct Answer {
    ByteBuffer bytes;
    Endpoint from;  // of ours: one of the two ports, at the address that was asked or the other one
    Endpoint to;
  };

  explicit StunServer(Settings settings) : settings_(std::move(settings)) {}

  /// `at`: which of our endpoints the question arrived at. Nothing for what is no Binding request, or too short.
  std::optional<Answer> answer(ByteView question, const Endpoint& from, const Endpoint& at) const;

 private:
  std::optional<IpAddress> other_address(const IpAddress& one) const;
  Port other_port(Port one) const { return one == settings_.port ? settings_.alternate_port : settings_.port; }
  Settings settings_;
};

}  // namespace pshare
