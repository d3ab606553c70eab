// A proxy that lets connections out of a network: its URL, and the few bytes that have it connect to somewhere, as a core. HTTP CONNECT
// (RFC 9110 section 9.3.6, with Basic authentication by RFC 7617) and SOCKS5 (RFC 1928, with user name and password by RFC 1929). The host's name is
// the proxy's to look up: in such networks the machines themselves often cannot. It knows no socket; io/proxy_dial drives it.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "wire/address.hpp"
#include "wire/bytes.hpp"
#include "wire/result.hpp"

namespace pshare {

/// The longest answer of an HTTP proxy, with all its header fields. Ours: what they send is under 1 KiB, pages that say why are not read.
inline constexpr std::size_t max_proxy_answer = 16 * 1024;
/// What the lengths of RFC 1928 and 1929 can say.
inline constexpr std::size_t max_socks_text = 255;

struct Proxy {
  enum class Kind { http, socks5 };
  struct Credentials {
    std::string user, password;
    friend bool operator==(const Credentials&, const Credentials&) = default;
  };

  Kind kind = Kind::http;
  std::string host;  // a name or a literal address
  Port port;
  std::optional<Credentials> credentials = {};

  /// http://[USER:PASSWORD@]HOST[:PORT], socks5:// and socks5h:// alike (the proxy looks names up in either case); without a scheme it is HTTP.
  /// Errors: usage, in words that hold no password.
  static Result<Proxy> parse(std::string_view url);
  /// "http://host:port": without the credentials.
  std::string text() const;
  friend bool operator==(const Proxy&, const Proxy&) = default;
};

/// Asks a proxy for one connection. Send what take_output() gives, feed() what arrives, until established(); from then on the bytes are those of
/// who was asked for.
class ProxyRequest {
 public:
  /// `host`: a name or a literal address.
  ProxyRequest(const Proxy& proxy, std::string host, Port port);

  ByteBuffer take_output();
  /// Errors: refused (the proxy does not want to), unreachable (it cannot), malformed, limit; all final, and with what to do about it.
  Result<void> feed(ByteView bytes);
  bool established() const { return stage_ == Stage::established; }

 private:
  enum class Stage { http_answer, socks_method, socks_login, socks_answer, established, failed };

  Result<void> go_on();
  Result<bool> http_answer();
  Result<bool> socks_method();
  Result<bool> socks_login();
  Result<bool> socks_answer();
  void ask_socks();
  Unexpected fail(Error error);
  std::string doing() const;

  Proxy proxy_;
  std::string host_;
  Port port_;
  Stage stage_;
  ByteBuffer incoming_, outgoing_;
};

}  // namespace pshare
