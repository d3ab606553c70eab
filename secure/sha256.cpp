#include "secure/sha256.hpp"

#include <new>

#include "secure/openssl.hpp"

namespace pshare {

struct Sha256::State {
  std::unique_ptr<EVP_MD_CTX, openssl::Freed<EVP_MD_CTX_free>> context{EVP_MD_CTX_new()};
};

Sha256::Sha256() : state_(std::make_unique<State>()) {
  if (!state_->context || EVP_DigestInit_ex(state_->context.get(), EVP_sha256(), nullptr) != 1) throw std::bad_alloc{};
}
Sha256::Sha256(Sha256&&) noexcept = default;
Sha256& Sha256::operator=(Sha256&&) noexcept = default;
Sha256::~Sha256() = default;

Sha256& Sha256::add(ByteView more) {
  EVP_DigestUpdate(state_->context.get(), more.data(), more.size());
  return *this;
}

Sha256Digest Sha256::digest() && {
  Sha256Digest digest;
  EVP_DigestFinal_ex(state_->context.get(), reinterpret_cast<unsigned char*>(digest.data()), nullptr);
  return digest;
}

}  // namespace pshare
