// Why a QUIC connection ended, in our words: from ngtcp2's codes and from what the peer said in its CONNECTION_CLOSE.
#pragma once

#include <cstdint>
#include <string>

#include "wire/error.hpp"

struct ngtcp2_ccerr;

namespace pshare {

// What we tell the peer at the end (application error codes, RFC 9000 section 20.2).
inline constexpr std::uint64_t quic_closed_in_order = 0;
inline constexpr std::uint64_t quic_path_mtu_fell = 1;

/// The path has come to carry only shorter datagrams; see path_mtu_fell().
Error quic_path_too_narrow(const std::string& with);
/// What ngtcp2's own code means, other than that the peer ended it.
Error quic_trouble(int code, bool established, const std::string& with);
/// What the peer's CONNECTION_CLOSE means (RFC 9000 sections 10.2 and 20).
Error quic_ended_by_peer(const ngtcp2_ccerr& said, const std::string& with);

}  // namespace pshare
