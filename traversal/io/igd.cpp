#include "traversal/io/igd.hpp"

#include <utility>

#include "io/log.hpp"
#include "io/printable.hpp"

namespace pshare {

namespace {

// What routers list their mappings under.
constexpr std::string_view mapping_name = "pshare";

}  // namespace

awaitable<std::optional<Igd::Found>> Igd::search() {
  std::optional<std::string> trouble;
  try {
    const auto description = co_await gateway_.find(SsdpSearch::Sought::port_mapping);
    if (!description) co_return std::nullopt;
    log(LogLevel::debug, "igd.found", {{"description", description->server.text() + description->path}});
    const auto page = co_await gateway_.ask(description->server, description_request(*description));
    const auto services = services_in(*description, page.body);
    service_.reset();
    std::optional<IpAddress> external;
    for (const auto& service : services) {  // one of several connections may be up
      const auto answer = co_await gateway_.ask(service.control.server, external_address_request(service));
      external = external_address_in(answer.body);
      if (!service_ || external) service_ = service;
      if (external) break;
    }
    if (!service_) co_return std::nullopt;
    co_return Found{external};
  } catch (const Failure& failure) {
    trouble = printable(failure.error().message());
  } catch (const std::system_error& error) {
    if (error.code() == asio::error::operation_aborted) throw;
    trouble = error.what();
  }
  log(LogLevel::debug, "igd.failed", {{"why", *trouble}});
  co_return std::nullopt;
}

awaitable<UpnpGateway::Outcome> Igd::add(IgdClient::Add mapping) {
  auto request = add_mapping_request(*service_, mapping, own_, mapping_name);
  co_return outcome_of(co_await gateway_.act(service_->control.server, std::move(request)));
}

awaitable<UpnpGateway::Outcome> Igd::remove(IgdClient::Delete mapping) {
  auto request = delete_mapping_request(*service_, mapping);
  co_return outcome_of(co_await gateway_.act(service_->control.server, std::move(request)));
}

}  // namespace pshare
