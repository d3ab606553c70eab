#include "traversal/io/punching.hpp"

#include <algorithm>

#include "io/deadline.hpp"
#include "io/log.hpp"
#include "traversal/overloaded.hpp"

namespace pshare {

namespace {

/// A connection that leads nowhere is to be gone at once when it is closed: while the system waited for its end, the same two endpoints could not be
/// connected again.
void reset_when_closed(asio::ip::tcp::socket::native_handle_type socket, bool reset) {
  linger how{};  // the system's, whose fields are not of one type everywhere
  how.l_onoff = reset ? 1 : 0;
  ::setsockopt(socket, SOL_SOCKET, SO_LINGER, reinterpret_cast<const char*>(&how), sizeof how);
}

}  // namespace

Punching::Punching(asio::any_io_executor executor, PunchingPort& port, Random& random, PunchRounds::Targets targets, Settings settings, Hooks hooks)
    : executor_(std::move(executor)),
      port_(port),
      random_(random),
      targets_(std::move(targets)),
      settings_(std::move(settings)),
      hooks_(std::move(hooks)),
      news_(executor_) {
  auto& rounds = settings_.rounds;
  for (const auto& socket : port_.udp()) rounds.main_sockets.push_back(socket->family() == IpFamily::v6);
  // Who cannot get it now does without: the other search takes seconds, and the ladder tries again.
  permit_ = port_.ask_to_search();
  if (!permit_) rounds.vouched.clear();
}

awaitable<void> Punching::run() {
  const auto body = [this](TaskGroup& tasks) -> awaitable<void> {
    while (Clock::now() < settings_.begin) co_await news_.wait(settings_.begin);
    for (const auto transport : stopped_) (transport == Transport::udp ? settings_.rounds.udp : settings_.rounds.tcp) = false;
    rounds_.emplace(std::move(targets_), settings_.rounds, random_, Clock::now());
    if (contented_) rounds_->contented();
    for (std::size_t i = 0; i < port_.udp().size(); ++i) listen({.index = i}, port_.udp()[i]);
    for (const auto& [punch, at] : std::exchange(heard_early_, {})) {
      const auto age = (settings_.rounds.mine.server_rtt + settings_.rounds.theirs.server_rtt) / 2 + (Clock::now() - at);
      rounds_->heard(punch.round, punch.transport, punch.forecast, age, Clock::now());
    }
    for (;;) {
      while (auto action = rounds_->take()) perform(std::move(*action), tasks);
      try_next_pair(tasks);
      co_await news_.wait(rounds_->deadline());
      rounds_->expire(Clock::now());
    }
  };
  co_await with_tasks<void>(body);
}

void Punching::heard(const Punch& punch) {
  if (!rounds_) {
    if (heard_early_.size() < max_measured_rounds) heard_early_.emplace_back(punch, Clock::now());
  } else {
    const auto age = (settings_.rounds.mine.server_rtt + settings_.rounds.theirs.server_rtt) / 2;
    rounds_->heard(punch.round, punch.transport, punch.forecast, age, Clock::now());
  }
  news_.ring();
}

void Punching::add(const PunchRounds::Targets& more) {
  if (rounds_) {
    rounds_->add(more, Clock::now());
  } else {
    targets_.udp.insert(targets_.udp.end(), more.udp.begin(), more.udp.end());
    targets_.tcp.insert(targets_.tcp.end(), more.tcp.begin(), more.tcp.end());
  }
  news_.ring();
}

void Punching::learned(const NatFacts& mine, const NatFacts& theirs, const std::vector<IpAddress>& vouched) {
  const auto searched = permit_ ? vouched : std::vector<IpAddress>{};
  if (rounds_) {
    rounds_->learned(mine, theirs, searched, Clock::now());
  } else {
    settings_.rounds.vouched = searched;
    settings_.rounds.mine = mine;
    settings_.rounds.theirs = theirs;
  }
  news_.ring();
}

void Punching::contented() {
  contented_ = true;
  if (rounds_) rounds_->contented();
}

void Punching::stop(Transport transport) {
  stopped_.insert(transport);
  const bool all = (!settings_.rounds.udp || stopped(Transport::udp)) && (!settings_.rounds.tcp || stopped(Transport::tcp));
  if (all) permit_ = {};
  if (transport == Transport::udp) reached_.clear();
  if (rounds_) rounds_->stop(transport, Clock::now());
  news_.ring();
}

void Punching::listen(const PunchRounds::Socket& socket, const std::shared_ptr<UdpPort>& port) {
  auto registration = port->on_stun([this, socket](const Endpoint& from, ByteView datagram, TimePoint now) {
    const auto received = decode_stun(datagram);
    if (received && rounds_->arrived(socket, from, *received, now)) news_.ring();
  });
  sockets_.insert_or_assign(socket, Bound{port, std::move(registration)});
}

void Punching::perform(PunchRounds::Action action, TaskGroup& tasks) {
  std::visit(Overloaded{
                 [&](const PunchRounds::SendUdp& datagram) { send(datagram); },
                 [&](const PunchRounds::Reached& pair) {
                   log(LogLevel::debug, "punch.reached", {{"remote", pair.remote}, {"tier", word(pair.tier)}, {"rtt", pair.rtt}});
                   if (!stopped(Transport::udp)) reached_.push_back({pair.socket, pair.remote, pair.tier, pair.rtt});
                 },
                 [&](const PunchRounds::Moved& pair) { moved(pair); },
                 [&](const PunchRounds::Dial& due) {
                   auto dialled = std::make_shared<Dialled>(Dialled{due.round, due.dial, PunchDial{executor_}});
                   dials_.insert_or_assign({due.round, due.dial.dial}, dialled);
                   tasks.start(dial(std::move(dialled)));
                 },
                 [&](const PunchRounds::Drop& dropped) {
                   if (const auto found = dials_.find({dropped.round, dropped.dial}); found != dials_.end()) found->second->connection.drop(dropped.answered_too);
                 },
                 [&](const PunchRounds::Measure& wanted) { tasks.start(measure(wanted.round, wanted.transport)); },
                 [&](const PunchRounds::Say& word) {
                   hooks_.say({.session = settings_.rounds.session, .round = word.round, .transport = word.transport, .forecast = word.forecast});
                 },
                 [&](const PunchRounds::End& ended) { end(ended); },
                 [&](PunchRounds::Failed& gone) { hooks_.failed(gone.transport, gone.reason, std::move(gone.words)); },
             },
             action);
}

// --- UDP -------------------------------------------------------------------------------------------------------------------

void Punching::send(const PunchRounds::SendUdp& datagram) {
  auto found = sockets_.find(datagram.socket);
  if (found == sockets_.end()) {  // one of a search's many
    const auto family = datagram.to.address.is_v4() ? IpFamily::v4 : IpFamily::v6;
    try {
      listen(datagram.socket, UdpPort::open(executor_, family));
    } catch (const Failure& failure) {  // out of descriptors: the search goes on with what there is
      log(LogLevel::debug, "punch.no-socket", {{"why", failure.what()}});
      return;
    }
    found = sockets_.find(datagram.socket);
  }
  found->second.port->send(datagram.to, datagram.bytes, datagram.ttl);  // what the system does not take is a lost packet
}

/// QUIC on the best pair that has been reached; a few at once, since some reach the peer by a worse way than others that come a little later.
void Punching::try_next_pair(TaskGroup& tasks) {
  const auto worth_trying = [&](const Pair& pair) {
    const auto same_or_better = [&](const Pair& other) { return other.tier <= pair.tier; };
    const bool controlling = settings_.rounds.side == CheckSide::controlling;  // the other side waits for whatever is begun
    return trying_.size() < max_quic_attempts && !(controlling && std::any_of(trying_.begin(), trying_.end(), same_or_better));
  };
  std::stable_sort(reached_.begin(), reached_.end(), [](const Pair& a, const Pair& b) { return a.tier < b.tier; });
  while (!reached_.empty() && worth_trying(reached_.front())) {
    const auto pair = reached_.front();
    reached_.erase(reached_.begin());
    trying_.push_back(pair);
    tasks.start(make_quic_lane(pair));
  }
}

awaitable<void> Punching::make_quic_lane(Pair pair) {
  const auto socket = sockets_.find(pair.socket);
  if (socket == sockets_.end()) co_return;
  auto port = socket->second.port;
  LanePtr lane;
  try {
    auto making = hooks_.over_udp(port, pair.remote, pair.tier, pair.rtt);
    lane = co_await with_deadline(std::move(making), Clock::now() + punched_lane_patience, "QUIC with " + pair.remote.text());
  } catch (const Failure& failure) {
    log(LogLevel::debug, "punch.no-lane", {{"remote", pair.remote}, {"why", failure.what()}});
  }
  std::erase(trying_, pair);
  if (lane) {
    rounds_->settle(pair.socket, pair.remote, Clock::now());
    hooks_.lane(std::move(lane));
  }
  news_.ring();
}

void Punching::moved(const PunchRounds::Moved& moved) {
  const auto socket = sockets_.find(moved.socket);
  if (socket == sockets_.end()) return;
  log(LogLevel::debug, "punch.moved", {{"from", moved.from}, {"to", moved.to}});
  hooks_.moved(*socket->second.port, moved.from, moved.to);
}

awaitable<void> Punching::measure(std::uint64_t round, Transport transport) {
  std::vector<std::shared_ptr<UdpPort>> fresh;
  PortForecast forecast;
  try {
    forecast = co_await hooks_.measure(transport, fresh);
  } catch (const Failure& failure) {
    log(LogLevel::debug, "punch.not-measured", {{"transport", word(transport)}, {"why", failure.what()}});
  }
  if (stopped(transport)) co_return;
  for (std::size_t i = 0; i < fresh.size(); ++i) listen({.round = round, .index = i, .main = false}, fresh[i]);
  log(LogLevel::debug, "punch.measured", {{"round", round}, {"transport", word(transport)}, {"kind", word(forecast.kind)}, {"external", forecast.external}});
  rounds_->measured(round, forecast, Clock::now());
  news_.ring();
}

// --- TCP -------------------------------------------------------------------------------------------------------------------

awaitable<void> Punching::dial(std::shared_ptr<Dialled> dialled) {
  const auto round = dialled->round;
  const auto& due = dialled->dial;
  std::optional<TcpStream> connected;
  std::optional<Errc> trouble;
  try {
    const auto fresh = due.from ? fresh_ports_.find({round, *due.from}) : fresh_ports_.end();
    const auto from = !due.from ? port_.number() : fresh != fresh_ports_.end() ? fresh->second : Port{};
    const auto bound = dialled->connection.bind(due.to, from);
    if (due.from) fresh_ports_.insert_or_assign({round, *due.from}, bound);  // before the next dial from it
    auto connecting = dialled->connection.connect(due.to, due.ttl);
    connected.emplace(co_await std::move(connecting));
  } catch (const Failure& failure) {
    trouble = failure.error().code;
  }
  dials_.erase({round, due.dial});
  if (trouble) {
    if (*trouble != Errc::closed) rounds_->failed(round, due.dial, *trouble, Clock::now());
    news_.ring();
    co_return;
  }
  log(LogLevel::debug, "punch.connected", {{"remote", due.to}, {"local", connected->local()}, {"round", round}});
  rounds_->connected(round, due.dial, Clock::now());
  news_.ring();
  const auto descriptor = connected->socket().native_handle();
  reset_when_closed(descriptor, true);
  LanePtr lane;
  try {
    auto greeting = hooks_.over_tcp(std::move(*connected), due.tier);
    const auto patience = punched_tls_patience + 3 * (settings_.rounds.mine.server_rtt + settings_.rounds.theirs.server_rtt);
    lane = co_await with_deadline(std::move(greeting), Clock::now() + patience, "TLS with " + due.to.text());
    reset_when_closed(descriptor, false);  // the lane's by now
  } catch (const Failure& failure) {
    log(LogLevel::debug, "punch.no-lane", {{"remote", due.to}, {"why", failure.what()}});
  }
  if (lane) {
    hooks_.lane(std::move(lane));
  } else {
    rounds_->lost(round, due.dial, Clock::now());
    news_.ring();
  }
}

/// Fresh sockets go; those that carry a lane are held by it, and go on answering only if the round was not ended.
void Punching::end(const PunchRounds::End& ended) {
  if (ended.transport == Transport::udp)
    std::erase_if(sockets_, [&](const auto& each) { return !each.first.main && each.first.round == ended.round; });
  else
    for (auto& [key, dialled] : dials_)
      if (key.first == ended.round) dialled->connection.drop(true);
}

}  // namespace pshare
