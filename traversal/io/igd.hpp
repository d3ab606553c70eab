// The driver of a UPnP gateway: finds it (traversal/mapping/ssdp_search), asks for its description, and carries out what
// traversal/mapping/igd_client wants. HTTP over our own sockets, which can be cancelled and take no more than they should.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <variant>

#include "io/asio.hpp"
#include "traversal/io/igd_xml.hpp"
#include "traversal/mapping/http_answer.hpp"
#include "traversal/mapping/igd_client.hpp"
#include "traversal/mapping/igd_request.hpp"
#include "traversal/mapping/ssdp_search.hpp"

namespace pshare {

class Igd {
 public:
  /// How long any one answer is waited for.
  static constexpr Duration patience = std::chrono::seconds{3};

  /// `own` is our address towards the gateway.
  Igd(IpAddress gateway, IpAddress own) : gateway_(gateway), own_(own) {}

  /// Nothing: nobody here maps ports by UPnP. Otherwise the gateway's address outside, if it has one. Does not throw but for cancellation.
  struct Found { std::optional<IpAddress> external; };
  awaitable<std::optional<Found>> search();

  // After a search that found something. `failed` is ours or the network's trouble in words.
  struct Failed { std::string words; };
  using Outcome = std::variant<std::monostate, SoapError, Failed>;  // nothing: done
  awaitable<Outcome> add(IgdClient::Add mapping);
  awaitable<Outcome> remove(IgdClient::Delete mapping);

 private:
  awaitable<std::optional<HttpLocation>> find_description();
  awaitable<HttpAnswer> ask(Endpoint server, std::string request);
  awaitable<Outcome> act(std::string request);

  IpAddress gateway_, own_;
  std::optional<IgdService> service_;
};

}  // namespace pshare
