// What the NAT in front of us does to our punching port, asked of the server in the background from program start; and, for rounds of punching
// that aim, measurements with fresh ports. Over UDP by STUN (drives traversal/nat/udp_measurement), over TCP by the server's reflect role. Nobody but the
// user's own server is asked.
#pragma once

#include <array>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "io/asio.hpp"
#include "io/wakeup.hpp"
#include "secure/tls.hpp"
#include "traversal/io/punching_port.hpp"
#include "traversal/io/rendezvous_client.hpp"
#include "traversal/io/udp_port.hpp"
#include "traversal/nat/mapping_lifetime.hpp"
#include "traversal/nat/nat_discovery.hpp"
#include "traversal/nat/udp_measurement.hpp"
#include "wire/nat.hpp"

namespace pshare {

/// A mapping that was answered once lives 30 s in Linux gateways (docs/nat.md), which forget no sooner than others.
inline constexpr Duration nat_keep_alive = std::chrono::seconds{15};
/// Where nothing came back, UDP is tried again so often: networks change.
inline constexpr Duration nat_survey_again = std::chrono::minutes{1};
/// Doubt comes in the middle of a transfer, whose own bytes may fill the line's queue: an answer that is 3 s late is waited for then, and what is full drops
/// some, so the question is sent twice a second. (Last after 3.2 s, given up after 3.7 s, where the round trip is not known.) That also bounds how long it takes to
/// see that a network has come to let UDP through.
inline constexpr Duration doubt_is_of_now = std::chrono::seconds{10};
inline constexpr Duration longest_wait_on_a_busy_line = std::chrono::milliseconds{500};
inline constexpr int sends_on_a_busy_line = 9;
/// One reflect connection of a measurement.
inline constexpr Duration reflect_patience = std::chrono::seconds{2};
/// After a survey of TCP that nobody answered, while the server is heard: doubled up to nat_survey_again. Networks that come back do so piece by piece.
inline constexpr Duration tcp_survey_again = std::chrono::seconds{3};

class NatSurvey {
 public:
  /// All references live longer.
  NatSurvey(asio::any_io_executor executor, const TlsContext& tls, Random& random, const PunchingPort& port, ServerAddress server);

  /// For ever: surveys, keeps the mappings of the UDP sockets alive, and surveys again when they have changed. Never throws Failure.
  awaitable<void> run();

  /// The server has let us in: `server` is the endpoint that was dialled, `local` ours (RendezvousClient::server_endpoint(), local_endpoint()).
  /// From now on TCP is surveyed too, and a server that has no STUN is not taken for UDP being blocked.
  void welcomed(const Welcome& welcome, const Endpoint& server, const Endpoint& local);
  /// The same through a proxy: nothing of that connection tells about our NATs, but the ports are known now, at the server's own address.
  void welcomed_through_proxy(const Welcome& welcome);

  /// The user's server is another one now: it is asked from now on. welcomed() follows.
  void moved_to(ServerAddress server);

  /// Something speaks for another network: the UDP mappings are looked at at once, and until the server has answered
  /// or the next look is due anyway.
  void doubt();

  /// As of now, of the punching port.
  struct View {
    std::optional<Endpoint> reflexive = {};    // as soon as there is one
    PortForecast forecast = {};                // unknown until it is surveyed; from one socket, so of a hard NAT only a first guess
    std::optional<Duration> round_trip = {};   // UDP alone
    bool surveyed = false;                     // nothing more will come for now
  };
  const View& view(Transport transport, IpFamily family) const { return views_.at({transport, family}); }
  /// Of IPv4, if it could be asked over that, else of IPv6.
  const PortForecast& forecast(Transport transport) const;
  /// Whether every UDP socket, or the punching port over TCP in every family that the server can be asked over, has its reflexive endpoint or will have none.
  bool settled(Transport transport) const;
  /// Whether the server is heard over TCP, as far as is known. While it is not, its silence over UDP says nothing of UDP.
  void set_server_heard(std::function<bool()> server_heard) { server_heard_ = std::move(server_heard); }
  /// Called at each change of a view.
  void set_on_change(std::function<void()> on_change) { on_change_ = std::move(on_change); }

  /// By fresh mappings: just before punching. Gives the sockets that it has measured with; of a stable NAT, the first is the one whose external
  /// endpoint the forecast says. Unknown if there is no server to ask.
  awaitable<PortForecast> measure_udp(std::vector<std::shared_ptr<UdpPort>>& sockets);
  /// The same over TCP. Stable: the forecast says the external endpoint of the punching port.
  awaitable<PortForecast> measure_tcp();
  /// When the last mapping of the latest measurement was made.
  TimePoint measured_at() const { return measured_at_; }

  /// As the server's first address sees it; nothing without an answer. Nobody else is asked, so that no other filter opens.
  awaitable<std::optional<Endpoint>> reflexive_of(std::shared_ptr<UdpPort> port) const;

  /// For `pshare doctor`: with fresh sockets, in about two seconds. Nothing if there is no server to ask, or no route.
  awaitable<std::optional<NatBehaviour>> discover() const;
  /// For `pshare doctor`: it takes as long as `limit`. Nothing if it cannot be measured.
  awaitable<std::optional<MappingLifetime>> measure_lifetime(Duration limit) const;

 private:
  /// What is known of the server's places, of one family.
  struct Place {
    IpAddress address;
    std::optional<IpAddress> alternate_address = {};
  };
  struct Ports { Port stun, stun_alternate, reflect, reflect_alternate; };  // 0: not known (yet), or there is none
  struct Control { Endpoint server, local, observed; };

  awaitable<void> resolve_server();
  awaitable<void> watch_udp(std::shared_ptr<UdpPort> port);
  awaitable<void> survey_udp(std::shared_ptr<UdpPort> port);
  awaitable<void> watch_tcp();
  enum class Answers { some, none, nobody_to_ask };
  awaitable<Answers> survey_tcp(IpFamily family);
  bool control_shows(IpFamily family) const;
  void expect_tcp_survey();
  /// When TCP is to be surveyed again without a welcome.
  struct NextLook {
    std::optional<TimePoint> at = {};
    Duration pause = tcp_survey_again;
  };
  void plan(NextLook& next, Answers answers, IpFamily family) const;
  struct Volley { Port local; Endpoint to; };
  awaitable<void> reflect_all(std::vector<PortSample>& samples, std::vector<Volley> volley);
  awaitable<void> reflect_into(std::vector<PortSample>& samples, Volley one);
  template <typename Core, typename OnAction>
  awaitable<void> drive(Core& core, const std::vector<std::shared_ptr<UdpPort>>& ports, OnAction on_action) const;

  std::vector<Endpoint> stun_destinations(IpFamily family) const;
  std::vector<Endpoint> reflect_destinations(IpFamily family) const;
  /// IPv4 if the server can be asked over that, else IPv6; nothing if neither.
  std::optional<IpFamily> family_to_measure(Transport transport) const;
  UdpMeasurement::Settings settings(IpFamily family) const;
  View& view_of(Transport transport, IpFamily family) { return views_.at({transport, family}); }
  void changed();
  void learn_ports(const Welcome& welcome, Port reflect, const std::function<void()>& learn_places);

  asio::any_io_executor executor_;
  const TlsContext& tls_;
  Random& random_;
  const PunchingPort& port_;
  ServerAddress server_;
  std::map<IpFamily, Place> places_;
  Ports ports_;
  bool has_stun_ = true;               // as far as is known
  std::optional<Control> control_;     // of the present connection to the server, or the last
  std::map<std::pair<Transport, IpFamily>, View> views_;
  Wakeup welcomed_;                    // for watch_tcp()
  bool tcp_expected_ = false;          // to be surveyed anew, in all families
  Wakeup moved_;                       // for run()
  Wakeups places_known_, tcp_surveyed_;
  TimePoint doubted_at_{};
  TimePoint measured_at_{};
  std::function<bool()> server_heard_ = [] { return true; };
  std::function<void()> on_change_;
};

}  // namespace pshare
