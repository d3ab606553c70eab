// Two people who punch over TCP with pshare's own core, on simulated machines: what a driver does around TcpPunch, without TLS. One listens on
// the punching port, dials as the core says, and settles with the peer on one of the connections that come up: the controlling side speaks on all,
// and chooses.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "network/machine.hpp"
#include "traversal/nat/port_forecast.hpp"
#include "traversal/punching/tcp_punch.hpp"

namespace pshare::sim {

/// A server's reflect role: tells everybody who connects how it sees them. On two ports, and on two addresses if the machine has them, so that
/// mappings can be compared.
class TcpReflector {
 public:
  static constexpr Port first{4700}, second{4701};

  explicit TcpReflector(Machine& machine);
  Endpoint at(Port port) const { return {port == second ? other_address_ : address_, port}; }

 private:
  IpAddress address_, other_address_;
  std::deque<TcpListener> listeners_;
  std::deque<TcpSocket> guests_;
};

class TcpPeer {
 public:
  struct Settings {
    CheckSide side = CheckSide::controlling;
    Duration rtt = std::chrono::milliseconds{100};
    Duration patience = std::chrono::seconds{4};
    bool one_chooses = true;        // false: each side keeps its first connection, to see what becomes of it
  };

  /// Asks how the punching port is seen, at once. Both live longer.
  TcpPeer(Machine& machine, const TcpReflector& reflector, Settings settings);
  TcpPeer(const TcpPeer&) = delete;

  /// The punching port, from outside; nothing yet, or the reflector was not reached.
  const std::optional<Endpoint>& seen() const { return seen_; }
  /// Looks where the next mappings will be.
  void measure();
  const std::optional<PortForecast>& forecast() const { return forecast_; }
  TimePoint measured_at() const { return measured_at_; }

  void punch(std::vector<TcpPunch::Target> targets);
  void search(const SearchPlan& plan);

  /// Since when there is a connection that both have settled on.
  const std::optional<TimePoint>& settled() const { return settled_; }
  /// What was settled on is open; all others were closed at that moment.
  bool still_connected() const { return settled_ && connections_.contains(chosen_) && connections_.at(chosen_).socket.is_connected(); }
  const std::optional<Reason>& failure() const { return failure_; }
  std::size_t dials() const { return dialled_; }
  std::size_t most_dials_at_once() const { return most_at_once_; }
  /// Drops of dials that were left because their SYN had been answered.
  std::size_t spared() const { return spared_; }

 private:
  struct Connection {
    TcpSocket socket;
    std::optional<DialKey> dial;
    bool up = false, dropped = false;
  };
  using Connections = std::map<std::uint64_t, Connection>;

  void start(TcpPunch punch);
  void perform(const TcpPunch::Action& action);
  void dial(const TcpPunch::Dial& dial);
  void drop(const TcpPunch::Drop& unwanted);
  void up(std::uint64_t number);
  void heard(std::uint64_t number, ByteView word);
  void settle(std::uint64_t number);
  void ended(std::uint64_t number, const TcpEnd& how);
  Port port_of(const TcpPunch::LocalPort& from);
  void probe(Port from, Port destination);

  Machine& machine_;
  const TcpReflector& reflector_;
  Settings settings_;
  Port port_{};
  TcpListener listener_;
  TcpSocket control_;
  std::optional<Endpoint> seen_;

  std::deque<TcpSocket> probes_;
  std::vector<PortSample> samples_;
  std::optional<PortForecast> forecast_;
  TimePoint measured_at_;

  std::unique_ptr<Driver<TcpPunch>> punch_;
  Connections connections_;
  std::uint64_t next_connection_ = 0;
  std::map<std::size_t, Port> fresh_ports_;
  std::optional<TimePoint> settled_;
  std::uint64_t chosen_ = 0;
  std::optional<Reason> failure_;
  std::size_t dialled_ = 0, most_at_once_ = 0, spared_ = 0;
};

}  // namespace pshare::sim
