#include "traversal/ascent.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "traversal/overloaded.hpp"
#include "traversal/path_rank.hpp"

namespace pshare {

namespace {

constexpr std::array both_transports{Transport::tcp, Transport::udp};

std::vector<Rung> rungs_of(const std::vector<Tier>& tiers) {
  std::vector<Rung> rungs;
  for (const auto tier : tiers) {
    if (is_straight(tier))
      rungs.push_back({.tier = tier});
    else
      rungs.push_back({.tier = tier, .start = Rung::Start::warm, .warm_after = standby_delay});
  }
  return rungs;
}

bool of_tier(const std::vector<Pair>& pairs, Tier tier) {
  return std::any_of(pairs.begin(), pairs.end(), [&](const Pair& pair) { return pair.tier == tier; });
}

bool likely_of_tier(const std::vector<Pair>& pairs, Tier tier) {
  return std::any_of(pairs.begin(), pairs.end(), [&](const Pair& pair) { return pair.tier == tier && pair.likely; });
}

/// Adds to `known` what it does not hold yet; gives that.
std::vector<Pair> add_new(std::vector<Pair>& known, const std::vector<Pair>& more) {
  std::vector<Pair> added;
  for (const auto& pair : more) {
    const bool held = std::any_of(known.begin(), known.end(), [&](const Pair& other) { return other.remote == pair.remote && other.zone == pair.zone; });
    if (held || known.size() >= max_pairs) continue;
    known.push_back(pair);
    added.push_back(pair);
  }
  return added;
}

}  // namespace

bool Ascent::drives(Tier tier, const Settings& settings) {
  const bool possible = is_straight(tier) ? settings.tcp_allowed || settings.udp_allowed : settings.tcp_allowed && settings.relays;
  return possible && std::find(settings.tiers.begin(), settings.tiers.end(), tier) != settings.tiers.end();
}

Ascent::Ascent(Targets targets, Settings settings, Random& random, TimePoint now)
    : settings_(std::move(settings)),
      targets_(allowed(targets)),
      began_(now),
      ladder_(rungs_of(settings_.tiers), {.patience = std::max(settings_.patience, Duration::zero())}, random, now) {
  follow_ladder(now);
}

Targets Ascent::allowed(const Targets& from) const {
  const auto those = [&](const std::vector<Pair>& pairs, bool transport_allowed) {
    std::vector<Pair> out;
    for (const auto& pair : pairs)
      if (transport_allowed && drives(pair.tier, settings_) && out.size() < max_pairs) out.push_back(pair);
    return out;
  };
  return {.dials = those(from.dials, settings_.tcp_allowed),
          .punches = those(from.punches, settings_.tcp_allowed),
          .checks = those(from.checks, settings_.udp_allowed)};
}

LaneKey Ascent::lane_up(const Path& path, std::optional<std::size_t> pair, TimePoint now) {
  const LaneKey key{next_lane_++};
  const bool rival = is_rival(path, now);
  // The first over each transport is what the attempt came to, whoever dialled; those after it are spares.
  const bool moves_up = winner_ && !is_straight(winner_->tier) && is_straight(path.tier);
  if ((!winner_ || rival || moves_up) && connected_.insert({path.tier, path.transport}).second)
    report(path.tier, path.transport, Outcome::connected, Reason::none, path.remote, now);
  if (rival) {
    actions_.push_back(Rival{key});
    end_rivalry();
  } else {
    lanes_.emplace(key, path);
    ladder_.lane_up(key, path, now);
  }
  if (pair) {
    record_.dial_led_to_lane(*pair);
    const auto tier = targets_.dials[*pair].tier;
    if (const auto found = attempts_.find(tier); found != attempts_.end() && found->second.dialling) {
      --found->second.dialling->under_way;
      found->second.dialling->more = false;
      dial_due(tier, now);
    }
  }
  follow_ladder(now);
  return key;
}

void Ascent::dial_failed(std::size_t pair, Errc why, TimePoint now) {
  const auto reason = reason_of(why);
  record_.dial_failed(pair, reason);
  const auto tier = targets_.dials[pair].tier;
  const auto found = attempts_.find(tier);
  if (found == attempts_.end() || !found->second.dialling) return;
  auto& dialling = *found->second.dialling;
  --dialling.under_way;
  came_to(tier, Transport::tcp, reason);
  for (std::size_t i = 0; i < dialling.steps.size(); ++i) {
    auto& step = dialling.steps[i];
    if (std::find(step.pairs.begin(), step.pairs.end(), pair) == step.pairs.end()) continue;
    if (++step.failed == step.pairs.size()) dialling.pace.failed(i, now);
  }
  dial_due(tier, now);
  follow_ladder(now);
}

void Ascent::punching_ended(Transport transport, Reason reason, TimePoint now, std::string words) {
  if (punching_.erase(transport) == 0) return;
  for (const auto tier : all_tiers) {
    const auto found = attempts_.find(tier);
    if (found == attempts_.end() || !std::exchange(found->second.punching[transport], false)) continue;
    came_to(tier, transport, reason);
    if (tier == Tier::punched) record_.explained(tier, transport, words);
    settle(tier, now);
  }
  follow_ladder(now);
}

void Ascent::meeting_ended(Tier tier, Reason reason, TimePoint now, std::string words) {
  const auto found = attempts_.find(tier);
  if (found == attempts_.end() || !std::exchange(found->second.meeting, false)) return;
  came_to(tier, Transport::tcp, reason);
  record_.explained(tier, Transport::tcp, words);
  settle(tier, now);
  follow_ladder(now);
}

void Ascent::try_again(TimePoint now) {
  if (!winner_ || is_straight(winner_->tier)) return;
  for (const auto tier : all_tiers)
    if (is_straight(tier)) ladder_.more_candidates(tier, now);
  follow_ladder(now);
}

void Ascent::fell_back(const Path& to, TimePoint now) {
  if (!winner_ || !is_straight(winner_->tier) || is_straight(to.tier)) return;
  end_rivalry();
  winner_ = to;
  std::erase_if(connected_, [](const auto& each) { return is_straight(each.first); });
  ladder_.fell_back(to, now);
  follow_ladder(now);
}

void Ascent::more_relays(TimePoint now) {
  ladder_.more_candidates(Tier::supernode, now);
  follow_ladder(now);
}

Targets Ascent::more_pairs(const Targets& more, TimePoint now) {
  const auto first_new = targets_.dials.size();
  const auto fit = allowed(more);
  Targets added{.dials = add_new(targets_.dials, fit.dials), .punches = add_new(targets_.punches, fit.punches), .checks = add_new(targets_.checks, fit.checks)};
  for (const auto tier : all_tiers) {
    const bool to_dial = of_tier(added.dials, tier), to_punch = of_tier(added.punches, tier) || of_tier(added.checks, tier);
    if (!to_dial && !to_punch) continue;
    if (const auto found = attempts_.find(tier); found != attempts_.end() && !found->second.stopped) {
      std::vector<std::size_t> pairs;
      for (auto i = first_new; i < targets_.dials.size(); ++i)
        if (targets_.dials[i].tier == tier) pairs.push_back(i);
      found->second.told_unlikely = false;
      ladder_.more_candidates(tier, now);
      if (to_dial) begin_dialling(found->second, pairs, now);
      if (to_punch) begin_punching(tier, found->second);
      dial_due(tier, now);
    } else {
      ladder_.more_candidates(tier, now);
    }
    follow_ladder(now);
  }
  return added;
}

void Ascent::expire(TimePoint now) {
  if (rival_until_ && now >= *rival_until_) end_rivalry();
  for (const auto tier : all_tiers) {
    const auto found = attempts_.find(tier);
    if (found == attempts_.end() || !found->second.dialling || !found->second.dialling->more) continue;
    found->second.dialling->pace.expire(now);
    dial_due(tier, now);
  }
  ladder_.expire(now);
  follow_ladder(now);
}

std::optional<TimePoint> Ascent::deadline() const {
  auto due = ladder_.deadline();
  const auto sooner = [&](std::optional<TimePoint> other) {
    if (other) due = due ? std::min(*due, *other) : *other;
  };
  sooner(rival_until_);
  for (const auto& [tier, attempt] : attempts_)
    if (attempt.dialling && attempt.dialling->more) sooner(attempt.dialling->pace.deadline());
  return due;
}

std::optional<Ascent::Action> Ascent::take() {
  if (actions_.empty()) return std::nullopt;
  auto action = std::move(actions_.front());
  actions_.pop_front();
  return action;
}

void Ascent::follow_ladder(TimePoint now) {
  for (;;) {
    tell_prospects(now);
    const auto action = ladder_.take();
    if (!action) return;
    std::visit(Overloaded{
                   [&](const Ladder::Start& begin) { start(begin.tier, now); },
                   [&](const Ladder::Stop& end) { stop(end.tier); },
                   [&](const Ladder::Winner& winner) { won(winner.lane, now); },
                   [&](const Ladder::Drop& drop) {
                     if (const auto lane = lanes_.extract(drop.lane); lane && is_rival(lane.mapped(), now)) {
                       actions_.push_back(Rival{drop.lane});
                       end_rivalry();
                     } else {
                       actions_.push_back(Close{drop.lane});
                     }
                   },
                   [&](const Ladder::GaveUp& gave_up) {
                     report_unfinished(now);
                     for (const auto transport : both_transports) stop_punching(transport);
                     auto reasons = gave_up.reasons;
                     for (auto& each : reasons)
                       if (each.tier == Tier::mapped && each.reason == Reason::no_candidates) each.reason = settings_.mapping_trouble.value_or(each.reason);
                     actions_.push_back(GaveUp{record_.no_path(reasons)});
                   },
               },
               *action);
  }
}

void Ascent::start(Tier tier, TimePoint now) {
  if (!drives(tier, settings_)) return attempt_failed(tier, Reason::unsupported, now);
  if (!is_straight(tier)) {
    auto& meeting = attempts_[tier] = {};
    meeting.meeting = true;
    meeting.parts[Transport::tcp] = {};
    actions_.push_back(Meet{tier});
    return;
  }
  std::vector<std::size_t> pairs;
  for (std::size_t i = 0; i < targets_.dials.size(); ++i)
    if (targets_.dials[i].tier == tier) pairs.push_back(i);
  if (pairs.empty() && !of_tier(targets_.punches, tier) && !of_tier(targets_.checks, tier)) {
    const auto trouble = tier == Tier::mapped ? settings_.mapping_trouble : std::nullopt;
    return attempt_failed(tier, trouble.value_or(Reason::no_candidates), now);
  }
  // Dials of an attempt that was stopped may still be under way, and come to their end in this one.
  const auto before = attempts_.find(tier);
  const auto left_over = before != attempts_.end() && before->second.dialling ? before->second.dialling->under_way : 0;
  auto& attempt = attempts_[tier] = {};
  if (!pairs.empty()) begin_dialling(attempt, pairs, now);
  if (attempt.dialling) attempt.dialling->under_way += left_over;
  begin_punching(tier, attempt);
  dial_due(tier, now);
}

void Ascent::begin_dialling(Attempting& attempt, const std::vector<std::size_t>& pairs, TimePoint now) {
  std::vector<Dialling::Step> steps;
  Dialling::Step long_shots;
  for (const auto pair : pairs) {
    if (targets_.dials[pair].likely)
      steps.push_back({.pairs = {pair}});
    else
      long_shots.pairs.push_back(pair);
  }
  if (!long_shots.pairs.empty()) steps.push_back(std::move(long_shots));
  attempt.parts[Transport::tcp].reported = false;
  if (attempt.dialling && !attempt.dialling->more) return;  // one of this tier has led to a lane
  if (!attempt.dialling) {
    const HappyEyeballs pace{steps.size(), now};
    attempt.dialling.emplace(Dialling{.pace = pace, .steps = std::move(steps)});
  } else {
    attempt.dialling->steps.insert(attempt.dialling->steps.end(), steps.begin(), steps.end());
    attempt.dialling->pace.added(steps.size(), now);
  }
}

/// Joins the punching that is under way, and begins what is not. The first time that is all there is to punch, so that both transports go side by
/// side.
void Ascent::begin_punching(Tier tier, Attempting& attempt) {
  const auto pairs = [&](Transport transport) -> const auto& { return transport == Transport::tcp ? targets_.punches : targets_.checks; };
  const auto wanted = [&](Transport transport) { return of_tier(pairs(transport), tier); };
  if (!wanted(Transport::tcp) && !wanted(Transport::udp)) return;
  std::vector<Transport> begin;
  for (const auto transport : both_transports)
    if (!punching_.contains(transport) && (wanted(transport) || (punching_.empty() && !pairs(transport).empty()))) begin.push_back(transport);
  punching_.insert(begin.begin(), begin.end());
  if (!begin.empty()) actions_.push_back(Punch{std::move(begin)});
  for (const auto transport : both_transports) {
    if (!wanted(transport)) continue;
    attempt.punching[transport] = true;
    attempt.parts[transport].reported = false;
  }
}

void Ascent::dial_due(Tier tier, TimePoint now) {
  auto& attempt = attempts_.at(tier);
  if (attempt.dialling) {
    auto& dialling = *attempt.dialling;
    while (const auto action = dialling.pace.take()) {
      const auto* next = std::get_if<HappyEyeballs::Dial>(&*action);
      dialling.more = dialling.more && next != nullptr;
      if (!dialling.more) continue;
      for (const auto pair : dialling.steps[next->attempt].pairs) {
        record_.dialled(pair, tier, targets_.dials[pair].remote);
        actions_.push_back(Dial{pair});
        ++dialling.under_way;
      }
    }
    if (dialling.under_way == 0 && !dialling.more) attempt.dialling.reset();
  }
  settle(tier, now);
}

/// Reports what has ended, and the whole attempt to the ladder when nothing of it is left.
void Ascent::settle(Tier tier, TimePoint now) {
  auto& attempt = attempts_.at(tier);
  bool more = false;
  for (auto& [transport, part] : attempt.parts) {
    if (running(attempt, transport)) {
      more = true;
      continue;
    }
    if (std::exchange(part.reported, true) || attempt.stopped) continue;
    record_.came_to_nothing(tier, transport, part.reason);
    if (!connected_.contains({tier, transport})) report(tier, transport, Outcome::failed, part.reason, std::nullopt, now);
  }
  if (more) return;
  auto reason = Reason::none;
  for (const auto& [transport, part] : attempt.parts) reason = more_telling(reason, part.reason);
  const bool stopped = attempt.stopped;
  attempts_.erase(tier);
  if (stopped) return;
  const bool connected = std::any_of(connected_.begin(), connected_.end(), [&](const auto& each) { return each.first == tier; });
  if (connected)  // by this attempt, or the peer came to us meanwhile
    ladder_.attempt_ended(tier, Outcome::connected, Reason::none, now);
  else
    ladder_.attempt_ended(tier, Outcome::failed, reason, now);
}

void Ascent::came_to(Tier tier, Transport transport, Reason reason) {
  auto& part = attempts_.at(tier).parts[transport];
  part.reason = more_telling(part.reason, reason);
}

bool Ascent::running(const Attempting& attempt, Transport transport) const {
  const auto punching = attempt.punching.find(transport);
  return (transport == Transport::tcp && (attempt.dialling || attempt.meeting)) || (punching != attempt.punching.end() && punching->second);
}

/// Whether what still runs may well bring up a lane, over a transport that has not brought up one.
bool Ascent::likely(Tier tier, const Attempting& attempt) const {
  const auto open = [&](Transport transport) {
    const auto punching = attempt.punching.find(transport);
    return punching != attempt.punching.end() && punching->second && !connected_.contains({tier, transport});
  };
  if (attempt.meeting && !connected_.contains({tier, Transport::tcp})) return true;
  if (open(Transport::tcp) && likely_of_tier(targets_.punches, tier)) return true;
  if (open(Transport::udp) && likely_of_tier(targets_.checks, tier)) return true;
  if (!attempt.dialling || connected_.contains({tier, Transport::tcp})) return false;
  return std::any_of(attempt.dialling->steps.begin(), attempt.dialling->steps.end(), [&](const Dialling::Step& step) {
    return step.failed < step.pairs.size() && targets_.dials[step.pairs.front()].likely;
  });
}

/// Tells the ladder which of its rungs need not be waited for.
void Ascent::tell_prospects(TimePoint now) {
  for (auto& [tier, attempt] : attempts_) {
    if (attempt.stopped || attempt.told_unlikely || likely(tier, attempt)) continue;
    attempt.told_unlikely = true;
    ladder_.unlikely(tier, now);
  }
}

void Ascent::won(LaneKey lane, TimePoint now) {
  winner_ = lanes_.at(lane);
  lanes_.erase(lane);
  actions_.push_back(Use{lane});
  if (!is_straight(winner_->tier)) return;
  rival_until_ = now + rival_patience;
  const auto other = winner_->transport == Transport::tcp ? Transport::udp : Transport::tcp;
  const auto same_tier = attempts_.find(winner_->tier);
  const bool goes_on = same_tier != attempts_.end() && same_tier->second.punching[other];
  stop_punching(winner_->transport);
  if (!goes_on) stop_punching(other);
}

bool Ascent::is_rival(const Path& path, TimePoint now) const {
  return rival_until_ && now <= *rival_until_ && path.tier == winner_->tier && path.transport != winner_->transport;
}

/// What may bring up a rival goes on until end_rivalry().
void Ascent::stop(Tier tier) {
  const auto found = attempts_.find(tier);
  if (found == attempts_.end()) return;
  found->second.stopped = true;
  const bool for_rival = rival_until_ && tier == winner_->tier && winner_->transport == Transport::udp;
  if (found->second.dialling && !for_rival) found->second.dialling->more = false;
}

void Ascent::stop_punching(Transport transport) {
  if (punching_.erase(transport) == 0) return;
  actions_.push_back(StopPunching{transport});
  for (auto& [tier, attempt] : attempts_) attempt.punching[transport] = false;
}

void Ascent::end_rivalry() {
  rival_until_.reset();
  for (const auto transport : both_transports) stop_punching(transport);
  for (auto& [tier, attempt] : attempts_)
    if (attempt.dialling) attempt.dialling->more = false;
}

void Ascent::attempt_failed(Tier tier, Reason reason, TimePoint now) {
  const auto transport = settings_.tcp_allowed || !settings_.udp_allowed ? Transport::tcp : Transport::udp;
  report(tier, transport, Outcome::failed, reason, std::nullopt, now);
  ladder_.attempt_ended(tier, Outcome::failed, reason, now);
}

/// An attempt that patience has cut short ends here: nobody waits for its dials.
void Ascent::report_unfinished(TimePoint now) {
  for (const auto& [tier, attempt] : attempts_)
    for (const auto& [transport, part] : attempt.parts) {
      if (part.reported) continue;
      const auto reason = record_.cut_short(tier, transport, more_telling(part.reason, Reason::timeout));
      report(tier, transport, Outcome::failed, reason, std::nullopt, now);
    }
}

void Ascent::report(Tier tier, Transport transport, Outcome outcome, Reason reason, std::optional<Endpoint> remote, TimePoint now) {
  actions_.push_back(
      Report{{.tier = tier, .transport = transport, .outcome = outcome, .reason = reason, .elapsed = now - began_, .remote = remote}});
}

}  // namespace pshare
