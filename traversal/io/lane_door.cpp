#include "traversal/io/lane_door.hpp"

#include <algorithm>
#include <cassert>
#include <optional>

#include "io/deadline.hpp"
#include "io/log.hpp"
#include "io/task_group.hpp"
#include "traversal/io/lane_greeting.hpp"
#include "traversal/io/tcp_lane.hpp"
#include "wire/subscriber.hpp"

namespace pshare {

namespace {

/// The server speaks at once when it dials back; a caller that does not is a peer.
constexpr Duration dial_back_silence = std::chrono::milliseconds{300};

}  // namespace

struct LaneDoor::Expected {
  explicit Expected(const asio::any_io_executor& executor) : news(executor), called(executor) {}
  void forget_late_callers() {
    std::erase_if(callers, [now = Clock::now()](const Caller& each) { return each.until <= now; });
  }
  std::pair<SessionId, PeerId> key;
  TimePoint since = Clock::now();
  bool turned_away = false;
  bool hands_over = false;  // a sender's
  std::deque<LanePtr> arrived;
  std::deque<Caller> callers;  // of a sender's
  Wakeups news;    // a lane has arrived
  Wakeups called;  // somebody has come
};

LaneDoor::Registration::Registration(LaneDoor& door, std::unique_ptr<Expected> expected)
    : door_(&door), expected_(std::move(expected)) {}

LaneDoor::Registration::Registration(Registration&&) noexcept = default;

LaneDoor::Registration::~Registration() {
  if (!expected_) return;
  door_->expected_.erase(expected_->key);
  for (auto& lane : expected_->arrived) lane->close();
}

awaitable<LanePtr> LaneDoor::Registration::next() {
  while (expected_->arrived.empty()) co_await expected_->news.wait();
  auto lane = std::move(expected_->arrived.front());
  expected_->arrived.pop_front();
  co_return lane;
}

awaitable<LanePtr> LaneDoor::Registration::hear(TcpStream socket) {
  const auto key = expected_->key;
  auto [lane, expected] = co_await door_->hear(std::move(socket), expected_.get());
  if (expected->key != key) throw Failure{{.code = Errc::refused, .doing = "the peer named another session on this connection"}};
  co_return std::move(lane);
}

awaitable<LaneDoor::Caller> LaneDoor::Registration::next_caller() {
  for (;;) {
    expected_->forget_late_callers();
    if (!expected_->callers.empty()) break;
    co_await expected_->called.wait();
  }
  auto caller = std::move(expected_->callers.front());
  expected_->callers.pop_front();
  co_return caller;
}

void LaneDoor::Registration::greeted(LanePtr lane) {
  if (expected_->turned_away || !door_->has_room(*expected_)) return lane->close();
  log(LogLevel::debug, "lane.accepted", {{"remote", lane->path().remote}, {"session", expected_->key.first.text()}, {"tier", word(lane->path().tier)}});
  expected_->arrived.push_back(std::move(lane));
  expected_->news.ring();
}

void LaneDoor::Registration::let_in() { expected_->turned_away = false; }

void LaneDoor::Registration::turn_away() {
  expected_->turned_away = true;
  expected_->callers.clear();
  for (auto& lane : std::exchange(expected_->arrived, {})) lane->close();
}

LaneDoor::LaneDoor(asio::any_io_executor executor, const TlsContext& tls, Listener listener, LaneDoorLimits limits)
    : executor_(std::move(executor)), tls_(tls), listener_(std::move(listener)), limits_(limits), calls_(limits.calls_of_a_host, limits.watched_hosts) {}

LaneDoor::~LaneDoor() { assert(expected_.empty()); }

LaneDoor::Registration LaneDoor::expect(SessionId session, PeerId peer, Callers callers) {
  auto expected = std::make_unique<Expected>(executor_);
  expected->hands_over = callers == Callers::are_handed_over;
  expected->key = {session, peer};
  if (!expected_.emplace(expected->key, expected.get()).second)
    throw Failure{{.code = Errc::busy, .doing = "expecting lanes of session " + session.text() + ", which is under way already"}};
  return Registration{*this, std::move(expected)};
}

bool LaneDoor::is_expected(const PeerId& peer) const {
  return std::any_of(expected_.begin(), expected_.end(), [&](const auto& each) { return each.first.second == peer; });
}

awaitable<void> LaneDoor::run() {
  auto body = [this](TaskGroup& tasks) -> awaitable<void> {
    for (;;) {
      auto socket = co_await listener_.accept();
      tasks.start(let_in(std::move(socket)));
    }
  };
  co_await with_tasks(std::move(body));
}

std::optional<std::string_view> LaneDoor::objection(const IpAddress& host) {
  if (half_open_ >= limits_.half_open) return "too many callers";
  if (const auto count = half_open_per_host_.find(host); count != half_open_per_host_.end() && count->second >= limits_.half_open_per_host)
    return "too many callers from there";
  if (!calls_.allow(host, Clock::now())) return "called too often";
  return std::nullopt;
}

LaneDoor::HalfOpen::HalfOpen(LaneDoor& door, const IpAddress& host) : door_(door), host_(host) { ++door_.half_open_, ++door_.half_open_per_host_[host_]; }

LaneDoor::HalfOpen::~HalfOpen() {
  --door_.half_open_;
  if (--door_.half_open_per_host_[host_] == 0) door_.half_open_per_host_.erase(host_);
}

awaitable<void> LaneDoor::let_in(TcpStream socket) {
  const auto remote = socket.remote();
  const auto host = subscriber_of(remote.address);
  if (const auto why = objection(host)) {
    log(LogLevel::debug, "lane.turned_away", {{"remote", remote}, {"why", *why}, {"half_open", half_open_}});
    co_return;
  }
  auto counted = std::make_unique<HalfOpen>(*this, host);
  try {
    auto greeting = greet(std::move(socket), counted);
    co_await with_deadline(std::move(greeting), Clock::now() + limits_.greeting_patience, "waiting for a greeting");
  } catch (const Failure& failure) {
    log(LogLevel::debug, "lane.turned_away", {{"remote", remote}, {"why", failure.what()}});
  }
}

LaneDoor::DialBackWaiter::DialBackWaiter(LaneDoor& door, const IpAddress& server, const DialBackNonce& nonce)
    : door_(door), server_(server), nonce_(nonce), news_(door.executor_) {
  door_.dial_backs_.push_back(this);
}

LaneDoor::DialBackWaiter::~DialBackWaiter() { std::erase(door_.dial_backs_, this); }

awaitable<void> LaneDoor::DialBackWaiter::arrived() {
  while (!here_) co_await news_.wait();
}

/// Only while a dial-back is waited for, and only for callers from the server: a peer may live there too, and waits for our first word.
awaitable<bool> LaneDoor::is_dial_back(TcpStream& socket) {
  const auto from = socket.remote().address;
  if (std::none_of(dial_backs_.begin(), dial_backs_.end(), [&](const auto* each) { return each->server_ == from; })) co_return false;
  std::array<std::byte, dial_back_size> bytes{};
  try {
    auto looking = socket.peek(bytes);
    const auto seen = co_await with_deadline(std::move(looking), Clock::now() + dial_back_silence, "waiting for a dial-back");
    if (!looks_like_dial_back(ByteView{bytes}.first(seen))) co_return false;
  } catch (const Failure&) {
    co_return false;
  }
  std::size_t read = 0;
  while (read < bytes.size()) read += co_await socket.read_some(std::span{bytes}.subspan(read));
  const auto nonce = decode_dial_back(bytes);
  for (auto* each : dial_backs_) {
    if (!nonce || each->nonce_ != *nonce) continue;
    each->here_ = true;
    each->news_.ring();
  }
  co_return true;
}

awaitable<void> LaneDoor::greet(TcpStream socket, std::unique_ptr<HalfOpen>& counted) {
  if (co_await is_dial_back(socket)) co_return;
  if (expected_.empty() && guests_) {
    auto taking = guests_(std::move(socket));
    co_return co_await std::move(taking);
  }
  // TLS would show our long-term key to whoever scans for it.
  if (expected_.empty()) throw Failure{{.code = Errc::refused, .doing = "nobody is expected"}};
  if (auto* const sender = speaker()) {
    // Spoken to in the session's own coroutines, which end with it.
    sender->callers.push_back({std::move(socket), Clock::now() + limits_.greeting_patience, std::move(counted)});
    sender->called.ring();
    co_return;
  }
  if (somebody_speaks()) throw Failure{{.code = Errc::refused, .doing = "there is a lane already"}};
  const auto remote = socket.remote();
  auto [lane, expected] = co_await hear(std::move(socket));
  log(LogLevel::debug, "lane.accepted", {{"remote", remote}, {"session", expected->key.first.text()}, {"tier", word(lane->path().tier)}});
  expected->arrived.push_back(std::move(lane));
  expected->news.ring();
}

/// TLS and greeting as the receiver has them, up to LaneReady. Gives the session, which is there and lets lanes in, or is the one that has dialled.
awaitable<std::pair<LanePtr, LaneDoor::Expected*>> LaneDoor::hear(TcpStream socket, const Expected* dialler) {
  Path path{.tier = Tier::direct, .transport = Transport::tcp, .local = socket.local(), .remote = socket.remote()};
  std::vector<std::string> alpn{std::string{lane_alpn}};
  PeerCheck check = [this](const PeerId& peer) { return is_expected(peer); };
  TlsStream stream{std::move(socket), TlsEngine{tls_, TlsRole::server, std::move(alpn), std::move(check)}};
  co_await stream.handshake();
  const auto peer = stream.peer();
  LanePtr lane = std::make_unique<TcpLane>(std::move(stream), path, executor_);
  const auto hello = co_await hear_hello(*lane);
  const auto key = std::pair{hello.session, peer};
  const auto welcome = [&]() -> Expected* {  // sessions come and go while we wait, so ask each time
    const auto found = expected_.find(key);
    if (found == expected_.end() || found->second->hands_over) return nullptr;
    if (found->second->turned_away && found->second != dialler) return nullptr;
    return found->second->arrived.size() < limits_.waiting_lanes ? found->second : nullptr;
  };
  const Failure unwelcome{{.code = Errc::refused, .doing = "session " + hello.session.text() + " expects no such lane"}};
  if (welcome() == nullptr) throw unwelcome;
  co_await say_ready(*lane);
  auto* const expected = welcome();
  if (expected == nullptr) throw unwelcome;
  lane->count_as(hello.tier, Clock::now() - expected->since);
  co_return std::pair{std::move(lane), expected};
}

/// The sender's session that offers itself to callers, if there is one.
LaneDoor::Expected* LaneDoor::speaker() {
  for (const auto& [key, expected] : expected_) {
    expected->forget_late_callers();
    if (expected->hands_over && !expected->turned_away && has_room(*expected)) return expected;
  }
  return nullptr;
}

bool LaneDoor::has_room(const Expected& expected) const { return expected.arrived.size() + expected.callers.size() < limits_.waiting_lanes; }

bool LaneDoor::somebody_speaks() const {
  return std::any_of(expected_.begin(), expected_.end(), [](const auto& each) { return each.second->hands_over; });
}

}  // namespace pshare
