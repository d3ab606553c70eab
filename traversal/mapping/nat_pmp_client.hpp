// A client of one gateway that may speak NAT-PMP (RFC 6886), as a core: finds out whether it does and which address it has outside, asks
// for mappings of one TCP and one UDP port of ours, and hears when the gateway has forgotten them. IPv4 only, as the protocol is.
//
//   us  --- address -----> gateway     does it speak NAT-PMP, and where are we seen from?
//       <--- answer ------
//       ---- map ---------> gateway    a lifetime of 0 takes the mapping away
//       <--- answer ------
//       <--- address ----  gateway     unasked, to everybody: it has another address, or has forgotten everything (section 3.2.1)
//
// When to renew is port_lease's to know.
#pragma once

#include <array>
#include <chrono>
#include <deque>
#include <optional>
#include <string>
#include <variant>

#include "traversal/mapping/epoch.hpp"
#include "traversal/mapping/gateway_request.hpp"
#include "traversal/mapping/mapping.hpp"
#include "wire/core.hpp"
#include "wire/nat_pmp.hpp"

namespace pshare {

class NatPmpClient {
 public:
  struct Send { ByteBuffer bytes; };  // to the gateway's nat_pmp_gateway_port
  using Action = std::variant<Send, GatewayAnswers, GatewayUnusable, GatewayForgot, MappingGranted, MappingDenied, MappingReleased>;

  NatPmpClient(IpAddress gateway, TimePoint now);

  /// Once it answers. Asks for a mapping of our port, or renews it. One of each transport; a newer request replaces an older one.
  void map(Transport transport, Port internal, Port suggested, std::chrono::seconds lifetime, TimePoint now);
  /// Takes it away. Without one nothing is asked, and it is released.
  void release(Transport transport, TimePoint now);

  /// From anybody: what the gateway did not send is ignored, as is what answers no request of ours.
  void receive(const Endpoint& from, ByteView datagram, TimePoint now);
  /// Nobody listens at the gateway's port (ICMP).
  void refused(TimePoint now);

  void expire(TimePoint now);
  std::optional<TimePoint> deadline() const;
  std::optional<Action> take();

 private:
  struct Mapping {
    std::optional<Port> internal{};
    std::optional<GatewayRequest> request{};
    bool ending = false;  // the request takes it away
  };

  Mapping& of(Transport transport) { return mappings_[transport == Transport::tcp ? 0 : 1]; }
  void ask(Transport transport, Port suggested, std::chrono::seconds lifetime, TimePoint now);
  void answered(const NatPmpAddress& answer);
  void answered(const NatPmpMapping& answer);
  void answered(const NatPmpRefused& answer);
  void deny(Transport transport, std::string_view said);
  void give_up(Reason reason, std::string_view said);
  void send(std::optional<GatewayRequest>& request, TimePoint now);

  IpAddress gateway_;
  std::optional<IpAddress> external_;
  std::optional<GatewayRequest> probe_;
  std::array<Mapping, 2> mappings_;
  Epoch epoch_{Epoch::Rule::nat_pmp};
  TimePoint silent_at_;
  bool heard_ = false, unusable_ = false;
  std::deque<Action> actions_;
};

}  // namespace pshare
