// The side of wire/role.hpp that is dialled: in which role a connection is meant, whether its ALPN says so or its first frame.
#pragma once

#include <string>
#include <vector>

#include "io/asio.hpp"
#include "secure/io/tls_stream.hpp"

namespace pshare {

/// What a port that has these roles speaks, for its TlsEngine.
std::vector<std::string> alpns_of(std::vector<std::string> roles);

/// TLS, and the role: one of `roles`. Reads not a byte more. Bound it with with_deadline(). Errors: those of TLS; malformed, limit (no such role).
awaitable<std::string> shake_hands(TlsStream& stream, std::vector<std::string> roles);

}  // namespace pshare
