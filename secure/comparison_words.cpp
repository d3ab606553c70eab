#include "secure/comparison_words.hpp"

#include <algorithm>
#include <array>

#include "secure/identity.hpp"
#include "secure/sodium.hpp"

namespace pshare {

namespace {

// Part of the protocol: both sides have to get the same words. The salt is there to tell this use from any other.
constexpr std::string_view salt_text = "pshare-compare-1";
constexpr unsigned passes = 3;
constexpr std::size_t memory = std::size_t{64} * 1024 * 1024;

}  // namespace

Result<std::string> comparison_words(const PeerId& one, const PeerId& other) {
  const auto& [low, high] = std::minmax(one.digest(), other.digest());
  std::array<std::byte, sizeof(PeerId::Digest) * 2> both;
  std::ranges::copy(high, std::ranges::copy(low, both.begin()).out);
  std::array<std::byte, 16> salt;
  static_assert(salt_text.size() == salt.size());
  std::ranges::copy(bytes_of(salt_text), salt.begin());
  PeerId::Digest hash;
  if (auto done = sodium::slow_hash(hash, both, salt, passes, memory); !done) return Unexpected{std::move(done).error()};
  return fingerprint_words(PeerId{hash});
}

}  // namespace pshare
