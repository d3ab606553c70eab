#include "traversal/io/quic_lane.hpp"

#include "io/log.hpp"

#include <utility>

namespace pshare {

namespace {

/// Stateless resets for each second: more strays than that are no peers of ours.
constexpr int most_resets = 10;

/// Ends the connection, telling the peer, unless a lane has taken it.
struct Attempt {
  std::shared_ptr<QuicLink> link;
  ~Attempt() {
    if (link) link->close();
  }
};

awaitable<std::unique_ptr<QuicLane>> lane_by(QuicRole role, std::shared_ptr<UdpPort> port, Endpoint remote, const Identity& identity, PeerId peer,
                                             Path path, QuicSettings settings) {
  Attempt attempt{std::make_shared<QuicLink>(std::move(port), remote, identity, peer, settings)};
  attempt.link->begin(role);
  co_await attempt.link->established();
  co_return std::make_unique<QuicLane>(std::exchange(attempt.link, nullptr), peer, std::move(path));
}

}  // namespace

QuicLane::QuicLane(std::shared_ptr<QuicLink> link, const PeerId& peer, Path path) : link_(std::move(link)), peer_(peer), path_(std::move(path)) {}
QuicLane::~QuicLane() { link_->close(); }

awaitable<std::size_t> QuicLane::read_some(std::span<std::byte> out) { return link_->read_some(out); }
awaitable<void> QuicLane::write(std::span<const ByteView> pieces) { return link_->write(pieces); }
void QuicLane::finish() noexcept { link_->finish(); }
void QuicLane::close() noexcept { link_->close(); }

QuicLane::Mover QuicLane::mover() const {
  return [weak = std::weak_ptr{link_}](const Endpoint& from, const Endpoint& to) {
    const auto link = weak.lock();
    if (!link || link->remote() != from) return;
    try {
      link->move(to);
    } catch (const Failure& failure) {
      log(LogLevel::debug, "quic.not-moved", {{"to", to}, {"why", failure.what()}});
    }
  };
}

void QuicLane::move(const Endpoint& remote) {
  link_->move(remote);
  path_.remote = remote;
}

awaitable<std::unique_ptr<QuicLane>> quic_connect(std::shared_ptr<UdpPort> port, Endpoint remote, const Identity& identity, PeerId peer, Path path,
                                                  QuicSettings settings) {
  return lane_by(QuicRole::client, std::move(port), remote, identity, peer, std::move(path), settings);
}

awaitable<std::unique_ptr<QuicLane>> quic_accept(std::shared_ptr<UdpPort> port, Endpoint remote, const Identity& identity, PeerId peer, Path path,
                                                 QuicSettings settings) {
  return lane_by(QuicRole::server, std::move(port), remote, identity, peer, std::move(path), settings);
}

UdpPort::Registration reset_strays(UdpPort& port, const Identity& identity) {
  struct Resets {
    Secret<32> secret;
    SecureRandom random;
    TimePoint since{};
    int said = 0;
  };
  // Shared by copies of the listener, of which there is one.
  const auto resets = std::make_shared<Resets>();
  resets->secret = quic_reset_secret(identity);
  return port.on_stray_quic([resets, &port](const Endpoint& from, ByteView datagram, TimePoint now) {
    if (now - resets->since >= std::chrono::seconds{1}) {
      resets->since = now;
      resets->said = 0;
    }
    if (resets->said == most_resets) return;
    const auto answer = stateless_reset(datagram, resets->secret, resets->random);
    if (!answer) return;
    ++resets->said;
    port.send(from, *answer);
  });
}

}  // namespace pshare
