// Looking for a UPnP gateway (UPnP Device Architecture 1.1 section 1.3: SSDP, HTTP's headers over UDP), as a core: asks everybody on the LAN
// and the default gateway itself, which answers sooner, and hears where its description is. Asked again, since multicast gets lost on
// Wi-Fi; given up after silence_of_gateway.
//
// What is sought is what maps ports, or a firewall for IPv6. The latter may be sought over IPv6 (UPnP Device Architecture 1.1 annex A), where everybody
// is asked by two multicast addresses, or over IPv4, since many routers have it in the description that they show there.
//
// Whoever answers may lie. Only a description on the very host that answered is believed, so that nobody has us talk to others; the default gateway's at
// once, another host's only when the gateway has said nothing (some routers answer from another of their addresses: over IPv6 most, whose address
// in our routes is the link-local one).
#pragma once

#include <array>
#include <chrono>
#include <deque>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>

#include "traversal/mapping/mapping.hpp"
#include "wire/bytes.hpp"
#include "wire/core.hpp"
#include "wire/result.hpp"

namespace pshare {

/// Of an http URL: where, and what there. Only literal addresses, without a zone.
struct HttpLocation {
  Endpoint server;
  std::string path;  // "/rootDesc.xml"; printable ASCII, with any query
  friend bool operator==(const HttpLocation&, const HttpLocation&) = default;
};
/// Errors: malformed, limit.
Result<HttpLocation> parse_http_location(std::string_view url);
/// Where the description is that an answer to a search points to. Errors: malformed (no answer to a search), limit.
Result<HttpLocation> parse_ssdp_answer(ByteView datagram);

class SsdpSearch {
 public:
  // Fixed by the UPnP Device Architecture.
  static constexpr Port port{1900};
  static std::span<const Endpoint> everybody(IpFamily family);  // 239.255.255.250:1900; [ff02::c]:1900, [ff05::c]:1900
  // Ours: when it is asked, and when another host than the gateway will do.
  static constexpr std::array<Duration, 3> sends{std::chrono::milliseconds{0}, std::chrono::milliseconds{250}, std::chrono::milliseconds{1000}};
  static constexpr Duration preference = std::chrono::milliseconds{700};
  static constexpr std::size_t longest_answer = 2048;

  enum class Sought { port_mapping, firewall };

  struct Send { Endpoint to; std::string bytes; };
  struct Found { HttpLocation description; };
  struct Nobody {};
  using Action = std::variant<Send, Found, Nobody>;  // Found and Nobody are the last

  SsdpSearch(IpAddress gateway, Sought sought, TimePoint now);
  void receive(const Endpoint& from, ByteView datagram, TimePoint now);

  void expire(TimePoint now);
  std::optional<TimePoint> deadline() const;
  std::optional<Action> take();

 private:
  void end(Action action);

  IpAddress gateway_;
  Sought sought_;
  TimePoint began_;
  std::size_t sent_ = 0;
  std::optional<HttpLocation> other_;  // on another host
  bool over_ = false;
  std::deque<Action> actions_;
};

}  // namespace pshare
