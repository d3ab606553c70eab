#include "traversal/io/climb.hpp"

#include <algorithm>
#include <utility>

#include "io/deadline.hpp"
#include "io/log.hpp"
#include "traversal/overloaded.hpp"
#include "traversal/path_rank.hpp"

namespace pshare {

namespace {

/// As long as it takes, in a number that can be added to a time.
constexpr Duration longest_patience = std::chrono::hours{24 * 365};

/// A relay that is full, or has carried all that it may, refuses: it is no stranger.
Reason reason_at_relay(Errc code) {
  switch (code) {
    case Errc::no_path: return Reason::no_candidates;
    case Errc::limit:
    case Errc::busy: return Reason::refused;
    default: return reason_of(code);
  }
}

PunchRounds::Targets punch_targets(const Targets& targets) {
  PunchRounds::Targets out;
  for (const auto& pair : targets.checks) out.udp.push_back({pair.remote, pair.tier});
  for (const auto& pair : targets.punches) out.tcp.push_back({pair.remote, pair.tier});
  return out;
}

}  // namespace

Climb::Climb(Climber& climber, Targets targets, const Climber::Wanted& wanted)
    : climber_(climber),
      began_(Clock::now()),
      begin_(wanted.begin),
      plain_patience_(wanted.plain_patience),
      ascent_(std::move(targets), climber.how_to_climb(std::min<Duration>(wanted.until - began_, longest_patience)), climber.with_.random, began_),
      news_(climber.with_.executor) {}

awaitable<void> Climb::run(TaskGroup& tasks) {
  tasks_ = &tasks;
  for (;;) {
    while (auto action = ascent_.take()) perform(std::move(*action));
    if (gives_way_) co_return;
    co_await news_.wait(ascent_.deadline());
    ascent_.expire(Clock::now());
  }
}

void Climb::give_way() {
  gives_way_ = true;
  news_.ring();
}

void Climb::perform(Ascent::Action action) {
  std::visit(Overloaded{
                 [&](const Ascent::Dial& due) { tasks_->start(dial(due.pair)); },
                 [&](const Ascent::Punch& begin) { punch(begin.over); },
                 [&](const Ascent::StopPunching& stop) { stop_punching(stop.transport); },
                 [&](const Ascent::Meet& at) { tasks_->start(meet(at.tier)); },
                 [&](const Ascent::Report& ended) { report(ended.attempt); },
                 [&](const Ascent::Use& winner) { use(winner.lane); },
                 [&](const Ascent::Rival& rival) {
                   if (auto lane = take(rival.lane)) {
                     climber_.rival_ = std::move(*lane);
                     climber_.rival_news_.ring();
                   }
                 },
                 [&](const Ascent::Close& close) {
                   if (auto lane = take(close.lane)) (*lane)->close();
                 },
                 [&](Ascent::GaveUp& gave_up) { throw Failure{std::move(gave_up.why)}; },
             },
             action);
}

void Climb::use(LaneKey key) {
  const bool moves_up = won_by_.has_value();
  won_by_ = ascent_.winner()->tier;
  if (is_straight(*won_by_) && !punchings_.empty()) punchings_.back().contented();
  auto lane = take(key);
  if (!lane) return;
  if (moves_up) {
    climber_.better_ = std::move(*lane);
    climber_.better_news_.ring();
  } else {
    climber_.chosen_ = std::move(*lane);
    climber_.chosen_news_.ring();
  }
}

std::optional<LanePtr> Climb::take(LaneKey lane) {
  const auto found = lanes_.find(lane);
  if (found == lanes_.end()) return std::nullopt;
  auto taken = std::move(found->second);
  lanes_.erase(found);
  return taken;
}

void Climb::came(LanePtr lane) { lane_up(std::move(lane), std::nullopt); }

void Climb::lane_up(LanePtr lane, std::optional<std::size_t> dial) {
  const auto key = ascent_.lane_up(lane->path(), dial, Clock::now());
  if (climber_.settings_.role == ClimbRole::receiver) {
    climber_.taken_.push_back(std::move(lane));
    climber_.lane_taken_.ring();
  } else {
    lanes_.emplace(key, std::move(lane));
  }
  news_.ring();
}

awaitable<void> Climb::dial(std::size_t number) {
  const auto pair = ascent_.targets().dials[number];
  std::optional<Error> trouble;
  try {
    auto dialling = climber_.dial(pair, 0, began_);
    auto lane = co_await with_deadline(std::move(dialling), Clock::now() + dial_patience, "connecting to " + pair.remote.text());
    log(LogLevel::debug, "dial.connected", {{"remote", pair.remote}, {"after", Clock::now() - began_}});
    lane_up(std::move(lane), number);
  } catch (const Failure& failure) {
    trouble = failure.error();
  }
  if (!trouble) co_return;
  log(LogLevel::debug, "dial.failed", {{"remote", pair.remote}, {"why", trouble->message()}});
  ascent_.dial_failed(number, trouble->code, Clock::now());
  news_.ring();
}

// --- relays ----------------------------------------------------------------------------------------------------------------

awaitable<void> Climb::meet(Tier tier) {
  if (climber_.settings_.role == ClimbRole::receiver) co_return co_await expect_word(tier);
  std::optional<Error> trouble;
  try {
    auto lane = co_await climber_.meet(tier, began_);
    lane_up(std::move(lane), std::nullopt);
  } catch (const Failure& failure) {
    trouble = failure.error();
  }
  meeting_ended(tier, trouble);
}

/// The receiver goes where the sender says. It looks for supernodes again when it has found none, or hears nothing: others may have come up.
awaitable<void> Climb::expect_word(Tier tier) {
  auto& relays = climber_.with_.relays;
  if (tier == Tier::relay && !relays.of_server()) meeting_ended(tier, Error{.code = Errc::unsupported, .doing = "the server does not relay"});
  if (tier != Tier::supernode) co_return;
  const auto turn = ++supernode_turn_;
  const bool told = co_await climber_.tell_relays();
  if (told) co_await sleep_until(Clock::now() + relays_word_patience);
  if (turn != supernode_turn_ || climber_.attended_[tier] > 0) co_return;  // then that one's end counts
  relays.forget();
  meeting_ended(tier, Error{.code = told || !relays.nearby() ? Errc::timed_out : Errc::no_path, .doing = "looking for supernodes for the sender"});
}

void Climb::meeting_ended(Tier tier, const std::optional<Error>& trouble) {
  if (trouble) log(LogLevel::debug, "relay.failed", {{"tier", word(tier)}, {"why", trouble->message()}});
  const auto reason = !trouble ? Reason::none : reason_at_relay(trouble->code);
  ascent_.meeting_ended(tier, reason, Clock::now(), trouble && trouble->code != Errc::no_path ? trouble->message() : std::string{});
  news_.ring();
}

void Climb::try_again() {
  ascent_.try_again(Clock::now());
  news_.ring();
}

void Climb::fell_back(const Path& to) {
  ascent_.fell_back(to, Clock::now());
  if (won_by_) won_by_ = ascent_.winner()->tier;
  news_.ring();
}

void Climb::more_relays() {
  ascent_.more_relays(Clock::now());
  news_.ring();
}

// --- punching --------------------------------------------------------------------------------------------------------------

/// One at a time, over both transports: a further attempt waits for the end of the one before, unless it has so much better a chance.
void Climb::punch(std::vector<Transport> over) {
  if (!punched_over_.empty()) {
    punch_again_.insert(punch_again_.end(), over.begin(), over.end());
    punch_anew_if_udp_has_opened();
    return;
  }
  udp_was_closed_ = udp_is_closed();
  const bool udp = std::ranges::find(over, Transport::udp) != over.end(), tcp = std::ranges::find(over, Transport::tcp) != over.end();
  punched_over_ = {over.begin(), over.end()};
  auto& climber = climber_;
  const auto& theirs = climber.peer_.nat;
  Punching::Settings settings{.rounds = {.side = climber.settings_.role == ClimbRole::sender ? CheckSide::controlling : CheckSide::controlled,
                                         .session = climber.settings_.session,
                                         .key = climber.settings_.check_key,
                                         .udp = udp,
                                         .tcp = tcp,
                                         .main_sockets = {},
                                         .mine = climber.with_.standpoint.facts(),
                                         .theirs = theirs,
                                         .search_first = climber.search_first_,
                                         .vouched = climber.peer_.seen_at,
                                         .plain_patience = plain_patience_},
                              .begin = begin_};
  Punching::Hooks hooks;
  hooks.over_tcp = [this](TcpStream socket, Tier tier) { return climber_.over_tcp(std::move(socket), tier, 0, began_); };
  hooks.over_udp = [this](std::shared_ptr<UdpPort> port, Endpoint remote, Tier tier, Duration rtt) {
    return climber_.over_udp(std::move(port), remote, tier, rtt, began_);
  };
  hooks.moved = [this](const UdpPort& port, const Endpoint& from, const Endpoint& to) { climber_.moved(port, from, to); };
  hooks.measure = [this](Transport transport, std::vector<std::shared_ptr<UdpPort>>& sockets) { return climber_.with_.standpoint.measure(transport, sockets); };
  hooks.say = [this](const Punch& word) { climber_.say(word); };
  hooks.lane = [this](LanePtr lane) { lane_up(std::move(lane), std::nullopt); };
  hooks.failed = [this, turn = punchings_.size()](Transport transport, Reason reason, std::string words) {
    if (turn + 1 == punchings_.size()) punching_ended(transport, reason, std::move(words));
  };
  // On a relayed path the peer has to begin at the same moment, and has no reason of its own to.
  if (won_by_ && climber.settings_.role == ClimbRole::sender) climber.say(TryAgain{climber.settings_.session});
  punchings_.emplace_back(climber.with_.executor, climber.with_.standpoint.port(), climber.with_.random, punch_targets(ascent_.targets()), std::move(settings),
                          std::move(hooks));
  for (const auto& word : std::exchange(heard_early_, {})) punchings_.back().heard(word);
  tasks_->start(punchings_.back().run());
}

bool Climb::udp_is_closed() const {
  const auto closed = [](const NatFacts& nat) { return nat.udp.kind == PortForecast::Kind::blocked; };
  return closed(climber_.with_.standpoint.facts()) || closed(climber_.peer_.nat);
}

/// A search over TCP alone takes seconds, and UDP that has just come to be let through hardly any time.
void Climb::punch_anew_if_udp_has_opened() {
  const bool waits = std::ranges::find(punch_again_, Transport::udp) != punch_again_.end() && !punched_over_.contains(Transport::udp);
  if (!waits || !udp_was_closed_ || udp_is_closed()) return;
  auto over = std::exchange(punch_again_, {});
  for (const auto transport : std::exchange(punched_over_, {})) {
    punchings_.back().stop(transport);
    over.push_back(transport);
  }
  punch(std::move(over));
}

void Climb::punching_ended(Transport transport, Reason reason, std::string words) {
  punched_over_.erase(transport);
  ascent_.punching_ended(transport, reason, Clock::now(), std::move(words));
  if (punched_over_.empty() && !punch_again_.empty()) punch(std::exchange(punch_again_, {}));
  news_.ring();
}

void Climb::stop_punching(Transport transport) {
  punched_over_.erase(transport);
  std::erase(punch_again_, transport);
  if (!punchings_.empty()) punchings_.back().stop(transport);
  if (won_by_ && is_straight(*won_by_) && transport == Transport::tcp && climber_.settings_.role == ClimbRole::sender) climber_.registration_.turn_away();
}

void Climb::heard(const Punch& punch) {
  if (!punchings_.empty())
    punchings_.back().heard(punch);
  else if (heard_early_.size() < max_measured_rounds)
    heard_early_.push_back(punch);
}

void Climb::learned(const NatFacts& mine, const PeerFacts& theirs) {
  if (!punchings_.empty()) punchings_.back().learned(mine, theirs.nat, theirs.seen_at);
  punch_anew_if_udp_has_opened();
}

void Climb::add(const Targets& more) {
  const auto fresh = ascent_.more_pairs(more, Clock::now());
  if (!punchings_.empty()) punchings_.back().add(punch_targets(fresh));
  news_.ring();
}

void Climb::report(const Attempt& attempt) const {
  log(LogLevel::debug, "attempt.ended",
      {{"tier", word(attempt.tier)}, {"transport", word(attempt.transport)}, {"outcome", word(attempt.outcome)}, {"reason", word(attempt.reason)}, {"after", attempt.elapsed}});
  if (climber_.on_attempt_) climber_.on_attempt_(attempt);
}

}  // namespace pshare
