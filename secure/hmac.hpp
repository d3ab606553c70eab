// HMAC-SHA256 (RFC 2104, FIPS 180-4), for what two parties prove to each other with a key that both have.
#pragma once

#include <array>

#include "wire/bytes.hpp"

namespace pshare {

using Sha256Mac = std::array<std::byte, 32>;

Sha256Mac hmac_sha256(ByteView key, ByteView message);

}  // namespace pshare
