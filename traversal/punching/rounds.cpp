#include "traversal/punching/rounds.hpp"

#include <algorithm>
#include <utility>

#include "traversal/overloaded.hpp"

namespace pshare {

namespace {

using Kind = PortForecast::Kind;

/// Searches over one transport that come to nothing before that transport counts as hopeless: chance has its bad days.
constexpr int searches_before_giving_up = 2;

constexpr Transport both_transports[] = {Transport::udp, Transport::tcp};

std::optional<TimePoint> earlier(std::optional<TimePoint> a, std::optional<TimePoint> b) {
  if (!a || !b) return a ? a : b;
  return std::min(*a, *b);
}

}  // namespace

PunchRounds::PunchRounds(Targets targets, Settings settings, Random& random, TimePoint now)
    : targets_(std::move(targets)), settings_(std::move(settings)), random_(random) {
  if (usable(Transport::udp) && !settings_.main_sockets.empty())
    udp_.emplace(0, Running<UdpPunch>{UdpPunch{targets_.udp, settings_.main_sockets, udp_settings(settings_.plain_patience), random_, now}});
  if (usable(Transport::tcp)) tcp_.emplace(0, Running<TcpPunch>{TcpPunch{targets_.tcp, tcp_settings(), random_, now}});
  collect(now);
  if (const auto first = next_measured(); first && needs_search(*first)) begin_measured(1, *first, now);
  look_ahead(now);
}

/// By way of the server, which is no shorter than the straight one.
Duration PunchRounds::rtt() const {
  const auto by_server = settings_.mine.server_rtt + settings_.theirs.server_rtt;
  return by_server > Duration::zero() ? by_server : Duration{std::chrono::milliseconds{100}};
}

UdpPunch::Settings PunchRounds::udp_settings(Duration patience) const {
  return {.side = settings_.side, .session = settings_.session, .key = settings_.key, .rtt = rtt(), .patience = patience};
}

TcpPunch::Settings PunchRounds::tcp_settings() const { return {.side = settings_.side, .rtt = rtt()}; }

const PortForecast& PunchRounds::mine(Transport transport) const { return transport == Transport::udp ? settings_.mine.udp : settings_.mine.tcp; }
const PortForecast& PunchRounds::theirs(Transport transport) const { return transport == Transport::udp ? settings_.theirs.udp : settings_.theirs.tcp; }

bool PunchRounds::allowed(Transport transport) const { return transport == Transport::udp ? settings_.udp : settings_.tcp; }

/// Blocked on either side is blocked; what was not measured is worth a try.
bool PunchRounds::usable(Transport transport) const {
  return allowed(transport) && mine(transport).kind != Kind::blocked && theirs(transport).kind != Kind::blocked;
}

bool PunchRounds::needs_search(Transport transport) const { return is_hard(mine(transport)) || is_hard(theirs(transport)); }

bool PunchRounds::searchable(Transport transport) const {
  if (!usable(transport) || mine(transport).kind == Kind::unknown || theirs(transport).kind == Kind::unknown) return false;
  if (given_up_.contains(transport)) return false;
  // A survey sees two ports; only measuring shows whether chance keeps to a small block.
  const bool hopeless = measured_over_.contains(transport) && search_way(mine(transport), theirs(transport)) == SearchPlan::Way::impossible;
  return !hopeless && (may_search(theirs(transport)) || !needs_search(transport));
}

/// Many packets go only where the server says that the peer is.
bool PunchRounds::may_search(const PortForecast& forecast) const { return std::ranges::find(settings_.vouched, forecast.external.address) != settings_.vouched.end(); }

bool PunchRounds::plain_over(Transport transport) const {
  if (transport == Transport::udp) return !udp_.contains(0) || udp_.at(0).over;
  return !tcp_.contains(0) || tcp_.at(0).over;
}

/// Searches first, UDP before TCP unless that has been learnt to be better, in turns; then UDP with new sockets where a plain round should have worked.
std::optional<Transport> PunchRounds::next_measured() const {
  if (contented_) return std::nullopt;
  const auto failures = [&](Transport transport) {
    const auto found = searches_failed_.find(transport);
    return found == searches_failed_.end() ? 0 : found->second;
  };
  std::optional<Transport> best;
  const auto preferred = settings_.search_first.value_or(Transport::udp);
  for (const auto transport : {preferred, preferred == Transport::udp ? Transport::tcp : Transport::udp})
    if (needs_search(transport) && searchable(transport) && (!best || failures(transport) < failures(*best))) best = transport;
  if (best) return best;
  if (!needs_search(Transport::udp) && searchable(Transport::udp) && plain_over(Transport::udp)) return Transport::udp;
  return std::nullopt;
}

void PunchRounds::begin_measured(std::uint64_t round, Transport transport, TimePoint now) {
  end_measured();
  rounds_begun_ = std::max(rounds_begun_, round);
  next_at_.reset();
  const bool search = needs_search(transport);
  // What is known of a stable mapping still holds; but our router may have been restarted, so after a search in vain it is looked at again.
  const bool looks_again = transport == Transport::udp && searches_failed_.contains(transport);
  const bool known = search && mine(transport).kind == Kind::stable && !looks_again;
  measured_ = Measured{.round = round, .transport = transport, .main = known, .give_up_at = now + forecast_patience};
  if (!known) {
    actions_.push_back(Measure{round, transport});
    return;
  }
  measured_->mine = mine(transport);
  actions_.push_back(Say{round, transport, *measured_->mine});
}

void PunchRounds::learned(const NatFacts& mine, const NatFacts& theirs, std::vector<IpAddress> vouched, TimePoint now) {
  settings_.vouched = std::move(vouched);
  const auto update = [](PortForecast& known, const PortForecast& news) {
    if (news.kind != Kind::unknown) known = news;
  };
  update(settings_.mine.udp, mine.udp);
  update(settings_.mine.tcp, mine.tcp);
  update(settings_.theirs.udp, theirs.udp);
  update(settings_.theirs.tcp, theirs.tcp);
  if (!measured_ && rounds_begun_ == 0)
    if (const auto first = next_measured(); first && needs_search(*first)) begin_measured(1, *first, now);
  look_ahead(now);
}

void PunchRounds::measured(std::uint64_t round, const PortForecast& forecast, TimePoint now) {
  if (!measured_ || measured_->round != round || measured_->mine) return;
  measured_->mine = forecast;
  if (forecast.kind == Kind::stepping && steps_mislead_.contains(measured_->transport)) {
    measured_->mine->kind = Kind::random;
    measured_->mine->lowest = lowest_nat_port;
    measured_->mine->highest = highest_nat_port;
  }
  actions_.push_back(Say{round, measured_->transport, *measured_->mine});
  // Without a search both are to begin at the same moment. Who speaks last knows all before the other does; a forecast would grow old meanwhile.
  if (measured_->theirs && !is_hard(*measured_->mine) && !is_hard(*measured_->theirs)) measured_->begin_at = now + rtt() / 2;
  start_if_ready(now);
}

void PunchRounds::heard(std::uint64_t round, Transport transport, const PortForecast& forecast, Duration age, TimePoint now) {
  if (round > max_measured_rounds || !usable(transport) || given_up_.contains(transport)) return;
  const bool this_one = measured_ && measured_->round == round;
  if (this_one && measured_->transport != transport) {  // we began it by ourselves and differ: the controlling side has its way
    if (settings_.side == CheckSide::controlling) return;
    begin_measured(round, transport, now);
  } else if (!this_one) {
    if (round <= rounds_begun_ || contented_) return;  // over
    begin_measured(round, transport, now);
  }
  if (measured_->theirs) return;
  measured_->theirs = forecast;
  measured_->theirs_as_of = now - age;
  start_if_ready(now);
}

/// What was measured just now is better than what the survey guessed. A stable mapping that was measured is a new socket's, and the old one stays.
void PunchRounds::learn_from(const Measured& round) {
  const bool udp = round.transport == Transport::udp;
  if (is_hard(*round.mine)) (udp ? settings_.mine.udp : settings_.mine.tcp) = *round.mine;
  if (is_hard(*round.theirs)) (udp ? settings_.theirs.udp : settings_.theirs.tcp) = *round.theirs;
}

void PunchRounds::start_if_ready(TimePoint now) {
  if (!measured_ || !measured_->known() || measured_->running || now < measured_->begin_at) return;
  auto& round = *measured_;
  measured_over_.insert(round.transport);
  learn_from(round);
  const bool searching = is_hard(*round.mine) || is_hard(*round.theirs);
  auto plan = search_plan(*round.mine, *round.theirs, now - round.theirs_as_of, random_);
  const auto way = plan.way;
  if (way == SearchPlan::Way::impossible || (searching && !may_search(*round.theirs))) return measured_failed(round.transport, now);
  round.running = true;
  if (round.transport == Transport::udp)
    udp_.emplace(round.round, Running<UdpPunch>{UdpPunch{std::move(plan), udp_settings(measured_udp_patience), random_, now}, round.main});
  else
    tcp_.emplace(round.round, Running<TcpPunch>{TcpPunch{plan, round.mine->kind == Kind::stable, tcp_settings(), random_, now}, round.main});
  collect(now);
}

void PunchRounds::end_measured() {
  if (!measured_) return;
  const auto round = measured_->round;
  const auto transport = measured_->transport;
  measured_.reset();
  if (settled_ && settled_->round == round) return;
  udp_.erase(round);
  tcp_.erase(round);
  actions_.push_back(End{round, transport});
}

void PunchRounds::measured_failed(Transport transport, TimePoint now) {
  // Of a chain of NATs the outer one may choose its ports by the inner one's, which step: then they seem to, and do not.
  if (measured_ && measured_->running && measured_->mine->kind == Kind::stepping && measured_->theirs->kind == Kind::stable) steps_mislead_.insert(transport);
  end_measured();
  if (++searches_failed_[transport] >= searches_before_giving_up && plain_over(transport))
    give_up(transport, Reason::timeout, needs_search(transport) ? "no port that was tried led through" : "");
  next_at_ = now + measured_round_pause;
  look_ahead(now);
}

/// What comes next, and whether anything is left.
void PunchRounds::look_ahead(TimePoint now) {
  for (const auto transport : both_transports) {
    if (!allowed(transport) || given_up_.contains(transport)) continue;
    if (!usable(transport)) {
      const bool ours = mine(transport).kind == Kind::blocked;
      give_up(transport, Reason::unreachable, ours ? "nothing of it leaves our network" : "nothing of it leaves the other side's network");
    } else if (plain_over(transport) && !measured_ && !searchable(transport)) {
      const bool no_targets = transport == Transport::udp ? targets_.udp.empty() : targets_.tcp.empty();
      const bool hopeless = needs_search(transport) && search_way(mine(transport), theirs(transport)) == SearchPlan::Way::impossible;
      give_up(transport, no_targets ? Reason::no_candidates : hopeless ? Reason::unreachable : Reason::timeout,
              hopeless ? "both routers give every connection a port that nobody can foresee"
              : needs_search(transport) && !may_search(theirs(transport)) ? "the server does not see the other side at the address that it names" : "");
    } else if (plain_over(transport) && !needs_search(transport) && transport == Transport::tcp) {
      give_up(transport, Reason::timeout, "");
    }
  }
  const bool ours_to_begin = settings_.side == CheckSide::controlling && rounds_begun_ < max_measured_rounds;
  const auto next = next_measured();
  if (next_at_ && *next_at_ <= now) next_at_.reset();
  if (!measured_ && ours_to_begin && next && !next_at_) return begin_measured(rounds_begun_ + 1, *next, now);
  if (!measured_ && rounds_begun_ >= max_measured_rounds)
    for (const auto transport : both_transports)
      if (allowed(transport) && plain_over(transport)) give_up(transport, Reason::timeout, "");
}

void PunchRounds::give_up(Transport transport, Reason reason, std::string words) {
  if (!given_up_.emplace(transport, true).second) return;
  actions_.push_back(Failed{transport, reason, std::move(words)});
}

void PunchRounds::add(const Targets& more, TimePoint now) {
  for (const auto& target : more.udp) {
    targets_.udp.push_back(target);
    if (const auto plain = udp_.find(0); plain != udp_.end()) plain->second.punch.add(target, now);
  }
  for (const auto& target : more.tcp) {
    targets_.tcp.push_back(target);
    if (const auto plain = tcp_.find(0); plain != tcp_.end()) plain->second.punch.add(target, now);
  }
  collect(now);
}

bool PunchRounds::arrived(const Socket& socket, const Endpoint& from, const ReceivedStun& received, TimePoint now) {
  // The main sockets serve round 0 and, where our NAT is stable, a measured one: the newest answers.
  bool ours = false;
  for (auto each = udp_.rbegin(); each != udp_.rend() && !ours; ++each) {
    const bool fits = socket.main ? each->second.main : !each->second.main && each->first == socket.round;
    if (fits) ours = each->second.punch.arrived(socket.index, from, received, now);
  }
  if (ours) collect(now);
  return ours;
}

void PunchRounds::connected(std::uint64_t round, DialKey dial, TimePoint now) {
  if (const auto found = tcp_.find(round); found != tcp_.end()) found->second.punch.connected(dial, now);
  collect(now);
}

void PunchRounds::failed(std::uint64_t round, DialKey dial, Errc why, TimePoint now) {
  if (const auto found = tcp_.find(round); found != tcp_.end()) found->second.punch.failed(dial, why, now);
  collect(now);
}

void PunchRounds::lost(std::uint64_t round, DialKey dial, TimePoint now) {
  if (const auto found = tcp_.find(round); found != tcp_.end()) found->second.punch.lost(dial, now);
  collect(now);
}

void PunchRounds::settle(const Socket& socket, const Endpoint& remote, TimePoint now) {
  for (auto& [round, running] : udp_) {
    if (socket.main ? !running.main : round != socket.round) continue;
    settled_ = socket;
    settled_->round = round;
    running.punch.settle(socket.index, remote, now);
  }
  collect(now);
}

void PunchRounds::stop(Transport transport, TimePoint now) {
  given_up_.emplace(transport, true);
  if (measured_ && measured_->transport == transport) end_measured();
  if (transport == Transport::udp) {
    const auto carries_lane = [&](std::uint64_t round) { return settled_ && settled_->round == round; };
    for (const auto& [round, running] : udp_)
      if (!carries_lane(round)) actions_.push_back(End{round, Transport::udp});
    std::erase_if(udp_, [&](const auto& each) { return !carries_lane(each.first); });
  } else {
    for (const auto& [round, running] : tcp_) actions_.push_back(End{round, Transport::tcp});
    tcp_.clear();
  }
  collect(now);
}

void PunchRounds::collect(TimePoint now) {
  std::vector<Transport> measured_over;
  for (auto& each : udp_) {
    const auto round = each.first;
    auto& running = each.second;
    const auto socket = [&](std::size_t index) { return Socket{running.main ? 0 : round, index, running.main}; };
    while (auto action = running.punch.take())
      std::visit(Overloaded{
                     [&](UdpPunch::Send& send) { actions_.push_back(SendUdp{socket(send.socket), send.to, std::move(send.bytes), send.ttl}); },
                     [&](const UdpPunch::Reached& reached) { actions_.push_back(Reached{socket(reached.socket), reached.remote, reached.tier, reached.rtt}); },
                     [&](const UdpPunch::Moved& moved) { actions_.push_back(Moved{socket(moved.socket), moved.from, moved.to}); },
                     [&](const UdpPunch::Failed&) {
                       running.over = true;
                       if (measured_ && measured_->round == round) measured_over.push_back(Transport::udp);
                     },
                 },
                 *action);
  }
  for (auto& each : tcp_) {
    const auto round = each.first;
    auto& running = each.second;
    while (auto action = running.punch.take())
      std::visit(Overloaded{
                     [&](const TcpPunch::Dial& dial) { actions_.push_back(Dial{round, dial}); },
                     [&](const TcpPunch::Drop& drop) { actions_.push_back(Drop{round, drop.dial, drop.answered_too}); },
                     [&](const TcpPunch::Failed&) {
                       running.over = true;
                       if (measured_ && measured_->round == round) measured_over.push_back(Transport::tcp);
                     },
                 },
                 *action);
  }
  for (const auto transport : measured_over) measured_failed(transport, now);
}

void PunchRounds::expire(TimePoint now) {
  for (auto& [round, running] : udp_) running.punch.expire(now);
  for (auto& [round, running] : tcp_) running.punch.expire(now);
  collect(now);
  start_if_ready(now);
  if (measured_ && !measured_->known() && now >= measured_->give_up_at) measured_failed(measured_->transport, now);
  look_ahead(now);
}

std::optional<TimePoint> PunchRounds::deadline() const {
  std::optional<TimePoint> due;
  for (const auto& [round, running] : udp_) due = earlier(due, running.punch.deadline());
  for (const auto& [round, running] : tcp_) due = earlier(due, running.punch.deadline());
  if (measured_ && !measured_->running) due = earlier(due, measured_->known() ? measured_->begin_at : measured_->give_up_at);
  if (!measured_ && next_at_) due = earlier(due, next_at_);
  return due;
}

std::optional<PunchRounds::Action> PunchRounds::take() {
  if (actions_.empty()) return std::nullopt;
  auto action = std::move(actions_.front());
  actions_.pop_front();
  return action;
}

}  // namespace pshare
