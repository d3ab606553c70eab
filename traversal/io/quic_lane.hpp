// A lane over QUIC (RFC 9000), on a UDP socket that is shared with the checks that punched it open.
#pragma once

#include <functional>
#include <memory>

#include "traversal/io/lane.hpp"
#include "traversal/io/quic_link.hpp"
#include "traversal/io/udp_port.hpp"
#include "traversal/path.hpp"
#include "traversal/quic/quic_settings.hpp"

namespace pshare {

/// Dead after QuicSettings::silence, whether anybody reads or not. A path that has come to carry only smaller datagrams ends it as well:
/// see path_mtu_fell() in traversal/quic/quic_connection.hpp.
class QuicLane final : public Lane {
 public:
  QuicLane(std::shared_ptr<QuicLink> link, const PeerId& peer, Path path);
  ~QuicLane() override;

  PeerId peer() const override { return peer_; }
  const Path& path() const override { return path_; }
  void count_as(Tier tier, Duration elapsed) override { path_.tier = tier, path_.elapsed = elapsed; }
  awaitable<std::size_t> read_some(std::span<std::byte> out) override;
  awaitable<void> write(std::span<const ByteView> pieces) override;
  void finish() noexcept override;
  /// What was written is still delivered, for a few seconds, while the loop runs.
  void close() noexcept override;

  /// From now on the peer is at another endpoint, as an authentic check from there has shown. Errors: busy (another lane is there).
  void move(const Endpoint& remote);
  /// The same for whoever does not own the lane: does nothing once it is gone, or if the peer was elsewhere than at `from`. Never throws.
  using Mover = std::function<void(const Endpoint& from, const Endpoint& to)>;
  Mover mover() const;

 private:
  std::shared_ptr<QuicLink> link_;  // shared with its own farewell
  PeerId peer_;
  Path path_;
};

/// Connects as QUIC client over `port`, and gives the lane as soon as `peer` is proven: one round trip. Whether the peer lets us in is known when
/// it first says something; what is written until then leaves together with our own proof.
/// Errors: identity_mismatch (another key is there, or ours was refused), version, timed_out, unreachable, busy (a lane with that remote exists).
awaitable<std::unique_ptr<QuicLane>> quic_connect(std::shared_ptr<UdpPort> port, Endpoint remote, const Identity& identity, PeerId peer, Path path,
                                                  QuicSettings settings = {});
/// Waits for a QUIC client at `remote`, for as long as it takes: bound it with with_deadline(). Gives the lane when `peer` is proven.
/// Errors: as above; after identity_mismatch another call goes on listening.
awaitable<std::unique_ptr<QuicLane>> quic_accept(std::shared_ptr<UdpPort> port, Endpoint remote, const Identity& identity, PeerId peer, Path path,
                                                 QuicSettings settings = {});

/// While the registration lives, QUIC of no lane's is answered with a stateless reset: a peer that had a lane with this identity on this port before
/// the program was restarted learns of it at once, instead of after QuicSettings::silence.
[[nodiscard]] UdpPort::Registration reset_strays(UdpPort& port, const Identity& identity);

}  // namespace pshare
