// Remembers which signals have been seen, so that none counts twice.
#pragma once

#include <array>
#include <cstddef>
#include <map>
#include <set>

#include "wire/time.hpp"

namespace pshare {

/// Nonces remembered at once; beyond, the oldest is forgotten first. A signal too old to be opened needs no remembering.
inline constexpr std::size_t max_remembered_nonces = 100'000;

class ReplayGuard {
 public:
  using Nonce = std::array<std::byte, 16>;

  /// True once for each nonce.
  bool first_time(const Nonce& nonce, UnixTime now);

 private:
  void forget(std::multimap<UnixTime, Nonce>::iterator oldest);

  std::set<Nonce> seen_;
  std::multimap<UnixTime, Nonce> by_age_;
};

}  // namespace pshare
