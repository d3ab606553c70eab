#include "traversal/io/quic_link.hpp"

#include <algorithm>
#include <utility>

namespace pshare {

namespace {

/// Bursts for each turn; then others of the loop have theirs.
constexpr int bursts_at_once = 16;
/// The peer hears of new credit at the latest when so much was read; most datagrams that leave carry it anyway.
constexpr std::uint64_t credit_at_once = 256 * KiB;
/// How long a closed lane goes on delivering what was written on it.
constexpr Duration farewell_patience = std::chrono::seconds{3};

/// A client that began and gave up, or was lost on the way, is no reason not to wait for the next one.
bool is_mere_failure(const Error& error) { return error.code != Errc::identity_mismatch && error.code != Errc::version; }

/// True while somebody waits, also when the wait is cancelled.
struct Waiting {
  explicit Waiting(bool& which) : flag(which) { flag = true; }
  ~Waiting() { flag = false; }
  bool& flag;
};

}  // namespace

QuicLink::QuicLink(std::shared_ptr<UdpPort> port, Endpoint remote, const Identity& identity, const PeerId& peer, const QuicSettings& settings)
    : port_(std::move(port)),
      shown_(remote),
      remote_(remote),
      to_(remote),
      to_endpoint_(remote),
      credentials_(identity),
      peer_(peer),
      settings_(settings),
      timer_(port_->executor()),
      farewell_(port_->executor()),
      established_(port_->executor()),
      readable_(port_->executor()),
      room_(port_->executor()) {}

QuicLink::~QuicLink() { port_->drop(*this); }

void QuicLink::begin(QuicRole role) {
  role_ = role;
  port_->enlist(remote_, *this);
  if (role == QuicRole::server) return;
  const auto now = Clock::now();
  connection_ = QuicConnection::connect(credentials_, peer_, port_->local(), shown_, settings_, random_, now);
  pump(now);
}

awaitable<void> QuicLink::established() {
  const auto self = shared_from_this();
  while (!closed_ && !(connection_ && connection_->may_write())) {
    if (role_ == QuicRole::server && connection_ && connection_->trouble() && is_mere_failure(*connection_->trouble())) connection_.reset();
    if (trouble()) break;
    const Waiting waiting{awaiting_established_};
    co_await established_.wait();
  }
  if (trouble() || closed_) fail();
}

// --- the stream -------------------------------------------------------------------------------------------------------

awaitable<std::size_t> QuicLink::read_some(std::span<std::byte> out) {
  const auto self = shared_from_this();
  for (;;) {
    if (closed_) fail();
    const auto count = connection_->read(out);
    if (count > 0) {
      credit_ += count;
      if (credit_ >= credit_at_once) pump(Clock::now());
      co_return count;
    }
    if (trouble()) fail();
    if (connection_->finished_by_peer()) throw Failure{{.code = Errc::closed, .doing = remote_.text() + " closed the lane"}};
    const Waiting waiting{reading_};
    co_await readable_.wait();
  }
}

bool QuicLink::has_room() const { return connection_->unsent() < quic_most_unsent && connection_->unacknowledged() < quic_most_unacknowledged; }

awaitable<void> QuicLink::write(std::span<const ByteView> pieces) {
  const auto self = shared_from_this();
  if (trouble() || closed_) fail();
  // A part may be queued already, and nothing that could follow would be understood.
  if (std::exchange(writing_, true)) throw Failure{{.code = Errc::unreachable, .doing = "writing to " + remote_.text() + ", where an earlier write broke off"}};
  for (auto piece : pieces) {
    while (!piece.empty()) {
      if (!has_room()) pump(Clock::now());
      while (!trouble() && !closed_ && !has_room()) {
        const Waiting waiting{awaiting_room_};
        co_await room_.wait();
      }
      if (trouble() || closed_) fail();
      const auto part = piece.first(std::min<std::size_t>(piece.size(), static_cast<std::size_t>(quic_most_unsent / 4)));
      connection_->send(part);
      piece = piece.subspan(part.size());
    }
  }
  writing_ = false;
  pump(Clock::now());
}

void QuicLink::finish() noexcept {
  if (closed_ || trouble() || !connection_) return;
  connection_->finish();
  pump(Clock::now());
}

void QuicLink::close() noexcept {
  if (std::exchange(closed_, true)) return;
  tell_waiters();
  if (trouble() || !connection_) return port_->drop(*this);
  if (!connection_->may_write() || may_leave()) {
    connection_->close(Clock::now());
    pump(Clock::now());
    return port_->drop(*this);
  }
  connection_->finish();
  pump(Clock::now());
  bid_farewell();
}

bool QuicLink::may_leave() const { return trouble() || connection_->unacknowledged() == 0; }

/// The handler holds the link, so that the link lives until it is done or the loop goes.
void QuicLink::bid_farewell() {
  farewell_.expires_after(may_leave() ? Duration{0} : farewell_patience);
  farewell_.async_wait([self = shared_from_this()](const std::error_code&) {
    const auto now = Clock::now();
    if (!self->trouble()) self->connection_->close(now);
    self->pump(now);
    self->timer_.cancel();
    self->port_->drop(*self);
  });
}

// --- driving ----------------------------------------------------------------------------------------------------------

void QuicLink::arrived(const Endpoint& from, ByteView datagram, std::uint8_t ecn, TimePoint now) {
  if (!connection_) {
    connection_ = QuicConnection::answer(datagram, credentials_, peer_, port_->local(), from, settings_, random_, now);
    if (!connection_) return;  // something else, or of a connection that is gone
  }
  connection_->receive(role_ == QuicRole::client ? shown_ : from, datagram, ecn, now);
}

void QuicLink::all_arrived(TimePoint now) { pump(now); }

void QuicLink::writable(TimePoint now) {
  if (!blocked_) return;
  blocked_ = false;
  if (send_burst(now)) pump(now);
}

bool QuicLink::recognises(ByteView datagram) const { return role_ == QuicRole::server && connection_ && connection_->recognises(datagram); }

void QuicLink::move(const Endpoint& remote) {
  if (remote == remote_) return;
  port_->enlist(remote, *this);
  remote_ = remote;
  if (!connection_) shown_ = remote;
}

/// False if the socket is full; it goes on when there is room.
bool QuicLink::send_burst(TimePoint now) {
  for (; next_run_ < burst_.runs.size(); ++next_run_) {
    const auto& run = burst_.runs[next_run_];
    const auto& to = role_ == QuicRole::client ? remote_ : run.to;
    if (to != to_endpoint_) {
      to_ = SocketAddress{to};
      to_endpoint_ = to;
    }
    switch (port_->send_run(to_, run.bytes, run.segment, run.ecn)) {
      case UdpSent::blocked:
        blocked_ = true;
        port_->tell_when_writable();
        return false;
      case UdpSent::too_long:
        if (!run.probe) connection_->too_long(now);
        break;
      case UdpSent::closed:
        if (!lost_) lost_ = Error{.code = Errc::unreachable, .doing = "the lane with " + remote_.text() + ": its UDP port was closed"};
        break;
      case UdpSent::sent:
      case UdpSent::lost: break;  // what is lost is sent again
    }
  }
  return true;
}

void QuicLink::pump(TimePoint now) {
  if (!connection_) return;
  credit_ = 0;
  for (int bursts = 0; !blocked_; ++bursts) {
    if (const auto due = connection_->deadline(); due && *due <= now) connection_->expire(now);
    connection_->write(burst_, now);
    next_run_ = 0;
    if (burst_.runs.empty() || !send_burst(now)) break;
    now = Clock::now();
    if (bursts == bursts_at_once) {
      asio::post(port_->executor(), [weak = weak_from_this()] {
        if (const auto link = weak.lock()) link->pump(Clock::now());
      });
      break;
    }
  }
  set_timer();
  tell_waiters();
}

void QuicLink::set_timer() {
  const auto due = connection_->deadline();
  if (!due || (timer_at_ && *timer_at_ <= *due)) return;  // it goes off early enough, and is then set again
  timer_at_ = due;
  timer_.expires_at(*due);
  timer_.async_wait([weak = weak_from_this()](const std::error_code& superseded) {
    const auto link = weak.lock();
    if (superseded || !link) return;
    link->timer_at_.reset();
    link->pump(Clock::now());
  });
}

void QuicLink::tell_waiters() {
  const bool over = trouble() || closed_;
  if (awaiting_established_ && (over || (connection_ && connection_->may_write()))) established_.ring();
  if (reading_ && (over || connection_->readable() > 0 || connection_->finished_by_peer())) readable_.ring();
  if (awaiting_room_ && (over || (connection_->unsent() < quic_most_unsent / 2 && has_room()))) room_.ring();
  if (closed_ && connection_ && may_leave()) farewell_.cancel();
}

const std::optional<Error>& QuicLink::trouble() const {
  static const std::optional<Error> none;
  if (lost_) return lost_;
  return connection_ ? connection_->trouble() : none;
}

void QuicLink::fail() const {
  if (closed_ || !trouble()) throw Failure{{.code = Errc::closed, .doing = "the lane with " + remote_.text() + " was closed"}};
  throw Failure{*trouble()};
}

}  // namespace pshare
