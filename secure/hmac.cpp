#include "secure/hmac.hpp"

#include <openssl/hmac.h>

#include "secure/openssl.hpp"

namespace pshare {

Sha256Mac hmac_sha256(ByteView key, ByteView message) {
  Sha256Mac mac;
  unsigned size = 0;
  const std::byte nothing{};  // a null pointer would mean "the same key as before"
  const auto* const made = HMAC(EVP_sha256(), key.empty() ? &nothing : key.data(), static_cast<int>(key.size()), reinterpret_cast<const unsigned char*>(message.data()),
                                message.size(), reinterpret_cast<unsigned char*>(mac.data()), &size);
  if (made == nullptr || size != mac.size()) throw Failure{openssl::error(Errc::failed, "computing an HMAC")};  // out of memory, or no SHA-256
  return mac;
}

}  // namespace pshare
