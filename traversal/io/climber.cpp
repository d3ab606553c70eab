#include "traversal/io/climber.hpp"

#include <algorithm>
#include <utility>

#include "io/deadline.hpp"
#include "io/interfaces.hpp"
#include "io/log.hpp"
#include "io/tcp_stream.hpp"
#include "traversal/io/climb.hpp"
#include "traversal/io/lane_greeting.hpp"
#include "traversal/io/tcp_lane.hpp"

namespace pshare {

Climber::Climber(asio::any_io_executor executor, const TlsContext& tls, LaneDoor& door, Random& random, ClimbSettings settings)
    : executor_(std::move(executor)),
      tls_(tls),
      door_(door),
      random_(random),
      settings_(std::move(settings)),
      registration_(settings_.role == ClimbRole::sender
                        ? door_.expect(settings_.session, settings_.peer,
                                       [this](TcpStream socket) { return speak(std::move(socket), Tier::direct, 0, Clock::now()); })
                        : door_.expect(settings_.session, settings_.peer)),
      lane_taken_(executor_),
      again_(executor_) {
  if (!drives(Tier::direct)) registration_.turn_away();
}

Ascent::Settings Climber::how_to_climb(Duration patience) const {
  return {.tiers = settings_.tiers, .tcp_allowed = settings_.tcp_allowed, .udp_allowed = false, .patience = patience};
}

bool Climber::drives(Tier tier) const { return Ascent::drives(tier, how_to_climb({})); }

std::vector<LocalAddress> Climber::local_addresses() const {
  std::vector<LocalAddress> out;
  const auto found = interface_addresses();
  if (!found) {
    log(LogLevel::warn, "interfaces.unknown", {{"why", found.error().message()}});
    return out;
  }
  for (const auto& each : *found)
    out.push_back({.address = each.address, .prefix_length = each.prefix_length, .zone = each.interface});
  return out;
}

std::vector<Candidate> Climber::local_candidates(std::optional<Endpoint> observed, std::optional<Port> manual) const {
  if (!drives(Tier::direct)) return {};
  Surroundings surroundings{.addresses = local_addresses(),
                            .listening = door_.port(),
                            .observed = std::nullopt,
                            .manual = manual,
                            .peer_host = peer_host()};
  if (observed) surroundings.observed = observed->address;
  return gather(surroundings);
}

awaitable<LanePtr> Climber::first_lane(std::vector<Candidate> remote, TimePoint until) {
  if (drives(Tier::direct)) registration_.let_in();
  Climb climb{*this, targets(remote, local_addresses(), peer_host()), Climb::Lanes::chosen, until};
  auto body = [&](TaskGroup& tasks) -> awaitable<LanePtr> { co_return co_await climb.run(tasks); };
  auto lane = co_await with_tasks<LanePtr>(std::move(body));
  registration_.turn_away();
  co_return lane;
}

awaitable<LanePtr> Climber::another_lane(const Path& like, std::uint32_t ordinal, TimePoint until) {
  const auto since = Clock::now();
  const auto same = std::find_if(dialled_.begin(), dialled_.end(), [&](const Pair& pair) { return pair.remote == like.remote; });
  if (same != dialled_.end()) {
    auto dialling = dial(*same, like.tier, ordinal, since);
    co_return co_await with_deadline(std::move(dialling), until, "opening another lane to " + like.remote.text());
  }
  registration_.let_in();
  auto waiting = registration_.next();
  co_return co_await with_deadline(std::move(waiting), until, "waiting for the peer to open another lane");
}

bool Climber::dialled(const Path& path) const {
  return std::any_of(dialled_.begin(), dialled_.end(), [&](const Pair& pair) { return pair.remote == path.remote; });
}

awaitable<LanePtr> Climber::dial(Pair pair, Tier tier, std::uint32_t ordinal, TimePoint since) {
  auto socket = co_await connect(pair.remote, pair.zone);
  LanePtr lane;
  if (settings_.role == ClimbRole::sender)
    lane = co_await speak(std::move(socket), tier, ordinal, since);
  else
    lane = co_await registration_.hear(std::move(socket));
  if (std::find(dialled_.begin(), dialled_.end(), pair) == dialled_.end()) dialled_.push_back(pair);
  co_return lane;
}

/// The sender's TLS and greeting on a connection, whoever dialled it.
awaitable<LanePtr> Climber::speak(TcpStream socket, Tier tier, std::uint32_t ordinal, TimePoint since) {
  const Path path{.tier = tier, .transport = Transport::tcp, .local = socket.local(), .remote = socket.remote()};
  std::vector<std::string> alpn{std::string{lane_alpn}};
  TlsStream stream{std::move(socket), TlsEngine{tls_, TlsRole::client, std::move(alpn), only(settings_.peer)}};
  co_await stream.handshake();
  LanePtr lane = std::make_unique<TcpLane>(std::move(stream), path, executor_);
  const LaneHello hello{.session = settings_.session, .ordinal = ordinal, .tier = tier};
  co_await say_hello(*lane, hello);
  lane->count_as(tier, Clock::now() - since);
  co_return lane;
}

awaitable<void> Climber::attend(std::vector<Candidate> remote, TimePoint until) {
  for (auto patience = until;; patience = TimePoint::max()) {
    Climb climb{*this, targets(remote, local_addresses(), peer_host()), Climb::Lanes::kept, patience};
    auto body = [&](TaskGroup& tasks) -> awaitable<void> {
      co_await climb.run(tasks);
      co_await again_.wait();  // callers are let in meanwhile, and dials that have begun come to their end
    };
    co_await with_tasks(std::move(body));
  }
}

awaitable<LanePtr> Climber::next_lane() {
  while (taken_.empty()) co_await lane_taken_.wait();
  auto lane = std::move(taken_.front());
  taken_.pop_front();
  co_return lane;
}

void Climber::climb_again() { again_.ring(); }

}  // namespace pshare
