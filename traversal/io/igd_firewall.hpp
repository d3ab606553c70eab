// The driver of a UPnP gateway's firewall for IPv6: finds it, and carries out what traversal/mapping/pinhole_client wants.
//
// It is looked for over IPv6 first: miniupnpd, which many routers are made of, makes a pinhole towards nobody but the address that a request comes
// from, and refuses all that come over IPv4. Then over IPv4, where routers that show their description there alone list the firewall as well. Whichever
// it is, pinholes are asked for towards our own address only.
#pragma once

#include <optional>
#include <variant>
#include <vector>

#include "io/asio.hpp"
#include "traversal/io/upnp_gateway.hpp"
#include "traversal/mapping/igd_request.hpp"
#include "traversal/mapping/pinhole_client.hpp"

namespace pshare {

class IgdFirewall {
 public:
  /// `ways` to where it may be, the best first; `own` is our IPv6 address.
  IgdFirewall(std::vector<UpnpGateway> ways, IpAddress own) : ways_(std::move(ways)), own_(own) {}

  /// Nothing: nobody here has one. Does not throw but for cancellation.
  awaitable<std::optional<FirewallStatus>> search();

  // After a search that found something.
  using Added = std::variant<PinholeId, SoapError, UpnpGateway::Failed>;
  awaitable<Added> add(PinholeClient::Add pinhole);
  awaitable<UpnpGateway::Outcome> update(PinholeClient::Update pinhole);
  awaitable<UpnpGateway::Outcome> remove(PinholeClient::Delete pinhole);

 private:
  struct Found {
    UpnpGateway way;
    IgdService service;
  };

  awaitable<std::optional<FirewallStatus>> search(UpnpGateway way);

  std::vector<UpnpGateway> ways_;
  IpAddress own_;
  std::optional<Found> found_;
};

}  // namespace pshare
