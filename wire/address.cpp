#include "wire/address.hpp"

#ifdef _WIN32
#include <ws2tcpip.h>
#else
#include <arpa/inet.h>
#endif

#include <algorithm>
#include <charconv>

namespace pshare {

namespace {

constexpr std::array<std::byte, 12> mapped_prefix{
    std::byte{0}, std::byte{0}, std::byte{0}, std::byte{0}, std::byte{0},    std::byte{0},
    std::byte{0}, std::byte{0}, std::byte{0}, std::byte{0}, std::byte{0xFF}, std::byte{0xFF}};

Scope scope_of(const IpAddress::V4& bytes) {
  const auto a = std::to_integer<int>(bytes[0]), b = std::to_integer<int>(bytes[1]);
  if (a == 127) return Scope::loopback;
  if (a == 169 && b == 254) return Scope::link_local;
  if (a == 10 || (a == 172 && b >= 16 && b < 32) || (a == 192 && b == 168)) return Scope::private_use;
  if (a == 100 && b >= 64 && b < 128) return Scope::shared;
  if (a == 0 || a >= 224) return Scope::unusable;
  return Scope::global;
}

Scope scope_of(const IpAddress::V6& bytes) {
  const auto first = std::to_integer<int>(bytes[0]), second = std::to_integer<int>(bytes[1]);
  if (first == 0xFF) return Scope::unusable;
  if (first == 0xFE && (second & 0xC0) == 0x80) return Scope::link_local;
  if ((first & 0xFE) == 0xFC) return Scope::private_use;
  const bool zero_but_last = std::all_of(bytes.begin(), bytes.end() - 1, [](std::byte byte) { return byte == std::byte{0}; });
  if (zero_but_last && bytes.back() == std::byte{1}) return Scope::loopback;
  if (zero_but_last && bytes.back() == std::byte{0}) return Scope::unusable;
  return Scope::global;
}

Unexpected malformed(std::string_view what, std::string_view text) {
  return Unexpected{{.code = Errc::malformed, .doing = "reading \"" + std::string{text} + "\" as " + std::string{what}}};
}

}  // namespace

IpAddress::IpAddress(V6 bytes) {
  if (std::equal(mapped_prefix.begin(), mapped_prefix.end(), bytes.begin())) {
    V4 inner;
    std::copy(bytes.begin() + mapped_prefix.size(), bytes.end(), inner.begin());
    bytes_ = inner;
  } else {
    bytes_ = bytes;
  }
}

Result<IpAddress> IpAddress::parse(std::string_view text) {
  const std::string terminated{text};
  if (V4 v4; inet_pton(AF_INET, terminated.c_str(), v4.data()) == 1) return IpAddress{v4};
  if (V6 v6; inet_pton(AF_INET6, terminated.c_str(), v6.data()) == 1) return IpAddress{v6};
  return malformed("an IP address", text);
}

std::string IpAddress::text() const {
  char out[INET6_ADDRSTRLEN];
  inet_ntop(is_v4() ? AF_INET : AF_INET6, bytes().data(), out, sizeof out);
  return out;
}

Scope IpAddress::scope() const {
  return std::visit([](const auto& bytes) { return scope_of(bytes); }, bytes_);
}

std::span<const std::byte> IpAddress::bytes() const {
  return std::visit([](const auto& bytes) { return std::span<const std::byte>{bytes}; }, bytes_);
}

Result<Endpoint> Endpoint::parse(std::string_view text) {
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos) return malformed("an address and a port", text);
  auto host = text.substr(0, colon);
  const auto digits = text.substr(colon + 1);
  const bool bracketed = host.size() >= 2 && host.front() == '[' && host.back() == ']';
  if (bracketed) host = host.substr(1, host.size() - 2);
  const auto address = IpAddress::parse(host);
  std::uint16_t port = 0;
  const auto [end, trouble] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  if (!address || bracketed != (host.find(':') != std::string_view::npos) || trouble != std::errc{} ||
      end != digits.data() + digits.size())
    return malformed("an address and a port", text);
  return Endpoint{*address, Port{port}};
}

std::string Endpoint::text() const {
  const auto host = address.is_v4() ? address.text() : "[" + address.text() + "]";
  return host + ":" + std::to_string(port.number);
}

}  // namespace pshare
