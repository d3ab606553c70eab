#include "network/nat_ports.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <vector>

namespace pshare::sim {

std::optional<unsigned> PortSet::first_absent(unsigned from, unsigned last) const {
  for (unsigned port = from; port <= last; port = (port / 64 + 1) * 64) {
    const auto absent = ~words_[port / 64] >> (port % 64);
    if (absent == 0) continue;
    const auto found = port + static_cast<unsigned>(std::countr_zero(absent));
    return found <= last ? std::optional{found} : std::nullopt;
  }
  return std::nullopt;
}

bool NatPorts::is_own(const IpAddress& address) const {
  return std::ranges::find(behaviour_.external, address) != behaviour_.external.end();
}

std::optional<IpAddress> NatPorts::address_of(const IpAddress& inner) {
  const auto& addresses = behaviour_.external;
  if (addresses.empty()) return std::nullopt;
  if (addresses.size() == 1 || behaviour_.pooling == Pooling::arbitrary) return addresses.front();
  return addresses[pairs_.emplace(inner, pairs_.size() % addresses.size()).first->second];
}

std::optional<Endpoint> NatPorts::choose(Protocol protocol, const Endpoint& internal, TimePoint now, const Unfit& unfit) {
  const auto at = [&](const IpAddress& address) -> std::optional<Endpoint> {
    const auto port = choose_port(protocol, internal, address, now, unfit);
    if (!port) return std::nullopt;
    return Endpoint{address, {static_cast<std::uint16_t>(*port)}};
  };
  const auto& addresses = behaviour_.external;
  if (addresses.empty()) return std::nullopt;
  if (behaviour_.pooling == Pooling::paired) return at(*address_of(internal.address));
  for (std::size_t tried = 0; tried < addresses.size(); ++tried) {
    if (auto chosen = at(addresses[turn_++ % addresses.size()])) return chosen;
  }
  return std::nullopt;
}

std::optional<unsigned> NatPorts::choose_port(Protocol protocol, const Endpoint& internal, const IpAddress& external, TimePoint now,
                                              const Unfit& unfit) {
  const auto range = range_of(external, internal.address);
  if (!range) return std::nullopt;
  const auto& taken = taken_[{protocol, external}];
  const auto fits = [&](unsigned port) { return !unfit || !unfit({external, {static_cast<std::uint16_t>(port)}}); };
  const auto is_free = [&](unsigned port) { return !taken.contains(port) && fits(port); };
  const auto first_free = [&](unsigned from, unsigned last) {
    auto port = taken.first_absent(from, last);
    while (port && !fits(*port)) port = taken.first_absent(*port + 1, last);
    return port;
  };

  switch (behaviour_.ports) {
    case PortChoice::preserving: {
      const auto wanted = range->contains(internal.port.number) ? internal.port.number : range->first;
      if (const auto port = first_free(wanted, range->last)) return port;
      return wanted > range->first ? first_free(range->first, wanted - 1) : std::nullopt;
    }
    case PortChoice::sequential: {
      const Place place{protocol, external, behaviour_.block != 0 ? internal.address : IpAddress{}};
      if (const auto port = next_in_turn(place, *range, now, is_free)) return port;
      break;  // a step that does not reach every port
    }
    case PortChoice::random: {
      for (int tries = 0; tries < 16; ++tries) {
        const auto port = range->first + static_cast<unsigned>(random_.below(range->size()));
        if (is_free(port)) return port;
      }
      std::vector<unsigned> free;  // few are left: a draw among them
      for (auto port = first_free(range->first, range->last); port; port = first_free(*port + 1, range->last)) free.push_back(*port);
      if (free.empty()) return std::nullopt;
      return free[random_.below(free.size())];
    }
  }
  return first_free(range->first, range->last);
}

std::optional<NatPorts::Range> NatPorts::range_of(const IpAddress& external, const IpAddress& inner) {
  const Range all{behaviour_.first_port.number, behaviour_.last_port.number};
  if (all.first > all.last) return std::nullopt;
  if (behaviour_.block == 0) return all;
  const auto known = blocks_.find({external, inner});
  const auto number = known != blocks_.end() ? known->second : blocks_given_[external];
  const Range block{all.first + number * behaviour_.block, all.first + (number + 1) * behaviour_.block - 1};
  if (block.last > all.last) return std::nullopt;
  if (known == blocks_.end()) blocks_[{external, inner}] = blocks_given_[external]++;
  return block;
}

std::optional<unsigned> NatPorts::next_in_turn(const Place& place, Range range, TimePoint now, const std::function<bool(unsigned)>& is_free) {
  auto& counter = counters_.try_emplace(place, Counter{.next = 0, .counted_until = started_at_}).first->second;
  if (behaviour_.block == 0) {
    const auto seconds = std::chrono::duration<double>{now - counter.counted_until}.count();
    const auto passed = counter.part_of_one + std::max(seconds, 0.0) * behaviour_.other_traffic;
    counter.next += static_cast<std::uint64_t>(passed) * behaviour_.port_step;
    counter.part_of_one = passed - std::floor(passed);
    counter.counted_until = std::max(now, counter.counted_until);
  }
  for (unsigned tried = 0; tried < range.size(); ++tried) {
    const auto port = range.first + static_cast<unsigned>(counter.next % range.size());
    counter.next += behaviour_.port_step;
    if (is_free(port)) return port;
  }
  return std::nullopt;
}

void NatPorts::renumber() {
  taken_.clear();
  pairs_.clear();
  turn_ = 0;
  blocks_.clear();
  blocks_given_.clear();
  counters_.clear();
}

}  // namespace pshare::sim
