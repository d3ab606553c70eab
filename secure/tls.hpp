// TLS 1.3 without sockets: bytes in, bytes out. Both sides present the certificate of their Identity; no CA, no host names:
// what counts is the other side's public key, and who may be at the other end is decided by a function of the caller's.
#pragma once

#include <functional>
#include <memory>
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

/// TLS settings shared by all connections of one program: certificate, key, ciphers (AES-128-GCM first), TLS 1.3 alone.
class TlsContext {
 public:
  explicit TlsContext(const Identity& identity);  // throws Failure if OpenSSL cannot; the identity lives longer
  TlsContext(TlsContext&&) noexcept;
  ~TlsContext();

  struct Handle;
  const Handle& handle() const { return *handle_; }

 private:
  std::unique_ptr<Handle> handle_;
};

/// One TLS connection as a core without clock. Drive it: send what take_output() gives, feed() what arrives, until established(); then
/// write() and read() plain bytes likewise.
class TlsEngine {
 public:
  /// `alpn`: what we offer (client) or accept, best first (server). The connection fails when nothing is common.
  /// With a server of several roles, alpn() tells which was agreed.
  /// `server_name`: the host's name, if it was dialled by one (RFC 6066 section 3): nobody here heeds it, but ordinary TLS has it.
  TlsEngine(const TlsContext& context, TlsRole role, std::vector<std::string> alpn, PeerCheck check, const std::string& server_name = {});
  TlsEngine(TlsEngine&&) noexcept;
  TlsEngine& operator=(TlsEngine&&) noexcept;
  ~TlsEngine();

  /// Ciphertext from the network. Errors: identity_mismatch (the key at the other end was refused by the check, or ours by the other side),
  /// malformed (no TLS 1.3, no common ALPN, a broken record); all final. What take_output() then gives tells the other side why.
  Result<void> feed(ByteView ciphertext);
  /// Ciphertext for the network: all there is, in exchange for a spare buffer whose memory is used again.
  ByteBuffer take_output(ByteBuffer spare = {});
  std::size_t output_size() const;

  bool established() const;
  const PeerId& peer() const;         // once established
  const PublicKey& peer_key() const;  // once established
  const std::string& alpn() const;    // once established

  /// Encrypts. Only once established.
  Result<void> write(ByteView plain);
  /// Decrypts what was fed: how many bytes were put into `out`; 0: feed more (or closed_by_peer()). Errors as feed().
  Result<std::size_t> read(std::span<std::byte> out);
  /// The peer said close_notify: nothing more will come, and nothing was cut off.
  bool closed_by_peer() const;
  /// Whether all that was fed has been read: nothing is left, not even a part of a record.
  bool drained() const;
  /// Makes our close_notify.
  void close();

  struct State;  // for tls.cpp alone

 private:
  std::unique_ptr<State> state_;
};

}  // namespace pshare
