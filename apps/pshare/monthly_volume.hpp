// How much a supernode has carried in the present month, whatever process carried it: kept in the home as one line, "2026-11 123456789".
// Months are those of UTC, so that a month does not depend on where the machine stands or on summer time. A core: who asks says what time it is.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "wire/result.hpp"
#include "wire/time.hpp"

namespace pshare {

/// The month of UTC in which `now` lies, and the beginning of the one after it.
std::chrono::year_month month_of(UnixTime now);
UnixTime end_of_month(UnixTime now);

class MonthlyVolume {
 public:
  /// No such file is longer.
  static constexpr std::size_t max_file = 64;

  /// Nothing carried yet.
  MonthlyVolume() = default;

  /// Errors: malformed. A limit that is forgotten costs its owner money, so that a file which cannot be read is nothing to pass over.
  static Result<MonthlyVolume> decode(std::string_view text);
  std::string encode() const;

  /// Begins a new month only with bytes that were really carried, and goes back to none: a clock that was behind for a while (1970, before it has
  /// been set) does not forget the month.
  void add(std::uint64_t bytes, UnixTime now);

  /// Carried in the month of `now`, both ways together. A clock that has gone back to an earlier month does not make room.
  std::uint64_t used(UnixTime now) const;
  /// Of `limit`; nothing if there is no limit.
  std::optional<std::uint64_t> left(std::optional<std::uint64_t> limit, UnixTime now) const;

  friend bool operator==(const MonthlyVolume&, const MonthlyVolume&) = default;

 private:
  std::chrono::year_month month_{std::chrono::year{1970}, std::chrono::January};
  std::uint64_t bytes_ = 0;
};

}  // namespace pshare
