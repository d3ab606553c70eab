#include "punching/udp_pair.hpp"

#include <algorithm>

namespace pshare::sim {

using namespace std::chrono_literals;

UdpPair::UdpPair(Seed seed, std::uint64_t step_limit)
    : world(seed, step_limit), internet(world), server(internet.add_server("server", {"81.2.69.10", "81.2.69.11"})), stun(server) {}

void UdpPair::put(Machine& left_machine, Machine& right_machine, Settings settings) {
  settings_ = settings;
  UdpPeer::Settings of_side{.side = CheckSide::controlling,
                            .session = SessionId::random(world.random()),
                            .key = CheckKey::random(world.random()),
                            .rtt = settings.rtt,
                            .patience = settings.patience,
                            .openers = settings.openers,
                            .keeps_alive = settings.keeps_alive};
  left = std::make_unique<UdpPeer>(left_machine, stun, of_side);
  of_side.side = CheckSide::controlled;
  right = std::make_unique<UdpPeer>(right_machine, stun, of_side);
}

void UdpPair::put(const SiteKind& a, const SiteKind& b, Settings settings, AccessLine line) {
  auto& left_machine = add_site(internet, a, "left", line);
  auto& right_machine = add_site(internet, b, "right", line);
  put(left_machine, right_machine, settings);
}

Machine& UdpPair::behind(const NatBehaviour& behaviour, const std::string& name, AccessLine line) {
  return internet.add_machine(internet.add_lan(name, behaviour, line), name);
}

UdpOutcome UdpPair::climb() {
  auto& events = world.events();
  events.run_until([&] { return left->surveyed() && right->surveyed(); }, world.now() + 5s);
  if (!left->surveyed() || !right->surveyed()) return {};

  // The offer and its answer have both sides' candidates; the start is agreed.
  const auto agreed = world.now() + settings_.signal_delay + std::max(-settings_.skew, Duration{});
  if (settings_.plain) {
    events.at(agreed + std::max(-settings_.skew, Duration{}), [this] { left->punch(right->candidates()); });
    events.at(agreed + std::max(settings_.skew, Duration{}), [this] { right->punch(left->candidates()); });
  }
  for (const auto& call : at_start_) events.at(agreed, call);
  events.run_to(agreed);

  const bool hard = is_hard(left->survey()) || is_hard(right->survey());
  if (settings_.plain && !hard) events.run_until([&] { return settled() || left->failed(); }, world.now() + 20s);
  for (int round = 0; round < settings_.measured_rounds && !settled(); ++round) measured_round();
  events.run_until([&] { return settled() || (left->failed() && (right->failed() || right->settled())); }, world.now() + 20s);
  return outcome(agreed);
}

void UdpPair::measured_round() {
  auto& events = world.events();
  ++so_far_.measured_rounds;
  left->measure(), right->measure();
  if (!events.run_until([&] { return settled() || (left->measured() && right->measured()); }, world.now() + 5s) || settled()) return;
  // A sweep that found nothing: the steps were none. Whoever said so says the next time that its ports come as they like.
  const bool swept = so_far_.way == SearchPlan::Way::sweep;
  const auto said = [swept](const UdpPeer& peer) {
    auto forecast = peer.forecast();
    if (swept && forecast.kind == PortForecast::Kind::stepping) forecast.kind = PortForecast::Kind::random;
    return forecast;
  };
  // So much later each has the other's forecast.
  const auto search = [this, said](UdpPeer& mine, UdpPeer& theirs) {
    const auto plan = search_plan(said(mine), said(theirs), world.now() - theirs.measured_at(), world.random());
    so_far_.way = plan.way;
    if (plan.way != SearchPlan::Way::impossible) mine.search(plan);
  };
  const auto begins = world.now() + settings_.signal_delay;
  events.at(begins + std::max(-settings_.skew, Duration{}), [this, search] { search(*left, *right); });
  events.at(begins + std::max(settings_.skew, Duration{}), [this, search] { search(*right, *left); });
  events.run_to(begins + std::max(settings_.skew, -settings_.skew));
  events.run_until([&] { return settled() || left->failed(); }, world.now() + 20s);
}

UdpOutcome UdpPair::outcome(TimePoint agreed) const {
  auto result = so_far_;
  result.connected = settled();
  result.failed = left->failed() && (right->failed() || right->settled());  // the sender says how it ends
  result.packets = left->packets() + right->packets();
  if (left->reached_at()) result.reached = *left->reached_at() - agreed;
  if (left->reached()) result.tier = left->reached()->tier;
  if (result.connected) result.settled = std::max(*left->settled(), *right->settled()) - agreed;
  return result;
}

}  // namespace pshare::sim
