#include "traversal/io/tcp_lane.hpp"

#include <utility>

namespace pshare {

namespace {

/// What a beat may take on its way. Less than a session waits where it doubts a lane (transfer/lane_watch.hpp).
constexpr Duration beat_lateness = std::chrono::milliseconds{500};

}  // namespace

/// One timer for all reads, set again only when it goes off: a lane reads far too often to set one each time.
struct TcpLane::Watchdog {
  Watchdog(asio::any_io_executor executor, TcpLane& of) : timer(executor), lane(&of) {}
  asio::steady_timer timer;
  TcpLane* lane;  // nothing once it is gone
  bool set = false;
};

TcpLane::TcpLane(TlsStream stream, Path path, asio::any_io_executor executor, Duration silence)
    : stream_(std::move(stream)),
      path_(std::move(path)),
      silence_(silence),
      watchdog_(std::make_shared<Watchdog>(std::move(executor), *this)) {}

TcpLane::~TcpLane() {
  watchdog_->lane = nullptr;
  watchdog_->timer.cancel();
}

PeerId TcpLane::peer() const { return stream_.peer(); }

void TcpLane::watch() {
  if (std::exchange(watchdog_->set, true)) return;
  watchdog_->timer.expires_at(reading_since_ + silence_);
  watchdog_->timer.async_wait([watchdog = watchdog_](std::error_code cancelled) {
    watchdog->set = false;
    if (!cancelled && watchdog->lane != nullptr) watchdog->lane->silence_may_be_over();
  });
}

void TcpLane::silence_may_be_over() {
  if (!reading_) return;  // the next read sets the timer
  if (Clock::now() < reading_since_ + silence_) return watch();
  silent_ = true;
  stream_.abort();  // the pending read says why; nobody is there to take leave of, and the same two endpoints may soon be wanted again
}

void TcpLane::fail(const Error& error) const {
  const auto remote = path_.remote.text();
  if (closed_) throw Failure{{.code = Errc::closed, .doing = "the lane with " + remote + " was closed"}};
  if (silent_) throw Failure{{.code = Errc::timed_out, .doing = "the lane with " + remote + " has fallen silent"}};
  auto told = error;
  if (told.code != Errc::closed) told.code = Errc::unreachable;  // reset, cut off, or no TLS any more: the same to the session
  throw Failure{std::move(told)};
}

awaitable<std::size_t> TcpLane::read_some(std::span<std::byte> out) {
  struct Reading {  // also ends when the read is cancelled
    bool& flag;
    ~Reading() { flag = false; }
  };
  reading_ = true;
  const Reading reading{reading_};
  reading_since_ = Clock::now();
  watch();
  std::optional<Error> trouble;
  try {
    co_return co_await stream_.read_some(out);
  } catch (const Failure& failure) {
    trouble = failure.error();
  }
  fail(*trouble);
}

awaitable<void> TcpLane::write(std::span<const ByteView> pieces) {
  std::optional<Error> trouble;
  try {
    co_await stream_.write(pieces);
    co_return;
  } catch (const Failure& failure) {
    trouble = failure.error();
  }
  fail(*trouble);
}

void TcpLane::finish() noexcept { stream_.finish(); }

void TcpLane::close() noexcept {
  closed_ = true;
  // A beat was due and did not come: there is nobody to take leave of, as in silence_may_be_over().
  const bool nobody_there = reading_ && Clock::now() - reading_since_ > lane_beat + beat_lateness;
  nobody_there ? stream_.abort() : stream_.close();
}

}  // namespace pshare
