// What a NAT remembers: mappings of inner to external endpoints, and in each of them the remote endpoints that it was used with, which
// is what filters and timers look at (RFC 4787 sections 4.3 and 5, RFC 5382 section 5). A firewall's mapping has the same endpoint
// on both sides. Who may make and use a mapping is for others to say.
#pragma once

#include <cstdint>
#include <list>
#include <map>
#include <optional>
#include <unordered_map>
#include <utility>

#include "network/nat_behaviour.hpp"
#include "network/nat_ports.hpp"
#include "network/packet.hpp"

namespace pshare::sim {

enum class NatSide { inside, outside };

/// The state of a TCP connection, as far as somebody between its ends can tell.
class TrackedConnection {
 public:
  void see(NatSide from, const TcpHeader& tcp);
  /// Who sent the first SYN of the connection; nothing before one.
  std::optional<NatSide> opened_by() const { return opened_by_; }
  bool established() const { return inside_.syn && inside_.ack && outside_.syn && outside_.ack; }
  bool ended() const { return reset_ || (inside_.fin && outside_.fin); }

 private:
  struct Seen { bool syn = false, ack = false, fin = false; };
  std::optional<NatSide> opened_by_;
  Seen inside_, outside_;
  bool reset_ = false;
};

/// One remote endpoint of a mapping.
struct NatSession {
  TimePoint refreshed_at;
  bool admitted = false;     // it may come in where a filter asks: something went out to it, or it was let in and that counts too
  bool answered = false;     // something came in from it
  TrackedConnection connection;  // TCP only
};

struct NatMapping {
  Protocol protocol;
  Endpoint internal, external;
  TimePoint refreshed_at;
  bool answered = false;               // something came in from anybody
  bool permanent = false;              // a rule's: it does not expire, is not counted and makes room for nobody
  std::map<Endpoint, NatSession> sessions;  // by remote endpoint (of an echo: without the identifier); some may have expired

 private:
  friend class NatMappings;
  std::optional<Flow> key;             // nothing: only its sessions and its external endpoint lead to it
  std::uint64_t number = 0;
  TimePoint look_at;                   // when it has to be seen whether it has expired: not later than it has
  std::list<NatMapping>::iterator self;
};

struct FlowHash {
  std::size_t operator()(const Flow& flow) const;
};

class NatMappings {
 public:
  /// Both live longer. External endpoints are taken and released in `ports`.
  NatMappings(const NatBehaviour& behaviour, NatPorts& ports) : behaviour_(behaviour), ports_(ports) {}

  // No reference outlives the next expire(), evict_oldest() or remove. Without expire() at the same time, what is found may have expired.

  NatMapping* by_external(Protocol protocol, const Endpoint& external);
  /// `key`: protocol, inner endpoint, and as much of the remote endpoint as the mapping depends on.
  NatMapping* by_key(const Flow& key);
  /// The mapping that packets from the inner to the remote endpoint already use.
  NatMapping* by_flow(const Flow& flow, TimePoint now);
  NatSession* live_session(NatMapping& mapping, const Endpoint& remote, TimePoint now);
  /// Whether there is a live session with that address, on whatever port, that is admitted.
  bool admits_address(const NatMapping& mapping, const IpAddress& remote, TimePoint now) const;

  /// Nobody has the external endpoint yet. Without a key nothing but its sessions will lead from inside to it.
  NatMapping& add(Protocol protocol, const Endpoint& internal, const Endpoint& external, const std::optional<Flow>& key, TimePoint now);
  /// The live session, or a new one.
  NatSession& session(NatMapping& mapping, const Endpoint& remote, TimePoint now);
  /// After a packet that counts. Timers begin anew, those of a connection as its state wants it.
  void refresh(NatMapping& mapping, NatSession& session, TimePoint now);
  /// With the last session goes the mapping.
  void end_session(NatMapping& mapping, const Endpoint& remote);
  void make_permanent(NatMapping& mapping);
  /// It lives on for as long as what goes through it keeps it.
  void make_ordinary(NatMapping& mapping);

  void expire(TimePoint now);
  void evict_oldest() { if (!ordinary_.empty()) remove(ordinary_.front()); }
  /// The firewall's stay.
  void remove_translating();
  void clear();
  /// After a change of lifetimes.
  void look_at_all();

  /// Without permanent ones.
  std::size_t size() const { return ordinary_.size(); }
  std::size_t living(TimePoint now) const;

 private:
  Duration lifetime(const NatMapping& mapping, const NatSession& session) const;
  bool lives(const NatMapping& mapping, const NatSession& session, TimePoint now) const {
    return now < session.refreshed_at + lifetime(mapping, session);
  }
  Duration udp_lifetime(bool answered) const;
  TimePoint ends_at(const NatMapping& mapping) const;
  void look(NatMapping& mapping, TimePoint now);
  void look_at(NatMapping& mapping, TimePoint when);
  void remove(NatMapping& mapping);
  void forget_flow(const NatMapping& mapping, const Endpoint& remote);

  const NatBehaviour& behaviour_;
  NatPorts& ports_;
  std::list<NatMapping> ordinary_, permanent_;  // longest without refreshing first
  std::unordered_map<Flow, NatMapping*, FlowHash> by_external_, by_key_, by_flow_;  // looked up only: their order means nothing
  std::map<std::pair<TimePoint, std::uint64_t>, NatMapping*> looks_;
  std::uint64_t next_number_ = 0;
};

}  // namespace pshare::sim
