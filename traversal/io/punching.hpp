// Hole punching of one climb on real sockets: drives traversal/punching/rounds. Connections that come up are made lanes here (QUIC on the
// punched UDP socket, TLS on the TCP one) and handed on when the peer has proven its key and is ready.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "io/task_group.hpp"
#include "io/tcp_stream.hpp"
#include "io/wakeup.hpp"
#include "traversal/io/lane.hpp"
#include "traversal/io/punch_dial.hpp"
#include "traversal/io/punching_port.hpp"
#include "traversal/punching/rounds.hpp"

namespace pshare {

/// From reaching the peer over UDP to a lane.
inline constexpr Duration punched_lane_patience = std::chrono::seconds{5};
/// From a TCP connection to a lane, and three round trips: a NAT may have let the handshake through and nothing else, and then there is little
/// time left to do better.
inline constexpr Duration punched_tls_patience = std::chrono::milliseconds{700};
/// QUIC connections that are tried at once; a peer may be reached by several addresses.
inline constexpr std::size_t max_quic_attempts = 4;

class Punching {
 public:
  /// What it needs of others.
  struct Hooks {
    std::function<awaitable<LanePtr>(TcpStream, Tier)> over_tcp;                                              // TLS and greeting, by our role
    std::function<awaitable<LanePtr>(std::shared_ptr<UdpPort>, Endpoint remote, Tier, Duration rtt)> over_udp;  // QUIC and greeting
    std::function<void(const UdpPort&, const Endpoint& from, const Endpoint& to)> moved;                      // the peer, authentically
    /// By fresh mappings. Over UDP it gives the sockets that it has measured with.
    std::function<awaitable<PortForecast>(Transport, std::vector<std::shared_ptr<UdpPort>>&)> measure;
    std::function<void(const Punch&)> say;  // to the peer, through the server
    std::function<void(LanePtr)> lane;
    std::function<void(Transport, Reason, std::string)> failed;
  };
  struct Settings {
    PunchRounds::Settings rounds;
    TimePoint begin = {};  // the agreed moment
  };

  /// All references live longer.
  Punching(asio::any_io_executor executor, PunchingPort& port, Random& random, PunchRounds::Targets targets, Settings settings, Hooks hooks);

  /// From the agreed moment until it is cancelled; it goes on answering checks for the lanes that have come of it.
  awaitable<void> run();

  void heard(const Punch& punch);
  void add(const PunchRounds::Targets& more);
  void learned(const NatFacts& mine, const NatFacts& theirs, const std::vector<IpAddress>& vouched);
  /// There is a lane: nobody searches for another one, but what is under way goes on.
  void contented();
  /// Nobody wants another lane over it.
  void stop(Transport transport);

 private:
  struct Dialled {
    std::uint64_t round;
    TcpPunch::Dial dial;
    PunchDial connection;
  };
  struct Pair {
    PunchRounds::Socket socket;
    Endpoint remote;
    Tier tier;
    Duration rtt;
    friend bool operator==(const Pair&, const Pair&) = default;
  };

  bool stopped(Transport transport) const { return stopped_.contains(transport); }
  void listen(const PunchRounds::Socket& socket, const std::shared_ptr<UdpPort>& port);
  void perform(PunchRounds::Action action, TaskGroup& tasks);
  void send(const PunchRounds::SendUdp& datagram);
  awaitable<void> measure(std::uint64_t round, Transport transport);
  awaitable<void> dial(std::shared_ptr<Dialled> dialled);
  void end(const PunchRounds::End& ended);
  void try_next_pair(TaskGroup& tasks);
  awaitable<void> make_quic_lane(Pair pair);
  void moved(const PunchRounds::Moved& moved);

  asio::any_io_executor executor_;
  PunchingPort& port_;
  Random& random_;
  PunchRounds::Targets targets_;  // until it begins
  Settings settings_;
  Hooks hooks_;
  PunchingPort::Permit permit_;
  std::optional<PunchRounds> rounds_;
  Wakeup news_;
  std::set<Transport> stopped_;
  bool contented_ = false;
  std::vector<std::pair<Punch, TimePoint>> heard_early_;

  struct Bound {
    std::shared_ptr<UdpPort> port;
    UdpPort::Registration stun;
  };
  std::map<PunchRounds::Socket, Bound> sockets_;
  std::map<std::pair<std::uint64_t, DialKey>, std::shared_ptr<Dialled>> dials_;  // shared with the coroutine that connects
  std::map<std::pair<std::uint64_t, std::size_t>, Port> fresh_ports_;
  std::vector<Pair> reached_, trying_;
};

}  // namespace pshare
