// One client's control connection: frames in, frames out, with a bounded queue between the core and a reader who may be slow.
#pragma once

#include <deque>
#include <optional>

#include "io/asio.hpp"
#include "io/wakeup.hpp"
#include "secure/io/tls_stream.hpp"
#include "wire/control.hpp"
#include "wire/framing.hpp"

namespace pshare {

class ControlConnection {
 public:
  ControlConnection(asio::any_io_executor executor, TlsStream stream);

  /// The next message's bytes. Throws Failure: closed, unreachable, limit.
  awaitable<ByteBuffer> next_body();
  /// Queues; false when the client is too slow to be kept.
  bool say(const ServerMessage& message);
  /// Ends the connection once all that was said is out.
  void close_when_sent();
  /// Sends what is queued until close_when_sent() and all is out; throws Failure when the connection breaks.
  awaitable<void> send();
  /// At once, unsent words and all.
  void cut() noexcept { stream_.close(); }

  TlsStream& stream() { return stream_; }
  bool drained() const { return queue_.empty() && !sending_; }

 private:
  TlsStream stream_;
  FrameReader frames_;
  std::deque<ByteBuffer> queue_;
  std::size_t queued_bytes_ = 0;
  bool closing_ = false, sending_ = false;
  Wakeup news_;
};

}  // namespace pshare
