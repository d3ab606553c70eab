#include "transfer/lane_contest.hpp"

#include <algorithm>
#include <numeric>

namespace pshare {

namespace {

double seconds(Duration duration) { return std::chrono::duration<double>(duration).count(); }

double per_second(double bytes, Duration duration) { return duration > Duration::zero() ? bytes / seconds(duration) : 0; }

}  // namespace

// --- one turn -------------------------------------------------------------------------------------------------------

TimePoint LaneContest::Turn::settled() const {
  const auto latest = began + turn_patience / 2;
  if (!first) return latest;
  return std::min(latest, began + std::max(turn_settling, settling_of_first * (*first - began)));
}

double LaneContest::Turn::rate(TimePoint now) const {
  if (reports == 0) return per_second(static_cast<double>(all_bytes), now - began);
  // If the next report is long in coming, the lane is slower than its reports were: at most as if it came just now.
  const auto measured = static_cast<double>(bytes);
  const auto next = measured / static_cast<double>(reports);
  return std::min(per_second(measured, *to - *from), per_second(measured + next, now - *from));
}

void LaneContest::count(Turn& turn, std::uint64_t wire_bytes, TimePoint now) {
  turn.all_bytes += wire_bytes;
  if (!turn.first) turn.first = now;
  if (wire_bytes == 0) {  // measure between such chunks, not across them
    turn.hollow = true;
    turn.from.reset(), turn.to.reset();
    turn.bytes = turn.reports = 0;
    return;
  }
  const bool alone = under_way(other(turn.lane)) == 0 || now >= turn.began + turn_patience / 2;
  if (now < turn.settled() || !alone) return;
  if (!turn.from) turn.from = now;
  if (now == *turn.from) return;  // reported together with what came before
  if (turn.to != now) ++turn.reports;
  turn.to = now;
  turn.bytes += wire_bytes;
}

void LaneContest::end_turn(TimePoint now) {
  const auto turn = std::get<Turn>(state_);
  if (turn.hollow && turn.reports == 0) return decide(lanes_.incumbent, Why::untold, now);
  rates_[turn.lane].push_back(turn.rate(now));
  const auto next = other(turn.lane);
  if (rates_[next].empty() && !worth_it(rates_[turn.lane].front())) return decide(lanes_.incumbent, Why::little_left, now);
  if (const auto winner = faster()) return decide(*winner, rate_of(*winner) > 0 ? Why::measured : Why::untold, now);
  state_ = Turn{.lane = next, .began = now};
}

// --- the contest ----------------------------------------------------------------------------------------------------

void LaneContest::begin(std::optional<std::uint64_t> left, TimePoint now) {
  if (!std::holds_alternative<Waiting>(state_)) return;
  left_ = left;
  if (!worth_it(0)) return decide(lanes_.incumbent, Why::little_left, now);
  state_ = Turn{.lane = lanes_.incumbent, .began = now};
}

void LaneContest::succeed(TimePoint now) {
  if (std::holds_alternative<Waiting>(state_)) decide(lanes_.rival, Why::better_path, now);
}

bool LaneContest::worth_it(double rate) const {
  if (!left_) return true;
  return *left_ >= contest_least_left && static_cast<double>(*left_) >= rate * seconds(contest_least_time);
}

double LaneContest::rate_of(LaneNumber lane) const {
  const auto found = rates_.find(lane);
  if (found == rates_.end() || found->second.empty()) return 0;
  return std::accumulate(found->second.begin(), found->second.end(), 0.0) / static_cast<double>(found->second.size());
}

/// Nothing: too early to tell.
std::optional<LaneNumber> LaneContest::faster() const {
  const auto turns = [&](LaneNumber lane) {
    const auto found = rates_.find(lane);
    return found == rates_.end() ? 0 : found->second.size();
  };
  const auto turns_over = std::min(turns(lanes_.incumbent), turns(lanes_.rival));
  if (turns_over == 0) return std::nullopt;
  const auto unpreferred = other(lanes_.preferred);
  const auto preferred_rate = rate_of(lanes_.preferred), unpreferred_rate = rate_of(unpreferred);
  if (unpreferred_rate > preferred_rate * clearly_faster) return unpreferred;
  if (preferred_rate > unpreferred_rate * clearly_faster) return lanes_.preferred;
  if (turns_over < turns_each) return std::nullopt;
  if (preferred_rate == 0) return lanes_.incumbent;  // then nothing came on either, and a change promises nothing
  return unpreferred_rate > preferred_rate * contest_margin ? unpreferred : lanes_.preferred;
}

void LaneContest::decide(LaneNumber winner, Why why, TimePoint now) {
  const auto loser = other(winner);
  const Finding won{why, rate_of(winner), rate_of(loser)}, lost{why, won.other_rate, won.own_rate};
  if (winner != lanes_.incumbent) actions_.push_back(Chosen{winner, won});
  state_ = SeeingOff{loser, lost, now, why == Why::better_path ? succession_silence : seeing_off_silence};
  retire_if_home();
}

void LaneContest::retire_if_home() {
  const auto* leaving = std::get_if<SeeingOff>(&state_);
  if (!leaving || under_way(leaving->lane) != 0) return;
  actions_.push_back(Retire{leaving->lane, leaving->finding});
  state_ = Over{};
}

bool LaneContest::may_carry(LaneNumber lane) const {
  if (const auto* turn = std::get_if<Turn>(&state_)) return lane == turn->lane && under_way(lane) < contest_flight;
  if (const auto* leaving = std::get_if<SeeingOff>(&state_)) return lane != leaving->lane;
  return std::holds_alternative<Over>(state_) || lane == lanes_.incumbent;
}

// --- facts in -------------------------------------------------------------------------------------------------------

std::uint64_t LaneContest::under_way(LaneNumber lane) const {
  std::uint64_t bytes = 0;
  for (const auto& [chunk, flight] : flight_)
    if (flight.lane == lane) bytes += flight.bytes;
  return bytes;
}

void LaneContest::sent(LaneNumber lane, ChunkIndex chunk, std::uint64_t bytes) {
  flight_.insert_or_assign(chunk, Flight{lane, bytes, bytes});
  if (left_) *left_ -= std::min(*left_, bytes);
}

void LaneContest::prepared(ChunkIndex chunk, std::uint64_t wire_bytes) {
  if (const auto found = flight_.find(chunk); found != flight_.end()) found->second.wire_bytes = wire_bytes;
}

void LaneContest::stored(ChunkIndex chunk, TimePoint now) {
  const auto found = flight_.extract(chunk);
  if (!found) return;
  const auto& came = found.mapped();
  if (auto* leaving = std::get_if<SeeingOff>(&state_); leaving && leaving->lane == came.lane) leaving->last_heard = now;
  retire_if_home();
  auto* turn = std::get_if<Turn>(&state_);
  if (!turn || turn->lane != came.lane) return;
  // One report may name several chunks: the one before this is complete now.
  if (turn->reports >= turn_reports && *turn->to - *turn->from >= turn_measuring && now > *turn->to) return end_turn(now);
  count(*turn, came.wire_bytes, now);
}

void LaneContest::lane_lost(LaneNumber lane, TimePoint) {
  if (lane != lanes_.incumbent && lane != lanes_.rival) return;
  std::erase_if(flight_, [&](const auto& each) { return each.second.lane == lane; });
  if (std::holds_alternative<Over>(state_)) return;
  const auto* leaving = std::get_if<SeeingOff>(&state_);
  const auto survivor = other(lane);
  // While one is seen off, the other is in use; before, the incumbent is.
  const auto in_use = leaving ? other(leaving->lane) : lanes_.incumbent;
  if (survivor != in_use) actions_.push_back(Chosen{survivor, {.why = Why::other_lost}});
  state_ = Over{};
}

// --- time and actions -----------------------------------------------------------------------------------------------

std::optional<TimePoint> LaneContest::deadline() const {
  if (const auto* turn = std::get_if<Turn>(&state_)) return turn->began + turn_patience;
  if (const auto* leaving = std::get_if<SeeingOff>(&state_)) return leaving->last_heard + leaving->silence;
  return std::nullopt;
}

void LaneContest::expire(TimePoint now) {
  const auto due = deadline();
  if (!due || now < *due) return;
  if (std::holds_alternative<Turn>(state_)) return end_turn(now);
  const auto leaving = std::get<SeeingOff>(state_);
  actions_.push_back(Retire{leaving.lane, leaving.finding});
  state_ = Over{};
}

std::optional<LaneContest::Action> LaneContest::take() {
  if (actions_.empty()) return std::nullopt;
  auto action = std::move(actions_.front());
  actions_.pop_front();
  return action;
}

std::string words(const LaneContest::Finding& finding) {
  const auto rate = [](double bytes) { return size_words(static_cast<std::uint64_t>(bytes)) + "/s"; };
  switch (finding.why) {
    case LaneContest::Why::little_left: return "too little is left to find out which of two lanes is faster";
    case LaneContest::Why::untold: return "neither of two lanes carried anything that could be measured";
    case LaneContest::Why::other_lost: return "the other lane was lost";
    case LaneContest::Why::better_path: return "a straight path has come up";
    case LaneContest::Why::measured: break;
  }
  return "it carries " + rate(finding.own_rate) + ", the other one " + rate(finding.other_rate);
}

}  // namespace pshare
