// The TLS of QUIC connections (RFC 9001): by GnuTLS or by OpenSSL, each in a file of its own (quic_tls_gnutls.cpp, quic_tls_openssl.cpp), of which CMake
// takes one (docs/decisions/0029). Both sides present the certificate of their Identity, and what counts is the other side's public key. TLS 1.3
// alone, no tickets, no early data.
#pragma once

#include <memory>
#include <optional>
#include <string_view>

#include "secure/identity.hpp"
#include "wire/ids.hpp"

struct ngtcp2_conn;

namespace pshare {

/// From which tokens of stateless resets are made (RFC 9000 section 10.3): the same after a restart.
Secret<32> quic_reset_secret(const Identity& identity);

/// Key and certificate as the library holds them, for any number of connections. The Identity may go.
class QuicCredentials {
 public:
  explicit QuicCredentials(const Identity& identity);  // throws Failure if the library cannot
  QuicCredentials(const QuicCredentials&) = delete;
  ~QuicCredentials();

  const Secret<32>& reset_secret() const { return reset_secret_; }

  struct Handle;
  const Handle& handle() const { return *handle_; }

 private:
  std::unique_ptr<Handle> handle_;
  Secret<32> reset_secret_;
};

enum class QuicRole { client, server };

/// One connection's TLS session.
class QuicTls {
 public:
  /// `credentials` live longer. Only the peer whose ID is `pin` is let in.
  QuicTls(QuicRole role, const QuicCredentials& credentials, const PeerId& pin, std::string_view alpn);
  ~QuicTls();

  /// Joins the two: the connection drives the session from now on.
  void drive(ngtcp2_conn* connection);

  /// The key that the other side presented, whether it was let in or not.
  const std::optional<PeerId>& shown() const;

  struct State;  // for the one file alone

 private:
  std::unique_ptr<State> state_;
};

}  // namespace pshare
