#include "relay/joiner.hpp"

#include <algorithm>
#include <limits>

#include "secure/ticket.hpp"
#include "wire/subscriber.hpp"

namespace pshare {

namespace {

constexpr Duration meter_window = std::chrono::seconds{1};

const Error volume_used_up{.code = Errc::limit, .doing = "this relay has carried all that its owner lets it carry for now"};

template <typename Key>
std::size_t count_of(const std::map<Key, std::size_t>& counts, const Key& key) {
  const auto found = counts.find(key);
  return found == counts.end() ? 0 : found->second;
}

template <typename Key>
void one_less(std::map<Key, std::size_t>& counts, const Key& key) {
  if (const auto found = counts.find(key); --found->second == 0) counts.erase(found);
}

std::string used_up(std::uint64_t quota) {
  return "this relay has carried all that it carries for the two of you in a day: " + std::to_string(quota) + " bytes";
}

std::string hours_and_minutes(Duration time) {
  const auto minutes = std::chrono::ceil<std::chrono::minutes>(time).count();
  return std::to_string(minutes / 60) + " h " + std::to_string(minutes % 60) + " min";
}

std::uint64_t rate_over(std::uint64_t bytes, Duration time) {
  return static_cast<std::uint64_t>(static_cast<double>(bytes) / std::chrono::duration<double>{time}.count());
}

}  // namespace

// --- a side comes ---------------------------------------------------------------------------------------------------

std::optional<RelayRefused> Joiner::objection(const PeerId& peer, const Ticket& ticket, UnixTime wall, TimePoint now) const {
  if (peer != ticket.one && peer != ticket.other) return RelayRefused{Errc::identity_mismatch, "this ticket is for two others, and not yours"};
  // Before anything else: it may have expired while it was in use, and who comes now wants to know why its lane has ended.
  if (const auto spent = spent_.find(ticket.id); spent != spent_.end()) return RelayRefused{spent->second.why.code, spent->second.why.doing};
  if (ticket.expires <= wall) return RelayRefused{Errc::refused, "this ticket has expired; ask the server for another"};
  if (ticket.expires - wall > ticket_lifetime + ticket_clock_slack)
    return RelayRefused{Errc::refused, "this ticket holds longer than any should: this relay's clock is behind that of the server that has signed it"};
  if (in_use_.contains(ticket.id)) return RelayRefused{Errc::refused, "this ticket is in use; each lane needs one of its own"};
  if (draining_) return RelayRefused{Errc::busy, "this relay is about to end"};
  const auto& friends = settings_.friends;
  if (friends && !(friends->contains(ticket.one) && friends->contains(ticket.other)))
    return RelayRefused{Errc::refused, "this supernode serves only its owner's contacts, and you two are not both among them"};
  if (settings_.volume_left == 0u) return RelayRefused{volume_used_up.code, volume_used_up.doing};
  if (ticket.quota == 0u) return RelayRefused{Errc::limit, "this ticket allows no bytes at all"};
  if (const auto used = used_.find(pair_of(ticket)); used != used_.end() && ticket.quota && used->second.bytes >= *ticket.quota)
    return RelayRefused{Errc::limit, used_up(*ticket.quota) + "; there is more in " + hours_and_minutes(used->second.until - now)};
  if (lanes_.size() >= settings_.max_lanes)
    return RelayRefused{Errc::busy, "this relay is full: it carries " + std::to_string(lanes_.size()) + " lanes at once; try again later"};
  return std::nullopt;
}

std::optional<RelayRefused> Joiner::no_room(const Side& side) const {
  if (count_of(of_key_, side.peer) >= settings_.max_sides_of_a_key) return RelayRefused{Errc::busy, "too many lanes of yours at this relay at once"};
  if (count_of(of_address_, side.subscriber) >= settings_.max_sides_of_an_address)
    return RelayRefused{Errc::busy, "too many lanes from your address at this relay at once"};
  return std::nullopt;
}

void Joiner::presented(RelaySide side, const PeerId& peer, const IpAddress& from, ByteView signed_ticket, UnixTime wall, TimePoint now) {
  // Whether it has expired is looked at later.
  const auto ticket = open_ticket(settings_.rendezvous, settings_.relay, UnixTime::min(), signed_ticket);
  if (!ticket) return refuse(side, {ticket.error().code, ticket.error().doing});
  if (auto no = objection(peer, *ticket, wall, now)) return refuse(side, *std::move(no));

  Side who{peer, subscriber_of(from)};
  auto first = waiting_.find(ticket->id);
  if (first != waiting_.end() && first->second.who.peer == peer) {
    refuse(stop_waiting(first).side, {Errc::refused, "superseded by a newer connection of yours"});
    first = waiting_.end();
  }
  if (auto no = no_room(who)) return refuse(side, *std::move(no));
  if (first != waiting_.end()) return join(*ticket, stop_waiting(first), side, who, wall, now);
  if (waiting_.size() >= settings_.max_waiting && !make_room_for(who)) return refuse(side, {Errc::busy, "too many wait at this relay already; try again later"});
  wait(*ticket, side, who, now);
}

bool Joiner::make_room_for(const Side& newcomer) {
  std::map<IpAddress, std::size_t> waiting_of;
  for (const auto& [ticket, waiting] : waiting_) ++waiting_of[waiting.who.subscriber];
  const auto most = std::ranges::max_element(waiting_of, {}, [](const auto& each) { return each.second; });
  if (most->second <= count_of(waiting_of, newcomer.subscriber) + 1) return false;
  const auto oldest = std::ranges::find_if(by_patience_, [&](const auto& each) { return waiting_.at(each.second).who.subscriber == most->first; });
  refuse(stop_waiting(waiting_.find(oldest->second)).side, {Errc::busy, "others want to meet here as well, and most of those who wait are at your address"});
  return true;
}

void Joiner::trust(const PublicKey& rendezvous) {
  auto& trusted = settings_.rendezvous;
  if (std::ranges::find(trusted, rendezvous) == trusted.end()) trusted.push_back(rendezvous);
}

void Joiner::wait(const Ticket& ticket, RelaySide side, Side who, TimePoint now) {
  const auto until = now + joining_patience;
  count(who);
  waiting_.emplace(ticket.id, Waiting{side, who, until});
  tickets_of_waiting_.emplace(side, ticket.id);
  by_patience_.emplace(until, ticket.id);
}

Joiner::Waiting Joiner::stop_waiting(std::map<TicketId, Waiting>::iterator place) {
  const auto waiting = place->second;
  by_patience_.erase({waiting.until, place->first});
  tickets_of_waiting_.erase(waiting.side);
  waiting_.erase(place);
  discount(waiting.who);
  return waiting;
}

void Joiner::join(const Ticket& ticket, Waiting first, RelaySide side, Side who, UnixTime wall, TimePoint now) {
  const RelayLane number{next_lane_++};
  count(first.who);
  count(who);
  Lane lane{ticket, now + (ticket.expires - wall) + ticket_clock_slack, {first.who, who}, now, now, 0, Meter{now}};
  actions_.push_back(Join{number, first.side, side, {left_of(lane), settings_.rate}});
  lanes_.emplace(number, std::move(lane));
  in_use_.emplace(ticket.id, number);
  if (ticket.quota) with_quota_[pair_of(ticket)].insert(number);
  by_idleness_.emplace(now + relay_idle_patience, number);
}

void Joiner::gone(RelaySide side) {
  const auto ticket = tickets_of_waiting_.find(side);
  if (ticket != tickets_of_waiting_.end()) stop_waiting(waiting_.find(ticket->second));
}

// --- a lane lives ---------------------------------------------------------------------------------------------------

std::optional<std::uint64_t> Joiner::left_of(const Lane& lane) const {
  auto left = settings_.volume_left;
  if (!lane.ticket.quota) return left;
  const auto used = used_.find(pair_of(lane.ticket));
  const auto of_quota = used == used_.end() ? *lane.ticket.quota : *lane.ticket.quota - std::min(used->second.bytes, *lane.ticket.quota);
  return left ? std::min(*left, of_quota) : of_quota;
}

std::uint64_t Joiner::allowance(RelayLane lane) const {
  const auto found = lanes_.find(lane);
  if (found == lanes_.end()) return 0;
  return left_of(found->second).value_or(std::numeric_limits<std::uint64_t>::max());
}

void Joiner::carried(RelayLane number, std::uint64_t bytes, TimePoint now) {
  total_bytes_ += bytes;
  auto& volume = settings_.volume_left;
  if (volume) *volume -= std::min(*volume, bytes);
  if (const auto found = lanes_.find(number); found != lanes_.end()) {
    auto& lane = found->second;
    lane.bytes += bytes;
    lane.last_byte = now;
    lane.meter.add(bytes, now);
    if (lane.ticket.quota) count_for_pair(pair_of(lane.ticket), bytes, now);
  }
  if (volume == 0u) return cut_all(volume_used_up, now);
  if (const auto found = lanes_.find(number); found != lanes_.end() && found->second.ticket.quota) cut_what_is_used_up(pair_of(found->second.ticket), now);
}

void Joiner::count_for_pair(const Pair& pair, std::uint64_t bytes, TimePoint now) {
  if (const auto known = used_.find(pair); known != used_.end()) {
    known->second.bytes += bytes;
    return;
  }
  if (used_.size() >= settings_.max_pairs) {  // the one that would be forgotten first
    used_.erase(by_renewal_.begin()->second);
    by_renewal_.erase(by_renewal_.begin());
  }
  used_.emplace(pair, Used{bytes, now + quota_window});
  by_renewal_.emplace(now + quota_window, pair);
}

/// Lanes of one pair share what there is; the tickets of different servers may allow them different quotas of it.
void Joiner::cut_what_is_used_up(const Pair& pair, TimePoint now) {
  const auto is_used_up = [&](RelayLane number) { return left_of(lanes_.at(number)) == 0u; };
  for (auto theirs = with_quota_.find(pair); theirs != with_quota_.end(); theirs = with_quota_.find(pair)) {
    const auto next = std::ranges::find_if(theirs->second, is_used_up);
    if (next == theirs->second.end()) return;
    const auto number = *next;  // cut() takes it from there
    cut(number, {.code = Errc::limit, .doing = used_up(*lanes_.at(number).ticket.quota)}, now);
  }
}

void Joiner::allow_volume(std::optional<std::uint64_t> left, TimePoint now) {
  settings_.volume_left = left;
  if (left == 0u) cut_all(volume_used_up, now);
}

void Joiner::ended(RelayLane number, Error why, TimePoint now) {
  const auto found = lanes_.find(number);
  if (found == lanes_.end()) return;
  const auto& lane = found->second;
  over_.push_back({view(number, lane, now), why});
  for (const auto& side : lane.sides) discount(side);
  in_use_.erase(lane.ticket.id);
  if (const auto theirs = with_quota_.find(pair_of(lane.ticket)); theirs != with_quota_.end()) {
    theirs->second.erase(number);
    if (theirs->second.empty()) with_quota_.erase(theirs);
  }
  remember(lane.ticket.id, std::move(why), std::max(lane.expires, now + spent_memory));
  lanes_.erase(found);  // by_idleness_ forgets it when its time has come
}

void Joiner::cut(RelayLane lane, Error why, TimePoint now) {
  actions_.push_back(Cut{lane, why});
  ended(lane, std::move(why), now);
}

void Joiner::cut_all(const Error& why, TimePoint now) {
  while (!lanes_.empty()) cut(lanes_.begin()->first, why, now);
}

void Joiner::drain() {
  draining_ = true;
  while (!waiting_.empty()) refuse(stop_waiting(waiting_.begin()).side, {Errc::busy, "this relay is about to end"});
}

void Joiner::remember(const TicketId& ticket, Error why, TimePoint until) {
  if (spent_.size() >= settings_.max_spent) {  // the one that would be forgotten first
    spent_.erase(by_oblivion_.begin()->second);
    by_oblivion_.erase(by_oblivion_.begin());
  }
  spent_.emplace(ticket, Spent{std::move(why), until});
  by_oblivion_.emplace(until, ticket);
}

void Joiner::count(const Side& side) {
  ++of_key_[side.peer];
  ++of_address_[side.subscriber];
}

void Joiner::discount(const Side& side) {
  one_less(of_key_, side.peer);
  one_less(of_address_, side.subscriber);
}

// --- looking at it --------------------------------------------------------------------------------------------------

void Joiner::Meter::add(std::uint64_t more, TimePoint now) {
  bytes += more;
  if (now - since < meter_window) return;
  rate = rate_over(bytes, now - since);
  since = now;
  bytes = 0;
}

std::uint64_t Joiner::Meter::at(TimePoint now) const { return now - since < 2 * meter_window ? rate : rate_over(bytes, now - since); }

std::vector<Joiner::LaneView> Joiner::lanes(TimePoint now) const {
  std::vector<LaneView> views;
  for (const auto& [number, lane] : lanes_) views.push_back(view(number, lane, now));
  return views;
}

Joiner::LaneView Joiner::view(RelayLane number, const Lane& lane, TimePoint now) const {
  return {number, lane.ticket.one, lane.ticket.other, lane.bytes, left_of(lane), lane.since, lane.meter.at(now)};
}

std::optional<Joiner::Over> Joiner::take_over() {
  if (over_.empty()) return std::nullopt;
  auto over = std::move(over_.front());
  over_.pop_front();
  return over;
}

// --- time -----------------------------------------------------------------------------------------------------------

void Joiner::expire(TimePoint now) {
  while (!by_patience_.empty() && by_patience_.begin()->first <= now)
    refuse(stop_waiting(waiting_.find(by_patience_.begin()->second)).side, {Errc::timed_out, "the other peer did not come to this relay"});
  while (!by_idleness_.empty() && by_idleness_.begin()->first <= now) {
    const auto number = by_idleness_.begin()->second;
    by_idleness_.erase(by_idleness_.begin());
    const auto lane = lanes_.find(number);
    if (lane == lanes_.end()) continue;
    const auto end = lane->second.last_byte + relay_idle_patience;
    if (end <= now) {
      cut(number, {.code = Errc::timed_out, .doing = "nothing came through the relay for minutes"}, now);
    } else {
      by_idleness_.emplace(end, number);
    }
  }
  while (!by_oblivion_.empty() && by_oblivion_.begin()->first <= now) {
    spent_.erase(by_oblivion_.begin()->second);
    by_oblivion_.erase(by_oblivion_.begin());
  }
  while (!by_renewal_.empty() && by_renewal_.begin()->first <= now) {
    used_.erase(by_renewal_.begin()->second);
    by_renewal_.erase(by_renewal_.begin());
  }
}

std::optional<TimePoint> Joiner::deadline() const {
  std::optional<TimePoint> earliest;
  const auto consider = [&](const auto& queue) {
    if (!queue.empty() && (!earliest || queue.begin()->first < *earliest)) earliest = queue.begin()->first;
  };
  consider(by_patience_);
  consider(by_idleness_);
  consider(by_oblivion_);
  consider(by_renewal_);
  return earliest;
}

std::optional<Joiner::Action> Joiner::take() {
  if (actions_.empty()) return std::nullopt;
  auto action = std::move(actions_.front());
  actions_.pop_front();
  return action;
}

}  // namespace pshare
