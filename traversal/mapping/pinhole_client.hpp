// What is asked of the IPv6 firewall of a UPnP gateway (WANIPv6FirewallControl:1), as a core: one pinhole each for a TCP and a UDP port of ours,
// from anybody to our own address, and what the errors mean. Search, HTTP and XML are the driver's (traversal/io/igd_firewall); it carries out one
// action at a time, and answers each.
//
// Unlike a mapping, a pinhole is known by a number that the gateway gives: while an answer is out it cannot be taken away. One that is not wanted
// any more is therefore taken away when its number comes. Asking for the same once more gives the same number (section 2.6.3), so a renewal that is
// refused becomes a request for a new one: a gateway that has forgotten the pinhole should say no-such-entry (704); miniupnpd 2.3.1 says 402.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "traversal/mapping/mapping.hpp"
#include "wire/core.hpp"

namespace pshare {

/// UniqueID, by which a gateway knows a pinhole.
struct PinholeId {
  std::uint16_t number = 0;
  friend bool operator==(PinholeId, PinholeId) = default;
};

/// What GetFirewallStatus says.
struct FirewallStatus {
  bool enabled = true;           // if not, everybody gets in, and there are no pinholes
  bool pinholes_allowed = true;  // by whoever asks
  friend bool operator==(const FirewallStatus&, const FirewallStatus&) = default;
};

class PinholeClient {
 public:
  /// Look for a firewall; then found() or absent().
  struct Search {};
  /// AddPinhole; then added(), denied() or failed(). `lifetime`: 1 s to a day.
  struct Add {
    Transport transport = Transport::tcp;
    Port port;
    std::chrono::seconds lifetime{0};
    friend bool operator==(const Add&, const Add&) = default;
  };
  /// UpdatePinhole; then updated(), denied() or failed().
  struct Update {
    Transport transport = Transport::tcp;
    PinholeId id;
    std::chrono::seconds lifetime{0};
    friend bool operator==(const Update&, const Update&) = default;
  };
  /// DeletePinhole; then deleted(), whatever the gateway says.
  struct Delete {
    Transport transport = Transport::tcp;
    PinholeId id;
    friend bool operator==(const Delete&, const Delete&) = default;
  };
  using Action =
      std::variant<Search, Add, Update, Delete, GatewayAnswers, GatewayUnusable, GatewayUnneeded, MappingGranted, MappingDenied, MappingReleased>;

  // WANIPv6FirewallControl:1 sections 2.6.3.7, 2.6.4.7.
  static constexpr int firewall_disabled = 702, inbound_pinhole_not_allowed = 703;
  // Of A_ARG_TYPE_LeaseTime.
  static constexpr std::chrono::seconds longest_lifetime{86'400};

  /// `own` is the address that pinholes lead to.
  explicit PinholeClient(IpAddress own) : own_(own) { actions_.emplace_back(Search{}); }

  /// Once it answers. Asks for a pinhole to our port, or renews it.
  void map(Transport transport, Port port, std::chrono::seconds lifetime);
  /// Also what is not answered yet. Without a pinhole nothing is asked, and it is released.
  void release(Transport transport);

  void found(FirewallStatus status);
  void absent();
  void added(Transport transport, PinholeId id);
  void updated(Transport transport);
  void denied(Transport transport, int error, std::string_view words);
  void failed(Transport transport, std::string_view words);
  void deleted(Transport transport);

  void expire(TimePoint) {}
  std::optional<TimePoint> deadline() const { return std::nullopt; }
  std::optional<Action> take();

 private:
  struct Closed {};
  struct Adding {
    bool wanted = true;                 // if not: to be deleted when its number is known
    std::optional<PinholeId> before{};  // whose renewal was refused
  };
  struct Open { PinholeId id; bool renewing = false; };
  struct Deleting {};
  struct Pinhole {
    Add asked{};  // last
    std::variant<Closed, Adding, Open, Deleting> state{};
  };

  Pinhole& of(Transport transport) { return pinholes_[transport == Transport::tcp ? 0 : 1]; }
  void add(Pinhole& pinhole, std::optional<PinholeId> before);
  void remove(Pinhole& pinhole, PinholeId id);
  void grant(const Pinhole& pinhole);
  void deny(Transport transport, std::string_view words);

  IpAddress own_;
  std::array<Pinhole, 2> pinholes_;
  std::deque<Action> actions_;
};

}  // namespace pshare
