#include "transfer/io/session_lanes.hpp"

#include <algorithm>
#include <array>
#include <cassert>
#include <exception>

#include "io/deadline.hpp"

namespace pshare {

namespace {

/// Frames are short; a read ahead of this size takes many at once. Payloads are read straight to where they belong.
constexpr std::size_t read_ahead = 16 * 1024;

bool is_cancelled(const asio::cancellation_state& state) { return state.cancelled() != asio::cancellation_type::none; }

Error broken_off(const std::system_error& trouble) {
  return {.code = Errc::unreachable, .doing = "using a lane", .cause = trouble.code()};
}

}  // namespace

// --- one lane -------------------------------------------------------------------------------------------------------

SessionLane::SessionLane(const asio::any_io_executor& executor, LaneNumber number, LaneRole role, LanePtr lane)
    : number_(number), role_(role), lane_(std::move(lane)), news_(executor), ahead_(read_ahead) {}

void SessionLane::queue(Outgoing outgoing) {
  if (ended_ || (last_words_ && outgoing.droppable)) return;
  queue_.push_back(std::move(outgoing));
  news_.ring();
}

void SessionLane::close() noexcept {
  ended_ = true;
  queue_.clear();
  lane_->close();
  news_.ring();
}

awaitable<void> SessionLane::fill() {
  assert(ahead_from_ == ahead_to_);
  ahead_from_ = ahead_to_ = 0;
  ahead_to_ = co_await lane_->read_some(ahead_);
  heard_();
}

awaitable<void> SessionLane::read_exactly(std::span<std::byte> out) {
  while (!out.empty()) {
    if (ahead_from_ == ahead_to_ && out.size() >= ahead_.size()) {
      const auto count = co_await lane_->read_some(out);
      heard_();
      out = out.subspan(count);
      continue;
    }
    if (ahead_from_ == ahead_to_) co_await fill();
    const auto count = std::min(out.size(), ahead_to_ - ahead_from_);
    std::copy_n(ahead_.begin() + static_cast<std::ptrdiff_t>(ahead_from_), count, out.begin());
    ahead_from_ += count;
    out = out.subspan(count);
  }
}

awaitable<void> SessionLane::skip(std::size_t count) {
  while (count > 0) {
    if (ahead_from_ == ahead_to_) co_await fill();
    const auto some = std::min(count, ahead_to_ - ahead_from_);
    ahead_from_ += some;
    count -= some;
  }
}

awaitable<LaneMessage> SessionLane::read_message() {
  std::array<std::byte, LaneFrameHeader::size> head{};
  co_await read_exactly(head);
  const auto header = value_or_throw(decode_lane_frame_header(head));
  ByteBuffer body(header.length);
  co_await read_exactly(body);
  co_return value_or_throw(decode_lane_message(header, body));
}

// --- all of them ----------------------------------------------------------------------------------------------------

SessionLanes::SessionLanes(asio::any_io_executor executor, LaneUser& user, std::optional<BytesPerSecond> limit)
    : executor_(std::move(executor)), user_(user), none_left_(executor_), flushed_(executor_) {
  if (limit) pacing_.emplace(*limit, Clock::now());
}

void SessionLanes::add(LanePtr lane, LaneRole role) {
  if (over_) return lane->close();
  if (tasks_) return start(std::move(lane), role);
  early_.push_back({std::move(lane), role});
}

void SessionLanes::begin(TaskGroup& tasks) {
  tasks_ = &tasks;
  while (!early_.empty()) {
    auto early = std::move(early_.front());
    early_.pop_front();
    start(std::move(early.lane), early.role);
  }
}

void SessionLanes::start(LanePtr lane, LaneRole role) {
  const LaneNumber number{next_number_++};
  const auto joined = std::make_shared<SessionLane>(executor_, number, role, std::move(lane));
  joined->heard_ = [this, number] { user_.heard(number); };
  lanes_.emplace(number, joined);
  user_.joined(*joined);  // first: what is read belongs to a lane that the core knows
  tasks_->start(read(joined));
  tasks_->start(write(joined));
}

std::shared_ptr<SessionLane> SessionLanes::find(LaneNumber lane) const {
  const auto found = lanes_.find(lane);
  return found == lanes_.end() ? nullptr : found->second;
}

void SessionLanes::queue(LaneNumber lane, Outgoing outgoing) {
  if (const auto found = find(lane)) found->queue(std::move(outgoing));
}

void SessionLanes::close(LaneNumber lane) {
  if (const auto found = find(lane)) found->lane_->close();  // its coroutines notice, and see to the rest
}

void SessionLanes::retire(LaneNumber number) {
  auto found = lanes_.extract(number);
  if (!found) return;
  const auto lane = std::move(found.mapped());
  lane->last_words_ = true;
  lane->retiring_.emplace(executor_);
  std::erase_if(lane->queue_, [](const Outgoing& each) { return each.droppable; });
  flushed_.ring();
  if (lanes_.empty()) none_left_.ring();
  if (tasks_)
    tasks_->start(see_off(lane));
  else
    lane->close();
}

/// Like end(), for this lane alone.
awaitable<void> SessionLanes::see_off(std::shared_ptr<SessionLane> lane) {
  const auto until = Clock::now() + retiring_patience;
  const auto is_busy = [&] { return !lane->ended_ && (lane->writing_ || !lane->queue_.empty()); };
  while (is_busy() && Clock::now() < until) co_await lane->retiring_->wait(until);
  lane->lane_->finish();
  while (!lane->ended_ && Clock::now() < until) co_await lane->retiring_->wait(until);
  lane->close();
}

void SessionLanes::ended(const std::shared_ptr<SessionLane>& lane, const Error& why) {
  if (lane->retiring_) {
    lane->close();
    lane->retiring_->ring();
    return;
  }
  if (lanes_.erase(lane->number()) == 0) return;  // the other coroutine was first
  lane->close();
  flushed_.ring();
  if (lanes_.empty()) none_left_.ring();
  if (!over_) user_.lost(lane->number(), lane->path(), why);
}

awaitable<void> SessionLanes::read(std::shared_ptr<SessionLane> lane) {
  std::optional<Error> why;
  try {
    co_await read_all(*lane);
  } catch (const Failure& failure) {
    why = failure.error();
  } catch (const std::system_error& trouble) {  // our own cancelling, or a lane that was closed under us
    why = broken_off(trouble);
  }
  const auto state = co_await asio::this_coro::cancellation_state;
  if (!is_cancelled(state)) ended(lane, *why);
}

awaitable<void> SessionLanes::read_all(SessionLane& lane) {
  for (;;) {
    auto message = co_await lane.read_message();
    co_await user_.take(lane, std::move(message));
  }
}

awaitable<void> SessionLanes::write(std::shared_ptr<SessionLane> lane) {
  std::optional<Error> why;
  try {
    co_await write_all(*lane);
  } catch (const Failure& failure) {
    why = failure.error();
  } catch (const std::system_error& trouble) {
    why = broken_off(trouble);
  }
  const auto state = co_await asio::this_coro::cancellation_state;
  if (why && !is_cancelled(state)) ended(lane, *why);
}

awaitable<void> SessionLanes::write_all(SessionLane& lane) {
  while (!lane.ended_) {
    const auto idle_since = Clock::now();
    while (lane.queue_.empty() && !lane.ended_) co_await lane.news_.wait();
    if (lane.ended_) break;
    const auto outgoing = std::move(lane.queue_.front());
    lane.queue_.pop_front();
    const auto begun = Clock::now();
    lane.writing_ = true;
    const auto limited = co_await write_out(lane, outgoing);
    lane.writing_ = false;
    user_.written(lane, outgoing, begun - idle_since, Clock::now() - begun, limited);
    if (!lane.queue_.empty()) continue;
    flushed_.ring();
    if (lane.retiring_) lane.retiring_->ring();
  }
}

awaitable<Duration> SessionLanes::write_out(SessionLane& lane, const Outgoing& outgoing) {
  const ByteView payload = outgoing.payload ? ByteView{*outgoing.payload}.first(outgoing.payload_length) : ByteView{};
  if (!pacing_ || payload.empty()) {
    const std::array<ByteView, 2> pieces{outgoing.frame, payload};
    co_await lane.lane_->write(std::span{pieces}.first(payload.empty() ? 1 : 2));
    bytes_written_ += outgoing.frame.size() + payload.size();
    co_return Duration::zero();
  }
  Duration limited{};
  ByteView head = outgoing.frame, rest = payload;
  while (!rest.empty()) {
    const auto piece = rest.first(std::min<std::size_t>(rest.size(), pacing_->piece()));
    rest = rest.subspan(piece.size());
    const auto now = Clock::now();
    const auto pause = pacing_->wait_for(head.size() + piece.size(), now);
    limited += pause;
    if (pause > Duration::zero()) co_await sleep_until(now + pause);
    const std::array<ByteView, 2> pieces{head, piece};
    co_await lane.lane_->write(std::span{pieces}.subspan(head.empty() ? 1 : 0));
    bytes_written_ += head.size() + piece.size();
    head = {};
  }
  co_return limited;
}

awaitable<void> SessionLanes::end(TimePoint until) {
  over_ = true;
  for (const auto& [number, lane] : lanes_) {
    lane->last_words_ = true;
    std::erase_if(lane->queue_, [](const Outgoing& each) { return each.droppable; });
  }
  const auto busy = [](const auto& each) { return each.second->writing_ || !each.second->queue_.empty(); };
  while (std::any_of(lanes_.begin(), lanes_.end(), busy) && Clock::now() < until) co_await flushed_.wait(until);
  // To close while the peer is still sending makes the system reset the connection, and a reset overtakes the last words.
  for (const auto& [number, lane] : lanes_) lane->lane_->finish();
  while (!lanes_.empty() && Clock::now() < until) co_await flushed_.wait(until);
  shut();
}

void SessionLanes::shut() noexcept {
  over_ = true;
  tasks_ = nullptr;
  for (const auto& [lane, role] : early_) lane->close();
  early_.clear();
  for (const auto& [number, lane] : lanes_) lane->close();
  lanes_.clear();
  none_left_.ring();
}

std::vector<Path> SessionLanes::paths() const {
  std::vector<Path> paths;
  for (const auto& [number, lane] : lanes_) paths.push_back(lane->path());
  return paths;
}

awaitable<void> SessionLanes::wait_until_none() {
  while (!lanes_.empty() || !early_.empty()) co_await none_left_.wait();
}

}  // namespace pshare
