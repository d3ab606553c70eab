// What TLS 1.3 with both keys is to a simulated connection: its flights, each about as long as the real one, its records and its orderly
// end; without cryptography, which has tests of its own. A side says its key, and is believed.
//
//   client                                      server
//     | -- ClientHello ----------------------->  |
//     | <- ServerHello ... Finished (its key) -- |    the client checks the key
//     | -- Certificate, Finished (its key) ----> |    the client is ready, and may go on at once
//     |                                          |    the server checks the key: it is ready, or closes
#pragma once

#include <deque>
#include <functional>
#include <memory>

#include "network/machine.hpp"
#include "secure/identity.hpp"
#include "wire/framing.hpp"

namespace pshare::sim {

class SecuredStream {
 public:
  enum class Role { client, server };
  using Check = std::function<bool(const PeerId&)>;
  struct Events {
    std::function<void()> ready{};              // the handshake is over, and the peer is whom `check` takes
    std::function<void(ByteView)> heard{};
    /// Once, and the last. Errors as secure/io/tls_stream has them: closed (an orderly end), refused, timed_out, unreachable,
    /// identity_mismatch, malformed.
    std::function<void(const Error&)> ended{};
  };

  /// `host` lives longer. What happens is told from the next event on.
  SecuredStream(Host& host, TcpSocket socket, Role role, const PublicKey& own, Check check, Events events);
  SecuredStream(const SecuredStream&) = delete;

  bool is_ready() const { return stage_ == Stage::ready; }
  const PublicKey& peer_key() const { return peer_key_; }  // once it is ready
  PeerId peer() const { return id_of(peer_key_); }
  Endpoint local() const { return local_; }
  Endpoint remote() const { return remote_; }

  /// Once it is ready. `written`: the system has taken all of it.
  void write(ByteView bytes, std::function<void()> written = {});
  /// Nothing more will be written; reading goes on.
  void finish();
  /// At once, with the word that says that this is an orderly end. Nothing is told any more.
  void close();

 private:
  enum class Stage { handshake, ready, over };
  struct Outgoing { ByteBuffer bytes; std::size_t sent = 0; std::function<void()> written{}; };

  void connected();
  void send_record(ByteView body, std::function<void()> written = {});
  void flush();
  void take(ByteView bytes);
  void take_record(const ByteBuffer& body);
  void shake_hands(const ByteBuffer& body);
  void end(Error why);

  Host& host_;
  TcpSocket socket_;
  Role role_;
  PublicKey own_, peer_key_{};
  Check check_;
  Events events_;
  Endpoint local_, remote_;
  Stage stage_ = Stage::handshake;
  FrameReader records_;
  std::deque<Outgoing> outgoing_;
  bool finishing_ = false;
};

}  // namespace pshare::sim
