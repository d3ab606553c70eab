// The driver of a UPnP gateway: finds it (traversal/mapping/ssdp_search), reads its description, and carries out what traversal/mapping/igd_client asks for. The only way
// to miniupnpc, whose XML parsers read what the gateway says; its sockets are not used, because they block, for seconds and without
// an end that we set (docs/decisions/0016).
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "io/asio.hpp"
#include "traversal/mapping/http_answer.hpp"
#include "traversal/mapping/igd_client.hpp"
#include "traversal/mapping/igd_request.hpp"
#include "traversal/mapping/ssdp_search.hpp"

namespace pshare {

// What is read in XML. Bounded; texts are as the gateway sent them.

/// The services by which a gateway maps ports, the first to be tried first. Empty: this is no gateway.
std::vector<IgdService> services_in(const HttpLocation& description, std::string_view xml);
/// Nothing: it has none, or it is no address.
std::optional<IpAddress> external_address_in(std::string_view xml);
struct SoapError {
  int code = 0;
  std::string words;  // printable
};
/// Nothing: it is no UPnP error.
std::optional<SoapError> soap_error_in(std::string_view xml);

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
