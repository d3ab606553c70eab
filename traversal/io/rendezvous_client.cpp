#include "traversal/io/rendezvous_client.hpp"

#include <algorithm>
#include <utility>

#include "io/log.hpp"
#include "io/printable.hpp"
#include "secure/identity.hpp"
#include "traversal/io/server_dial.hpp"
#include "traversal/overloaded.hpp"
#include "wire/framing.hpp"

namespace pshare {

namespace {

/// What the server said may be in there.
Error shown(Error error) {
  error.doing = printable(error.doing);
  return error;
}

}  // namespace

struct RendezvousClient::Connection {
  Connection(TlsStream on, const asio::any_io_executor& executor) : stream(std::move(on)), outbox_filled(executor) {}
  TlsStream stream;
  std::deque<ByteBuffer> outbox;
  Wakeup outbox_filled;
};

/// Somebody who waits for an answer.
struct RendezvousClient::Call {
  explicit Call(const asio::any_io_executor& executor) : done(executor) {}
  Wakeup done;
  std::optional<RendezvousLink::Reply> reply;
  std::optional<Error> error;
  bool begins_code = false;  // opens one, or comes with one
};

/// Has a call known for as long as its coroutine lives.
class RendezvousClient::Waiting {
 public:
  Waiting(RendezvousClient& client, RequestNumber number, Call& call) : client_(client), number_(number) {
    client_.calls_.emplace(number, &call);
  }
  ~Waiting() {
    client_.calls_.erase(number_);
    client_.link_.forget(number_);
  }
  Waiting(const Waiting&) = delete;
  Waiting& operator=(const Waiting&) = delete;

 private:
  RendezvousClient& client_;
  RequestNumber number_;
};

namespace {

std::vector<std::string> features_of(RendezvousClient::Attendance attendance) {
  if (attendance == RendezvousClient::Attendance::offers) return {};
  return {std::string{answers_only_feature}};
}

}  // namespace

RendezvousClient::RendezvousClient(asio::any_io_executor executor, const TlsContext& tls, ServerAddress server, Random& random,
                                   Outlet& outlet, Attendance attendance, std::optional<Port> local_port)
    : RendezvousClient(std::move(executor), tls, std::vector{std::move(server)}, random, outlet, attendance, local_port) {}

RendezvousClient::RendezvousClient(asio::any_io_executor executor, const TlsContext& tls, std::vector<ServerAddress> servers, Random& random,
                                   Outlet& outlet, Attendance attendance, std::optional<Port> local_port)
    : executor_(std::move(executor)),
      tls_(tls),
      servers_(std::move(servers)),
      order_(servers_.size()),
      outlet_(outlet),
      local_port_(local_port),
      link_("pshare/" PSHARE_RELEASE, random, Clock::now(), features_of(attendance), servers_.size() > 1 ? RendezvousLink::Servers::several : RendezvousLink::Servers::one),
      order_changed_(executor_),
      news_(executor_),
      welcomed_(executor_),
      code_told_(executor_),
      delivered_(executor_) {}

RendezvousClient::~RendezvousClient() = default;

std::string RendezvousClient::server_text() const { return HostAndPort{server().host, server().port}.text(); }

std::string RendezvousClient::last_trouble() const {
  return link_.last_trouble() ? printable(link_.last_trouble()->message()) : std::string{};
}

awaitable<void> RendezvousClient::run() {
  auto body = [this](TaskGroup& tasks) -> awaitable<void> {
    if (servers_.size() > 1) tasks.start(look_back());
    for (;;) {
      while (auto action = link_.take()) perform(std::move(*action), tasks);
      if (ended_) throw Failure{*ended_};
      co_await news_.wait(link_.deadline());
      link_.expire(Clock::now());
    }
  };
  co_await with_tasks(std::move(body));
}

void RendezvousClient::perform(RendezvousLink::Action action, TaskGroup& tasks) {
  std::visit(
      Overloaded{
          [&](RendezvousLink::Connect&) { tasks.start(serve_connection()); },
          [&](RendezvousLink::Send& send) {
            if (!connection_) return;  // lost meanwhile; the link hears of it
            // The address that the server sees is the proxy's then, and none of ours is proved.
            if (auto* const signal = std::get_if<SendSignal>(&send.message); signal != nullptr && through_proxy_) signal->show_address = false;
            connection_->outbox.push_back(frame(encode(send.message)));
            connection_->outbox_filled.ring();
          },
          [&](RendezvousLink::Disconnect&) {
            if (const auto connection = std::exchange(connection_, nullptr)) connection->stream.abort();  // the port is wanted again at once
          },
          [&](RendezvousLink::Online& online) {
            log(LogLevel::debug, "server.online", {{"server", server_text()}, {"observed", online.welcome.observed}});
            order_.connected(Clock::now());
            order_changed_.ring();
            last_welcome_ = welcome_ = std::move(online.welcome);
            welcomed_.ring();
            if (on_state_) on_state_(true, {});
          },
          [&](RendezvousLink::Offline& offline) {
            const auto words = printable(offline.why.message());
            log(LogLevel::debug, "server.offline",
                {{"server", server_text()}, {"why", words}, {"retry_in", offline.retry_at - Clock::now()}});
            order_.failed();
            order_changed_.ring();
            welcome_.reset();
            code_line_cut_ = true;
            code_told_.ring();
            if (on_state_) on_state_(false, shown(offline.why));
          },
          [&](RendezvousLink::Answered& answered) {
            const auto found = calls_.find(answered.request);
            if (found == calls_.end()) return;
            if (found->second->begins_code) {  // on this connection, whatever became of those before
              code_line_cut_ = false;
              code_news_.clear();
            }
            found->second->reply = std::move(answered.reply);
            found->second->done.ring();
          },
          [&](RendezvousLink::Failed& failed) {
            const auto found = calls_.find(failed.request);
            if (found == calls_.end()) return;
            found->second->error = shown(std::move(failed.error));
            found->second->done.ring();
          },
          [&](RendezvousLink::Delivered& delivered) {
            if (deliveries_.size() >= max_waiting_deliveries) {
              log(LogLevel::warn, "signal.dropped", {{"from", delivered.delivery.from.short_text()}, {"waiting", deliveries_.size()}});
              return;
            }
            deliveries_.push_back(std::move(delivered.delivery));
            delivered_.ring();
          },
          [&](RendezvousLink::Told& told) {
            if (code_news_.size() >= max_waiting_code_news) code_news_.pop_front();  // nobody has listened, or the server talks nonsense: it is the latest that count
            code_news_.push_back(std::move(told.news));
            code_told_.ring();
          },
          [&](RendezvousLink::Noticed& noticed) {
            if (on_notice_) on_notice_(printable(noticed.words, Newlines::kept));
          },
          [&](RendezvousLink::Ended& ended) {
            ended_ = shown(std::move(ended.error));
            welcome_.reset();
            welcomed_.ring();
          },
      },
      action);
}

awaitable<void> RendezvousClient::serve_connection() {
  std::shared_ptr<Connection> connection;
  std::optional<Error> why;
  const auto local_port = std::exchange(next_from_any_port_, false) ? std::nullopt : local_port_;
  try {
    auto ahead = std::exchange(ahead_, std::nullopt);
    if (!ahead) ahead.emplace(co_await reach(order_.present(), local_port));
    auto& reached = *ahead;
    connection = std::make_shared<Connection>(std::move(reached.stream), executor_);
    connection_ = connection;
    server_key_ = connection->stream.peer_key();
    note_way(connection->stream.socket(), reached.through_proxy);
    link_.connected(Clock::now());
    news_.ring();
    co_await converse(connection);
  } catch (const Failure& failure) {
    why = failure.error();
    next_from_any_port_ = !connection && local_port && why->code == Errc::timed_out;
  }
  if (connection_ != connection) co_return;  // the link gave it up before we noticed
  connection_.reset();
  if (!why) co_return;
  if (why->code == Errc::identity_mismatch) {
    why->doing = "the server " + server_text() + " is not who it was, its key is another than the remembered one (" + fingerprint_words(server().key) + "): " + why->doing;
    if (why->hint.empty())
      why->hint = "Either the server was set up anew (its --data folder was lost or exchanged), or somebody stands between you and it. Nothing was said to it. Ask its operator, over "
                  "another channel, for the line that the server prints now; if the key in it is the one shown here, run `pshare init --server HOST:PORT#FINGERPRINT` with it.";
  }
  link_.connection_lost(std::move(*why), Clock::now());
  news_.ring();
}

awaitable<ServerConnection> RendezvousClient::reach(std::size_t number, std::optional<Port> local_port) {
  const auto& to = servers_[number];
  const bool in_doubt = doubted_at_ && Clock::now() < *doubted_at_ + doubt_lasts;
  const auto patience = servers_.size() > 1 || in_doubt ? short_server_connect_patience : server_connect_patience;
  ServerDial dial{.to = HostAndPort{to.host, to.port}, .role = std::string{control_alpn}, .check = only(to.key), .until = Clock::now() + patience,
                  .local_port = local_port};
  co_return co_await dial_server(tls_, outlet_, std::move(dial));
}

/// While a later server is used: has the link move once an earlier one can be reached.
awaitable<void> RendezvousClient::look_back() {
  for (;;) {
    const auto due = order_.look_back_at();
    if (!due || Clock::now() < *due) {
      co_await order_changed_.wait(due);
      continue;
    }
    bool found = false;
    for (std::size_t earlier = 0; earlier < order_.present() && !found; ++earlier) found = co_await look_back_for(earlier);
    if (!found) order_.looked_back_in_vain(Clock::now());
  }
}

awaitable<bool> RendezvousClient::look_back_for(std::size_t earlier) {
  std::optional<ServerConnection> there;
  try {
    there.emplace(co_await reach(earlier, local_port_));
  } catch (const Failure& failure) {
    log(LogLevel::debug, "server.not-back", {{"server", servers_[earlier].host}, {"why", failure.what()}});
  }
  if (!there || !link_.online() || earlier >= order_.present()) co_return false;
  ahead_ = std::move(there);
  order_.go_back_to(earlier);
  link_.move();
  news_.ring();
  co_return true;
}

void RendezvousClient::note_way(const TcpStream& socket, bool through_proxy) {
  through_proxy_ = through_proxy;
  server_endpoint_ = through_proxy ? std::nullopt : std::optional{socket.remote()};
  connect_took_ = through_proxy ? std::nullopt : socket.took();
  local_endpoint_ = socket.local();
}

awaitable<void> RendezvousClient::converse(std::shared_ptr<Connection> connection) {
  auto body = [&](TaskGroup& tasks) -> awaitable<void> {
    tasks.start(write_messages(connection));
    co_await read_messages(connection);
  };
  co_await with_tasks(std::move(body));
}

awaitable<void> RendezvousClient::read_messages(std::shared_ptr<Connection> connection) {
  FrameReader frames;
  ByteBuffer buffer(16 * KiB);
  for (;;) {
    const auto count = co_await connection->stream.read_some(buffer);
    frames.feed(ByteView{buffer}.first(count));
    while (const auto body = value_or_throw(frames.next())) {
      link_.received(value_or_throw(decode_server_message(*body)), Clock::now());
      news_.ring();
    }
  }
}

awaitable<void> RendezvousClient::write_messages(std::shared_ptr<Connection> connection) {
  for (;;) {
    while (!connection->outbox.empty()) {
      const auto message = std::move(connection->outbox.front());
      connection->outbox.pop_front();
      co_await connection->stream.write(ByteView{message});
    }
    co_await connection->outbox_filled.wait();
  }
}

Error RendezvousClient::unanswered(std::string doing) const {
  const auto& trouble = link_.last_trouble();
  if (!trouble || link_.online()) return {.code = Errc::timed_out, .doing = std::move(doing) + ": no answer in time"};
  const bool no_way = trouble->code == Errc::refused || trouble->code == Errc::unreachable;
  return {.code = no_way ? Errc::unreachable : Errc::timed_out,
          .doing = std::move(doing) + " (" + last_trouble() + ")",
          .hint = trouble->hint.empty() ? "check that the server runs and that this machine is online" : trouble->hint};
}

awaitable<Welcome> RendezvousClient::welcome(TimePoint until) {
  while (!welcome_) {
    if (ended_) throw Failure{*ended_};
    if (Clock::now() >= until) throw Failure{unanswered("waiting for the server " + server_text())};
    co_await welcomed_.wait(until);
  }
  co_return *welcome_;
}

awaitable<Welcome> RendezvousClient::next_welcome() {
  do {
    if (ended_) throw Failure{*ended_};
    co_await welcomed_.wait();
  } while (!welcome_);
  co_return *welcome_;
}

awaitable<RendezvousLink::Reply> RendezvousClient::ask(Request request, TimePoint until) {
  if (ended_) throw Failure{*ended_};
  Call call{executor_};
  call.begins_code = std::holds_alternative<CodeOpen>(request) || std::holds_alternative<CodeJoin>(request);
  const auto number = link_.request(std::move(request), until, Clock::now());
  const Waiting waiting{*this, number, call};
  news_.ring();
  co_await call.done.wait(until);
  if (call.error) throw Failure{*call.error};
  if (!call.reply) throw Failure{unanswered("asking the server " + server_text())};
  co_return std::move(*call.reply);
}

template <typename Reply>
awaitable<Reply> RendezvousClient::ask_for(Request request, TimePoint until) {
  auto reply = co_await ask(std::move(request), until);
  auto* const fitting = std::get_if<Reply>(&reply);
  if (fitting == nullptr)
    throw Failure{{.code = Errc::malformed, .doing = "the server " + server_text() + " answered something else than was asked"}};
  co_return std::move(*fitting);
}

awaitable<std::string> RendezvousClient::register_name(std::string name, TimePoint until) {
  Request request{Register{.name = std::move(name)}};
  const auto reply = co_await ask_for<Registered>(std::move(request), until);
  co_return reply.name;
}

awaitable<Resolved> RendezvousClient::resolve(std::variant<std::string, PeerId> whom, TimePoint until) {
  Request request{Resolve{.whom = std::move(whom)}};
  co_return co_await ask_for<Resolved>(std::move(request), until);
}

awaitable<std::vector<PeerId>> RendezvousClient::who(std::vector<PeerId> peers, TimePoint until) {
  std::vector<PeerId> online;
  for (std::size_t first = 0; first < peers.size(); first += max_who) {
    const auto count = std::min(max_who, peers.size() - first);
    const auto begin = peers.begin() + static_cast<std::ptrdiff_t>(first);
    Request request{Who{.peers = {begin, begin + static_cast<std::ptrdiff_t>(count)}}};
    const auto reply = co_await ask_for<WhoReply>(std::move(request), until);
    online.insert(online.end(), reply.online.begin(), reply.online.end());
  }
  co_return online;
}

awaitable<Fate> RendezvousClient::signal(PeerId to, DeviceId device, ByteBuffer sealed, bool wait, SessionId session,
                                         TimePoint until, OurAddress address) {
  const bool shown = address == OurAddress::shown;
  Request request{SendSignal{.to = to, .device = device, .body = std::move(sealed), .wait = wait, .session = session,
                             .show_address = shown, .other_address = shown ? other_address_ : std::nullopt}};
  const auto reply = co_await ask_for<SignalFate>(std::move(request), until);
  co_return reply.fate;
}

awaitable<void> RendezvousClient::withdraw(PeerId to, SessionId session, TimePoint until) {
  Request request{Withdraw{.to = to, .session = session}};
  co_await ask_for<SignalFate>(std::move(request), until);
}

awaitable<std::uint64_t> RendezvousClient::open_code(std::uint64_t wish, TimePoint until) {
  Request request{CodeOpen{.wish = wish}};
  const auto reply = co_await ask_for<CodeAnswer>(std::move(request), until);
  co_return reply.number;
}

awaitable<void> RendezvousClient::join_code(std::uint64_t number, ByteBuffer body, TimePoint until) {
  Request request{CodeJoin{.number = number, .body = std::move(body)}};
  co_await ask_for<CodeAnswer>(std::move(request), until);
}

awaitable<void> RendezvousClient::say_by_code(std::uint64_t number, ByteBuffer body, TimePoint until) {
  Request request{CodeMessage{.number = number, .body = std::move(body)}};
  co_await ask_for<CodeAnswer>(std::move(request), until);
}

awaitable<void> RendezvousClient::close_code(std::uint64_t number, TimePoint until) {
  Request request{CodeClose{.number = number}};
  co_await ask_for<CodeAnswer>(std::move(request), until);
}

awaitable<std::optional<CodeNews>> RendezvousClient::next_code_news(TimePoint until) {
  for (;;) {
    if (std::exchange(code_line_cut_, false)) {
      code_news_.clear();
      co_return std::nullopt;
    }
    if (!code_news_.empty()) break;
    if (ended_) throw Failure{*ended_};
    if (Clock::now() >= until) throw Failure{{.code = Errc::timed_out, .doing = "waiting for the other side of a code"}};
    co_await code_told_.wait(until);
  }
  auto news = std::move(code_news_.front());
  code_news_.pop_front();
  co_return news;
}

awaitable<void> RendezvousClient::take_offers(PeerId from, TimePoint until) {
  Request request{TakeOffers{.from = from}};
  co_await ask_for<TakingOffers>(std::move(request), until);
}

awaitable<DialBackOutcome> RendezvousClient::probe(Transport transport, Port port, DialBackNonce nonce, TimePoint until) {
  Request request{Probe{.transport = transport, .port = port, .nonce = nonce}};
  const auto reply = co_await ask_for<Probed>(std::move(request), until);
  co_return reply.outcome;
}

awaitable<Volunteered> RendezvousClient::volunteer(Port port, bool for_anyone, bool full, TimePoint until) {
  Request request{Volunteer{.port = port, .for_anyone = for_anyone, .full = full}};
  co_return co_await ask_for<Volunteered>(std::move(request), until);
}

awaitable<std::vector<RelayListing>> RendezvousClient::relays(std::vector<PeerId> trusted, TimePoint until) {
  if (trusted.size() > max_who) trusted.resize(max_who);
  Request request{AskRelays{.trusted = std::move(trusted)}};
  auto reply = co_await ask_for<Relays>(std::move(request), until);
  co_return std::move(reply.relays);
}

awaitable<ByteBuffer> RendezvousClient::ticket(SessionId session, PeerId peer, PeerId relay, TimePoint until) {
  Request request{AskTicket{.session = session, .peer = peer, .relay = relay}};
  auto reply = co_await ask_for<Granted>(std::move(request), until);
  co_return std::move(reply.ticket);
}

std::optional<Duration> RendezvousClient::round_trip_time() const {
  const auto& answered = link_.round_trip_time();
  if (!answered || !connect_took_) return answered ? answered : connect_took_;
  return std::min(*answered, *connect_took_);
}

awaitable<Delivery> RendezvousClient::next_delivery() {
  while (deliveries_.empty()) co_await delivered_.wait();
  auto delivery = std::move(deliveries_.front());
  deliveries_.pop_front();
  co_return delivery;
}

awaitable<PeerId> learn_server_key(std::string host, Port port, const TlsContext& tls, Outlet& outlet, TimePoint until) {
  const HostAndPort there{std::move(host), port};
  PeerCheck anybody = [](const PeerId&) { return true; };
  std::optional<Error> trouble;
  try {
    ServerDial dial{.to = there, .role = std::string{control_alpn}, .check = std::move(anybody), .until = until};
    auto reached = co_await dial_server(tls, outlet, std::move(dial));
    const auto key = reached.stream.peer();
    reached.stream.close();
    co_return key;
  } catch (const Failure& failure) {
    trouble = failure.error();
  }
  trouble->doing = "asking the server " + there.text() + " for its key: " + printable(trouble->doing);
  if (trouble->hint.empty()) trouble->hint = "check the address, that pshare-server runs there, and that this machine is online";
  throw Failure{std::move(*trouble)};
}

}  // namespace pshare
