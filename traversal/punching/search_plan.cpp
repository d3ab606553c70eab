#include "traversal/punching/search_plan.hpp"

#include <algorithm>
#include <bitset>
#include <cstdlib>
#include <numeric>

namespace pshare {

namespace {

using namespace std::chrono_literals;
using Kind = PortForecast::Kind;
using Way = SearchPlan::Way;

// Ours; figures in docs/nat.md.

/// Between two probes of one socket.
constexpr Duration probe_pace = Duration{1s} / birthday_probes_per_second;
/// Of a sweep, so many aims keep to the step that was measured before all other ports get their turn: what was taken for the step may be
/// a multiple of it, if strangers took ports in between.
constexpr std::size_t stepwise_aims = swept_ports / 2;
/// Forecasts that are older are worth no more than this.
constexpr Duration oldest_forecast = 5s;

std::size_t width(const PortForecast& random_one) { return std::size_t{random_one.highest.number} - random_one.lowest.number + 1; }
bool is_small_block(const PortForecast& forecast) { return forecast.kind == Kind::random && width(forecast) <= largest_small_block; }
bool is_everything(const PortForecast& random_one) { return random_one.lowest == lowest_nat_port && random_one.highest == highest_nat_port; }

/// What was not measured is taken for stable if an endpoint is known at all.
bool stays_put(const PortForecast& forecast) {
  return forecast.kind == Kind::stable || (forecast.kind == Kind::unknown && forecast.external.port != Port{});
}

/// The ports that a stepping NAT goes round in.
class Circle {
 public:
  explicit Circle(Port in_it) : lowest_(std::min<int>(in_it.number, lowest_nat_port.number)), size_(highest_nat_port.number - lowest_ + 1) {}
  Port at(Port from, int distance) const {
    const int offset = (from.number - lowest_ + distance % size_ + size_) % size_;
    return Port{static_cast<std::uint16_t>(lowest_ + offset)};
  }

 private:
  int lowest_, size_;
};

/// How many ports strangers have taken since the forecast.
int taken_since(const PortForecast& stepping, Duration elapsed) {
  const auto seconds = std::chrono::duration<double>{std::clamp<Duration>(elapsed, 0s, oldest_forecast)}.count();
  return static_cast<int>(std::min(stepping.strangers * seconds, 8192.0));
}

/// Of a stepping NAT, the port of its n-th next mapping (from 1), if strangers take none.
Port port_after(const PortForecast& stepping, int n) { return Circle{stepping.external.port}.at(stepping.external.port, stepping.step * n); }

/// Collects ports, each once.
class Aims {
 public:
  explicit Aims(std::size_t limit) : limit_(limit) {}
  void add(Port port) {
    if (ports_.size() >= limit_ || known_.test(port.number)) return;
    known_.set(port.number);
    ports_.push_back(port);
  }
  bool full() const { return ports_.size() >= limit_; }
  std::vector<Port> take() { return std::move(ports_); }

 private:
  std::size_t limit_;
  std::bitset<65536> known_;
  std::vector<Port> ports_;
};

/// The likeliest first: where the next mapping should be, then outwards, further ones before nearer ones. First in steps, then every port.
std::vector<Port> sweep(const PortForecast& stepping, Duration elapsed) {
  const auto next = 1 + taken_since(stepping, elapsed);
  const auto direction = stepping.step < 0 ? -1 : 1;
  const bool by_ones = std::abs(stepping.step) == 1;
  Aims aims{by_ones ? swept_ports : swept_ports + stepwise_aims};

  // Round 0 may have taken a few in between, and strangers come in bursts: ports beyond the expected one are as likely again as those before.
  const auto outwards = [](std::size_t i) { return static_cast<int>(i % 3 == 2 ? -((i + 1) / 3) : i - i / 3); };  // 0, 1, -1, 2, 3, -2, 4, ...
  if (!by_ones)
    for (std::size_t i = 0, stepwise = 0; stepwise < stepwise_aims && i < 4 * stepwise_aims; ++i)
      if (next + outwards(i) >= 1) aims.add(port_after(stepping, next + outwards(i))), ++stepwise;
  const Circle circle{stepping.external.port};
  const auto centre = 1 + (next - 1) * std::abs(stepping.step);
  for (std::size_t i = 0; !aims.full() && i < 8 * swept_ports; ++i)
    if (centre + outwards(i) >= 1) aims.add(circle.at(stepping.external.port, direction * (centre + outwards(i))));
  return aims.take();
}

std::vector<Port> in_random_order(int first, int last, Random& random, std::size_t limit) {
  std::vector<Port> ports;
  for (int port = first; port <= last; ++port) ports.push_back(Port{static_cast<std::uint16_t>(port)});
  const auto wanted = std::min(limit, ports.size());
  for (std::size_t i = 0; i < wanted; ++i) std::swap(ports[i], ports[i + random.below(ports.size() - i)]);
  ports.resize(wanted);
  return ports;
}

/// A block's ports first; then those around it, since a few measured ports do not show where it ends.
std::vector<Port> random_probes(const PortForecast& theirs, Random& random) {
  const int lowest = theirs.lowest.number, highest = theirs.highest.number;
  auto probes = in_random_order(lowest, highest, random, max_birthday_probes);
  if (is_everything(theirs)) return probes;
  const int margin = static_cast<int>(width(theirs));
  Aims all{max_birthday_probes};
  for (const auto port : probes) all.add(port);
  const int first = std::max(lowest - margin, 1), last = std::min<int>(highest + margin, highest_nat_port.number);
  for (const auto port : in_random_order(first, last, random, max_birthday_probes)) all.add(port);
  return all.take();
}

/// Sockets on a stepping side: the more, the less is known of how many ports strangers will have taken.
std::size_t sockets_in_the_middle(const PortForecast& stepping) {
  return std::clamp<std::size_t>(least_middle_sockets + stepping.strangers, least_middle_sockets, most_middle_sockets);
}

/// Where most sockets of a side that both sides know to be hard will be: the one port that all of the other's aim at.
Port middle_of(const PortForecast& theirs, Duration elapsed, Random& random) {
  if (theirs.kind == Kind::stepping)
    return port_after(theirs, taken_since(theirs, elapsed) + static_cast<int>(sockets_in_the_middle(theirs) / 2));
  // Of a block, a port that surely is in it and is not taken: between the one that was seen last and the middle of the range.
  const int seen = theirs.external.port.number, middle = (theirs.lowest.number + theirs.highest.number) / 2;
  const int distance = std::max(std::abs(middle - seen), 1);
  const int away = 1 + static_cast<int>(random.below(static_cast<std::uint64_t>(distance)));
  return Port{static_cast<std::uint16_t>(middle >= seen ? seen + away : seen - away)};
}

std::size_t sockets_of_hard(const PortForecast& mine) { return mine.kind == Kind::stepping ? sockets_in_the_middle(mine) : block_sockets; }

}  // namespace

Way search_way(const PortForecast& mine, const PortForecast& theirs) {
  const bool i_stay = stays_put(mine), they_stay = stays_put(theirs);
  const bool usable = (i_stay || is_hard(mine)) && (they_stay || is_hard(theirs));
  if (!usable) return Way::impossible;
  if (i_stay && they_stay) return Way::plain;
  if (i_stay || they_stay) {
    const auto& hard = i_stay ? theirs : mine;
    return hard.kind == Kind::stepping ? Way::sweep : Way::birthday;
  }
  if (mine.kind == Kind::stepping && theirs.kind == Kind::stepping) return Way::middle;
  const auto predictable = [](const PortForecast& forecast) { return forecast.kind == Kind::stepping || is_small_block(forecast); };
  return predictable(mine) && predictable(theirs) ? Way::block : Way::impossible;
}

SearchPlan search_plan(const PortForecast& mine, const PortForecast& theirs, Duration elapsed, Random& random) {
  SearchPlan plan;
  plan.way = search_way(mine, theirs);
  plan.towards = theirs.external.address;
  const bool they_are_hard = is_hard(theirs);
  switch (plan.way) {
    case Way::plain:
      plan.aims = {theirs.external.port};
      break;
    case Way::sweep:
      plan.aims = they_are_hard ? sweep(theirs, elapsed) : std::vector{theirs.external.port};
      plan.pace = they_are_hard ? probe_pace : Duration::zero();
      break;
    case Way::birthday:
      plan.aims = they_are_hard ? random_probes(theirs, random) : std::vector{theirs.external.port};
      plan.pace = they_are_hard ? probe_pace : Duration::zero();
      if (!they_are_hard) plan.sockets = is_small_block(mine) ? least_middle_sockets : birthday_sockets;
      break;
    case Way::middle:
    case Way::block:
      plan.sockets = sockets_of_hard(mine);
      plan.aims = {middle_of(theirs, elapsed, random)};
      break;
    case Way::impossible:
      plan.sockets = 0;
      break;
  }
  return plan;
}

std::string_view word(Way way) {
  switch (way) {
    case Way::plain: return "plain";
    case Way::sweep: return "sweep";
    case Way::middle: return "middle";
    case Way::birthday: return "birthday";
    case Way::block: return "block";
    case Way::impossible: return "impossible";
  }
  return "?";
}

}  // namespace pshare
