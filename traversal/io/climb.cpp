#include "traversal/io/climb.hpp"

#include <utility>

#include "io/deadline.hpp"
#include "io/log.hpp"
#include "traversal/overloaded.hpp"

namespace pshare {

Climb::Climb(Climber& climber, Targets targets, Lanes lanes, TimePoint until)
    : climber_(climber),
      keep_(lanes),
      began_(Clock::now()),
      ascent_(std::move(targets), climber.how_to_climb(until - began_), climber.random_, began_),
      news_(climber.executor_) {}

awaitable<LanePtr> Climb::run(TaskGroup& tasks) {
  if (climber_.drives(Tier::direct)) tasks.start(accept_lanes());
  LanePtr chosen;
  bool won = false;
  for (;;) {
    while (auto action = ascent_.take()) perform(std::move(*action), tasks, chosen, won);
    if (won) break;
    co_await news_.wait(ascent_.deadline());
    ascent_.expire(Clock::now());
  }
  co_return chosen;
}

void Climb::perform(Ascent::Action action, TaskGroup& tasks, LanePtr& chosen, bool& won) {
  std::visit(Overloaded{
                 [&](Ascent::Dial& due) { tasks.start(dial(due.pair)); },
                 [&](Ascent::Punch& begin) {
                   for (const auto transport : begin.over) ascent_.punching_ended(transport, Reason::unsupported, Clock::now());
                 },
                 [&](Ascent::StopPunching&) {},
                 [&](Ascent::Report& ended) { report(ended.attempt); },
                 [&](Ascent::Use& winner) {
                   won = true;
                   if (const auto found = lanes_.find(winner.lane); found != lanes_.end()) {
                     chosen = std::move(found->second);
                     lanes_.erase(found);
                   }
                 },
                 [&](Ascent::Rival& rival) { lanes_.erase(rival.lane); },
                 [&](Ascent::Close& close) { lanes_.erase(close.lane); },
                 [&](Ascent::GaveUp& gave_up) { throw Failure{std::move(gave_up.why)}; },
             },
             action);
}

void Climb::lane_up(LanePtr lane, std::optional<std::size_t> pair) {
  const auto key = ascent_.lane_up(lane->path(), pair, Clock::now());
  if (keep_ == Lanes::kept) {
    climber_.taken_.push_back(std::move(lane));
    climber_.lane_taken_.ring();
  } else {
    lanes_.emplace(key, std::move(lane));
  }
  news_.ring();
}

/// Takes in whoever comes to the door, for ever.
awaitable<void> Climb::accept_lanes() {
  for (;;) {
    auto lane = co_await climber_.registration_.next();
    lane_up(std::move(lane), std::nullopt);
  }
}

awaitable<void> Climb::dial(std::size_t number) {
  const auto pair = ascent_.targets().dials[number];
  const auto remote = pair.remote;
  std::optional<Error> trouble;
  try {
    auto dialling = climber_.dial(pair, pair.tier, 0, began_);
    auto lane = co_await with_deadline(std::move(dialling), Clock::now() + dial_patience, "connecting to " + remote.text());
    log(LogLevel::debug, "dial.connected", {{"remote", remote}, {"after", Clock::now() - began_}});
    lane_up(std::move(lane), number);
  } catch (const Failure& failure) {
    trouble = failure.error();
  }
  if (!trouble) co_return;
  log(LogLevel::debug, "dial.failed", {{"remote", remote}, {"why", trouble->message()}});
  ascent_.dial_failed(number, trouble->code, Clock::now());
  news_.ring();
}

void Climb::report(const Attempt& attempt) const {
  log(LogLevel::debug, "attempt.ended",
      {{"tier", word(attempt.tier)}, {"outcome", word(attempt.outcome)}, {"reason", word(attempt.reason)}, {"after", attempt.elapsed}});
  if (climber_.on_attempt_) climber_.on_attempt_(attempt);
}

}  // namespace pshare
