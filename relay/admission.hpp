// Who may begin a TLS handshake. A handshake costs us a signature and memory before we know whose it is, so connections are counted
// from the moment they arrive until they have proven a key; then the rendezvous counts them.
//
// When all places are taken, a newcomer gets one of the neighbourhood (an IPv4 /24, an IPv6 /48) that has most, if that has more than the newcomer's would
// have: so a few hosts that open connections and say nothing do not keep everybody else out. It is the oldest one there that goes, since who means it
// is done with a handshake in a few round trips.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
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

  struct Arrival {
    Verdict verdict;
    std::uint64_t number = 0;                // of an admitted one
    std::optional<std::uint64_t> closes{};   // the one that has to make room: it does not count any more
  };
  /// A connection came in. An admitted one counts as half open until proven_or_gone().
  Arrival arrived(const IpAddress& from, TimePoint now);
  void proven_or_gone(std::uint64_t number);

  std::size_t half_open() const { return places_.size(); }

 private:
  struct Place {
    IpAddress subscriber, neighbourhood;
  };
  /// Of those that are there, which must give way to one from `neighbourhood`.
  std::optional<std::uint64_t> who_gives_way(const IpAddress& neighbourhood) const;

  std::uint64_t next_number_ = 1;
  std::map<std::uint64_t, Place> places_;  // the oldest first
  std::map<IpAddress, std::size_t> of_address_, of_neighbourhood_;
  Limiter<IpAddress> handshakes_{handshakes_of_an_address, max_watched_addresses};
};

std::string_view word(Admission::Verdict verdict);

/// An admitted connection counts as half open for as long as this lives.
class HalfOpen {
 public:
  HalfOpen(Admission& admission, std::uint64_t number) : admission_(admission), number_(number) {}
  HalfOpen(const HalfOpen&) = delete;
  HalfOpen& operator=(const HalfOpen&) = delete;
  ~HalfOpen() { admission_.proven_or_gone(number_); }

 private:
  Admission& admission_;
  std::uint64_t number_;
};

}  // namespace pshare
