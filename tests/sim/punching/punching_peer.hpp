// One of two people who punch as pshare does, with its own PunchRounds over both transports, on a simulated machine: what traversal/io/punching and
// nat_survey do around it, without TLS and QUIC. In their place three words are exchanged: the controlling side says one on all that comes up, has a
// lane where it hears the next, and says the last on the first lane that it has, which is the one.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "network/machine.hpp"
#include "punching/tcp_peers.hpp"
#include "punching/udp_peers.hpp"
#include "traversal/nat/udp_measurement.hpp"
#include "traversal/punching/rounds.hpp"

namespace pshare::sim {

class PunchingPeer {
 public:
  struct Settings {
    CheckSide side = CheckSide::controlling;
    SessionId session = {};
    CheckKey key = {};
    bool udp = true, tcp = true;
    // What goes wrong otherwise can be seen by turning these.
    bool listens = true;              // on the punching port
    bool asks_over_tcp_too = true;    // what is seen over UDP is not taken for TCP's mapping
    Port port{};                      // the punching port; 0: any
  };
  struct Gone { TimePoint at; Reason reason; std::string words; };

  /// Binds the punching port, and asks at once how it is seen. What it `says` is for the other, by way of the server. All live longer.
  PunchingPeer(Machine& machine, const StunServer& stun, const TcpReflector& reflector, Settings settings, std::function<void(const Punch&)> say);
  PunchingPeer(const PunchingPeer&) = delete;

  bool surveyed() const { return udp_survey_over_ && tcp_survey_over_; }
  const NatFacts& facts() const { return facts_; }
  PunchRounds::Targets targets() const;
  /// Where the server sees it.
  std::optional<IpAddress> seen_at() const;

  void begin(PunchRounds::Targets targets, const NatFacts& theirs, std::optional<IpAddress> vouched);
  void heard(const Punch& punch);

  /// Over which transport the lane is that was chosen, and since when.
  const std::optional<Transport>& lane() const { return lane_; }
  const std::optional<TimePoint>& lane_at() const { return lane_at_; }
  /// The first check that was answered, or the first connection over TCP, whether it came to anything or not.
  const std::optional<TimePoint>& something_at() const { return something_at_; }
  /// Over which there is nothing left to try.
  const std::map<Transport, Gone>& gone() const { return gone_; }
  bool has_given_up() const;
  std::uint64_t rounds() const { return rounds_begun_; }
  std::size_t most_dials_at_once() const { return most_dials_at_once_; }

  /// Over the lane, which the controlling side has chosen; the other one answers. Both count what they hear.
  void say_something();
  std::size_t things_heard() const { return things_heard_; }

 private:
  struct Measuring {
    std::vector<UdpSocket> sockets;
    std::unique_ptr<Driver<UdpMeasurement>> core;
  };
  struct Volley { Port from; Endpoint to; };
  struct Connection {
    TcpSocket socket;
    std::uint64_t round = 0;
    std::optional<DialKey> dial = {};  // nothing: it was accepted
    bool up = false, greeted = false, dropped = false;
  };
  struct UdpLane { PunchRounds::Socket socket; Endpoint remote; };

  void survey_udp();
  void survey_tcp();
  void measure(std::uint64_t round, Transport transport);
  void measure_udp(std::uint64_t round);
  void measure_tcp(std::uint64_t round);
  /// `over` comes when all have answered or patience is at its end.
  void ask_all(std::shared_ptr<std::vector<PortSample>> samples, const std::vector<Volley>& volley, std::function<void()> over);
  void measured(std::uint64_t round, const PortForecast& forecast);

  void perform(PunchRounds::Action action);
  void send(const PunchRounds::SendUdp& datagram);
  void listen(const PunchRounds::Socket& name, UdpSocket socket);
  void arrived(const PunchRounds::Socket& socket, const Endpoint& from, ByteView datagram);
  void say_hello(const PunchRounds::Socket& socket, const Endpoint& to, TimePoint until);
  void dial(const PunchRounds::Dial& due);
  void drop(const PunchRounds::Drop& unwanted);
  void up(std::uint64_t number);
  void read(std::uint64_t number, ByteView word);
  void ended(std::uint64_t number, const TcpEnd& how);
  void end(const PunchRounds::End& ended);
  void choose(Transport transport);
  /// Whether to answer.
  bool heard_something(Transport transport);
  bool controls() const { return settings_.side == CheckSide::controlling; }
  Duration round_trip() const { return facts_.server_rtt + theirs_.server_rtt; }

  Machine& machine_;
  const StunServer& stun_;
  const TcpReflector& reflector_;
  Settings settings_;
  std::function<void(const Punch&)> say_;

  NatFacts facts_, theirs_;
  std::optional<Endpoint> seen_over_udp_, seen_over_tcp_;
  bool udp_survey_over_ = false, tcp_survey_over_ = false;
  std::deque<Measuring> measuring_;
  std::deque<TcpSocket> asking_;

  Port port_{};
  TcpListener listener_;
  std::map<PunchRounds::Socket, UdpSocket> sockets_;
  std::map<std::uint64_t, Connection> connections_;
  std::uint64_t next_connection_ = 0;
  std::map<std::pair<std::uint64_t, std::size_t>, Port> fresh_ports_;
  std::unique_ptr<Driver<PunchRounds>> rounds_;
  std::vector<std::pair<Punch, TimePoint>> heard_early_;

  std::optional<Transport> lane_;
  std::optional<UdpLane> udp_lane_;
  std::optional<std::uint64_t> tcp_lane_;
  std::optional<TimePoint> lane_at_, something_at_;
  std::map<Transport, Gone> gone_;
  std::uint64_t rounds_begun_ = 0;
  std::size_t most_dials_at_once_ = 0, things_heard_ = 0;
};

}  // namespace pshare::sim
