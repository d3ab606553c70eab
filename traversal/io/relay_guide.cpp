#include "traversal/io/relay_guide.hpp"

#include <algorithm>
#include <utility>

#include "io/deadline.hpp"
#include "io/log.hpp"
#include "io/task_group.hpp"

namespace pshare {

RelayGuide::RelayGuide(asio::any_io_executor executor, RelayWay way, RendezvousClient& server, Trusted trusted)
    : executor_(std::move(executor)), way_(way), server_(server), trusted_(std::move(trusted)), looked_(executor_) {}

awaitable<void> RelayGuide::look() {
  for (const auto before = looks_; looking_;) {
    co_await looked_.wait();
    if (looks_ != before) co_return;  // else its session was called off
  }
  if (looked_at_ && Clock::now() < *looked_at_ + relay_list_lifetime) co_return;
  looking_ = true;
  struct Looked {  // also when it is cancelled
    RelayGuide& relays;
    ~Looked() {
      relays.looking_ = false;
      relays.looked_.ring();
    }
  };
  const Looked looked{*this};
  std::vector<NearRelay> nearby;
  Measuring measuring{.nearby = nearby, .news = Wakeup{executor_}};
  try {
    auto trusted = trusted_();
    const auto listed = co_await server_.relays(trusted, Clock::now() + relay_list_patience);
    const auto body = [&](TaskGroup& tasks) -> awaitable<void> {
      for (const auto& each : listed) {
        // The server's word counts only for those that serve anyone.
        if (!each.for_anyone && std::ranges::find(trusted, each.relay) == trusted.end()) continue;
        ++measuring.open;
        tasks.start(measure(each, measuring));
      }
      const auto enough_at = Clock::now() + relay_distance_patience;
      while (measuring.open > 0 && (nearby.empty() || Clock::now() < enough_at))
        co_await measuring.news.wait(nearby.empty() ? std::nullopt : std::optional{enough_at});
    };
    co_await with_tasks<void>(body);
    looked_at_ = Clock::now();
    log(LogLevel::debug, "relays.near", {{"listed", listed.size()}, {"count", nearby.size()}});
    near_ = std::move(nearby);
  } catch (const Failure& failure) {
    log(LogLevel::debug, "relays.unknown", {{"why", failure.error().message()}});
    if (failure.error().code == Errc::unsupported) near_.emplace();  // a server that knows no relays lists none
  }
  ++looks_;
}

awaitable<void> RelayGuide::measure(RelayListing listing, Measuring& all) {
  try {
    auto dialling = relay_round_trip(listing.endpoints, way_.outlet);
    const auto round_trip = co_await with_deadline(std::move(dialling), Clock::now() + longest_relay_distance_patience, "measuring how far a supernode is");
    log(LogLevel::debug, "relay.near", {{"relay", listing.relay.short_text()}, {"round_trip", round_trip}});
    all.nearby.push_back({listing, round_trip});
  } catch (const Failure& failure) {
    log(LogLevel::debug, "relay.out_of_reach", {{"relay", listing.relay.short_text()}, {"why", failure.error().message()}});
  }
  --all.open;
  all.news.ring();
}

std::optional<RelayPlace> RelayGuide::of_server() const {
  const auto& welcome = server_.last_welcome();
  if (!welcome || !welcome->relays) return std::nullopt;
  return RelayPlace{server_.server().key, HostAndPort{server_.server().host, server_.server().port}};
}

std::optional<Tier> RelayGuide::tier_of(const PeerId& relay) const {
  if (relay == server_.server().key) return Tier::relay;
  const auto trusted = trusted_();
  if (std::ranges::find(trusted, relay) != trusted.end()) return Tier::supernode;
  const auto listed = [&](const NearRelay& each) { return each.listing.relay == relay; };
  if (near_ && std::ranges::any_of(*near_, listed)) return Tier::supernode;
  return std::nullopt;
}

}  // namespace pshare
