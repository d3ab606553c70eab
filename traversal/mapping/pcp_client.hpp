// A client of one gateway that may speak the Port Control Protocol (RFC 6887), as a core: finds out whether it does, asks for mappings of
// one TCP and one UDP port of ours, and hears when the gateway has forgotten them. For a NAT's port (IPv4) and for a firewall's pinhole (IPv6).
//
//   us  --- ANNOUNCE ---> gateway     does it speak PCP? A gateway with NAT-PMP alone says that it is the other version (section 9)
//       <--- answer -----
//       ---- MAP -------> gateway     a lifetime of 0 takes the mapping away
//       <--- answer -----
//       <-- ANNOUNCE ----  gateway    unasked, to everybody: it has forgotten everything (section 14.1.3)
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
#include "wire/pcp.hpp"

namespace pshare {

class PcpClient {
 public:
  struct Send { ByteBuffer bytes; };  // to the gateway's pcp_server_port
  using Action = std::variant<Send, GatewayAnswers, GatewayUnusable, GatewayForgot, MappingGranted, MappingDenied, MappingReleased>;

  /// `own` is our address towards the gateway (section 8.1). `random` lives longer.
  PcpClient(IpAddress gateway, IpAddress own, Random& random, TimePoint now);

  /// Asks for a mapping of our port, or renews it. One of each transport; a newer request replaces an older one.
  void map(Transport transport, Port internal, Endpoint suggested, std::chrono::seconds lifetime, TimePoint now);
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
    PcpNonce nonce;              // the same for as long as we live: who changes a mapping must have made it
    std::optional<PcpMap> map{}; // as asked for last
    std::optional<GatewayRequest> request{};
    bool ending = false;         // the request takes it away
  };

  Mapping& of(Transport transport) { return mappings_[transport == Transport::tcp ? 0 : 1]; }
  void ask(Mapping& mapping, std::chrono::seconds lifetime, TimePoint now);
  void answered(const PcpResponse& response, TimePoint now);
  void answered(Transport transport, const PcpMap& map, const PcpResponse& response);
  void heard();
  void give_up(Reason reason, std::string said);
  void send(std::optional<GatewayRequest>& request, TimePoint now);

  IpAddress gateway_, own_;
  Random& random_;
  std::optional<GatewayRequest> probe_;
  std::array<Mapping, 2> mappings_;
  Epoch epoch_{Epoch::Rule::pcp};
  TimePoint silent_at_;
  bool heard_ = false, unusable_ = false;
  std::deque<Action> actions_;
};

}  // namespace pshare
