// From the external endpoints that a NAT gave a few of our packets to a forecast of the ones it will give next: RFC 4787 section 4.1 asks whether a
// new destination gets a new port, section 4.2 how that port is chosen. The same for UDP and TCP (RFC 5382). Pure; who collects the samples:
// udp_measurement for UDP, traversal/io/nat_survey for TCP.
//
// As few samples as do, since each uses up a port of a NAT that steps:
//   - one local port, two destinations: tells stable from not stable. If not, a first guess at how ports are chosen: nobody searches by it.
//   - two fresh local ports, two destinations each, all four within microseconds, then the same from a third, 60 ms later: the four show the step
//     (nothing else comes between), the pause shows what strangers take. Together about a round trip and 60 ms. Measure last, then punch.
#pragma once

#include <span>

#include "wire/nat.hpp"
#include "wire/time.hpp"

namespace pshare {

/// One mapping that was seen.
struct PortSample {
  TimePoint sent;         // the first packet of it
  Port local;             // which of our sockets
  Endpoint destination;
  Endpoint external;      // what the destination saw
  bool repeated = false;  // it was sent more than once: perhaps its first packet never came to the NAT, and `sent` is wrong
  friend bool operator==(const PortSample&, const PortSample&) = default;
};

// Ours.
/// Samples so close together are of one volley; what lies between two volleys shows the strangers.
inline constexpr Duration volley_time = std::chrono::milliseconds{20};
/// From one volley to the next.
inline constexpr Duration pause_between_volleys = std::chrono::milliseconds{60};
/// Ports a second that strangers are believed to take; more look like random ports.
inline constexpr int most_believed_strangers = 3000;
/// Measured ports that lie no further apart are taken for a customer's block at a carrier (RFC 7422 describes such blocks), if there are enough of them.
inline constexpr int widest_port_block = 2048;
inline constexpr std::size_t fewest_ports_for_block = 4;
/// From fewer ports a block is guessed only if they lie as close as this: of two by chance anywhere, one pair in 63 does.
inline constexpr int widest_guessed_block = 512;

/// In any order. No samples: blocked. With one destination alone: unknown, except where the NAT leaves our port numbers as they are (what does that
/// for one destination does it for others). Stable: `external` is that of the first sample. Otherwise it is the one that was given last.
PortForecast forecast_ports(std::span<const PortSample> samples);

}  // namespace pshare
