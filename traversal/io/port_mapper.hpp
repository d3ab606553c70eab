// Has the routers in front of us open our port, in the background from program start to its end: drives traversal/mapping/port_mappings, one for IPv4
// and one for IPv6 pinholes, over UDP sockets (PCP, NAT-PMP), traversal/io/igd and traversal/io/igd_firewall (UPnP). Only the router that the default
// route leads to is asked (for pinholes by UPnP also that of IPv4's), and for IPv4 nobody where our own address is one of the internet's already. When
// the network changes it begins anew.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "io/asio.hpp"
#include "io/gateway.hpp"
#include "io/task_group.hpp"
#include "io/wakeup.hpp"
#include "traversal/mapping/port_mappings.hpp"
#include "wire/random.hpp"

namespace pshare {

class PortMapper {
 public:
  struct Settings {
    std::chrono::seconds lifetime = mapping_lifetime;                              // of leases
    std::vector<MappingProtocol> protocols{all_mapping_protocols.begin(), all_mapping_protocols.end()};  // the best first
  };
  /// What came of having the server dial a port.
  enum class DialBack { arrived, lost, not_tried };
  using Verify = std::function<awaitable<DialBack>(Transport transport, Endpoint external)>;

  /// `local` is what is mapped, the same port for TCP and UDP. `random` lives longer.
  PortMapper(asio::any_io_executor executor, Random& random, Port local);
  PortMapper(asio::any_io_executor executor, Random& random, Port local, Settings settings);
  ~PortMapper();

  /// For ever; ends by cancellation, which leaves mappings to give_back().
  awaitable<void> run();

  /// As of now. Nothing here waits for a gateway.
  const MappedPorts& ports() const { return ports_; }
  /// Called at each change.
  void set_on_change(std::function<void()> on_change) { on_change_ = std::move(on_change); }

  /// Where the server sees us. Mappings that are not proved are verified (again) from then on.
  void set_observed(IpAddress address);
  /// Called for each mapping that the internet could reach, once set_observed() has been. `lost` has the mapping made anew, once, and then given up. Before run().
  void set_verify(Verify verify) { verify_ = std::move(verify); }

  /// Takes all mappings away, before or after run() has been cancelled; returns when they are gone, or then. Nothing is mapped any more after that.
  awaitable<void> give_back(TimePoint until);

 private:
  class Session;

  struct Network {  // what a session depends on
    DefaultRoute route;
    IpAddress own;
    // Of IPv6: the private network of IPv4 beside it, whose router may have the firewall.
    struct Beside {
      DefaultRoute route;
      IpAddress own;
      friend bool operator==(const Beside&, const Beside&) = default;
    };
    std::optional<Beside> beside{};
    friend bool operator==(const Network&, const Network&) = default;
  };
  static std::vector<Network> networks(asio::any_io_executor executor);
  bool is_given_back() const;
  void changed();

  asio::any_io_executor executor_;
  Random& random_;
  Port local_;
  Settings settings_;
  Verify verify_;
  std::function<void()> on_change_;
  std::optional<IpAddress> observed_;
  std::vector<std::unique_ptr<Session>> sessions_;
  Wakeups given_back_;
  MappedPorts ports_;
  bool running_ = false, giving_back_ = false;
};

}  // namespace pshare
