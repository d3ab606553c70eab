// The system's randomness, through OpenSSL's generator.
#pragma once

#include "wire/random.hpp"

namespace pshare {

class SecureRandom final : public Random {
 public:
  /// Throws Failure when the system has no randomness to give, which leaves nothing sensible to do.
  void fill(std::span<std::byte> out) override;
};

}  // namespace pshare
