// The driver of a UPnP gateway that maps ports: finds it, asks for its description, and carries out what traversal/mapping/igd_client wants.
#pragma once

#include <optional>

#include "io/asio.hpp"
#include "traversal/io/upnp_gateway.hpp"
#include "traversal/mapping/igd_client.hpp"
#include "traversal/mapping/igd_request.hpp"

namespace pshare {

class Igd {
 public:
  /// `own` is our address towards the gateway.
  Igd(UpnpGateway gateway, IpAddress own) : gateway_(gateway), own_(own) {}

  /// Nothing: nobody here maps ports by UPnP. Otherwise the gateway's address outside, if it has one. Does not throw but for cancellation.
  struct Found { std::optional<IpAddress> external; };
  awaitable<std::optional<Found>> search();

  // After a search that found something.
  awaitable<UpnpGateway::Outcome> add(IgdClient::Add mapping);
  awaitable<UpnpGateway::Outcome> remove(IgdClient::Delete mapping);

 private:
  UpnpGateway gateway_;
  IpAddress own_;
  std::optional<IgdService> service_;
};

}  // namespace pshare
