#include "traversal/ladder.hpp"

#include <algorithm>
#include <utility>

#include "traversal/path_rank.hpp"

namespace pshare {

namespace {

/// Reasons that trying again cannot mend.
bool is_final(Reason reason) { return reason == Reason::unsupported; }

/// Whether only something new to try can mend it, of which we shall be told. A supernode may turn up at any time, and nobody says so.
bool needs_candidates(Tier tier, Reason reason) {
  if (!is_straight(tier)) return false;
  switch (reason) {
    case Reason::no_candidates:
    case Reason::no_igd:
    case Reason::igd_refused:
    case Reason::double_nat: return true;
    default: return false;
  }
}

Duration retry_pause(Tier tier, int failures, Random& random) {
  const auto longest = is_straight(tier) ? longest_retry_pause : longest_forwarded_retry_pause;
  auto pause = first_retry_pause;
  for (int i = 1; i < failures && pause < longest; ++i) pause *= 2;
  pause = std::min(pause, longest);
  const auto half = static_cast<std::uint64_t>(pause.count() / 2);
  return pause / 2 + Duration{static_cast<Duration::rep>(random.below(half + 1))};
}

TimePoint earlier(std::optional<TimePoint> a, TimePoint b) { return a ? std::min(*a, b) : b; }

}  // namespace

Ladder::Ladder(std::vector<Rung> rungs, Settings settings, Random& random, TimePoint now)
    : settings_(settings), random_(random), began_(now), patience_ends_(now + settings.patience) {
  for (const auto& rung : rungs) rungs_.emplace_back().rung = rung;
  start_due(now);
  if (rungs_.empty()) give_up();
}

void Ladder::attempt_ended(Tier tier, Outcome outcome, Reason reason, TimePoint now) {
  auto* const state = find(tier);
  if (over() || state == nullptr || !std::holds_alternative<Running>(state->now)) return;
  state->last_reason = reason;
  if (outcome == Outcome::connected) {
    state->now = Done{};
    state->failures = 0;
  } else {
    ++state->failures;
    const bool again = !is_final(reason) && !needs_candidates(tier, reason);
    state->now = Failed{reason, again ? std::optional{now + retry_pause(tier, state->failures, random_)} : std::nullopt};
  }
  expire(now);
}

void Ladder::lane_up(LaneKey lane, const Path& path, TimePoint now) {
  const bool of_use = !over() && (!winner_ || (wanted(path.tier) && path.tier < winner_->tier));
  if (!of_use) {
    actions_.push_back(Drop{lane});
    return;
  }
  contenders_.insert_or_assign(lane, Contender{path, now});
  expire(now);
}

void Ladder::lane_lost(LaneKey lane, TimePoint now) {
  const auto found = contenders_.find(lane);
  if (found == contenders_.end()) return;
  const auto tier = found->second.path.tier;
  contenders_.erase(found);
  // A rung whose only lane went before it was used is as good as failed.
  const bool another = std::any_of(contenders_.begin(), contenders_.end(),
                                   [&](const auto& each) { return each.second.path.tier == tier; });
  if (auto* const state = find(tier); state != nullptr && !another && std::holds_alternative<Done>(state->now)) {
    ++state->failures;
    state->last_reason = Reason::unreachable;
    state->now = Failed{Reason::unreachable, now + retry_pause(tier, state->failures, random_)};
  }
  expire(now);
}

void Ladder::unlikely(Tier tier, TimePoint now) {
  auto* const state = find(tier);
  if (over() || state == nullptr) return;
  if (auto* const running = std::get_if<Running>(&state->now)) running->likely = false;
  expire(now);
}

void Ladder::more_candidates(Tier tier, TimePoint now) {
  auto* const state = find(tier);
  if (over() || state == nullptr) return;
  if (auto* const running = std::get_if<Running>(&state->now)) *running = {};
  if (auto* const failed = std::get_if<Failed>(&state->now); failed != nullptr && !is_final(failed->reason)) {
    state->failures = 0;
    failed->retry_at = now;
  }
  expire(now);
}

void Ladder::fell_back(const Path& to, TimePoint now) {
  if (over() || !winner_ || !is_straight(winner_->tier) || is_straight(to.tier)) return;
  winner_ = to;
  for (auto& state : rungs_) {
    if (!wanted(state.rung.tier)) continue;
    state.failures = 1;
    state.now = Failed{Reason::unreachable, now + retry_pause(state.rung.tier, state.failures, random_)};
  }
  expire(now);
}

void Ladder::expire(TimePoint now) {
  if (over()) return;
  choose(now);
  start_due(now);
  if (winner_ || over()) return;
  const bool hopeless = contenders_.empty() && std::all_of(rungs_.begin(), rungs_.end(), [](const State& state) {
    const auto* failed = std::get_if<Failed>(&state.now);
    return failed != nullptr && is_final(failed->reason);
  });
  if (!nothing_to_try()) nothing_to_try_since_.reset();
  else if (!nothing_to_try_since_) nothing_to_try_since_ = now;
  const bool waited_in_vain = nothing_to_try_since_ && now >= *nothing_to_try_since_ + candidates_patience;
  if (hopeless || waited_in_vain || now >= patience_ends_) give_up();
}

/// Every rung has failed, and nothing but candidates that are not known yet could change that.
bool Ladder::nothing_to_try() const {
  return contenders_.empty() && std::all_of(rungs_.begin(), rungs_.end(), [](const State& state) {
    const auto* failed = std::get_if<Failed>(&state.now);
    return failed != nullptr && !failed->retry_at;
  });
}

std::optional<TimePoint> Ladder::deadline() const {
  if (over()) return std::nullopt;
  std::optional<TimePoint> due;
  if (!winner_) due = nothing_to_try_since_ ? std::min(patience_ends_, *nothing_to_try_since_ + candidates_patience) : patience_ends_;
  for (std::size_t i = 0; i < rungs_.size(); ++i) {
    if (!wanted(rungs_[i].rung.tier)) continue;
    const auto starts = starts_at(i);
    if (std::holds_alternative<Waiting>(rungs_[i].now) && starts) due = earlier(due, *starts);
    if (const auto* failed = std::get_if<Failed>(&rungs_[i].now); failed != nullptr && failed->retry_at)
      due = earlier(due, *failed->retry_at);
  }
  for (const auto& [lane, contender] : contenders_)
    if (const auto at = may_win_at(contender); at != TimePoint::max()) due = earlier(due, at);
  return due;
}

std::optional<Ladder::Action> Ladder::take() {
  if (actions_.empty()) return std::nullopt;
  auto action = std::move(actions_.front());
  actions_.pop_front();
  return action;
}

Ladder::State* Ladder::find(Tier tier) {
  const auto found =
      std::find_if(rungs_.begin(), rungs_.end(), [&](const State& state) { return state.rung.tier == tier; });
  return found == rungs_.end() ? nullptr : &*found;
}

/// Whether a lane of this tier would still be of use.
bool Ladder::wanted(Tier tier) const {
  if (!winner_) return true;
  return !is_straight(winner_->tier) && is_straight(tier);  // moving up is moving to a straight path
}

/// When this rung's lanes may be used: at once if it is straight, else all higher ones have failed or have had their head start by then.
/// Nothing: that depends on rungs that have not started.
std::optional<TimePoint> Ladder::turn_of(std::size_t rung) const {
  TimePoint turn = began_;
  if (is_straight(rungs_[rung].rung.tier)) return turn;
  for (std::size_t i = 0; i < rung; ++i) {
    if (rungs_[i].failures > 0) continue;  // has failed once: no head start any more, even while it is tried again
    if (!rungs_[i].head_start_over) return std::nullopt;
    turn = std::max(turn, *rungs_[i].head_start_over);
  }
  return turn;
}

/// When this rung is to begin, if it has not. Nothing: that depends on rungs that have not started.
std::optional<TimePoint> Ladder::starts_at(std::size_t rung) const {
  const auto turn = turn_of(rung);
  if (rungs_[rung].rung.start != Rung::Start::warm) return turn;
  const auto warm = began_ + rungs_[rung].rung.warm_after;
  return turn ? std::min(*turn, warm) : warm;
}

void Ladder::start(State& state, TimePoint now) {
  state.now = Running{};
  if (!state.head_start_over) state.head_start_over = now + state.rung.head_start;
  actions_.push_back(Start{state.rung.tier});
}

void Ladder::start_due(TimePoint now) {
  if (over()) return;
  for (std::size_t i = 0; i < rungs_.size(); ++i) {
    auto& state = rungs_[i];
    if (!wanted(state.rung.tier)) continue;
    const auto starts = starts_at(i);
    if (std::holds_alternative<Waiting>(state.now) && starts && *starts <= now) start(state, now);
    if (const auto* failed = std::get_if<Failed>(&state.now); failed != nullptr && failed->retry_at && *failed->retry_at <= now)
      start(state, now);
  }
}

/// Whether something that would be preferred to this path is under way, and likely to come to something.
bool Ladder::better_may_come(const Path& path) const {
  return std::any_of(rungs_.begin(), rungs_.end(), [&](const State& state) {
    const auto* const running = std::get_if<Running>(&state.now);
    if (running == nullptr || !running->likely) return false;
    return state.rung.tier < path.tier || (state.rung.tier == path.tier && path.transport == Transport::udp);
  });
}

/// max(): not yet, and no time alone changes that.
TimePoint Ladder::may_win_at(const Contender& contender) const {
  TimePoint turn = began_;
  for (std::size_t i = 0; i < rungs_.size(); ++i) {
    if (rungs_[i].rung.tier != contender.path.tier) continue;
    const auto known = turn_of(i);
    if (!known) return TimePoint::max();
    turn = *known;
  }
  if (!better_may_come(contender.path)) return turn;
  return std::max(turn, contender.up_at + settings_.grace);
}

std::optional<LaneKey> Ladder::best_contender(TimePoint now) const {
  std::optional<LaneKey> best;
  bool somebody_may_win = false;
  for (const auto& [lane, contender] : contenders_) {
    if (!best || better(contender.path, contenders_.at(*best).path)) best = lane;
    somebody_may_win = somebody_may_win || may_win_at(contender) <= now;
  }
  return somebody_may_win ? best : std::nullopt;
}

void Ladder::choose(TimePoint now) {
  if (const auto best = best_contender(now)) win(*best);
}

void Ladder::win(LaneKey lane) {
  winner_ = contenders_.at(lane).path;
  contenders_.erase(lane);
  actions_.push_back(Winner{lane});
  for (const auto& [loser, contender] : std::exchange(contenders_, {})) actions_.push_back(Drop{loser});
  for (auto& state : rungs_) {
    if (wanted(state.rung.tier)) continue;
    if (std::holds_alternative<Running>(state.now)) actions_.push_back(Stop{state.rung.tier});
    state.now = Done{};
  }
}

void Ladder::give_up() {
  gave_up_ = true;
  std::vector<TierReason> reasons;
  for (auto& state : rungs_) {
    if (std::holds_alternative<Running>(state.now)) actions_.push_back(Stop{state.rung.tier});
    // Still running, or not even begun: its time was up.
    reasons.push_back({state.rung.tier, state.last_reason == Reason::none ? Reason::timeout : state.last_reason});
  }
  for (const auto& [lane, contender] : std::exchange(contenders_, {})) actions_.push_back(Drop{lane});
  actions_.push_back(GaveUp{std::move(reasons)});
}

}  // namespace pshare
