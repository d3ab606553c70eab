// Where two meet who have a one-time code in common: gives out the numbers, leads one guest to each, and passes on what the two say (secure/code_exchange.hpp),
// of which it understands nothing. A core of the rendezvous.
//
// One guess for each code: a number leads one guest to its host, whoever comes first, and then nobody. The numbers are no secret, but there are so many more of them
// than codes, and so few tries for one address, that to go through them harms hardly anybody; and it finds out nothing but that somebody is there.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "wire/address.hpp"
#include "wire/ids.hpp"
#include "wire/limiter.hpp"
#include "wire/random.hpp"
#include "wire/result.hpp"

namespace pshare {

/// Codes that one key, one address, and everybody may have open at once.
inline constexpr std::size_t max_open_codes_of_a_key = 16;
inline constexpr std::size_t max_open_codes_of_an_address = 128;
inline constexpr std::size_t max_open_codes = 50'000;
/// Codes opened: each wrong guess costs the host one.
inline constexpr Rate codes_of_a_key{.burst = 30, .each_second = 0.1};
inline constexpr Rate codes_of_an_address{.burst = 120, .each_second = 1};
/// Attempts at codes. A person mistypes a few times; a guesser is stopped by the fact that each guess burns a code, and these keep it from burning many.
inline constexpr Rate joins_of_a_key{.burst = 10, .each_second = 0.05};
inline constexpr Rate joins_of_an_address{.burst = 30, .each_second = 0.2};
/// Numbers that nobody has open: who goes through them is stopped by this one, which allows some 1,500 wrong numbers a day.
inline constexpr Rate missed_codes_of_an_address{.burst = 10, .each_second = 1.0 / 60};
/// Numbers in use are at most one in so many, so that a number at random seldom meets one.
inline constexpr std::uint64_t numbers_for_each_code = 20;
/// How long the two may take from the join to the last word, and what each may say meanwhile.
inline constexpr Duration code_exchange_patience = std::chrono::seconds{30};
inline constexpr std::size_t max_code_messages = 4;
/// A number whose host has lost its connection, or that has had its guest, goes to nobody else for so long: somebody may still read it off a screen.
inline constexpr Duration code_number_rest = std::chrono::minutes{10};
/// Numbers that rest; the oldest gives way.
inline constexpr std::size_t max_resting_numbers = 100'000;

class CodeDesk {
 public:
  /// Who asks: a connection, and whose it is.
  struct Person {
    DeviceId device;
    PeerId id;
    IpAddress subscriber;  // as which its address is counted
  };
  /// Somebody to be told that the other side is not there any more.
  struct Left {
    DeviceId device;
    std::uint64_t number;
  };

  /// `random` lives longer.
  explicit CodeDesk(Random& random) : random_(random) {}

  /// A number for a new code; `wish` (0: none) is the one that its host had before it lost its connection, and is granted if it rests for that key, or is free.
  /// Errors: limit, busy.
  Result<std::uint64_t> open(const Person& host, std::uint64_t wish, TimePoint now);
  /// Leads a guest to the host of this number. Errors: unknown_peer (nobody has it open), limit.
  Result<DeviceId> join(const Person& guest, std::uint64_t number, TimePoint now);
  /// To whom a message of one of the two goes. Errors: unknown_peer (the other is gone), limit (max_code_messages).
  Result<DeviceId> pass(DeviceId from, std::uint64_t number);
  /// One of the two is through with it. Gives the other one, if there is one.
  std::optional<Left> close(DeviceId device, std::uint64_t number, TimePoint now);
  /// A connection has ended. Gives those who dealt with it.
  std::vector<Left> gone(DeviceId device, TimePoint now);

  /// Gives those whose exchange took too long.
  std::vector<Left> expire(TimePoint now);
  std::optional<TimePoint> deadline() const;

  std::size_t open_codes() const { return codes_.size(); }

 private:
  struct Entry {
    Person host;
    std::optional<DeviceId> guest = {};
    std::optional<TimePoint> until = {};  // of the exchange, once there is a guest
    std::size_t by_host = 0, by_guest = 0;
  };
  struct Resting {
    std::optional<PeerId> kept_for;  // a host that may come back
    TimePoint until;
  };
  using Codes = std::map<std::uint64_t, Entry>;

  bool is_free(std::uint64_t number, const PeerId& asker) const;
  std::uint64_t choose();
  void let_rest(std::uint64_t number, std::optional<PeerId> kept_for, TimePoint now);
  /// Ends an entry; gives who else was in it than `device`.
  std::optional<Left> end(Codes::iterator entry, DeviceId device, bool may_come_back, TimePoint now);

  Random& random_;
  Codes codes_;
  std::map<DeviceId, std::set<std::uint64_t>> of_device_;  // as host or guest
  std::map<PeerId, std::size_t> of_key_;                    // as host
  std::map<IpAddress, std::size_t> of_address_;             // as host
  std::set<std::pair<TimePoint, std::uint64_t>> by_deadline_;
  std::map<std::uint64_t, Resting> resting_;
  std::set<std::pair<TimePoint, std::uint64_t>> resting_by_end_;
  static constexpr std::size_t max_limited_ = 100'000;
  Limiter<PeerId> opens_of_keys_{codes_of_a_key, max_limited_};
  Limiter<IpAddress> opens_{codes_of_an_address, max_limited_};
  Limiter<PeerId> joins_of_keys_{joins_of_a_key, max_limited_};
  Limiter<IpAddress> joins_{joins_of_an_address, max_limited_};
  Limiter<IpAddress> misses_{missed_codes_of_an_address, max_limited_};
};

}  // namespace pshare
