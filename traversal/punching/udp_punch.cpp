#include "traversal/punching/udp_punch.hpp"

#include <algorithm>
#include <cassert>
#include <utility>

namespace pshare {

namespace {

using namespace std::chrono_literals;
using Way = SearchPlan::Way;

/// The first wait for an answer is half a round trip within these: what was too early for the peer's NAT is soon made up for.
constexpr Duration shortest_first_pause = 20ms, longest_first_pause = 100ms;
constexpr Duration longest_pause = 250ms;
/// A check that arrived is good news: our own goes at once, unless one has just gone.
constexpr Duration between_triggered = 10ms;

/// A hard NAT's side waits to be found, and keeps its hole open meanwhile. What it sends before the peer's probe has come could only be
/// remembered by the peer's router as a flow of its own (nat.md, "The early packet").
const std::vector<Duration> openers_of_hidden{100ms, 100ms, 150ms};

/// A plain round with new sockets comes after one that failed: perhaps since one side began too late for the openers of the other. No hurry now.
const std::vector<Duration> openers_of_second_try{75ms, 75ms};

/// From pass to pass of a search, doubled each time up to the longest.
constexpr Duration first_pass_pause = 100ms, longest_pass_pause = 1s;
/// After a pause of the machine, as many packets at once and no more.
constexpr int most_overdue = 16;

/// How long a moved peer's old address has for showing that it is alive, and then the next attempt to move.
constexpr Duration shortest_move = 150ms;
constexpr Duration between_moves = 1s;
constexpr int checks_in_move = 3;

constexpr std::size_t most_asked = 4096, most_heard = 2048;

bool wants_opener(const Endpoint& remote) {
  const auto scope = remote.address.scope();
  return remote.address.is_v4() && (scope == Scope::global || scope == Scope::shared);
}

TimePoint earlier(std::optional<TimePoint> a, TimePoint b) { return a ? std::min(*a, b) : b; }

}  // namespace

UdpPunch::UdpPunch(std::vector<Target> targets, std::vector<bool> families, Settings settings, Random& random, TimePoint now)
    : families_(std::move(families)), settings_(settings), random_(random), patience_ends_(now + settings.patience) {
  for (const auto& target : targets) add(target, now);
  expire(now);
}

UdpPunch::UdpPunch(SearchPlan plan, Settings settings, Random& random, TimePoint now)
    : families_(plan.sockets, plan.towards.is_v6()), settings_(settings), random_(random), patience_ends_(now + settings.patience) {
  const bool openers = settings.openers && wants_opener({plan.towards, {}});
  had_target_ = !plan.aims.empty() && plan.sockets > 0;
  if (had_target_ && plan.sockets == 1 && plan.aims.size() == 1) {
    auto* const pair = add_pair({0, {plan.towards, plan.aims.front()}}, Tier::punched, now);
    if (openers) pair->openers = plan.way == Way::plain ? openers_of_second_try : openers_of_hidden;
  } else if (had_target_) {
    Search search{.plan = std::move(plan), .passes_left = 1, .quiet_passes = 0, .next_at = now, .pause = first_pass_pause};
    const auto budget = static_cast<int>(max_search_packets / search.all());
    if (search.plan.sockets > 1) {
      search.passes_left = budget;
      // The holes of both sides must be there before anything arrives; where the other side probes, we only wait to be found.
      if (openers) search.quiet_passes = search.plan.way == Way::birthday ? 3 : 1;
      if (openers && search.plan.way != Way::birthday) search.pause = std::max(2 * opener_lead, settings.rtt / 2);
    } else {
      // Random probes are not repeated, since others are as good; all ports of a range are, for what was lost.
      if (search.all() <= max_search_packets / 4) search.passes_left = budget;
      if (openers) search.next_at = now + opener_lead;  // so that the peer's holes are there
    }
    search_ = std::move(search);
  }
  expire(now);
}

void UdpPunch::add(const Target& target, TimePoint now) {
  had_target_ = true;
  if (round_over_ || settled_) return;
  for (std::size_t socket = 0; socket < families_.size(); ++socket) {
    if (families_[socket] != target.remote.address.is_v6()) continue;
    const PairKey key{socket, target.remote};
    if (const auto known = pairs_.find(key); known != pairs_.end()) {
      known->second.tier = std::min(known->second.tier, target.tier);
      known->second.learned = false;
      continue;
    }
    const auto targets = std::ranges::count_if(pairs_, [](const auto& each) { return !each.second.learned; });
    if (static_cast<std::size_t>(targets) >= max_target_pairs) return;
    add_pair(key, target.tier, now);
  }
  expire(now);
}

/// That is checked from now on, after an opener where one is due.
UdpPunch::Pair* UdpPunch::add_pair(const PairKey& key, Tier tier, TimePoint now) {
  Pair pair;
  pair.tier = tier;
  if (settings_.openers && wants_opener(key.remote)) pair.openers = {opener_lead};
  pair.next_at = now;
  pair.pause = std::clamp(settings_.rtt / 2, shortest_first_pause, longest_first_pause);
  return &pairs_.insert_or_assign(key, std::move(pair)).first->second;
}

// What comes in.

bool UdpPunch::arrived(std::size_t socket, const Endpoint& from, const ReceivedStun& received, TimePoint now) {
  if (socket >= families_.size()) return false;
  bool ours = false;
  if (received.message.kind == StunClass::success) {
    ours = took_answer(socket, from, received, now);
  } else if (session_of_check(received) == settings_.session) {
    const auto check = read_check(received, settings_.side, settings_.key);
    ours = check && took_check(socket, from, *check, now);
  }
  if (ours) expire(now);
  return ours;
}

bool UdpPunch::took_check(std::size_t socket, const Endpoint& from, const Check& check, TimePoint now) {
  // Each check is sent once, so a second one is a copy: the network's, or somebody's who would like to be taken for the peer.
  if (failed_ || !is_new(check.id)) return true;
  if (now - answers_counted_from_ >= 1s) answers_counted_from_ = now, answers_left_ = max_answers_per_second;
  if (answers_left_ == 0) return true;
  --answers_left_;
  actions_.push_back(Send{socket, from, encode_check_answer(check.id, from, settings_.key), std::nullopt});

  const PairKey key{socket, from};
  if (settled_) {
    if (key != settled_->pair && socket == settled_->pair.socket) consider_move(from, check.nominates, now);
    return true;
  }
  auto* const pair = pair_for(key, now);
  if (pair == nullptr) return true;
  pair->alive_at = now;
  if (!pair->answered) {
    pair->openers.clear();
    const auto soonest = pair->checked_at ? *pair->checked_at + between_triggered : now;
    pair->next_at = std::min(std::max(now, soonest), pair->next_at);
  }
  if (settings_.side == CheckSide::controlled) reach(key, *pair, std::nullopt);
  return true;
}

bool UdpPunch::took_answer(std::size_t socket, const Endpoint& from, const ReceivedStun& received, TimePoint now) {
  const auto asked = asked_.find(received.message.id);
  if (asked == asked_.end() || asked->second.pair != PairKey{socket, from} || !read_check_answer(received, settings_.key)) return false;
  const auto [key, asked_at] = asked->second;
  asked_.erase(asked);
  if (failed_) return true;
  if (settled_) {
    if (key == settled_->pair) {
      settled_->rtt = now - asked_at;
      if (move_ && asked_at >= move_->began_at) move_.reset(), no_move_before_ = now + between_moves;  // it is where it was
    } else if (move_ && key.remote == move_->to) {
      move_->answered = true;
    }
    return true;
  }
  auto* const pair = pair_for(key, now);
  if (pair == nullptr) return true;
  pair->answered = true;
  pair->alive_at = now;
  if (settings_.side == CheckSide::controlling) reach(key, *pair, now - asked_at);
  return true;
}

/// Of checks that were authentic.
bool UdpPunch::is_new(const TransactionId& id) {
  if (!heard_.insert(id).second) return false;
  heard_in_order_.push_back(id);
  if (heard_in_order_.size() > most_heard) {
    heard_.erase(heard_in_order_.front());
    heard_in_order_.pop_front();
  }
  return true;
}

/// Of an address that has shown to be the peer's. Nothing: there are too many already.
UdpPunch::Pair* UdpPunch::pair_for(const PairKey& key, TimePoint now) {
  if (const auto known = pairs_.find(key); known != pairs_.end()) return &known->second;
  const auto learned = std::ranges::count_if(pairs_, [](const auto& each) { return each.second.learned; });
  if (static_cast<std::size_t>(learned) >= max_learned_pairs || round_over_) return nullptr;
  auto* const pair = add_pair(key, Tier::punched, now);
  pair->learned = true;
  pair->openers.clear();
  return pair;
}

void UdpPunch::reach(const PairKey& key, Pair& pair, std::optional<Duration> rtt) {
  if (std::exchange(pair.reported, true)) return;
  search_.reset();  // found: no more probes
  actions_.push_back(Reached{key.socket, key.remote, pair.tier, rtt.value_or(settings_.rtt)});
}

// A settled pair, and its peer's moves.

void UdpPunch::settle(std::size_t socket, const Endpoint& remote, TimePoint now) {
  const PairKey key{socket, remote};
  if (socket >= families_.size() || (settled_ && settled_->pair == key)) return;
  settled_ = Settled{key, settled_ ? settled_->rtt : settings_.rtt, now};
  failed_ = false;
  move_.reset();
  end_round();
  expire(now);
}

/// Somebody who has the key is heard from elsewhere. A peer that has not settled yet still tries all of its pairs, and anybody could have
/// sent this check on, so it is asked there, and where it was: it has moved if it answers there and only there.
void UdpPunch::consider_move(const Endpoint& to, bool nominates, TimePoint now) {
  const bool is_meant = nominates || settings_.side == CheckSide::controlling;
  if (move_ || !is_meant || now < no_move_before_) return;
  const auto patience = std::max(shortest_move, 3 * settled_->rtt);
  move_ = Move{.to = to, .began_at = now, .next_at = now, .ends_at = now + patience, .pause = patience / checks_in_move};
  no_move_before_ = now + between_moves;
}

void UdpPunch::go_on_with_move(TimePoint now) {
  if (now >= move_->ends_at) {
    const auto move = *std::exchange(move_, std::nullopt);
    if (!move.answered) return;
    const auto from = std::exchange(settled_->pair.remote, move.to);
    actions_.push_back(Moved{settled_->pair.socket, from, move.to});
    return;
  }
  if (now < move_->next_at) return;
  move_->next_at = std::min(now + move_->pause, move_->ends_at);
  if (!move_->answered) send_check({settled_->pair.socket, move_->to}, std::nullopt, now);
  send_check(settled_->pair, std::nullopt, now);
}

// What goes out.

void UdpPunch::send_check(const PairKey& key, std::optional<int> ttl, TimePoint now) {
  const auto id = TransactionId::random(random_);
  const Check check{.id = id, .from = settings_.side, .nominates = settled_ && settings_.side == CheckSide::controlling};
  actions_.push_back(Send{key.socket, key.remote, encode_check(check, settings_.session, settings_.key), ttl});
  asked_.insert_or_assign(id, Asked{key, now});
  asked_in_order_.push_back(id);
  if (asked_in_order_.size() > most_asked) {
    asked_.erase(asked_in_order_.front());
    asked_in_order_.pop_front();
  }
}

Duration UdpPunch::resend_pause(Duration pause) {
  const auto tenth = static_cast<std::uint64_t>(pause.count() / 10);
  return pause - Duration{static_cast<Duration::rep>(tenth)} + Duration{static_cast<Duration::rep>(random_.below(2 * tenth + 1))};
}

void UdpPunch::check(const PairKey& key, Pair& pair, TimePoint now) {
  if (checks_left_ == 0) return;
  --checks_left_;
  if (!pair.openers.empty()) {
    pair.next_at = now + pair.openers.front();
    pair.openers.erase(pair.openers.begin());
    send_check(key, opener_ttl, now);
    return;
  }
  send_check(key, std::nullopt, now);
  pair.checked_at = now;
  pair.next_at = now + resend_pause(pair.pause);
  pair.pause = pair.answered || round_over_ ? reached_pause : std::min(pair.pause * 3 / 2, longest_pause);
}

void UdpPunch::check_due_pairs(TimePoint now) {
  for (auto& [key, pair] : pairs_)
    if (pair.next_at <= now) check(key, pair, now);
}

void UdpPunch::search(TimePoint now) {
  auto& search = *search_;
  search.next_at = std::max(search.next_at, now - most_overdue * search.plan.pace);
  while (search.next_at <= now && search.passes_left > 0 && search_packets_left_ > 0) {
    const auto socket = search.next % search.plan.sockets;
    const auto port = search.plan.aims[search.next / search.plan.sockets];
    --search_packets_left_;
    send_check({socket, {search.plan.towards, port}}, search.quiet_passes > 0 ? std::optional{opener_ttl} : std::nullopt, now);
    search.next_at += search.plan.pace;
    if (++search.next < search.all()) continue;
    search.next = 0;
    search.quiet_passes = std::max(search.quiet_passes - 1, 0);
    --search.passes_left;
    search.next_at = now + search.pause;
    search.pause = std::min(std::max(2 * search.pause, first_pass_pause), longest_pass_pause);
  }
  if (search.passes_left == 0 || search_packets_left_ == 0) search_.reset();
}

/// From now on only what has been reached is kept alive.
void UdpPunch::end_round() {
  round_over_ = true;
  search_.reset();
  if (settled_) return pairs_.clear();
  std::erase_if(pairs_, [](const auto& each) { return !each.second.reported; });
}

/// What was reached and has fallen silent since, before a lane came up: a router has rebooted, say.
void UdpPunch::leave_the_dead(TimePoint now) {
  std::erase_if(pairs_, [now](const auto& each) { return now >= each.second.alive_at + reached_patience; });
  if (!pairs_.empty()) return;
  failed_ = true;
  actions_.push_back(Failed{had_target_ ? Reason::timeout : Reason::no_candidates});
}

// Time.

void UdpPunch::expire(TimePoint now) {
  if (failed_) return;
  if (settled_) {
    if (move_) go_on_with_move(now);
    if (settled_->next_at <= now) {
      settled_->next_at = now + resend_pause(check_keep_alive);
      send_check(settled_->pair, std::nullopt, now);
    }
    return;
  }
  if (!round_over_ && now >= patience_ends_) end_round();
  if (round_over_) leave_the_dead(now);
  check_due_pairs(now);
  if (search_) search(now);
}

std::optional<TimePoint> UdpPunch::deadline() const {
  if (failed_) return std::nullopt;
  std::optional<TimePoint> due;
  if (settled_) {
    due = settled_->next_at;
    if (move_) due = std::min({*due, move_->next_at, move_->ends_at});
    return due;
  }
  if (!round_over_) due = patience_ends_;
  else
    for (const auto& [key, pair] : pairs_) due = earlier(due, pair.alive_at + reached_patience);
  if (checks_left_ > 0)
    for (const auto& [key, pair] : pairs_) due = earlier(due, pair.next_at);
  if (search_) due = earlier(due, search_->next_at);
  return due;
}

std::optional<UdpPunch::Action> UdpPunch::take() {
  if (actions_.empty()) return std::nullopt;
  auto action = std::move(actions_.front());
  actions_.pop_front();
  return action;
}

}  // namespace pshare
