// SHA-256 (FIPS 180-4), for what must hold against malice: receipts. Against damage alone there is the much faster transfer/checksum.hpp.
#pragma once

#include <memory>

#include "wire/bytes.hpp"
#include "wire/receipt.hpp"

namespace pshare {

/// Over pieces that come one after the other.
class Sha256 {
 public:
  Sha256();
  Sha256(Sha256&&) noexcept;
  Sha256& operator=(Sha256&&) noexcept;
  ~Sha256();

  Sha256& add(ByteView more);
  Sha256Digest digest() &&;  // ends it

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace pshare
