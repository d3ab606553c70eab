// A lane: an authenticated, encrypted, reliable, ordered stream of bytes to one named peer. The meeting point of the house:
// traversal makes lanes, transfer uses them, and neither knows how the other works.
#pragma once

#include <memory>

#include "io/asio.hpp"
#include "traversal/path.hpp"
#include "wire/bytes.hpp"
#include "wire/ids.hpp"

namespace pshare {

/// Reads and writes may overlap each other, but not themselves. All errors are thrown as Failure with Errc::closed (the peer ended
/// the stream in order), Errc::unreachable (reset, broken) or Errc::timed_out (silent for lane_silence).
class Lane {
 public:
  virtual ~Lane() = default;

  virtual PeerId peer() const = 0;  // proven by the handshake
  virtual const Path& path() const = 0;
  /// Once the greeting has told by which tier it came, `elapsed` after the search began; before the lane is handed on.
  virtual void count_as(Tier tier, Duration elapsed) = 0;

  /// At least one byte, at most out.size().
  virtual awaitable<std::size_t> read_some(std::span<std::byte> out) = 0;
  /// Everything; the pieces are sent as if they were one. They must live until it returns.
  virtual awaitable<void> write(std::span<const ByteView> pieces) = 0;
  /// Nothing more will be written, which the peer's reader learns as the stream's end in order; reading goes on. Never throws itself.
  virtual void finish() noexcept = 0;
  /// Says a last word to the transport and ends both directions. Pending reads and writes throw. Never throws itself.
  virtual void close() noexcept = 0;
};

using LanePtr = std::unique_ptr<Lane>;

}  // namespace pshare
