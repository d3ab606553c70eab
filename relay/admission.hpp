// Who may begin a TLS handshake. A handshake costs us a signature and memory before we know whose it is, so connections are counted
// from the moment they arrive until they have proven a key; then the rendezvous counts them.
#pragma once

#include <cstddef>
#include <map>
#include <string_view>

#include "wire/address.hpp"
#include "wire/limiter.hpp"

namespace pshare {

/// Connections that have not proven a key yet; further ones are closed unanswered.
inline constexpr std::size_t max_half_open = 256;
inline constexpr std::size_t max_half_open_of_an_address = 32;
/// Handshakes that one address may ask for. Twice what the rendezvous welcomes, so that people are told in words what is too much.
inline constexpr Rate handshakes_of_an_address{.burst = 200, .each_second = 10};
/// Addresses watched at once.
inline constexpr std::size_t max_watched_addresses = 100'000;

class Admission {
 public:
  enum class Verdict { admitted, too_many, too_many_of_the_address, too_often };

  /// A connection came in. An admitted one counts as half open until proven_or_gone().
  Verdict arrived(const IpAddress& from, TimePoint now);
  /// Once for each that was admitted.
  void proven_or_gone(const IpAddress& from);

  std::size_t half_open() const { return total_; }

 private:
  std::size_t total_ = 0;
  std::map<IpAddress, std::size_t> of_address_;
  Limiter<IpAddress> handshakes_{handshakes_of_an_address, max_watched_addresses};
};

std::string_view word(Admission::Verdict verdict);

/// An admitted connection counts as half open for as long as this lives.
class HalfOpen {
 public:
  HalfOpen(Admission& admission, IpAddress from) : admission_(admission), from_(from) {}
  HalfOpen(const HalfOpen&) = delete;
  HalfOpen& operator=(const HalfOpen&) = delete;
  ~HalfOpen() { admission_.proven_or_gone(from_); }

 private:
  Admission& admission_;
  IpAddress from_;
};

}  // namespace pshare
