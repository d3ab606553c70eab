// Fuzzes the key file: what is taken for an identity is a key whose parts belong together, and its certificate is that key's.
#include <algorithm>
#include <cstdint>
#include <cstdlib>

#include "secure/keys.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace pshare;
  const auto keys = keys_from_pem({reinterpret_cast<const char*>(data), std::min(size, max_key_file)}, "identity.key");
  if (!keys) {
    if (keys.error().code != Errc::malformed) std::abort();
    return 0;
  }
  const auto& [key, certificate, seed, public_key, id] = **keys;
  if (id != id_of(public_key) || fingerprint_words(id).empty()) std::abort();
  if (EVP_PKEY_eq(X509_get0_pubkey(certificate.get()), key.get()) != 1 || X509_verify(certificate.get(), key.get()) != 1) std::abort();
  return 0;
}
