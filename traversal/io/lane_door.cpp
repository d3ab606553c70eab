#include "traversal/io/lane_door.hpp"

#include <algorithm>
#include <cassert>
#include <optional>

#include "io/deadline.hpp"
#include "io/log.hpp"
#include "io/task_group.hpp"
#include "traversal/io/lane_greeting.hpp"
#include "traversal/io/tcp_lane.hpp"

namespace pshare {

namespace {

/// What one host can have many of counts as one: the /64 that an IPv6 host may fill as it likes (RFC 8981).
IpAddress host_of(const IpAddress& address) {
  if (address.is_v4()) return address;
  IpAddress::V6 bytes{};
  std::copy_n(address.bytes().begin(), 8, bytes.begin());
  return IpAddress{bytes};
}

}  // namespace

struct LaneDoor::Expected {
  explicit Expected(const asio::any_io_executor& executor) : news(executor) {}
  std::pair<SessionId, PeerId> key;
  TimePoint since = Clock::now();
  bool turned_away = false;
  std::deque<std::pair<LanePtr, std::uint32_t>> arrived;
  Wakeups news;  // a lane has arrived
};

LaneDoor::Registration::Registration(LaneDoor& door, std::unique_ptr<Expected> expected)
    : door_(&door), expected_(std::move(expected)) {}

LaneDoor::Registration::Registration(Registration&&) noexcept = default;

LaneDoor::Registration::~Registration() {
  if (!expected_) return;
  door_->expected_.erase(expected_->key);
  for (auto& [lane, ordinal] : expected_->arrived) lane->close();
}

awaitable<std::pair<LanePtr, std::uint32_t>> LaneDoor::Registration::next() {
  while (expected_->arrived.empty()) co_await expected_->news.wait();
  auto lane = std::move(expected_->arrived.front());
  expected_->arrived.pop_front();
  co_return lane;
}

void LaneDoor::Registration::let_in() { expected_->turned_away = false; }

void LaneDoor::Registration::turn_away() {
  expected_->turned_away = true;
  for (auto& [lane, ordinal] : std::exchange(expected_->arrived, {})) lane->close();
}

LaneDoor::LaneDoor(asio::any_io_executor executor, const TlsContext& tls, Listener listener, LaneDoorLimits limits)
    : executor_(std::move(executor)), tls_(tls), listener_(std::move(listener)), limits_(limits) {}

LaneDoor::~LaneDoor() { assert(expected_.empty()); }

LaneDoor::Registration LaneDoor::expect(SessionId session, PeerId peer) {
  auto expected = std::make_unique<Expected>(executor_);
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

/// Counts one caller in, and out again.
awaitable<void> LaneDoor::let_in(TcpStream socket) {
  const auto remote = socket.remote();
  const auto host = host_of(remote.address);
  if (half_open_ >= limits_.half_open || half_open_per_host_[host] >= limits_.half_open_per_host) {
    log(LogLevel::debug, "lane.turned_away", {{"remote", remote}, {"why", "too many callers"}, {"half_open", half_open_}});
    if (half_open_per_host_[host] == 0) half_open_per_host_.erase(host);
    co_return;
  }
  struct Counted {
    LaneDoor& door;
    IpAddress host;
    Counted(LaneDoor& of, const IpAddress& from) : door(of), host(from) { ++door.half_open_, ++door.half_open_per_host_[host]; }
    ~Counted() {
      --door.half_open_;
      if (--door.half_open_per_host_[host] == 0) door.half_open_per_host_.erase(host);
    }
  };
  const Counted counted{*this, host};
  try {
    auto greeting = greet(std::move(socket));
    co_await with_deadline(std::move(greeting), Clock::now() + limits_.greeting_patience, "waiting for a greeting");
  } catch (const Failure& failure) {
    log(LogLevel::debug, "lane.turned_away", {{"remote", remote}, {"why", failure.what()}});
  }
}

awaitable<void> LaneDoor::greet(TcpStream socket) {
  Path path{.tier = Tier::direct, .transport = Transport::tcp, .local = socket.local(), .remote = socket.remote()};
  std::vector<std::string> alpn{std::string{lane_alpn}};
  PeerCheck check = [this](const PeerId& peer) { return is_expected(peer); };
  TlsStream stream{std::move(socket), TlsEngine{tls_, TlsRole::server, std::move(alpn), std::move(check)}};
  co_await stream.handshake();
  const auto hello = co_await hear_hello(stream);
  const auto key = std::pair{hello.session, stream.peer()};
  const auto welcome = [&]() -> Expected* {  // sessions come and go while we wait, so ask each time
    const auto found = expected_.find(key);
    if (found == expected_.end() || found->second->turned_away) return nullptr;
    return found->second->arrived.size() < limits_.waiting_lanes ? found->second : nullptr;
  };
  if (welcome() == nullptr)
    throw Failure{{.code = Errc::refused, .doing = "session " + hello.session.text() + " expects no such lane"}};
  co_await say_ready(stream);
  auto* const expected = welcome();
  if (expected == nullptr) co_return;
  path.elapsed = Clock::now() - expected->since;
  log(LogLevel::debug, "lane.accepted", {{"remote", path.remote}, {"session", hello.session.text()}, {"ordinal", hello.ordinal}});
  expected->arrived.emplace_back(std::make_unique<TcpLane>(std::move(stream), path, executor_), hello.ordinal);
  expected->news.ring();
}

}  // namespace pshare
