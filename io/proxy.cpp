#include "io/proxy.hpp"

#include <algorithm>
#include <cassert>
#include <charconv>
#include <cstring>
#include <utility>

namespace pshare {

namespace {

constexpr Port default_http_port{80}, default_socks_port{1080};

Unexpected not_a_proxy(std::string why) {
  return Unexpected{{.code = Errc::usage,
                     .doing = "this is no proxy: " + std::move(why),
                     .hint = "Write http://HOST:PORT or socks5://HOST:PORT, with USER:PASSWORD@ before the host if it wants them."}};
}

std::optional<int> hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return std::nullopt;
}

/// RFC 3986 section 2.1. Nothing for a '%' without two digits.
std::optional<std::string> percent_decoded(std::string_view text) {
  std::string out;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] != '%') {
      out += text[at];
      continue;
    }
    const auto high = at + 2 < text.size() ? hex_digit(text[at + 1]) : std::nullopt;
    const auto low = at + 2 < text.size() ? hex_digit(text[at + 2]) : std::nullopt;
    if (!high || !low) return std::nullopt;
    out += static_cast<char>(*high * 16 + *low);
    at += 2;
  }
  return out;
}

/// RFC 4648 section 4.
std::string base64(std::string_view text) {
  constexpr std::string_view digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  for (std::size_t at = 0; at < text.size(); at += 3) {
    const auto part = text.substr(at, 3);
    std::uint32_t bits = 0;
    for (std::size_t i = 0; i < 3; ++i) bits = bits << 8 | (i < part.size() ? static_cast<unsigned char>(part[i]) : 0u);
    for (std::size_t i = 0; i < 4; ++i) out += i <= part.size() ? digits[bits >> (18 - 6 * i) & 63] : '=';
  }
  return out;
}

bool holds_control_characters(std::string_view text) {
  return std::ranges::any_of(text, [](char c) { return static_cast<unsigned char>(c) <= ' ' || c == 0x7f; });
}

std::string bracketed(const std::string& host, Port port) {
  const bool v6 = host.find(':') != std::string::npos;
  return (v6 ? "[" + host + "]" : host) + ":" + std::to_string(port.number);
}

std::string_view scheme_of(Proxy::Kind kind) { return kind == Proxy::Kind::http ? "http" : "socks5"; }

Result<Proxy::Credentials> credentials_from(std::string_view text) {
  const auto colon = text.find(':');
  const auto user = percent_decoded(text.substr(0, colon));
  const auto password = colon == std::string_view::npos ? std::optional<std::string>{""} : percent_decoded(text.substr(colon + 1));
  if (!user || !password) return not_a_proxy("a % in its user name or password is not followed by two hexadecimal digits");
  if (user->empty() || user->size() > max_socks_text || password->size() > max_socks_text)
    return not_a_proxy("its user name and password must have 1 to 255 bytes each");
  return Proxy::Credentials{*user, *password};
}

Result<void> read_host_and_port(Proxy& proxy, std::string_view text) {
  const bool in_brackets = text.starts_with('[');
  const auto host_end = in_brackets ? text.find(']') : text.find(':');
  if (in_brackets && host_end == std::string_view::npos) return not_a_proxy("the ']' is missing");
  proxy.host = std::string{in_brackets ? text.substr(1, host_end - 1) : text.substr(0, host_end)};
  if (proxy.host.empty() || proxy.host.size() > max_socks_text || holds_control_characters(proxy.host)) return not_a_proxy("it names no host");
  const auto after = host_end == std::string_view::npos ? std::string_view{} : text.substr(host_end + (in_brackets ? 1 : 0));
  if (after.empty()) return {};
  const auto digits = after.substr(1);
  const auto [end, trouble] = std::from_chars(digits.data(), digits.data() + digits.size(), proxy.port.number);
  if (after.front() != ':' || trouble != std::errc{} || end != digits.data() + digits.size() || proxy.port.number == 0)
    return not_a_proxy("its port is no number from 1 to 65535");
  return {};
}

}  // namespace

Result<Proxy> Proxy::parse(std::string_view url) {
  Proxy proxy;
  auto rest = url;
  std::string scheme = "http";
  if (const auto end = url.find("://"); end != std::string_view::npos) {
    scheme = std::string{url.substr(0, end)};
    std::ranges::transform(scheme, scheme.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
    rest = url.substr(end + 3);
  }
  if (scheme != "http" && scheme != "socks5" && scheme != "socks5h")
    return not_a_proxy(holds_control_characters(scheme) || scheme.size() > 16 ? "its scheme is unknown"
                                                                              : "there are http:// and socks5:// proxies, but not " + scheme + "://");
  proxy.kind = scheme == "http" ? Kind::http : Kind::socks5;
  proxy.port = proxy.kind == Kind::http ? default_http_port : default_socks_port;
  rest = rest.substr(0, rest.find_first_of("/?#"));
  if (const auto at = rest.rfind('@'); at != std::string_view::npos) {
    auto credentials = credentials_from(rest.substr(0, at));
    if (!credentials) return Unexpected{credentials.error()};
    proxy.credentials = *std::move(credentials);
    rest = rest.substr(at + 1);
  }
  if (const auto read = read_host_and_port(proxy, rest); !read) return Unexpected{read.error()};
  return proxy;
}

std::string Proxy::text() const { return std::string{scheme_of(kind)} + "://" + bracketed(host, port); }

// --- what both have in common ------------------------------------------------------------------------------------------------

ProxyRequest::ProxyRequest(const Proxy& proxy, std::string host, Port port)
    : proxy_(proxy), host_(std::move(host)), port_(port), stage_(proxy.kind == Proxy::Kind::http ? Stage::http_answer : Stage::socks_method) {
  ByteWriter out;
  if (proxy_.kind == Proxy::Kind::http) {
    const auto where = bracketed(host_, port_);
    std::string request = "CONNECT " + where + " HTTP/1.1\r\nHost: " + where + "\r\n";
    if (const auto& who = proxy_.credentials) request += "Proxy-Authorization: Basic " + base64(who->user + ":" + who->password) + "\r\n";
    out.bytes(bytes_of(request + "\r\n"));
  } else if (proxy_.credentials) {
    out.u8(5).u8(2).u8(0).u8(2);  // without, and with user name and password
  } else {
    out.u8(5).u8(1).u8(0);
  }
  outgoing_ = out.take();
  if (host_.empty() || host_.size() > max_socks_text || holds_control_characters(host_)) {  // a line of its own in a request would be somebody's
    outgoing_.clear();
    stage_ = Stage::failed;
  }
}

ByteBuffer ProxyRequest::take_output() { return std::exchange(outgoing_, {}); }

Result<void> ProxyRequest::feed(ByteView bytes) {
  if (stage_ == Stage::established) return fail({.code = Errc::malformed, .doing = doing() + ": it goes on talking, though nobody was asked anything"});
  incoming_.insert(incoming_.end(), bytes.begin(), bytes.end());
  return go_on();
}

Result<void> ProxyRequest::go_on() {
  for (;;) {
    Result<bool> went_on = false;
    switch (stage_) {
      case Stage::http_answer: went_on = http_answer(); break;
      case Stage::socks_method: went_on = socks_method(); break;
      case Stage::socks_login: went_on = socks_login(); break;
      case Stage::socks_answer: went_on = socks_answer(); break;
      case Stage::failed: return fail({.code = Errc::malformed, .doing = doing() + ": \"" + host_ + "\" is no host, or it has refused already"});
      case Stage::established:
        // In TLS we speak first: whatever this is, it is not from whom we asked for.
        if (!incoming_.empty()) return fail({.code = Errc::malformed, .doing = doing() + ": it says more than it should"});
        return {};
    }
    if (!went_on) return Unexpected{went_on.error()};
    if (!*went_on) return {};
  }
}

Unexpected ProxyRequest::fail(Error error) {
  stage_ = Stage::failed;
  return Unexpected{std::move(error)};
}

std::string ProxyRequest::doing() const { return "asking the proxy " + proxy_.text() + " for a connection to " + bracketed(host_, port_); }

// --- HTTP ----------------------------------------------------------------------------------------------------------------------

namespace {

/// After the empty line; nothing while there is none. Some end lines with a line feed alone.
std::optional<std::size_t> end_of_header(std::string_view text) {
  const auto crlf = text.find("\r\n\r\n"), lf = text.find("\n\n");
  if (crlf == std::string_view::npos && lf == std::string_view::npos) return std::nullopt;
  return crlf < lf ? crlf + 4 : lf + 2;
}

/// Of "HTTP/1.1 407 Proxy Authentication Required".
std::optional<int> status_of(std::string_view header) {
  const auto line = header.substr(0, header.find_first_of("\r\n"));
  int status = 0;
  if (!line.starts_with("HTTP/1.") || line.size() < 12 || line[8] != ' ') return std::nullopt;
  const auto [end, trouble] = std::from_chars(line.data() + 9, line.data() + 12, status);
  if (trouble != std::errc{} || end != line.data() + 12 || status < 100 || (line.size() > 12 && line[12] != ' ')) return std::nullopt;
  return status;
}

Error refusal(int status, std::string doing, bool had_credentials, Port port) {
  const auto number = " (HTTP " + std::to_string(status) + ")";
  const auto to_port = " to port " + std::to_string(port.number);
  const bool about_login = status == 407 || status == 401;  // tinyproxy says 401 to what it does not take
  if (about_login && !had_credentials)
    return {.code = Errc::refused, .doing = doing + ": it wants a user name and a password" + number,
            .hint = "put them into the proxy's URL: http://USER:PASSWORD@HOST:PORT (Basic authentication is the one way that pshare knows)"};
  if (about_login)
    return {.code = Errc::refused, .doing = doing + ": it does not take this user name and password" + number,
            .hint = "check them in the proxy's URL; a proxy that wants NTLM or Kerberos needs a helper such as cntlm in between"};
  if (status == 400 || status == 403 || status == 405 || status == 501)
    return {.code = Errc::refused, .doing = doing + ": it does not let anybody through" + to_port + number,
            .hint = port.number == 443 ? "ask whoever runs the proxy to allow CONNECT to that host" : "most proxies let through port 443 alone: have the server listen there too"};
  if (status == 502 || status == 503 || status == 504) return {.code = Errc::unreachable, .doing = doing + ": it cannot get there" + number};
  return {.code = Errc::unreachable, .doing = doing + ": it answers with HTTP " + std::to_string(status)};
}

}  // namespace

Result<bool> ProxyRequest::http_answer() {
  const auto text = text_of(incoming_);
  const auto end = end_of_header(text);
  if (!end && incoming_.size() > max_proxy_answer) return fail({.code = Errc::limit, .doing = doing() + ": its answer is too long"});
  constexpr std::string_view beginning = "HTTP/1.";
  if (text.substr(0, beginning.size()) != beginning.substr(0, text.size()))
    return fail({.code = Errc::malformed, .doing = doing() + ": what answers is no HTTP proxy", .hint = "is it a SOCKS proxy? Then write socks5://HOST:PORT"});
  if (!end) return false;
  const auto status = status_of(text);
  if (!status || *end > max_proxy_answer) return fail({.code = Errc::malformed, .doing = doing() + ": its answer makes no sense"});
  if (*status < 200) {  // RFC 9110 section 15.2: another one follows
    if (incoming_.size() > max_proxy_answer) return fail({.code = Errc::limit, .doing = doing() + ": its answer is too long"});
    incoming_.erase(incoming_.begin(), incoming_.begin() + static_cast<std::ptrdiff_t>(*end));
    return true;
  }
  if (*status >= 300) return fail(refusal(*status, doing(), proxy_.credentials.has_value(), port_));
  incoming_.erase(incoming_.begin(), incoming_.begin() + static_cast<std::ptrdiff_t>(*end));
  stage_ = Stage::established;
  return true;
}

// --- SOCKS5 --------------------------------------------------------------------------------------------------------------------

namespace {

/// RFC 1928 section 6.
Error socks_refusal(std::uint8_t reply, std::string doing, Port port) {
  const auto to_port = " to port " + std::to_string(port.number);
  switch (reply) {
    case 2:
      return {.code = Errc::refused, .doing = doing + ": its rules do not let anybody through" + to_port,
              .hint = port.number == 443 ? "ask whoever runs the proxy to allow that host" : "many proxies let through port 443 alone: have the server listen there too"};
    case 3: return {.code = Errc::unreachable, .doing = doing + ": it knows no way to that network"};
    case 4: return {.code = Errc::unreachable, .doing = doing + ": it cannot reach that host"};
    case 5: return {.code = Errc::refused, .doing = doing + ": nothing listens there"};
    case 6: return {.code = Errc::unreachable, .doing = doing + ": there was no answer from there"};
    case 7: return {.code = Errc::refused, .doing = doing + ": it connects nobody"};
    case 8: return {.code = Errc::refused, .doing = doing + ": it does not know this kind of address"};
    default: return {.code = Errc::unreachable, .doing = doing + ": it failed (SOCKS reply " + std::to_string(reply) + ")"};
  }
}

Error no_socks(std::string doing) {
  return {.code = Errc::malformed, .doing = doing + ": what answers is no SOCKS5 proxy", .hint = "is it an HTTP proxy? Then write http://HOST:PORT"};
}

}  // namespace

Result<bool> ProxyRequest::socks_method() {
  if (!incoming_.empty() && incoming_[0] != std::byte{5}) return fail(no_socks(doing()));
  if (incoming_.size() < 2) return false;
  const auto method = std::to_integer<unsigned>(incoming_[1]);
  incoming_.erase(incoming_.begin(), incoming_.begin() + 2);
  if (method == 0) {
    ask_socks();
    return true;
  }
  if (method != 2 || !proxy_.credentials)
    return fail(proxy_.credentials
                    ? Error{.code = Errc::refused, .doing = doing() + ": it takes no user name and password, nor does it work without"}
                    : Error{.code = Errc::refused, .doing = doing() + ": it wants a user name and a password",
                            .hint = "put them into the proxy's URL: socks5://USER:PASSWORD@HOST:PORT"});
  const auto& [user, password] = *proxy_.credentials;
  ByteWriter out;
  out.u8(1).u8(static_cast<std::uint8_t>(user.size())).bytes(bytes_of(user));
  out.u8(static_cast<std::uint8_t>(password.size())).bytes(bytes_of(password));
  outgoing_ = out.take();
  stage_ = Stage::socks_login;
  return true;
}

Result<bool> ProxyRequest::socks_login() {
  if (!incoming_.empty() && incoming_[0] != std::byte{1} && incoming_[0] != std::byte{5}) return fail(no_socks(doing()));  // 5: a common mistake
  if (incoming_.size() < 2) return false;
  if (incoming_[1] != std::byte{0})
    return fail({.code = Errc::refused, .doing = doing() + ": it does not take this user name and password", .hint = "check them in the proxy's URL"});
  incoming_.erase(incoming_.begin(), incoming_.begin() + 2);
  ask_socks();
  return true;
}

void ProxyRequest::ask_socks() {
  ByteWriter out;
  out.u8(5).u8(1).u8(0);  // CONNECT
  if (const auto literal = IpAddress::parse(host_)) {
    out.u8(literal->is_v4() ? 1 : 4).bytes(literal->bytes());
  } else {
    out.u8(3).u8(static_cast<std::uint8_t>(host_.size())).bytes(bytes_of(host_));
  }
  outgoing_ = out.u16(port_.number).take();
  stage_ = Stage::socks_answer;
}

Result<bool> ProxyRequest::socks_answer() {
  ByteReader reader{incoming_};
  const auto version = reader.u8(), reply = reader.u8(), reserved = reader.u8(), kind = reader.u8();
  if (version && *version != 5) return fail(no_socks(doing()));
  if (reply && *reply != 0) return fail(socks_refusal(*reply, doing(), port_));
  if (!kind || !reserved) return false;
  // The address from which it connects, which is of no use to us.
  std::optional<ByteView> bound;
  if (*kind == 1) bound = reader.bytes(4);
  else if (*kind == 4) bound = reader.bytes(16);
  else if (*kind != 3) return fail({.code = Errc::malformed, .doing = doing() + ": its answer makes no sense"});
  else if (const auto length = reader.u8()) bound = reader.bytes(*length);
  if (!bound || !reader.u16()) return false;
  incoming_ = buffer_of(reader.rest());
  stage_ = Stage::established;
  return true;
}

}  // namespace pshare
