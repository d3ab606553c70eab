// How a UPnP gateway is found and asked, whatever for: SSDP (traversal/mapping/ssdp_search) and HTTP over our own sockets, which can be cancelled and
// take no more than they should. traversal/io/igd and traversal/io/igd_firewall say what is asked.
#pragma once

#include <optional>
#include <string>
#include <variant>

#include "io/asio.hpp"
#include "traversal/io/igd_xml.hpp"
#include "traversal/mapping/http_answer.hpp"
#include "traversal/mapping/ssdp_search.hpp"

namespace pshare {

class UpnpGateway {
 public:
  /// How long any one answer is waited for.
  static constexpr Duration patience = std::chrono::seconds{3};

  /// What did not come to an answer: ours or the network's trouble in words.
  struct Failed { std::string words; };
  using Answer = std::variant<HttpAnswer, SoapError, Failed>;
  using Outcome = std::variant<std::monostate, SoapError, Failed>;  // nothing: done

  /// Everything is sent from `own`, which is of `gateway`'s family. `interface`, an index, leads there.
  UpnpGateway(IpAddress gateway, IpAddress own, unsigned interface) : gateway_(gateway), own_(own), interface_(interface) {}

  /// Where its description is. Nothing: nobody answers. Throws std::system_error.
  awaitable<std::optional<HttpLocation>> find(SsdpSearch::Sought sought) const;
  /// Errors: those of connecting and reading, timed_out, malformed, limit.
  awaitable<HttpAnswer> ask(Endpoint server, std::string request) const;
  /// A SOAP action, by one whole request. Does not throw but for cancellation.
  awaitable<Answer> act(Endpoint server, std::string request) const;

 private:
  awaitable<HttpAnswer> exchange(Endpoint server, std::string request) const;
  unsigned zone_of(const IpAddress& address) const;

  IpAddress gateway_, own_;
  unsigned interface_;
};

/// For actions whose answer says nothing but that it is done.
UpnpGateway::Outcome outcome_of(UpnpGateway::Answer answer);

}  // namespace pshare
