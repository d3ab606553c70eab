// The port mappings that a home router has made by request, whichever protocol asked for them, and its habits in making them. A mapping
// that works is a rule of the NAT. One that is only listed is not: that is the difference which routers do not tell.
//
// The protocols see it through mapping_pcp.hpp, mapping_nat_pmp.hpp and mapping_igd.hpp. Decided here, where the documents leave it open:
// - All protocols find all mappings. NAT-PMP may make a mapping of PCP last longer, but cannot end it: it has no nonce.
// - A mapping for ever is as good as one made by hand: neither PCP nor NAT-PMP gives it an end, or takes it away.
// - Mappings are IPv4 only, as the rules of the NAT are.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "network/nat_box.hpp"
#include "wire/pcp.hpp"

namespace pshare::sim {

/// What routers are known to do, each for itself. As it is made, a router does what the RFCs say.
struct MappingHabits {
  std::optional<IpAddress> tells_address{};    // as its own outside, whatever that is (ext_ip of miniupnpd)
  bool refuses_reserved_address = false;       // maps nothing where what it tells is private, or otherwise not of the internet (miniupnpd)
  std::size_t limit = 256;                     // mappings
  Port lowest_port{1};                         // lower ones are not mapped, neither outside nor inside: often 1024
  bool gives_other_port = false;               // than was asked for, unless only that one would do
  Duration shortest_lifetime = std::chrono::seconds{1};  // of leases; what is asked for below or beyond becomes what is allowed
  Duration longest_lifetime = std::chrono::hours{24};    // RFC 6887 section 15
  std::size_t dead_at_first = 0;               // so many mappings are accepted and listed, and let nothing in: until removed and made again
  bool for_requester_only = true;              // nobody maps to another's address, or removes what is another's
  enum class AtReboot {
    forgets,              // and the epoch begins anew
    keeps,                // and the epoch goes on
    keeps_the_list_only,  // and nothing comes in, as with dead_at_first; the epoch begins anew
  };
  AtReboot at_reboot = AtReboot::forgets;
};

struct PortMapping {
  Protocol protocol = Protocol::udp;  // or tcp
  Port external;
  Endpoint internal;
  std::optional<TimePoint> ends_at{};  // nothing: for ever
  std::optional<PcpNonce> nonce{};
  std::string description{};
  bool enabled = true;                 // UPnP can list mappings that are switched off
  bool dead = false;                   // nothing comes in, and nobody is told
};

class MappingTable {
 public:
  struct Request {
    Protocol protocol = Protocol::udp;
    Endpoint internal;
    IpAddress requester;
    Port external{};                    // 0: any
    bool only_this_port = false;
    std::optional<Duration> lifetime{};  // nothing: for ever, or of a lease as long as may be
    std::optional<PcpNonce> nonce{};
    std::string description{};
    bool enabled = true;
  };
  enum class Refusal {
    not_allowed,       // this port, or for this address
    other_nonce,
    no_address,        // outside
    reserved_address,  // outside: there is another NAT before this one
    port_taken,        // and only it would do
    full,
  };
  using Outcome = std::variant<PortMapping, Refusal>;

  /// The NAT lives longer.
  MappingTable(NatBox& nat, const MappingHabits& habits) : nat_(nat), habits_(habits) {}

  /// As PCP and NAT-PMP see mappings: one for each inner endpoint. Asked for again it lasts longer and keeps its port.
  Outcome lease(const Request& request, TimePoint now);
  /// The end of a lease; also when there was none. False: it is not for who asks to end it.
  bool release(Protocol protocol, const Endpoint& internal, const std::optional<PcpNonce>& nonce, TimePoint now);
  /// As UPnP sees them: one for each external port. The same inner host may put another in its place.
  Outcome put(const Request& request, TimePoint now);
  void remove(Protocol protocol, Port external);

  std::optional<PortMapping> by_external(Protocol protocol, Port external, TimePoint now);
  std::optional<PortMapping> by_internal(Protocol protocol, const Endpoint& internal, TimePoint now);
  /// In the order in which they were made.
  const std::vector<PortMapping>& all(TimePoint now);

  /// Whole seconds until it ends, or those of the longest lease if it does not.
  std::chrono::seconds lifetime_of(const PortMapping& mapping, TimePoint now) const;

  /// What it says its address is, to this inner host. Nothing: it has none.
  std::optional<IpAddress> told_address(const IpAddress& inner) const;
  /// Whether it makes mappings under the address that it tells.
  bool is_suitable(const IpAddress& told) const;

  /// After the NAT's own.
  void reboot(TimePoint now);
  const MappingHabits& habits() const { return habits_; }
  /// From now on; mappings stay as they are.
  void change(const MappingHabits& habits) { habits_ = habits; }

 private:
  using At = std::vector<PortMapping>::iterator;

  std::optional<Refusal> reason_against(const Request& request) const;
  Outcome make(const Request& request, std::optional<TimePoint> ends_at, TimePoint now);
  void renew(PortMapping& mapping, std::optional<TimePoint> ends_at, TimePoint now);
  bool place(PortMapping& mapping, Port external, TimePoint now);
  void expire(TimePoint now);
  At find(Protocol protocol, Port external);
  At find(Protocol protocol, const Endpoint& internal);

  NatBox& nat_;
  MappingHabits habits_;
  std::vector<PortMapping> mappings_;
  std::size_t made_dead_ = 0;
};

}  // namespace pshare::sim
