// Two NATs -> what each side does so that both meet: how many sockets, aimed at which of the peer's ports, how fast. The table of design
// section 6 and the numbers of docs/nat.md, for UDP and TCP alike. Pure: both sides compute it from the same two forecasts, each with its own
// as `mine`, and the two plans fit each other.
//
// It must not look like an attack: everything here is bounded, and the caller sees to it that there is one search at a time in a process, only
// against an address that the server vouches for.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>
#include <vector>

#include "wire/nat.hpp"
#include "wire/random.hpp"
#include "wire/time.hpp"

namespace pshare {

/// On the side whose ports are random: sockets, each a mapping that a probe can hit (nat.md: 256 sockets and 1158 probes succeed with 99 %).
inline constexpr std::size_t birthday_sockets = 256;
/// On the other side: distinct ports that are probed at most in one round, and the pace.
inline constexpr std::size_t max_birthday_probes = 2048;
inline constexpr std::size_t birthday_probes_per_second = 1000;
/// Contiguous ports that are swept behind the last port of a stepping NAT; half as many more where its step is not 1, which are tried before.
inline constexpr std::size_t swept_ports = 256;
/// Where both sides step: the more strangers, the more sockets.
inline constexpr std::size_t least_middle_sockets = 64, most_middle_sockets = 256;
/// Blocks of ports that are worth a try when both sides are hard, and how many mappings of its own block a side takes for it. (Hits need
/// a port out of each block: all of a block of 512 finds it for certain, half of both with a quarter.)
inline constexpr std::size_t largest_small_block = 1024, block_sockets = 512;

struct SearchPlan {
  enum class Way {
    plain,       // both sides stable: one socket, one aim
    sweep,       // one side steps
    middle,      // both step: many sockets, all aimed at the middle of the peer's next ports
    birthday,    // one side is random
    block,       // both are hard, but ports come from small blocks
    impossible,  // a relay's business; no sockets and no aims
  };
  Way way = Way::impossible;
  std::size_t sockets = 1;    // of ours, each newly bound, that take part (1: the one that was measured as stable, or a new one)
  IpAddress towards = {};     // the peer's external address
  std::vector<Port> aims = {};  // of the peer's ports, in the order in which they are tried, each once. Every socket is aimed at each of them
  Duration pace{};            // from one packet (or SYN) to the next; zero: a burst
};

/// `elapsed`: how old the peer's forecast is by now, for what strangers have taken meanwhile. `random` chooses probes.
SearchPlan search_plan(const PortForecast& mine, const PortForecast& theirs, Duration elapsed, Random& random);

/// Whether two such NATs can be made to meet at all, over one transport.
SearchPlan::Way search_way(const PortForecast& mine, const PortForecast& theirs);

/// "plain", "sweep", ...
std::string_view word(SearchPlan::Way way);

}  // namespace pshare
