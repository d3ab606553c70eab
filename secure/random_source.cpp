#include "secure/random_source.hpp"

#include <openssl/rand.h>

#include "secure/openssl.hpp"

namespace pshare {

void SecureRandom::fill(std::span<std::byte> out) {
  if (RAND_bytes(reinterpret_cast<unsigned char*>(out.data()), static_cast<int>(out.size())) != 1)
    throw Failure{openssl::error(Errc::failed, "drawing random bytes")};
}

}  // namespace pshare
