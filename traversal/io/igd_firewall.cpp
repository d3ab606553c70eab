#include "traversal/io/igd_firewall.hpp"

#include <utility>

#include "io/log.hpp"
#include "io/printable.hpp"
#include "traversal/overloaded.hpp"

namespace pshare {

awaitable<std::optional<FirewallStatus>> IgdFirewall::search() {
  found_.reset();
  for (const auto& way : ways_) {
    std::optional<std::string> trouble;
    try {
      if (auto status = co_await search(way)) co_return status;
    } catch (const Failure& failure) {
      trouble = printable(failure.error().message());
    } catch (const std::system_error& error) {
      if (error.code() == asio::error::operation_aborted) throw;
      trouble = error.what();
    }
    if (trouble) log(LogLevel::debug, "firewall.failed", {{"why", *trouble}});
  }
  co_return std::nullopt;
}

awaitable<std::optional<FirewallStatus>> IgdFirewall::search(UpnpGateway way) {
  const auto description = co_await way.find(SsdpSearch::Sought::firewall);
  if (!description) co_return std::nullopt;
  const auto page = co_await way.ask(description->server, description_request(*description));
  auto service = firewall_in(*description, page.body);
  if (!service) co_return std::nullopt;
  log(LogLevel::debug, "firewall.found", {{"description", description->server.text() + description->path}});
  const auto answer = co_await way.ask(service->control.server, firewall_status_request(*service));
  found_ = Found{way, std::move(*service)};
  co_return firewall_status_in(answer.body).value_or(FirewallStatus{});  // one that does not say is asked for a pinhole, and says it then
}

awaitable<IgdFirewall::Added> IgdFirewall::add(PinholeClient::Add pinhole) {
  auto request = add_pinhole_request(found_->service, pinhole, own_);
  const auto answer = co_await found_->way.act(found_->service.control.server, std::move(request));
  co_return std::visit(Overloaded{
                           [](const HttpAnswer& done) -> Added {
                             if (const auto id = pinhole_id_in(done.body)) return *id;
                             return UpnpGateway::Failed{"an answer without the number of the pinhole"};
                           },
                           [](const auto& trouble) -> Added { return trouble; },
                       },
                       answer);
}

awaitable<UpnpGateway::Outcome> IgdFirewall::update(PinholeClient::Update pinhole) {
  auto request = update_pinhole_request(found_->service, pinhole);
  co_return outcome_of(co_await found_->way.act(found_->service.control.server, std::move(request)));
}

awaitable<UpnpGateway::Outcome> IgdFirewall::remove(PinholeClient::Delete pinhole) {
  auto request = delete_pinhole_request(found_->service, pinhole);
  co_return outcome_of(co_await found_->way.act(found_->service.control.server, std::move(request)));
}

}  // namespace pshare
