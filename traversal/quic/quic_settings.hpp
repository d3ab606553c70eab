// What may be chosen about a QUIC connection, and what we have chosen. Figures behind the numbers: docs/decisions/0017 and the benchmark
// tests/bench/quic.cpp.
#pragma once

#include <cstdint>

#include "wire/time.hpp"
#include "wire/units.hpp"

namespace pshare {

/// BBR keeps a line with 1 % loss full, where CUBIC falls below a thirtieth of it, and costs nothing on a clean one.
enum class CongestionControl { bbr, cubic };

/// Whether datagrams may become longer than QUIC's 1200 bytes once probes have shown that the path carries them (RFC 8899).
enum class PathMtuSearch { on, off };

struct QuicSettings {
  CongestionControl congestion_control = CongestionControl::bbr;
  PathMtuSearch path_mtu_search = PathMtuSearch::on;
  /// A guess at the round-trip time, as STUN checks measured it: sets how soon the first datagrams are sent again.
  Duration rtt = std::chrono::milliseconds{100};
  /// For the handshake.
  Duration patience = std::chrono::seconds{10};
  /// The peer counts as dead after so much silence at the latest. Less than lane_silence, since what follows takes time as well: a transfer is to be
  /// under way again within 15 s of the last byte (docs/decisions/0017). Of two peers that differ, the shorter one counts for both.
  Duration silence = std::chrono::seconds{10};

  // The two timers behind it. Whoever has data under way notices the peer's death by the first alone. Whoever has not notices it after both, as the
  // first keep-alive after the last datagram from the peer starts the idle timer anew (RFC 9000 section 10.1). So the two ends of a dead path notice it
  // at most a keep-alive apart. The rest of the silence is left to what comes late.
  constexpr Duration idle() const { return silence * 7 / 10; }
  constexpr Duration keep_alive() const { return silence * 2 / 10; }
};

/// What the peer may have on its way to us before we have read any of it, and up to what that may grow by itself.
inline constexpr std::uint64_t quic_first_window = 16 * MiB;
inline constexpr std::uint64_t quic_largest_window = 64 * MiB;
/// A writer waits while so much of what it wrote has not been sent, or so much has not been acknowledged.
inline constexpr std::uint64_t quic_most_unsent = 1 * MiB;
inline constexpr std::uint64_t quic_most_unacknowledged = 32 * MiB;

}  // namespace pshare
