// SPAKE2 (RFC 9382), in the suite P256-SHA256-HKDF-HMAC: two who know the same few bits come to a strong key, and whoever does not know them, be it one of
// the two or somebody in the middle, has one guess at them, and nothing to check further guesses with. The arithmetic is OpenSSL's.
//
//   A                                    B
//     | -- share (pA = xG + wM) ----------> |
//     | <- share (pB = yG + wN) ----------- |
//     | -- confirmation cA ---------------> |     either may come first; who sees a wrong one stops
//     | <- confirmation cB ---------------- |
#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "secure/secret.hpp"
#include "wire/bytes.hpp"
#include "wire/random.hpp"
#include "wire/result.hpp"

namespace pshare {

/// A point of P-256, uncompressed (SEC 1 section 2.3.3).
using Spake2Share = std::array<std::byte, 65>;
using Spake2Confirmation = std::array<std::byte, 32>;
/// w and x or y: numbers below the order of the group, big-endian.
using Spake2Scalar = Secret<32>;

enum class Spake2Role { a, b };

/// What both sides put into the transcript besides the exchange itself, and must agree about.
struct Spake2Names {
  std::string a, b;   // who is who
  std::string extra;  // RFC 9382's AAD
};

/// w, of what is known in common. RFC 9382 section 3.2 has it made by a memory-hard function: scrypt (RFC 7914), N = 2^14, r = 8, p = 1, which takes
/// 16 MiB and some 50 ms; then 40 bytes of it reduced by the order, so that no number is likelier than another.
Spake2Scalar spake2_scalar(std::string_view secret, std::string_view salt);

class Spake2 {
 public:
  struct Keys {
    Secret<16> key;                  // Ke
    Spake2Confirmation ours, theirs; // what we say, and what they must say
  };

  Spake2(Spake2Role role, Spake2Names names, Spake2Scalar w, Random& random);
  /// With x (or y) given, for the test vectors.
  Spake2(Spake2Role role, Spake2Names names, Spake2Scalar w, Spake2Scalar ephemeral);
  Spake2(Spake2&&) noexcept;
  Spake2& operator=(Spake2&&) noexcept;
  ~Spake2();

  const Spake2Share& share() const { return share_; }

  /// Once. Errors: malformed (no point of the curve, or one that gives no key).
  Result<Keys> finish(ByteView their_share) const;

 private:
  struct Arithmetic;

  Spake2Role role_;
  Spake2Names names_;
  Spake2Scalar w_, ephemeral_;
  Spake2Share share_{};
  std::unique_ptr<Arithmetic> arithmetic_;
};

}  // namespace pshare
