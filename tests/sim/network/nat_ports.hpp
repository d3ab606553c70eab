// The external endpoints of a NAT: which of its addresses and ports a new mapping gets (RFC 4787 sections 4.1 and 4.2). What is taken
// is told by who holds the mappings.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <utility>

#include "network/nat_behaviour.hpp"
#include "network/packet.hpp"
#include "wire/random.hpp"

namespace pshare::sim {

class PortSet {
 public:
  bool contains(unsigned port) const { return (words_[port / 64] >> (port % 64) & 1) != 0; }
  void insert(unsigned port) { words_[port / 64] |= std::uint64_t{1} << (port % 64); }
  void erase(unsigned port) { words_[port / 64] &= ~(std::uint64_t{1} << (port % 64)); }
  /// The first port from `from` to `last` that is not in the set.
  std::optional<unsigned> first_absent(unsigned from, unsigned last) const;

 private:
  std::array<std::uint64_t, 65536 / 64> words_{};
};

class NatPorts {
 public:
  using Unfit = std::function<bool(const Endpoint&)>;

  /// Both live longer. The behaviour may change at any time; after a change of its addresses renumber() is due.
  NatPorts(const NatBehaviour& behaviour, Random& random, TimePoint now) : behaviour_(behaviour), random_(random), started_at_(now) {}

  /// A free endpoint for a mapping of `internal`, and none that is `unfit`. Nothing: all are taken.
  std::optional<Endpoint> choose(Protocol protocol, const Endpoint& internal, TimePoint now, const Unfit& unfit = {});
  void take(Protocol protocol, const Endpoint& external) { taken_[{protocol, external.address}].insert(external.port.number); }
  void release(Protocol protocol, const Endpoint& external) { taken_[{protocol, external.address}].erase(external.port.number); }

  /// Where rules for `inner` are: the address that it is paired with, or else the first. Nothing: there is no address.
  std::optional<IpAddress> address_of(const IpAddress& inner);
  bool is_own(const IpAddress& address) const;

  /// Counters, pairs and blocks begin anew; nothing is taken.
  void renumber();
  void reboot(TimePoint now) { started_at_ = now, renumber(); }

 private:
  struct Range {
    unsigned first, last;
    unsigned size() const { return last - first + 1; }
    bool contains(unsigned port) const { return first <= port && port <= last; }
  };
  struct Counter {
    std::uint64_t next = 0;   // beyond the first port of the range
    TimePoint counted_until;  // other people's traffic
    double part_of_one = 0;   // of which, what has not yet come to a whole port
  };
  struct Place { Protocol protocol; IpAddress external, inner; friend auto operator<=>(const Place&, const Place&) = default; };

  std::optional<unsigned> choose_port(Protocol protocol, const Endpoint& internal, const IpAddress& external, TimePoint now, const Unfit& unfit);
  std::optional<Range> range_of(const IpAddress& external, const IpAddress& inner);
  std::optional<unsigned> next_in_turn(const Place& place, Range range, TimePoint now, const std::function<bool(unsigned)>& is_free);

  const NatBehaviour& behaviour_;
  Random& random_;
  TimePoint started_at_;
  std::map<std::pair<Protocol, IpAddress>, PortSet> taken_;
  std::map<IpAddress, std::size_t> pairs_;                       // inner address to the index of an external one
  std::size_t turn_ = 0;                                         // arbitrary pooling: the external address that comes next
  std::map<std::pair<IpAddress, IpAddress>, unsigned> blocks_;   // of an inner address on an external one: the how manieth
  std::map<IpAddress, unsigned> blocks_given_;
  std::map<Place, Counter> counters_;
};

}  // namespace pshare::sim
