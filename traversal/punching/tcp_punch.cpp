#include "traversal/punching/tcp_punch.hpp"

#include <algorithm>
#include <array>

namespace pshare {

using namespace std::chrono_literals;

namespace {

/// After RST or ICMP. The NAT that sent it may have forgotten nothing, and the peer's own SYN is perhaps on its way: nat.md found 20 ms to keep a
/// mapping usable while the peer searches, and 50 to 100 ms enough for the rest of the window.
constexpr Duration first_redial_wait = 20ms, later_redial_wait = 50ms;
constexpr unsigned first_redials = 8;
/// These two endpoints are connected already. It may be somebody's who turns out to be nobody.
constexpr Duration busy_wait = 1s;
/// What was answered and left has so long to be connected, and what is connected to be a lane: a round trip each, and packets lost.
constexpr Duration least_handshake_wait = 500ms, least_greeting_wait = 1s;
/// A SYN without an answer was lost, or came too early for the peer's NAT. The kernel repeats it only after 1 s (RFC 6298 section 2).
constexpr Duration least_restart_wait = 300ms, least_restart_wait_alone = 150ms;  // alone: while the other side is silent
/// More lines than this are not restarted when nothing answers: the kernel's repetition must do, it would be too many SYNs.
constexpr std::size_t most_restarted_lines = 64;
/// Where there are more sockets than dials at once.
constexpr Duration rotation_wait = 200ms;
/// A plan without a pace is a burst of so many, and then at the pace of a search.
constexpr std::size_t longest_burst = max_dials_at_once;
constexpr Duration search_pace = Duration{1s} / birthday_probes_per_second;
constexpr Duration redial_pace = Duration{1s} / max_redials_per_second;
/// How much a driver that comes late may catch up with.
constexpr Duration longest_catching_up = 20ms;

/// TTLs that pass the own NATs and die before the peer's, hopefully: a home's and a carrier's gateway are 2 to 4 hops away, the peer's 8 and more.
constexpr std::array opening_ttls{5, 3};
/// What the peer still had under way may close the NAT that has just been opened: it is opened again.
constexpr Duration opening_pause = 200ms, opening_margin = 50ms;
/// A SYN that is to die on the way is taken back before the error about it can end a handshake that it has become part of: the listener is there.
constexpr Duration opening_life = 3ms;

int telling(Reason reason) {
  switch (reason) {
    case Reason::timeout: return 3;
    case Reason::refused: return 2;
    case Reason::unreachable: return 1;
    default: return 0;
  }
}

Reason reason_of(Errc why) {
  switch (why) {
    case Errc::refused: return Reason::refused;
    case Errc::timed_out: return Reason::timeout;
    default: return Reason::unreachable;
  }
}

}  // namespace

TcpPunch::TcpPunch(std::vector<Target> targets, Settings settings, Random& random, TimePoint now)
    : settings_(settings), random_(random), ends_at_(now + settings.patience), next_line_at_(now), next_redial_at_(now),
      turns_(DialTurns{settings.side, settings.rtt, now}), turn_(turns_->at(now)) {
  for (const auto& target : targets) add(target, now);
}

TcpPunch::TcpPunch(const SearchPlan& plan, bool from_punching_port, Settings settings, Random& random, TimePoint now)
    : settings_(settings), random_(random), ends_at_(now + settings.patience), pace_(plan.pace), next_line_at_(now), next_redial_at_(now) {
  if (plan.way == SearchPlan::Way::impossible) reason_ = Reason::unsupported, ends_at_ = now;
  if (plan.way == SearchPlan::Way::plain) turns_.emplace(settings.side, settings.rtt, now), turn_ = turns_->at(now);
  many_sockets_ = plan.sockets > 1;
  const bool punching_port = !many_sockets_ && from_punching_port;
  for (const auto aim : plan.aims)
    for (std::size_t socket = 0; socket < plan.sockets && lines_.size() < max_birthday_probes; ++socket)
      lines_.push_back({.from = punching_port ? LocalPort{} : LocalPort{socket}, .to = {plan.towards, aim}, .tier = Tier::punched});
  expire(now);
}

void TcpPunch::add(const Target& target, TimePoint now) {
  if (over_ || std::ranges::any_of(lines_, [&](const Line& line) { return line.to == target.remote; })) return;
  lines_.push_back({.from = {}, .to = target.remote, .tier = target.tier});
  begin_lines(now);
}

// ---- What the driver says ----

void TcpPunch::connected(DialKey key, TimePoint now) {
  const auto known = dials_.find(key);
  if (known == dials_.end() || over_) return;
  auto& line = lines_[known->second];
  line.up = true;
  line.opens = false;
  line.left = key;
  if (line.under_way == key) {
    under_way_.erase(key);
    line.under_way.reset();
  }
  if (!line.under_way) plan(known->second, now + std::max(least_greeting_wait, 8 * settings_.rtt));
}

void TcpPunch::failed(DialKey key, Errc why, TimePoint now) {
  const auto known = dials_.find(key);
  if (known == dials_.end()) return;
  auto& line = lines_[known->second];
  if (line.under_way != key) return;  // dropped meanwhile: another is in its place
  under_way_.erase(key);
  line.under_way.reset();
  if (why == Errc::busy) {
    line.opens = false;
    if (!line.up) plan(known->second, now + (line.left ? std::max(least_handshake_wait, 4 * settings_.rtt) : busy_wait));
    return;
  }
  if (!line.up) line.left.reset();
  if (line.opens) {
    line.opens = false;
    return plan(known->second, now + opening_pause);  // it has died, as it should
  }
  note(reason_of(why));
  const bool soon = line.failures++ < first_redials;
  plan(known->second, now + (soon ? first_redial_wait + below(first_redial_wait / 4) : later_redial_wait + below(later_redial_wait)));
}

void TcpPunch::lost(DialKey key, TimePoint now) {
  const auto known = dials_.find(key);
  if (known == dials_.end() || !lines_[known->second].up || lines_[known->second].left != key) return;
  auto& line = lines_[known->second];
  line.up = false;
  line.left.reset();
  if (over_) plan(known->second, {}), fail_if_nothing_is_up();
  else if (!line.under_way) plan(known->second, now + first_redial_wait + below(first_redial_wait));
}

// ---- Time ----

void TcpPunch::expire(TimePoint now) {
  if (over_) return see_the_last_off(now);
  if (now >= ends_at_) return end(now);
  take_turn(now);
  begin_lines(now);
  dial_due(now);
}

std::optional<TimePoint> TcpPunch::deadline() const {
  if (over_) return due_.empty() ? std::nullopt : std::optional{due_.begin()->first};
  auto next = ends_at_;
  if (turns_) next = std::min(next, turn_.until);
  if (dials_.size() >= max_dials_in_round) return next;
  if (begun_ < lines_.size()) next = std::min(next, next_line_at_);
  if (!due_.empty()) next = std::min(next, std::max(due_.begin()->first, next_redial_at_));
  return next;
}

std::optional<TcpPunch::Action> TcpPunch::take() {
  if (actions_.empty()) return std::nullopt;
  auto action = std::move(actions_.front());
  actions_.pop_front();
  return action;
}

/// What is connected has its time to become a lane.
void TcpPunch::end(TimePoint now) {
  over_ = true;
  for (std::size_t index = 0; index < lines_.size(); ++index) {
    auto& line = lines_[index];
    if (line.under_way) note(Reason::timeout), drop(index);
    if (line.up) continue;
    clear_way(line);
    plan(index, {});
  }
  see_the_last_off(now);
}

void TcpPunch::see_the_last_off(TimePoint now) {
  while (!due_.empty() && due_.begin()->first <= now) {
    const auto line = due_.begin()->second;
    clear_way(lines_[line]);
    plan(line, {});
  }
  fail_if_nothing_is_up();
}

void TcpPunch::fail_if_nothing_is_up() {
  if (failed_ || std::ranges::any_of(lines_, &Line::up)) return;
  failed_ = true;
  actions_.emplace_back(Failed{reason_});
}

/// Between two turns what is under way is given up: its SYNs may be what makes the peer's NAT refuse, or our own forget.
void TcpPunch::take_turn(TimePoint now) {
  if (!turns_ || now < turn_.until) return;
  turn_ = turns_->at(now);
  for (std::size_t line = 0; line < lines_.size(); ++line) {
    if (!lines_[line].under_way) continue;
    drop(line);
    plan(line, now);
  }
}

void TcpPunch::begin_lines(TimePoint now) {
  while (begun_ < lines_.size() && next_line_at_ <= now && dials_.size() < max_dials_in_round) {
    const auto line = begun_++;
    const auto pace = pace_ == Duration::zero() && begun_ >= longest_burst ? search_pace : pace_;
    next_line_at_ = std::max(next_line_at_ + pace, now - longest_catching_up);
    dial(line, now);
  }
}

void TcpPunch::dial_due(TimePoint now) {
  while (!due_.empty() && due_.begin()->first <= now && next_redial_at_ <= now && dials_.size() < max_dials_in_round) {
    const auto line = due_.begin()->second;
    if (lines_[line].opens) {
      drop(line);
      plan(line, now + opening_pause);
      continue;
    }
    if (turns_ && now + settings_.rtt + opening_margin > turn_.until) {  // too late for an answer before the turn ends
      plan(line, turn_.until);
      continue;
    }
    if (lines_[line].under_way) note(Reason::timeout), drop(line);
    else clear_way(lines_[line]);
    next_redial_at_ = std::max(next_redial_at_, now - longest_catching_up) + redial_pace;
    dial(line, now);
  }
}

void TcpPunch::dial(std::size_t index, TimePoint now) {
  auto& line = lines_[index];
  if (turn_.number > 0) {
    // Not before the answers to all SYNs that went all the way are back: an RST would close what is opened now. The other side's next SYN
    // is to find it open.
    const auto opens_at = turn_.from + settings_.rtt + (turn_.silent ? 1 : 2) * opening_margin;
    if (now < opens_at) return plan(index, opens_at);
  }
  if (under_way_.size() >= max_dials_at_once) make_room(now);
  const DialKey key{next_dial_++};
  dials_.emplace(key, index);
  under_way_.insert(key);
  line.under_way = key;
  line.opens = turn_.silent;
  if (line.opens) {
    const auto ttl = opening_ttls[static_cast<std::size_t>((turn_.number - 1) / 2) % opening_ttls.size()];
    actions_.emplace_back(Dial{key, line.from, line.to, line.tier, ttl});
    return plan(index, now + opening_life);
  }
  actions_.emplace_back(Dial{key, line.from, line.to, line.tier, std::nullopt});
  plan(index, lines_.size() <= most_restarted_lines ? std::optional{now + restart_wait()} : std::nullopt);
}

/// A probe has had its time; but each of many sockets is one that the peer may hit, so they take turns.
void TcpPunch::make_room(TimePoint now) {
  const auto oldest = dials_.at(*under_way_.begin());
  drop(oldest);
  if (many_sockets_) plan(oldest, now + rotation_wait);
}

/// Twice the round trip, so that no answer is on its way any more when its question is forgotten. The two sides wait differently long: else each
/// new SYN could meet an old one for ever.
Duration TcpPunch::restart_wait() {
  if (turn_.number > 0) return std::max(2 * settings_.rtt, least_restart_wait_alone);
  const auto wait = std::max(2 * settings_.rtt, least_restart_wait);
  return (settings_.side == CheckSide::controlling ? wait : wait + wait / 3) + below(wait / 4);
}

void TcpPunch::drop(std::size_t index) {
  auto& line = lines_[index];
  under_way_.erase(*line.under_way);
  actions_.emplace_back(Drop{*line.under_way, false});
  line.left = line.under_way;
  line.under_way.reset();
  line.opens = false;
  plan(index, {});
}

/// What was spared, or connected, and came to nothing.
void TcpPunch::clear_way(Line& line) {
  if (!line.left) return;
  actions_.emplace_back(Drop{*line.left, true});
  line.left.reset();
  line.up = false;
}

void TcpPunch::plan(std::size_t index, std::optional<TimePoint> due) {
  auto& line = lines_[index];
  if (line.due) due_.erase({*line.due, index});
  line.due = due;
  if (due) due_.insert({*due, index});
}

void TcpPunch::note(Reason reason) {
  if (telling(reason) > telling(reason_)) reason_ = reason;
}

}  // namespace pshare
