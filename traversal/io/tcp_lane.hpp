// A lane over TLS on TCP.
#pragma once

#include <memory>

#include "secure/io/tls_stream.hpp"
#include "traversal/io/lane.hpp"
#include "wire/lane_messages.hpp"

namespace pshare {

/// Dead after `silence` in which a read waited in vain; both sides say Beat often enough when they have nothing else to say.
class TcpLane final : public Lane {
 public:
  /// `stream` has shaken hands; the greetings are next (traversal/io/lane_greeting.hpp).
  TcpLane(TlsStream stream, Path path, asio::any_io_executor executor, Duration silence = lane_silence);
  ~TcpLane() override;

  PeerId peer() const override;
  const Path& path() const override { return path_; }
  void count_as(Tier tier, Duration elapsed) override { path_.tier = tier, path_.elapsed = elapsed; }
  awaitable<std::size_t> read_some(std::span<std::byte> out) override;
  awaitable<void> write(std::span<const ByteView> pieces) override;
  void finish() noexcept override;
  void close() noexcept override;

 private:
  struct Watchdog;
  void watch();
  void silence_may_be_over();
  [[noreturn]] void fail(const Error& error) const;

  TlsStream stream_;
  Path path_;
  Duration silence_;
  bool reading_ = false, silent_ = false, closed_ = false;
  TimePoint reading_since_;
  std::shared_ptr<Watchdog> watchdog_;  // shared with its timer's handler, which may run after we are gone
};

}  // namespace pshare
