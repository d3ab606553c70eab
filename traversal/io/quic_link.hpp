// Drives one QuicConnection over a UdpPort: datagrams in and out, its timer, and those who wait for its stream.
#pragma once

#include <memory>
#include <optional>

#include "io/wakeup.hpp"
#include "secure/random_source.hpp"
#include "traversal/io/udp_port.hpp"
#include "traversal/quic/quic_connection.hpp"

namespace pshare {

/// Shared by its lane, and by its own farewell: what was written when the lane closed is still delivered, within farewell_patience.
class QuicLink final : public UdpPort::LaneEnd, public std::enable_shared_from_this<QuicLink> {
 public:
  QuicLink(std::shared_ptr<UdpPort> port, Endpoint remote, const Identity& identity, const PeerId& peer, const QuicSettings& settings);
  QuicLink(const QuicLink&) = delete;
  ~QuicLink();

  /// As client: sends the first datagram. As server: waits for it. Errors: busy (another lane has that remote).
  void begin(QuicRole role);
  /// Until bytes may be written. Errors: why the handshake failed.
  awaitable<void> established();
  bool confirmed() const { return connection_ && connection_->confirmed(); }

  awaitable<std::size_t> read_some(std::span<std::byte> out);
  awaitable<void> write(std::span<const ByteView> pieces);
  void finish() noexcept;
  void close() noexcept;

  /// Where the peer is.
  const Endpoint& remote() const { return remote_; }
  /// From now on the peer is there. The caller knows it from an authentic check from that address. Errors: busy.
  void move(const Endpoint& remote);

 private:
  void arrived(const Endpoint& from, ByteView datagram, std::uint8_t ecn, TimePoint now) override;
  void all_arrived(TimePoint now) override;
  void writable(TimePoint now) override;
  bool recognises(ByteView datagram) const override;

  void pump(TimePoint now);
  bool send_burst(TimePoint now);
  void set_timer();
  void tell_waiters();
  void bid_farewell();
  bool may_leave() const;
  bool has_room() const;
  const std::optional<Error>& trouble() const;
  [[noreturn]] void fail() const;

  std::shared_ptr<UdpPort> port_;
  QuicRole role_ = QuicRole::client;
  Endpoint shown_;   // where the connection believes the peer to be, if we are its client: QUIC has servers stay where they are
  Endpoint remote_;  // where it is
  SocketAddress to_;
  Endpoint to_endpoint_;  // that of to_
  QuicCredentials credentials_;
  PeerId peer_;
  QuicSettings settings_;
  SecureRandom random_;
  std::unique_ptr<QuicConnection> connection_;  // none while a server waits
  std::optional<Error> lost_;                   // the port is closed

  QuicBurst burst_;
  std::size_t next_run_ = 0;  // of the burst, when the socket is full
  bool blocked_ = false;
  std::uint64_t credit_ = 0;  // bytes read since the peer may last have heard of it

  asio::steady_timer timer_;
  std::optional<TimePoint> timer_at_;
  asio::steady_timer farewell_;
  Wakeup established_, readable_, room_;
  bool awaiting_established_ = false, reading_ = false, awaiting_room_ = false, writing_ = false, closed_ = false;
};

}  // namespace pshare
