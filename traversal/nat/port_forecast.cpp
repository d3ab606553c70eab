#include "traversal/nat/port_forecast.hpp"

#include <algorithm>
#include <bit>
#include <chrono>
#include <cmath>
#include <map>
#include <numeric>
#include <optional>
#include <set>
#include <vector>

namespace pshare {
namespace {

using Samples = std::vector<PortSample>;

Samples in_order(std::span<const PortSample> samples) {
  Samples sorted{samples.begin(), samples.end()};
  std::ranges::stable_sort(sorted, {}, &PortSample::sent);
  return sorted;
}

/// Each external endpoint once, when it was first seen: a mapping that two destinations share is one.
Samples fresh_mappings(const Samples& samples) {
  Samples fresh;
  std::set<Endpoint> seen;
  for (const auto& sample : samples)
    if (seen.insert(sample.external).second) fresh.push_back(sample);
  return fresh;
}

bool some_port_has_two_externals(const Samples& samples) {
  std::map<Port, Endpoint> first;
  return std::ranges::any_of(samples, [&](const PortSample& sample) {
    return first.emplace(sample.local, sample.external).first->second != sample.external;
  });
}

bool some_port_has_two_destinations(const Samples& samples) {
  std::map<Port, Endpoint> first;
  return std::ranges::any_of(samples, [&](const PortSample& sample) {
    return first.emplace(sample.local, sample.destination).first->second != sample.destination;
  });
}

int number(Port port) { return port.number; }

/// How far from one port to the next in turn: past the end of the range it goes on at its other end.
int way(const PortSample& from, const PortSample& to) {
  const int range = number(highest_nat_port) - number(lowest_nat_port) + 1;
  const int plain = number(to.external.port) - number(from.external.port);
  if (plain > range - 2 * widest_port_block) return plain - range;
  if (plain < -(range - 2 * widest_port_block)) return plain + range;
  return plain;
}

struct Stepping {
  int step;
  std::uint32_t strangers;
};

/// From one mapping to the next, and what lies between.
struct Gap {
  int ways;
  int own;          // mappings of ours that were made on this way, the far end among them
  Duration passed;
  bool within_volley() const { return passed < volley_time; }
};

/// Nothing: the ports do not follow each other.
std::optional<std::vector<Gap>> gaps_of(const Samples& mappings, const Samples& all, int direction) {
  std::vector<Gap> gaps;
  for (std::size_t i = 1; i < mappings.size(); ++i) {
    const auto &from = mappings[i - 1], &to = mappings[i];
    const int ways = way(from, to) * direction;
    if (ways <= 0) return std::nullopt;
    const auto is_between = [&](const PortSample& each) { return way(from, each) * direction > 0 && way(from, each) * direction <= ways; };
    gaps.push_back({ways, static_cast<int>(std::ranges::count_if(all, is_between)), to.sent - from.sent});
  }
  return gaps;
}

/// One that was sent again may have come to the NAT out of turn: it is left aside if there are enough without it. Nothing: no step.
std::optional<Stepping> find_step(const Samples& all) {
  auto mappings = all;
  std::erase_if(mappings, &PortSample::repeated);
  if (mappings.size() < 3) mappings = all;
  if (mappings.size() < 2) return std::nullopt;
  const int direction = way(mappings[0], mappings[1]) > 0 ? 1 : -1;
  const auto gaps = gaps_of(mappings, all, direction);
  if (!gaps) return std::nullopt;

  const bool just_a_guess = gaps->size() == 1;  // whenever they were sent
  int step = 0, shortest = 0;                   // the latter within a volley
  for (const auto& gap : *gaps) {
    step = std::gcd(step, gap.ways);
    if (!gap.within_volley() && !just_a_guess) continue;
    if (gap.ways > longest_port_step) return std::nullopt;
    shortest = shortest == 0 ? gap.ways : std::min(shortest, gap.ways);
  }
  // Ports by chance have something in common now and then, but then the shortest way is hardly ever just that.
  if (shortest != step) return std::nullopt;

  int others = 0;
  double seconds = 0;
  for (const auto& gap : *gaps) {
    if (gap.within_volley() || just_a_guess) continue;
    others += std::max(0, gap.ways / step - gap.own);
    seconds += std::chrono::duration<double>{gap.passed}.count();
  }
  if (others > most_believed_strangers * seconds) return std::nullopt;
  return Stepping{step * direction, others == 0 ? 0 : static_cast<std::uint32_t>(std::ceil(others / seconds))};
}

/// The furthest on the way: that of the next mapping comes after it.
Endpoint last_given(const Samples& mappings, int step) {
  auto furthest = mappings.front();
  for (const auto& each : mappings)
    if (way(furthest, each) * step > 0) furthest = each;
  return furthest.external;
}

struct PortRange {
  int lowest, highest;
};

/// Where carriers' blocks of this width begin, if they begin at multiples of it; else, what was seen and half as much on either side.
PortRange block_around(int lowest, int highest) {
  const auto differ = static_cast<unsigned>(lowest ^ highest);
  const int width = std::max(512, static_cast<int>(std::bit_floor(differ)) * 2);
  if (width <= 2 * widest_port_block) return {lowest / width * width, lowest / width * width + width - 1};
  const int margin = std::max(256, (highest - lowest) / 2);
  return {lowest - margin, highest + margin};
}

PortRange range_of(const Samples& mappings) {
  const auto [low, high] = std::ranges::minmax(mappings, {}, [](const PortSample& each) { return each.external.port; });
  const int lowest = number(low.external.port), highest = number(high.external.port);
  // A NAT that uses the ports that RFC 4787 keeps for themselves may use them all.
  const int first = lowest < number(lowest_nat_port) ? 1 : number(lowest_nat_port);
  PortRange range{first, number(highest_nat_port)};
  const int believed = mappings.size() >= fewest_ports_for_block ? widest_port_block : widest_guessed_block;
  if (highest - lowest < believed) range = block_around(lowest, highest);
  return {std::max(range.lowest, first), std::min(range.highest, number(highest_nat_port))};
}

PortForecast hard(const Samples& mappings) {
  if (const auto stepping = find_step(mappings))
    return {.kind = PortForecast::Kind::stepping,
            .external = last_given(mappings, stepping->step),
            .step = stepping->step,
            .strangers = stepping->strangers};
  const auto range = range_of(mappings);
  return {.kind = PortForecast::Kind::random,
          .external = mappings.back().external,
          .lowest = Port{static_cast<std::uint16_t>(range.lowest)},
          .highest = Port{static_cast<std::uint16_t>(range.highest)}};
}

}  // namespace

PortForecast forecast_ports(std::span<const PortSample> samples) {
  if (samples.empty()) return {.kind = PortForecast::Kind::blocked};
  const auto sorted = in_order(samples);
  if (some_port_has_two_externals(sorted)) return hard(fresh_mappings(sorted));
  const bool left_as_they_are = std::ranges::all_of(sorted, [](const PortSample& each) { return each.external.port == each.local; });
  if (some_port_has_two_destinations(sorted) || left_as_they_are)
    return {.kind = PortForecast::Kind::stable, .external = sorted.front().external};
  return {.kind = PortForecast::Kind::unknown, .external = sorted.front().external};
}

}  // namespace pshare
