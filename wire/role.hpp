// In which role a TLS connection to a server or relay is meant. Usually its ALPN says so, in clear. Where somebody between may let through nothing but
// ordinary TLS (on port 443, through a proxy) the ALPN is HTTP's, and the first frame (wire/framing.hpp) inside the connection names the role
// instead. It is answered by nothing, and what follows goes out with it.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "wire/bytes.hpp"
#include "wire/result.hpp"

namespace pshare {

/// RFC 7301 section 6.
inline constexpr std::string_view ordinary_alpn = "http/1.1";
/// The longest frame that names a role, without its length: a few times the longest role.
inline constexpr std::size_t max_role_frame = 128;

/// The body of the frame, without its length.
ByteBuffer encode_role(std::string_view role);
/// Errors: malformed, limit.
Result<std::string> decode_role(ByteView body);

}  // namespace pshare
