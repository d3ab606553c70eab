// All that is asked of one gateway about one port of ours, as a core: whether it speaks PCP, NAT-PMP and UPnP is asked at the same moment, and
// then one of those that answer maps the port for TCP and for UDP: the best that answers within a short head start. One mapping each and
// not one of every protocol, because protocols share a router's table, where taking away one's mapping takes away another's.
//
// What is refused, falls silent, or lets nothing in although it is listed is tried with the next protocol. What is mapped at an address that the
// internet cannot reach (double NAT) is kept and marked: a neighbour behind the same outer NAT can use it. When everything has failed it is tried again
// after a while.
//
// One of these for IPv4, and one for IPv6, where a mapping is a pinhole in a firewall: PCP and UPnP are spoken, and UPnP has another client for that.
#pragma once

#include <array>
#include <deque>
#include <optional>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "traversal/mapping/igd_client.hpp"
#include "traversal/mapping/mapped_ports.hpp"
#include "traversal/mapping/nat_pmp_client.hpp"
#include "traversal/mapping/pcp_client.hpp"
#include "traversal/mapping/pinhole_client.hpp"
#include "traversal/mapping/port_lease.hpp"
#include "wire/core.hpp"

namespace pshare {

class PortMappings {
 public:
  // Ours. A better protocol may answer so much later than a worse one and is taken; gateways on the same cable or Wi-Fi take 1 to 30 ms.
  static constexpr Duration head_start = std::chrono::milliseconds{50};
  // Ours: until everything is tried again.
  static constexpr Duration retry_pause = std::chrono::minutes{10};

  struct Settings {
    IpAddress gateway;  // PCP and NAT-PMP are asked there
    IpAddress own;      // of the same family: ours towards it
    Port local;
    std::chrono::seconds lifetime = mapping_lifetime;
    std::vector<MappingProtocol> protocols{all_mapping_protocols.begin(), all_mapping_protocols.end()};  // the best first; NAT-PMP is of IPv4 only
  };

  struct Send { MappingProtocol protocol; ByteBuffer bytes; };  // PCP, NAT-PMP: to the gateway's port for both, pcp_server_port
  struct Verify { Transport transport; Endpoint external; };    // the server is to dial it; then dialled(), or nothing if it could not try
  struct Changed {};                                            // ports() is another
  using Action = std::variant<Send, IgdClient::Search, IgdClient::Add, IgdClient::Delete, PinholeClient::Search, PinholeClient::Add, PinholeClient::Update,
                              PinholeClient::Delete, Verify, Changed>;

  /// `random` lives longer.
  PortMappings(Settings settings, Random& random, TimePoint now);

  /// To the socket of this protocol.
  void receive(MappingProtocol protocol, const Endpoint& from, ByteView datagram, TimePoint now);
  /// To everybody, at pcp_client_port.
  void announced(const Endpoint& from, ByteView datagram, TimePoint now);
  /// Nobody listens at the gateway (ICMP).
  void refused(MappingProtocol protocol, TimePoint now);

  // What Search, Add, Update and Delete have come to: of IgdClient for IPv4, ...
  void igd_found(std::optional<IpAddress> external, TimePoint now);
  void igd_added(Transport transport, TimePoint now);
  // ... of PinholeClient for IPv6, ...
  void firewall_found(FirewallStatus status, TimePoint now);
  void pinhole_added(Transport transport, PinholeId id, TimePoint now);
  void pinhole_updated(Transport transport, TimePoint now);
  // ... and of either.
  void igd_absent(TimePoint now);
  void igd_denied(Transport transport, int error, std::string_view words, TimePoint now);
  void igd_failed(Transport transport, std::string_view words, TimePoint now);
  void igd_deleted(Transport transport, TimePoint now);

  /// Where the server sees us; of this family. What is not proved is to be verified now.
  void observed(const IpAddress& address, TimePoint now);
  void dialled(Transport transport, const Endpoint& external, bool arrived, TimePoint now);

  /// Takes everything away. Over when is_given_back().
  void give_back(TimePoint now);
  bool is_given_back() const;

  const MappedPorts& ports() const { return ports_; }

  void expire(TimePoint now);
  std::optional<TimePoint> deadline() const;
  std::optional<Action> take();

 private:
  struct Protocol {
    ProtocolReport::State state = ProtocolReport::State::asked;
    Reason reason = Reason::none;
    std::string said;
    bool no_address = false;  // useless since the router has no address that it would map
  };
  struct Slot {  // a transport
    Transport transport;
    std::optional<PortLease> lease{};
    MappingProtocol by = MappingProtocol::pcp;  // with a lease
    std::set<MappingProtocol> failed{};
    std::optional<Endpoint> verifying{};
  };

  void begin(TimePoint now);
  void settle(TimePoint now);
  bool pump(TimePoint now);
  bool choose(Slot& slot, TimePoint now);
  void perform(Slot& slot, PortLease::Action action, TimePoint now);
  void verify(Slot& slot);
  template <typename Client>
  bool drain(std::optional<Client>& client, MappingProtocol protocol, TimePoint now);
  void report();

  void heard(MappingProtocol protocol, const GatewayAnswers& answer, TimePoint now);
  void heard(MappingProtocol protocol, const GatewayUnusable& answer, TimePoint now);
  void heard(MappingProtocol protocol, const GatewayUnneeded& answer, TimePoint now);
  void heard(MappingProtocol protocol, const GatewayForgot& answer, TimePoint now);
  void heard(MappingProtocol protocol, const MappingGranted& answer, TimePoint now);
  void heard(MappingProtocol protocol, const MappingDenied& answer, TimePoint now);
  void heard(MappingProtocol protocol, const MappingReleased& answer, TimePoint now);

  Slot& slot(Transport transport) { return slots_[transport == Transport::tcp ? 0 : 1]; }
  Protocol& of(MappingProtocol protocol) { return protocols_[static_cast<std::size_t>(protocol)]; }
  bool speaks(MappingProtocol protocol) const;
  PortLease* leased(MappingProtocol by, Transport transport);

  Settings settings_;
  Random& random_;
  std::optional<TimePoint> head_start_until_;  // before that, no protocol is taken while a better one may still answer
  std::optional<PcpClient> pcp_;
  std::optional<NatPmpClient> nat_pmp_;
  std::optional<IgdClient> igd_;          // UPnP, for IPv4
  std::optional<PinholeClient> pinholes_; // and for IPv6
  std::array<Protocol, all_mapping_protocols.size()> protocols_;
  std::array<Slot, 2> slots_{Slot{Transport::tcp}, Slot{Transport::udp}};
  std::optional<IpAddress> router_address_, observed_;
  std::optional<TimePoint> retry_at_;
  bool giving_back_ = false;
  MappedPorts ports_;
  std::deque<Action> actions_;
};

}  // namespace pshare
