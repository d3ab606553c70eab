// The forms of our key that the libraries want. For secure/ alone.
#pragma once

#include "secure/identity.hpp"
#include "secure/openssl.hpp"
#include "secure/secret.hpp"

namespace pshare {

struct Identity::Keys {
  openssl::Key key;                  // for TLS
  openssl::Certificate certificate;  // self-signed; made anew each time the key is loaded, since only its key counts
  Secret<32> seed;                   // RFC 8032's private key; libsodium's forms are made of it
  PublicKey public_key;
  PeerId id;
};

/// No key file is longer.
inline constexpr std::size_t max_key_file = 4096;

/// Of a key file's text; `file` is its name, for words. Errors: malformed.
Result<std::unique_ptr<Identity::Keys>> keys_from_pem(std::string_view text, const std::string& file);

}  // namespace pshare
