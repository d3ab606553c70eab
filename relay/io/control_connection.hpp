// One client's control connection: frames in, frames out, with a bounded queue between the core and a reader who may be slow.
#pragma once

#include <cstddef>
#include <deque>

#include "io/asio.hpp"
#include "io/wakeup.hpp"
#include "relay/mailbox.hpp"
#include "secure/io/tls_stream.hpp"
#include "wire/control.hpp"
#include "wire/framing.hpp"

namespace pshare {

/// What may wait for a client that reads slowly; beyond, it is disconnected (and comes back when it can).
inline constexpr std::size_t max_unsent = 512 * 1024;
static_assert(max_unsent >= max_waiting_bytes_for_one + max_frame, "a client must be able to take what waits for it");
/// What was said to a client before it is sent away has so long to arrive.
inline constexpr Duration farewell_patience = std::chrono::milliseconds{500};

class ControlConnection {
 public:
  ControlConnection(asio::any_io_executor executor, TlsStream stream);

  /// The next message's bytes. Throws Failure: closed, unreachable, limit.
  awaitable<ByteBuffer> next_body();
  /// Sends what is said, for ever. Throws Failure when the connection breaks.
  awaitable<void> send();
  /// Returns when the connection is to be cut: farewell_patience after hang_up(). A client that has read why it is sent away ends the
  /// connection itself before that. If we closed first, with bytes of its own unread, the system would reset the connection, and our
  /// last words might be lost on the way.
  awaitable<void> farewell();

  /// Queues; false when that would be more than max_unsent.
  bool say(const ServerMessage& message);
  /// Nothing more will be said.
  void hang_up() { leaving_.ring(); }
  /// At once, unsent words and all.
  void cut() noexcept { stream_.close(); }

  const TlsStream& stream() const { return stream_; }

 private:
  TlsStream stream_;
  FrameReader frames_;
  std::deque<ByteBuffer> queue_;
  std::size_t unsent_ = 0;  // bytes, with those of the frame that is being sent
  Wakeup news_, leaving_;
};

}  // namespace pshare
