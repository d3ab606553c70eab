#include "punching/punching_pair.hpp"

#include <algorithm>

namespace pshare::sim {

using namespace std::chrono_literals;

PunchingPair::PunchingPair(Seed seed, std::uint64_t step_limit)
    : world(seed, step_limit), internet(world), server(internet.add_server("server", {"81.2.69.10", "81.2.69.11"})), stun(server), reflector(server) {}

void PunchingPair::put(Machine& left_machine, Machine& right_machine, Settings settings) {
  settings_ = settings;
  auto of_side = settings.peers;
  of_side.side = CheckSide::controlling;
  of_side.session = SessionId::random(world.random());
  of_side.key = CheckKey::random(world.random());
  of_side.udp = settings.udp, of_side.tcp = settings.tcp;
  const auto carry_to = [this](std::unique_ptr<PunchingPeer>& peer) {
    return [this, &peer](const Punch& punch) { world.events().in(settings_.signal_delay, [&peer, punch] { peer->heard(punch); }); };
  };
  left = std::make_unique<PunchingPeer>(left_machine, stun, reflector, of_side, carry_to(right));
  of_side.side = CheckSide::controlled;
  right = std::make_unique<PunchingPeer>(right_machine, stun, reflector, of_side, carry_to(left));
}

void PunchingPair::put(const SiteKind& a, const SiteKind& b, Settings settings, AccessLine line) {
  auto& left_machine = add_site(internet, a, "left", line);
  auto& right_machine = add_site(internet, b, "right", line);
  put(left_machine, right_machine, settings);
}

Machine& PunchingPair::behind(const NatBehaviour& behaviour, const std::string& name, AccessLine line) {
  return internet.add_machine(internet.add_lan(name, behaviour, line), name);
}

PunchingOutcome PunchingPair::climb(Duration longest) {
  auto& events = world.events();
  events.run_until([&] { return left->surveyed() && right->surveyed(); }, world.now() + 10s);

  // The offer and its answer have both sides' candidates; the start is agreed.
  const auto agreed = world.now() + settings_.signal_delay;
  const auto begin = [](PunchingPeer& mine, PunchingPeer& theirs) { mine.begin(theirs.targets(), theirs.facts(), theirs.seen_at()); };
  events.at(agreed + std::max(-settings_.skew, Duration{}), [this, begin] { begin(*left, *right); });
  events.at(agreed + std::max(settings_.skew, Duration{}), [this, begin] { begin(*right, *left); });
  for (const auto& call : at_start_) events.at(agreed, call);
  events.run_until([&] { return left->lane_at() || (left->has_given_up() && right->has_given_up()); }, agreed + longest);

  PunchingOutcome outcome{.connected = left->lane_at() ? left->lane() : std::nullopt, .measured_rounds = std::max(left->rounds(), right->rounds())};
  for (const auto* peer : {left.get(), right.get()})
    if (const auto at = peer->something_at(); at && (outcome.something == Duration{} || *at - agreed < outcome.something)) outcome.something = *at - agreed;
  if (left->lane_at()) outcome.lane = *left->lane_at() - agreed;
  if (left->has_given_up() && right->has_given_up()) {
    outcome.gave_up = Duration{};
    for (const auto* peer : {left.get(), right.get()})
      for (const auto& [transport, gone] : peer->gone()) outcome.gave_up = std::max(*outcome.gave_up, gone.at - agreed);
  }
  return outcome;
}

}  // namespace pshare::sim
