// Where this program stands in the network, as far as it is known by now: its punching port, the NAT in front of it (traversal/io/nat_survey), the
// ports that routers opened for it (traversal/io/port_mapper), and what follows for peers: candidates and NAT facts. All of it is found out in the
// background from program start, and nobody waits longer for it than settled() says.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "io/asio.hpp"
#include "io/task_group.hpp"
#include "io/wakeup.hpp"
#include "traversal/gathering.hpp"
#include "traversal/io/lane_door.hpp"
#include "traversal/io/nat_survey.hpp"
#include "traversal/io/port_mapper.hpp"
#include "traversal/io/punching_port.hpp"
#include "traversal/io/rendezvous_client.hpp"
#include "traversal/pair_memory.hpp"
#include "wire/signal.hpp"

namespace pshare {

/// How long an offer or an answer is held back for the server's STUN answers, counted from its Welcome: a round trip is usual, and where UDP is
/// blocked none will come.
inline constexpr Duration survey_patience = std::chrono::milliseconds{150};

class Standpoint {
 public:
  struct Settings {
    std::optional<Port> manual = {};  // --port
    bool tcp_allowed = true, udp_allowed = true;
    bool direct_allowed = true;       // the tier is
    bool ask_routers = true;          // the tier `mapped` is allowed
    bool punched_allowed = true;      // the tier `punched` is
    bool survey = true;               // any straight tier is
    bool peer_may_be_here = false;    // on this very host, even though the server is not reached over loopback
  };

  /// All references live longer. `address`: of the server that is likely to be used. The door's port is the punching port.
  Standpoint(asio::any_io_executor executor, const TlsContext& tls, Random& random, RendezvousClient& server, const ServerAddress& address, LaneDoor& door,
             Settings settings);

  /// Starts finding out, by tasks of this group.
  void begin(TaskGroup& tasks);

  /// What to offer by now. Errors are logged: without interfaces there are no host candidates.
  std::vector<Candidate> candidates() const;
  NatFacts facts() const;
  /// Where the internet sees us.
  std::vector<IpAddress> seen_as() const;
  /// Why no router forwards a port to us; nothing as long as one does, or may yet.
  std::optional<Reason> mapping_trouble() const;
  std::vector<LocalAddress> local_addresses() const;
  PeerHost peer_host() const;
  bool has_manual_port() const { return settings_.manual.has_value(); }
  /// A router forwards a port of the internet's to us.
  bool has_mapping(Transport transport) const;

  /// Our part of what makes two networks the same two again.
  NetworkPair network_pair(const PeerId& peer, const std::vector<Candidate>& theirs) const;

  PunchingPort& port() { return port_; }
  /// By fresh mappings. Over UDP it gives the sockets that it has measured with.
  awaitable<PortForecast> measure(Transport transport, std::vector<std::shared_ptr<UdpPort>>& sockets);

  /// Something speaks for another network: finds out at once whether we are where we were. Candidates may change.
  void doubt() { survey_.doubt(); }

  /// Returns once the first findings are there, or then.
  awaitable<void> settled(TimePoint until);
  /// Candidates have changed.
  awaitable<void> changed();
  /// Gives back what routers have opened.
  awaitable<void> give_back(TimePoint until);

  const NatSurvey& survey() const { return survey_; }
  const PortMapper& mapper() const { return mapper_; }
  const std::optional<Endpoint>& observed() const { return observed_; }

 private:
  bool survey_settled() const;
  awaitable<void> watch_server();
  void note_welcome(const Welcome& welcome);
  void note_change();
  awaitable<PortMapper::DialBack> dial_back(Transport transport, Endpoint external);
  awaitable<bool> nonce_arrives(Transport transport, Endpoint external);

  asio::any_io_executor executor_;
  Random& random_;
  RendezvousClient& server_;
  Settings settings_;
  PunchingPort port_;
  NatSurvey survey_;
  PeerId surveyed_server_;
  PortMapper mapper_;
  LaneDoor& door_;
  std::optional<Endpoint> observed_;  // where the server saw us last
  std::optional<IpAddress> server_other_address_;
  Wakeups changed_;
};

}  // namespace pshare
