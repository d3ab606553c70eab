#include "traversal/io/climber.hpp"

#include <algorithm>
#include <utility>

#include "io/deadline.hpp"
#include "io/log.hpp"
#include "io/tcp_stream.hpp"
#include "traversal/io/climb.hpp"
#include "traversal/io/lane_greeting.hpp"
#include "traversal/io/quic_lane.hpp"
#include "traversal/io/relayed_lane.hpp"
#include "traversal/io/tcp_lane.hpp"
#include "traversal/path_rank.hpp"

namespace pshare {

Climber::Climber(const Equipment& equipment, ClimbSettings settings)
    : with_(equipment),
      settings_(std::move(settings)),
      registration_(with_.door.expect(settings_.session, settings_.peer,
                                      settings_.role == ClimbRole::sender ? LaneDoor::Callers::are_handed_over : LaneDoor::Callers::greet)),
      wanted_news_(with_.executor),
      lane_taken_(with_.executor),
      their_relays_known_(with_.executor),
      better_news_(with_.executor),
      chosen_news_(with_.executor),
      rival_news_(with_.executor),
      further_news_(with_.executor),
      climb_began_(with_.executor) {
  if (!straight() || !settings_.tcp_allowed) registration_.turn_away();
}

bool Climber::straight() const {
  return std::any_of(settings_.tiers.begin(), settings_.tiers.end(), [](Tier tier) { return is_straight(tier); });
}

bool Climber::udp_possible() const {
  return settings_.udp_allowed && settings_.check_key != CheckKey{} && !with_.standpoint.port().udp().empty();
}

Ascent::Settings Climber::how_to_climb(Duration patience) const {
  return {.tiers = settings_.tiers,
          .tcp_allowed = settings_.tcp_allowed,
          .udp_allowed = udp_possible(),
          .patience = patience,
          .mapping_trouble = with_.standpoint.mapping_trouble(),
          .relays = true};
}

Targets Climber::targets_of(const std::vector<Candidate>& candidates) const {
  return targets(candidates, with_.standpoint.local_addresses(), with_.standpoint.peer_host(), with_.standpoint.seen_as());
}

// --- climbs ----------------------------------------------------------------------------------------------------------------

awaitable<void> Climber::run() {
  const auto body = [this](TaskGroup& tasks) -> awaitable<void> {
    struct Running {
      TaskGroup*& tasks;
      ~Running() { tasks = nullptr; }
    };
    tasks_ = &tasks;
    const Running running{tasks_};
    if (settings_.role == ClimbRole::sender) tasks.start(speak_to_callers());
    tasks.start(sort_callers());
    tasks.start(watch_standpoint());
    for (;;) {
      while (!wanted_) co_await wanted_news_.wait();
      const auto wanted = *std::exchange(wanted_, std::nullopt);
      Climb climb{*this, targets_of(peer_.candidates), wanted};
      climb_ = &climb;
      climb_began_.ring();
      const auto climbing = [&](TaskGroup& its) -> awaitable<void> { co_await climb.run(its); };
      std::optional<Error> no_path;
      try {
        co_await with_tasks<void>(climbing);
      } catch (const Failure& failure) {
        no_path = failure.error();
      } catch (...) {
        climb_ = nullptr;
        throw;
      }
      climb_ = nullptr;
      if (!no_path) continue;
      if (settings_.role == ClimbRole::receiver) {
        if (!goes_on_()) throw Failure{*no_path};
        continue;
      }
      no_path_ = *no_path;
      chosen_news_.ring();
    }
  };
  co_await with_tasks<void>(body);
}

void Climber::want(const Wanted& wanted) {
  with_.relays.forget();
  wanted_ = wanted;
  no_path_.reset();
  if (straight() && settings_.tcp_allowed) registration_.let_in();
  if (climb_) climb_->give_way();
  wanted_news_.ring();
}

void Climber::attend(PeerFacts peer, TimePoint begin, TimePoint until) {
  peer_ = std::move(peer);
  want({begin, until});
}

void Climber::climb_again(Duration patience) { want({Clock::now(), TimePoint::max(), patience}); }

awaitable<LanePtr> Climber::next_lane() {
  while (taken_.empty()) co_await lane_taken_.wait();
  auto lane = std::move(taken_.front());
  taken_.pop_front();
  co_return lane;
}

awaitable<LanePtr> Climber::first_lane(PeerFacts peer, TimePoint until) {
  peer_ = std::move(peer);
  chosen_.reset();
  rival_.reset();
  better_.reset();
  want({Clock::now(), until});
  while (!chosen_ && !no_path_) co_await chosen_news_.wait();
  if (!chosen_) throw Failure{*no_path_};
  co_return std::move(chosen_);
}

awaitable<LanePtr> Climber::better_lane() {
  while (!better_) co_await better_news_.wait();
  co_return std::move(better_);
}

awaitable<LanePtr> Climber::rival() {
  while (!rival_) co_await rival_news_.wait();
  co_return std::move(rival_);
}

/// Callers come to the climb that runs, or to another_lane().
awaitable<void> Climber::sort_callers() {
  for (;;) {
    auto lane = co_await registration_.next();
    const bool allowed = allows(lane->path().tier);
    if (allowed && further_wanted_ > 0) {
      further_.push_back(std::move(lane));
      further_news_.ring();
    } else if (allowed && climb_) {
      climb_->came(std::move(lane));
    } else {
      lane->close();
    }
  }
}

awaitable<void> Climber::watch_standpoint() {
  for (;;) {
    co_await with_.standpoint.changed();
    if (!climb_) continue;
    climb_->learned(with_.standpoint.facts(), peer_);
    climb_->mapping_trouble(with_.standpoint.mapping_trouble());
    try_again();
  }
}

void Climber::heard(const Punch& punch) {
  if (climb_) climb_->heard(punch);
}

void Climber::try_again() {
  if (climb_) climb_->try_again();
}

void Climber::lanes_left(const std::vector<Path>& lanes) {
  const bool relayed = std::ranges::none_of(lanes, [](const Path& each) { return is_straight(each.tier); });
  if (!climb_ || lanes.empty() || !relayed) return;
  if (straight() && settings_.tcp_allowed) registration_.let_in();
  climb_->fell_back(lanes.front());
}

void Climber::lost_in_vain(const Path& path) {
  if (path.tier == Tier::supernode && met_at_) ++lost_in_vain_at_[*met_at_];
}

bool Climber::gives_way(const PeerId& supernode) const {
  const auto lost = lost_in_vain_at_.find(supernode);
  return lost != lost_in_vain_at_.end() && lost->second >= max_vain_lanes_at_a_supernode && allows(Tier::relay) && with_.relays.of_server();
}

void Climber::say(const Word& word) const {
  if (on_say_) on_say_(word);
}

void Climber::heard(const MoreCandidates& more, const std::vector<IpAddress>& seen_at) {
  peer_.nat = more.nat;
  for (const auto& now : seen_at) {
    std::erase_if(peer_.seen_at, [&](const IpAddress& before) { return before.is_v4() == now.is_v4(); });
    peer_.seen_at.push_back(now);
  }
  if (climb_) climb_->learned(with_.standpoint.facts(), peer_);
  try_again();
  const auto room = max_candidates - std::min(max_candidates, peer_.candidates.size());
  auto fresh = more.candidates;
  std::erase_if(fresh, [&](const Candidate& each) { return std::ranges::find(peer_.candidates, each) != peer_.candidates.end(); });
  fresh.resize(std::min(fresh.size(), room));
  peer_.candidates.insert(peer_.candidates.end(), fresh.begin(), fresh.end());
  if (climb_ && !fresh.empty()) climb_->add(targets_of(fresh));
}

// --- lanes -----------------------------------------------------------------------------------------------------------------

awaitable<LanePtr> Climber::another_lane(const Path& like, std::uint32_t ordinal, TimePoint until) {
  const auto since = Clock::now();
  const auto same = std::ranges::find(dialled_, like.remote, &Pair::remote);
  if (same != dialled_.end()) {
    auto dialling = dial(*same, ordinal, since);
    co_return co_await with_deadline(std::move(dialling), until, "opening another lane to " + like.remote.text());
  }
  struct Waiting {
    std::size_t& count;
    explicit Waiting(std::size_t& of) : count(of) { ++count; }
    ~Waiting() { --count; }
  };
  const Waiting waiting{further_wanted_};
  registration_.let_in();
  while (further_.empty()) {
    co_await further_news_.wait(until);
    if (further_.empty() && Clock::now() >= until)
      throw Failure{{.code = Errc::timed_out, .doing = "waiting for the peer to open another lane"}};
  }
  auto lane = std::move(further_.front());
  further_.pop_front();
  co_return lane;
}

bool Climber::dialled(const Path& path) const { return std::ranges::find(dialled_, path.remote, &Pair::remote) != dialled_.end(); }

awaitable<LanePtr> Climber::dial(Pair pair, std::uint32_t ordinal, TimePoint since) {
  auto socket = co_await connect(pair.remote, pair.zone);
  auto lane = co_await over_tcp(std::move(socket), pair.tier, ordinal, since);
  if (std::ranges::find(dialled_, pair) == dialled_.end()) dialled_.push_back(pair);
  co_return lane;
}

/// TLS and greeting on a connection that came up by our doing.
awaitable<LanePtr> Climber::over_tcp(TcpStream socket, Tier tier, std::uint32_t ordinal, TimePoint since) {
  if (settings_.role == ClimbRole::receiver) {
    auto heard = co_await registration_.hear(std::move(socket));
    refuse_unless_allowed(heard->path().tier);
    co_return heard;
  }
  const Path path{.tier = tier, .transport = Transport::tcp, .local = socket.local(), .remote = socket.remote()};
  std::vector<std::string> alpn{std::string{lane_alpn}};
  TlsStream stream{std::move(socket), TlsEngine{with_.tls, TlsRole::client, std::move(alpn), only(settings_.peer)}};
  co_await stream.handshake();
  LanePtr lane = std::make_unique<TcpLane>(std::move(stream), path, with_.executor);
  const LaneHello hello{.session = settings_.session, .ordinal = ordinal, .tier = tier};
  lane->count_as(tier, Clock::now() - since);
  co_return co_await say_hello(std::move(lane), hello);
}

bool Climber::allows(Tier tier) const { return std::ranges::find(settings_.tiers, tier) != settings_.tiers.end(); }

/// The other side may allow what we do not.
void Climber::refuse_unless_allowed(Tier tier) const {
  if (!allows(tier)) throw Failure{{.code = Errc::refused, .doing = "the tier " + std::string{word(tier)} + " is not allowed here (--tiers, --no-tiers)"}};
}

awaitable<void> Climber::speak_to_callers() {
  for (;;) {
    auto caller = co_await registration_.next_caller();
    tasks_->start(speak_to(std::move(caller)));
  }
}

awaitable<void> Climber::speak_to(LaneDoor::Caller caller) {
  const auto remote = caller.socket.remote();
  try {
    auto speaking = speak_to_caller(std::move(caller.socket));
    auto lane = co_await with_deadline(std::move(speaking), caller.until, "greeting a caller");
    registration_.greeted(std::move(lane));
  } catch (const Failure& failure) {
    log(LogLevel::debug, "lane.turned_away", {{"remote", remote}, {"why", failure.what()}});
  }
}

/// Who has agreed may call before we have heard so: our first word waits, as long as the door bears with a caller.
awaitable<LanePtr> Climber::speak_to_caller(TcpStream socket) {
  while (!climb_) co_await climb_began_.wait();
  const auto since = climb_->began();
  const auto tier = tier_of_caller(socket);
  refuse_unless_allowed(tier);
  co_return co_await over_tcp(std::move(socket), tier, 0, since);
}

/// The peer has dialled an address of ours, which one nobody says. Whoever comes from the endpoint that it punches from has punched; otherwise
/// it has found an address of this machine, or a port that a router forwards.
Tier Climber::tier_of_caller(const TcpStream& socket) const {
  const auto punches = [&](const Candidate& each) {
    return each.type == Candidate::Type::server_reflexive && each.transport == Transport::tcp && each.endpoint == socket.remote();
  };
  if (std::ranges::any_of(peer_.candidates, punches)) return Tier::punched;
  const auto own = socket.local().address;
  const auto local = with_.standpoint.local_addresses();
  const bool same_net = std::ranges::any_of(local, [&](const LocalAddress& each) { return same_subnet(each, socket.remote().address); });
  if (own.scope() == Scope::global || same_net || own.scope() == Scope::loopback) return Tier::direct;
  if (with_.standpoint.has_manual_port()) return Tier::direct;
  if (with_.standpoint.has_mapping(Transport::tcp)) return Tier::mapped;
  const auto seen_as = with_.standpoint.seen_as();
  const bool behind_nat = std::ranges::find(seen_as, own) == seen_as.end() && !seen_as.empty();
  return behind_nat ? Tier::punched : Tier::direct;
}

awaitable<LanePtr> Climber::over_udp(std::shared_ptr<UdpPort> port, Endpoint remote, Tier tier, Duration rtt, TimePoint since) {
  const Path path{.tier = tier, .transport = Transport::udp, .local = port->local_towards(remote), .remote = remote};
  log(LogLevel::debug, "lane.begins", {{"remote", remote}, {"long_datagrams", search_path_mtu_ ? "tried" : "avoided"}});
  const QuicSettings quic{.path_mtu_search = search_path_mtu_ ? PathMtuSearch::on : PathMtuSearch::off, .rtt = rtt};
  if (settings_.role == ClimbRole::sender) {
    refuse_unless_allowed(tier);
    auto lane = co_await quic_connect(port, remote, with_.identity, settings_.peer, path, quic);
    const LaneHello hello{.session = settings_.session, .ordinal = 0, .tier = tier};
    lane->count_as(tier, Clock::now() - since);
    moves_.emplace_back(port.get(), lane->mover());
    co_return co_await say_hello(std::move(lane), hello);
  }
  auto lane = co_await quic_accept(port, remote, with_.identity, settings_.peer, path, quic);
  const auto hello = co_await hear_hello(*lane);
  if (hello.session != settings_.session) throw Failure{{.code = Errc::refused, .doing = "the peer named another session on this connection"}};
  refuse_unless_allowed(hello.tier);
  co_await say_ready(*lane);
  lane->count_as(hello.tier, Clock::now() - since);
  moves_.emplace_back(port.get(), lane->mover());
  co_return std::move(lane);
}

// --- relays ----------------------------------------------------------------------------------------------------------------

/// For the receiver: measures for the sender, who chooses. Gives whether there is one to choose.
awaitable<bool> Climber::tell_relays() {
  co_await with_.relays.look();
  const auto& known = with_.relays.nearby();
  if (!known) co_return false;
  RelaysNear nearby{settings_.session, {}};
  for (const auto& each : *known) nearby.relays.push_back({each.listing.relay, each.round_trip});
  say(nearby);
  co_return !nearby.relays.empty();
}

void Climber::heard(const RelaysNear& nearby) {
  const auto before = std::exchange(their_relays_, nearby.relays).value_or(std::vector<RelaysNear::Distance>{});
  their_relays_known_.ring();
  const bool more = std::ranges::any_of(nearby.relays, [&](const auto& each) { return std::ranges::find(before, each.relay, &RelaysNear::Distance::relay) == before.end(); });
  if (more && climb_ && settings_.role == ClimbRole::sender) climb_->more_relays();
}

awaitable<std::vector<NearRelay>> Climber::supernodes() {
  co_await with_.relays.look();
  if (!with_.relays.nearby()) throw Failure{{.code = Errc::timed_out, .doing = "the server has not said which supernodes there are"}};
  const auto ours = *with_.relays.nearby();
  if (ours.empty()) co_return ours;
  const auto until = Clock::now() + relays_word_patience;
  while (!their_relays_ && Clock::now() < until) co_await their_relays_known_.wait(until);
  if (!their_relays_) throw Failure{{.code = Errc::timed_out, .doing = "the other side has not said which supernodes it reaches"}};
  co_return relays_for_both(ours, *their_relays_, with_.identity.id(), settings_.peer);
}

awaitable<LanePtr> Climber::meet(Tier tier, TimePoint since) {
  if (tier == Tier::relay) {
    auto server = with_.relays.of_server();
    if (!server) throw Failure{{.code = Errc::unsupported, .doing = "the server does not relay"}};
    co_return co_await meet_at(std::move(*server), tier, since);
  }
  // What comes to nothing is looked at anew: a supernode that was started again is elsewhere.
  struct Forgetting {
    RelayGuide* relays;
    ~Forgetting() {
      if (relays) relays->forget();
    }
  } in_vain{&with_.relays};
  const auto candidates = co_await supernodes();
  std::optional<Error> trouble;
  for (const auto& each : candidates) {
    if (gives_way(each.listing.relay)) {
      trouble = Error{.code = Errc::unreachable, .doing = "every lane at the supernode " + each.listing.relay.short_text() + " was lost before anything had arrived on it"};
      continue;
    }
    try {
      RelayPlace place{each.listing.relay, each.listing.endpoints};
      auto lane = co_await meet_at(std::move(place), tier, since);
      in_vain.relays = nullptr;
      met_at_ = each.listing.relay;
      co_return lane;
    } catch (const Failure& failure) {
      trouble = failure.error();
    }
    log(LogLevel::debug, "relay.failed", {{"relay", each.listing.relay.short_text()}, {"why", trouble->message()}});
  }
  if (trouble) throw Failure{*trouble};
  throw Failure{{.code = Errc::no_path, .doing = "there is no supernode that both sides trust"}};
}

awaitable<LanePtr> Climber::meet_at(RelayPlace place, Tier tier, TimePoint since) {
  const auto relay = place.relay;
  auto ticket = co_await with_.relays.ticket(settings_.session, settings_.peer, relay, Clock::now() + relay_connect_patience);
  // The server's relay is for each where it has reached the server.
  const auto* endpoints = std::get_if<std::vector<Endpoint>>(&place.at);
  say(MeetAtRelay{settings_.session, relay, endpoints ? *endpoints : std::vector<Endpoint>{}, ticket});
  co_return co_await over_relay(std::move(place), std::move(ticket), tier, since);
}

awaitable<LanePtr> Climber::over_relay(RelayPlace place, ByteBuffer ticket, Tier tier, TimePoint since) {
  auto joining = join_at_relay(place, with_.relays.way(), ticket);
  auto joined = co_await std::move(joining);
  const auto limits = joined.limits;
  auto greeting = over_tcp(std::move(joined.socket), tier, 0, since);
  auto lane = co_await with_deadline(std::move(greeting), Clock::now() + dial_patience, "greeting the peer through the relay");
  if (on_relayed_) on_relayed_(lane->path(), limits);
  LanePtr relayed = std::make_unique<RelayedLane>(std::move(lane), std::move(place), with_.relays.way(), std::move(ticket));
  co_return relayed;
}

void Climber::heard(const MeetAtRelay& meet) {
  if (!tasks_ || settings_.role != ClimbRole::receiver) return;
  const auto tier = with_.relays.tier_of(meet.relay);
  auto server = with_.relays.of_server();
  const bool somewhere = tier == Tier::relay ? server.has_value() : !meet.endpoints.empty();
  RelayPlace place{meet.relay, meet.endpoints};
  if (tier == Tier::relay && server) place = std::move(*server);
  if (!tier || !allows(*tier) || !settings_.tcp_allowed || !somewhere) {
    log(LogLevel::debug, "relay.not_wanted", {{"relay", meet.relay.short_text()}, {"why", tier ? "not allowed here" : "nobody that we trust"}});
    return;
  }
  tasks_->start(meet_there(std::move(place), meet.ticket, *tier));
}

awaitable<void> Climber::meet_there(RelayPlace place, ByteBuffer ticket, Tier tier) {
  ++attended_[tier];
  std::optional<Error> trouble;
  LanePtr lane;
  try {
    lane = co_await over_relay(std::move(place), std::move(ticket), tier, climb_ ? climb_->began() : Clock::now());
  } catch (const Failure& failure) {
    trouble = failure.error();
    if (tier == Tier::supernode) with_.relays.forget();
  }
  --attended_[tier];
  if (climb_) {
    if (lane) climb_->came(std::move(lane));
    climb_->meeting_ended(tier, trouble);
  } else if (lane) {
    taken_.push_back(std::move(lane));
    lane_taken_.ring();
  }
}

void Climber::moved(const UdpPort& port, const Endpoint& from, const Endpoint& to) {
  for (const auto& [its_port, move] : moves_)
    if (its_port == &port) move(from, to);
}

}  // namespace pshare
