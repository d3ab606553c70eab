// A QUIC connection (RFC 9000) with one bidirectional stream on it, as a core: datagrams and the time come in, datagrams, the stream's bytes and
// a deadline come out. ngtcp2 does the work; sockets are traversal/io/quic_lane.hpp's. Both sides are proven by their keys (quic_tls.hpp).
//
//   client                                   server
//     | -- Initial ------------------------> |
//     | <------- Initial, Handshake -------- |   client: the server is proven, may_write()
//     | -- Finished, first stream bytes ---> |   server: the client is proven, may_write()
//     | <---------- HANDSHAKE_DONE --------- |   client: confirmed(), the server took us
//
// The client opens the stream at once, so that the server may write first.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "traversal/quic/quic_settings.hpp"
#include "traversal/quic/quic_tls.hpp"
#include "wire/address.hpp"
#include "wire/bytes.hpp"
#include "wire/error.hpp"
#include "wire/random.hpp"

namespace pshare {

/// Datagrams to be sent at one moment, in runs that one system call can take.
struct QuicBurst {
  struct Run {
    Endpoint to;
    std::uint8_t ecn = 0;
    std::size_t segment = 0;  // bytes of each datagram but the last, which may be shorter
    ByteView bytes;           // in the burst's own memory
    /// Longer than what the path is known to carry: it may be refused (EMSGSIZE) without harm.
    bool probe = false;
  };
  std::vector<Run> runs;
  std::unique_ptr<std::byte[]> memory;
};

class QuicConnection {
 public:
  /// `credentials` and `random` live longer. Throws Failure if the libraries cannot.
  static std::unique_ptr<QuicConnection> connect(const QuicCredentials& credentials, const PeerId& pin, const Endpoint& local, const Endpoint& remote,
                                                 const QuicSettings& settings, Random& random, TimePoint now);
  /// For the first datagram of a client; receive() it next. Nothing if it does not begin a connection.
  static std::unique_ptr<QuicConnection> answer(ByteView first, const QuicCredentials& credentials, const PeerId& pin, const Endpoint& local,
                                                const Endpoint& remote, const QuicSettings& settings, Random& random, TimePoint now);
  ~QuicConnection();

  void receive(const Endpoint& from, ByteView datagram, std::uint8_t ecn, TimePoint now);
  /// When deadline() has come.
  void expire(TimePoint now);
  std::optional<TimePoint> deadline() const;
  /// What is to be sent now, after any of the other calls; again until it is empty, unless deadline() has come first (pacing).
  void write(QuicBurst& burst, TimePoint now);
  /// The system refused a datagram of a run that is no probe as too long.
  void too_long(TimePoint now);

  /// The peer is proven and bytes may flow.
  bool may_write() const;
  /// And the peer has let us in as well.
  bool confirmed() const;
  /// Why it is over. `closed`: by the peer in order, or by us. `identity_mismatch`, `version`, `timed_out`, `unreachable` otherwise.
  const std::optional<Error>& trouble() const;

  /// Queues bytes of the stream. Only before finish().
  void send(ByteView bytes);
  std::uint64_t unsent() const;
  std::uint64_t unacknowledged() const;  // the unsent ones included
  /// The stream's end on our side.
  void finish();

  /// What has arrived in order, at most into.size() bytes. Gives the peer as much new credit.
  std::size_t read(std::span<std::byte> into);
  std::uint64_t readable() const;
  /// The peer has written its last byte, and all of them were read.
  bool finished_by_peer() const;

  /// Ends it, telling the peer so in the last burst.
  void close(TimePoint now);

  /// May this datagram, from an address that we do not know, be meant for this connection? By its connection ID.
  bool recognises(ByteView datagram) const;

  struct State;  // for the .cpp alone

 private:
  explicit QuicConnection(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

/// True for the trouble of a path that has come to carry only smaller datagrams: try again with PathMtuSearch::off.
bool path_mtu_fell(const Error& error);

/// An answer to QUIC that belongs to no connection (any more), which ends the peer's connection at once if it was one of ours before a restart
/// (RFC 9000 section 10.3). Nothing for what needs no answer.
std::optional<ByteBuffer> stateless_reset(ByteView datagram, const Secret<32>& reset_secret, Random& random);

}  // namespace pshare
