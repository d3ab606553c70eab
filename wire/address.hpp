// Addresses of the IP world, without any socket type.
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>

#include "wire/result.hpp"
#include "wire/units.hpp"

namespace pshare {

enum class IpFamily { v4, v6 };

/// How far an address reaches.
enum class Scope {
  loopback,      // 127/8, ::1
  link_local,    // 169.254/16, fe80::/10
  private_use,   // RFC 1918, fc00::/7
  shared,        // 100.64/10, carrier-grade NAT (RFC 6598)
  global,
  unusable,      // unspecified, multicast, broadcast, documentation-only is *not* here (test labs use it)
};

/// An IPv4 or IPv6 address. An IPv4-mapped IPv6 address is held as IPv4. Zone indices stay with sockets (io/).
class IpAddress {
 public:
  using V4 = std::array<std::byte, 4>;
  using V6 = std::array<std::byte, 16>;

  IpAddress() : IpAddress(V4{}) {}
  explicit IpAddress(V4 bytes) : bytes_(bytes) {}
  explicit IpAddress(V6 bytes);

  /// Errors: malformed.
  static Result<IpAddress> parse(std::string_view text);
  std::string text() const;  // RFC 5952 for IPv6

  bool is_v4() const { return std::holds_alternative<V4>(bytes_); }
  bool is_v6() const { return !is_v4(); }
  Scope scope() const;
  /// 4 or 16 bytes, network order.
  std::span<const std::byte> bytes() const;

  friend auto operator<=>(const IpAddress&, const IpAddress&) = default;

 private:
  std::variant<V4, V6> bytes_;
};

struct Endpoint {
  IpAddress address;
  Port port;

  /// "192.0.2.1:4700", "[2001:db8::1]:4700". Errors: malformed.
  static Result<Endpoint> parse(std::string_view text);
  std::string text() const;
  friend auto operator<=>(const Endpoint&, const Endpoint&) = default;
};

}  // namespace pshare
