// Numbers that could be confused with one another, as types.
#pragma once

#include <compare>
#include <cstdint>
#include <string>

namespace pshare {

/// A count of bytes.
struct Bytes {
  std::uint64_t count = 0;
  friend constexpr auto operator<=>(Bytes, Bytes) = default;
  constexpr Bytes& operator+=(Bytes more) { return count += more.count, *this; }
  constexpr Bytes& operator-=(Bytes less) { return count -= less.count, *this; }
  friend constexpr Bytes operator+(Bytes a, Bytes b) { return a += b; }
  friend constexpr Bytes operator-(Bytes a, Bytes b) { return a -= b; }
};

inline constexpr std::uint64_t KiB = 1024;
inline constexpr std::uint64_t MiB = 1024 * KiB;
inline constexpr std::uint64_t GiB = 1024 * MiB;

/// As people read it, in powers of 1000 like file managers: "0 B", "999 B", "1.2 kB", "34 MB", "1.2 GB".
std::string size_words(std::uint64_t bytes);

/// A rate of payload, in bytes each second; what --limit takes.
struct BytesPerSecond {
  std::uint64_t count = 0;
  friend constexpr auto operator<=>(BytesPerSecond, BytesPerSecond) = default;
};

/// A TCP or UDP port; 0 means "any" where something is bound.
struct Port {
  std::uint16_t number = 0;
  friend constexpr auto operator<=>(Port, Port) = default;
};

}  // namespace pshare
