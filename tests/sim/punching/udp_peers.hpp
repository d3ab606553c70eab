// Two people who punch over UDP with pshare's own cores, on simulated machines: what a driver does around UdpMeasurement and UdpPunch. In the place of
// QUIC two words are exchanged: the controlling side says one as soon as a pair is reached, and has settled when it hears the other.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <vector>

#include "network/machine.hpp"
#include "traversal/nat/udp_measurement.hpp"
#include "traversal/punching/udp_punch.hpp"

namespace pshare::sim {

/// Answers STUN binding requests on two ports, and on two addresses if the machine has them: where NATs are asked how they map, each is one.
class StunServer {
 public:
  static constexpr Port first{4700}, second{4701};

  explicit StunServer(Machine& machine);
  std::vector<Endpoint> destinations() const { return {{address_, first}, {other_address_, second}}; }

 private:
  IpAddress address_, other_address_;
  std::deque<UdpSocket> sockets_;
};

class UdpPeer {
 public:
  struct Settings {
    CheckSide side = CheckSide::controlling;
    SessionId session = {};
    CheckKey key = {};
    Duration rtt = std::chrono::milliseconds{100};
    Duration patience = std::chrono::seconds{4};
    bool openers = true;
    bool keeps_alive = true;        // false: checks of a settled pair are not sent, to see what becomes of it
  };

  /// Asks how its main socket is seen, at once. Both live longer.
  UdpPeer(Machine& machine, const StunServer& server, Settings settings);
  UdpPeer(const UdpPeer&) = delete;

  bool surveyed() const { return survey_.has_value(); }
  const PortForecast& survey() const { return survey_->forecast; }
  /// Where to look for it: its own addresses, how the server sees it, and what else is known.
  std::vector<UdpPunch::Target> candidates() const;
  /// Its main socket can be reached there too.
  void also_at(const IpAddress& address, Tier tier) { more_.push_back({{address, sockets_.front().port()}, tier}); }

  /// Looks where the next mappings will be, with new sockets.
  void measure();
  bool measured() const { return measured_.has_value(); }
  const PortForecast& forecast() const { return measured_->forecast; }
  TimePoint measured_at() const { return measured_->taken; }

  void punch(std::vector<UdpPunch::Target> targets);
  void search(const SearchPlan& plan);

  const std::optional<UdpPunch::Reached>& reached() const { return reached_; }
  const std::optional<TimePoint>& reached_at() const { return reached_at_; }
  /// Since when there is a pair that both have settled on.
  const std::optional<TimePoint>& settled() const { return settled_at_; }
  /// All rounds that have begun are over and have come to nothing.
  bool failed() const { return begun_ > 0 && failed_ == begun_; }
  const std::vector<UdpPunch::Moved>& moves() const { return moved_; }
  /// Says something over the settled pair; what came over it is counted.
  void say_something();
  std::size_t heard() const { return heard_; }

  std::size_t packets() const { return packets_; }
  std::size_t sockets() const { return sockets_.size(); }

 private:
  struct Round {
    std::vector<std::size_t> sockets;  // of all of the peer's
    std::unique_ptr<Driver<UdpPunch>> punch;
  };

  std::size_t open(std::optional<IpAddress> address = {});
  void survey_with(std::vector<std::size_t> sockets, std::optional<UdpMeasurement::Measured>& into);
  void begin(std::vector<std::size_t> sockets, UdpPunch punch);
  void perform(Round& round, UdpPunch::Action action);
  void arrived(std::size_t socket, const Endpoint& from, ByteView datagram);
  void say_hello(std::size_t socket, const Endpoint& to);
  void settle(std::size_t socket, const Endpoint& remote);
  UdpPunch::Settings punch_settings() const;

  struct Measuring {
    std::vector<std::size_t> sockets;
    std::unique_ptr<Driver<UdpMeasurement>> measurement;
  };

  Machine& machine_;
  const StunServer& server_;
  Settings settings_;
  std::deque<UdpSocket> sockets_;
  std::vector<UdpPunch::Target> more_;
  std::deque<Measuring> measuring_;
  std::optional<UdpMeasurement::Measured> survey_, measured_;
  std::vector<std::size_t> fresh_;  // that were measured with
  std::deque<Round> rounds_;
  std::size_t begun_ = 0, failed_ = 0, packets_ = 0, heard_ = 0;

  std::optional<UdpPunch::Reached> reached_;
  std::optional<TimePoint> reached_at_, settled_at_;
  std::optional<std::pair<std::size_t, Endpoint>> lane_;
  std::vector<UdpPunch::Moved> moved_;
};

}  // namespace pshare::sim
