// TLS 1.3 without sockets: bytes in, bytes out. Both sides present the certificate of their Identity; no CA, no host names:
// what counts is the other side's public key, and who may be at the other end is decided by a function of the caller's.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "secure/identity.hpp"
#include "wire/bytes.hpp"
#include "wire/result.hpp"

namespace pshare {

enum class TlsRole { client, server };

/// Asked during the handshake, before a byte of ours is sent: may this key be at the other end?
using PeerCheck = std::function<bool(const PeerId&)>;

/// The peer that is pinned, and no other.
PeerCheck only(const PeerId& expected);

/// TLS settings shared by all connections of one program: certificate, key, ciphers (AES-128-GCM first), groups.
class TlsContext {
 public:
  explicit TlsContext(const Identity& identity);  // identity lives longer
  TlsContext(TlsContext&&) noexcept;
  ~TlsContext();

  struct Handle;
  const Handle& handle() const { return *handle_; }

 private:
  std::unique_ptr<Handle> handle_;
};

/// One TLS connection as a core without clock. Drive it: send what output() holds, feed() what arrives, until established();
/// then write() and read() plain bytes likewise.
class TlsEngine {
 public:
  /// `alpn`: what we offer (client) or accept, best first (server). The connection fails when nothing is common.
  /// With a server of several roles, alpn() tells which was agreed.
  TlsEngine(const TlsContext& context, TlsRole role, std::vector<std::string> alpn, PeerCheck check);
  TlsEngine(TlsEngine&&) noexcept;
  ~TlsEngine();

  /// Ciphertext from the network. Errors: identity_mismatch (the key at the other end was refused by the check, or by the other
  /// side of ours), malformed (no TLS, no common ALPN, a broken record); all final.
  Result<void> feed(ByteView ciphertext);
  /// Ciphertext for the network: view it, send it, then say how much was sent.
  ByteView output() const;
  void consume_output(std::size_t count);

  bool established() const;
  const PeerId& peer() const;                // once established
  const PublicKey& peer_key() const;         // once established
  const std::string& alpn() const;           // once established

  /// Encrypts into output(). Only once established.
  Result<void> write(ByteView plain);
  /// Decrypts from what was fed: how many bytes were put into `out`; 0: feed more (or closed_by_peer()).
  Result<std::size_t> read(std::span<std::byte> out);
  /// The peer said close_notify: nothing more will come, and nothing was cut off.
  bool closed_by_peer() const;
  /// Puts our close_notify into output().
  void close();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace pshare
