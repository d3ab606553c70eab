#include "traversal/io/climb.hpp"

#include <algorithm>
#include <utility>

#include "io/deadline.hpp"
#include "io/happy_eyeballs.hpp"
#include "io/log.hpp"
#include "traversal/overloaded.hpp"

namespace pshare {

namespace {

std::vector<Rung> rungs_of(const std::vector<Tier>& tiers) {
  std::vector<Rung> rungs;
  for (const auto tier : tiers) rungs.push_back({.tier = tier});
  return rungs;
}

Reason reason_of(Errc code) {
  switch (code) {
    case Errc::refused: return Reason::refused;
    case Errc::timed_out: return Reason::timeout;
    case Errc::identity_mismatch:
    case Errc::malformed:  // something else answers there
    case Errc::limit: return Reason::not_authenticated;
    case Errc::closed: return Reason::superseded;  // the peer had no use for this lane: it has a better one
    default: return Reason::unreachable;
  }
}

/// Which of several reasons tells most about why a tier failed: the one that got furthest.
int telling(Reason reason) {
  switch (reason) {
    case Reason::superseded: return 5;
    case Reason::not_authenticated: return 4;
    case Reason::timeout: return 3;  // a firewall, most likely: more worth knowing than a stale address that refuses
    case Reason::refused: return 2;
    case Reason::unreachable: return 1;
    default: return 0;
  }
}

}  // namespace

Climb::Climb(Climber& climber, std::vector<Pair> pairs, Lanes lanes, TimePoint until)
    : climber_(climber),
      pairs_(std::move(pairs)),
      keep_(lanes),
      began_(Clock::now()),
      ladder_(rungs_of(climber.settings_.tiers), {.patience = std::max(until - began_, Duration::zero())}, climber.random_, began_),
      news_(climber.executor_),
      dial_ended_(climber.executor_) {}

awaitable<LanePtr> Climb::run(TaskGroup& tasks) {
  if (climber_.drives(Tier::direct)) tasks.start(accept_lanes());
  LanePtr chosen;
  bool won = false;
  for (;;) {
    while (auto action = ladder_.take()) perform(std::move(*action), tasks, chosen, won);
    if (won) break;
    co_await news_.wait(ladder_.deadline());
    ladder_.expire(Clock::now());
  }
  co_return chosen;
}

void Climb::perform(Ladder::Action action, TaskGroup& tasks, LanePtr& chosen, bool& won) {
  std::visit(Overloaded{
                 [&](Ladder::Start& start) {
                   if (climber_.drives(start.tier))
                     tasks.start(attempt_direct());
                   else
                     attempt_failed(start.tier, Reason::unsupported);
                 },
                 [&](Ladder::Stop&) {  // only direct ever runs
                   stopped_ = true;
                   dial_ended_.ring();
                 },
                 [&](Ladder::Winner& winner) {
                   won = true;
                   if (const auto found = lanes_.find(winner.lane); found != lanes_.end()) {
                     chosen = std::move(found->second);
                     lanes_.erase(found);
                   }
                 },
                 [&](Ladder::Drop& drop) { lanes_.erase(drop.lane); },  // closes it
                 [&](Ladder::GaveUp& gave_up) { throw no_path(gave_up.reasons); },
             },
             action);
}

void Climb::lane_up(LanePtr lane) {
  const LaneKey key{next_lane_++};
  const auto path = lane->path();
  if (keep_ == Lanes::kept) {
    climber_.taken_.push_back(std::move(lane));
    climber_.lane_taken_.ring();
  } else {
    lanes_.emplace(key, std::move(lane));
  }
  ladder_.lane_up(key, path, Clock::now());
  news_.ring();
  // The first is what the attempt came to, whoever dialled; those after it are spares.
  if (key.number == 0) report(path.tier, Outcome::connected, Reason::none, path.remote);
}

/// Takes in whoever comes to the door, for ever.
awaitable<void> Climb::accept_lanes() {
  for (;;) {
    auto [lane, ordinal] = co_await climber_.registration_.next();
    lane_up(std::move(lane));
  }
}

/// Dials the pairs at RFC 8305's pace until one leads to a lane, the ladder stops it, or none is left.
awaitable<void> Climb::attempt_direct() {
  stopped_ = false;
  bool connected = false;
  auto reason = pairs_.empty() ? Reason::no_candidates : Reason::none;
  auto body = [&](TaskGroup& dials) -> awaitable<void> {
    HappyEyeballs pace{pairs_.size(), Clock::now()};
    std::size_t under_way = 0;
    bool more = true;  // addresses that may still be dialled
    for (;;) {
      while (const auto action = pace.take()) {
        const auto* next = std::get_if<HappyEyeballs::Dial>(&*action);
        more = more && next != nullptr && !stopped_ && !connected;
        if (!more) continue;
        dials.start(dial(next->attempt));
        ++under_way;
      }
      // Our side of a lane that the peer has accepted must not be lost: dials that have begun come to their own end.
      if (under_way == 0 && !more) co_return;
      co_await dial_ended_.wait(more ? pace.deadline() : std::nullopt);
      for (const auto& ended : std::exchange(ended_dials_, {})) {
        --under_way;
        if (!ended.trouble) {
          connected = true;
          continue;
        }
        const auto why = reason_of(ended.trouble->code);
        if (telling(why) > telling(reason)) reason = why;
        pace.failed(ended.pair, Clock::now());
      }
      more = more && !stopped_ && !connected;
      pace.expire(Clock::now());
    }
  };
  co_await with_tasks(std::move(body));
  if (next_lane_ > 0) {  // by this dialling, or the peer came to us meanwhile
    ladder_.attempt_ended(Tier::direct, Outcome::connected, Reason::none, Clock::now());
    news_.ring();
  } else {
    attempt_failed(Tier::direct, reason);
  }
}

awaitable<void> Climb::dial(std::size_t pair) {
  Dialled ended{pair, std::nullopt};
  const auto remote = pairs_[pair].remote;
  tried_[pair] = remote.text() + " " + std::string{word(Reason::timeout)};  // until we know better
  try {
    auto dialling = climber_.dial(pairs_[pair], Tier::direct, 0, began_);
    auto lane = co_await with_deadline(std::move(dialling), Clock::now() + dial_patience, "connecting to " + remote.text());
    lane_up(std::move(lane));
  } catch (const Failure& failure) {
    ended.trouble = failure.error();
  }
  if (ended.trouble) {
    tried_[pair] = remote.text() + " " + std::string{word(reason_of(ended.trouble->code))};
    log(LogLevel::debug, "dial.failed", {{"remote", remote}, {"why", ended.trouble->message()}});
  } else {
    log(LogLevel::debug, "dial.connected", {{"remote", remote}, {"after", Clock::now() - began_}});
  }
  ended_dials_.push_back(std::move(ended));
  dial_ended_.ring();
}

void Climb::attempt_failed(Tier tier, Reason reason) {
  ladder_.attempt_ended(tier, Outcome::failed, reason, Clock::now());
  news_.ring();
  report(tier, Outcome::failed, reason, std::nullopt);
}

void Climb::report(Tier tier, Outcome outcome, Reason reason, std::optional<Endpoint> remote) const {
  const auto elapsed = Clock::now() - began_;
  log(LogLevel::debug, "attempt.ended",
      {{"tier", word(tier)}, {"outcome", word(outcome)}, {"reason", word(reason)}, {"after", elapsed}});
  if (climber_.on_attempt_)
    climber_.on_attempt_({.tier = tier, .outcome = outcome, .reason = reason, .elapsed = elapsed, .remote = remote});
}

Failure Climb::no_path(const std::vector<Ladder::TierReason>& reasons) const {
  std::string words;
  for (const auto& [tier, reason] : reasons) {
    words += words.empty() ? "" : "; ";
    words += std::string{word(tier)} + ": " + std::string{word(reason)};
    if (tier != Tier::direct || tried_.empty()) continue;
    std::string addresses;
    for (const auto& [pair, came_of_it] : tried_) addresses += (addresses.empty() ? " (" : ", ") + came_of_it;
    words += addresses + ")";
  }
  return Failure{{.code = Errc::no_path,
                  .doing = "no path to the peer; tried " + (words.empty() ? "nothing: no tier is allowed" : words),
                  .hint = "put both machines on one network, or forward a port to one of them and name it there with --port"}};
}

}  // namespace pshare
