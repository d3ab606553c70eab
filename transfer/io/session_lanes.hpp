// The lanes of one session and the two coroutines that serve each: a reader that takes frames apart, a writer that empties the lane's
// queue. What the frames mean is the session's affair (sender_session.hpp, receiver_session.hpp), which is told by LaneUser.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "io/asio.hpp"
#include "io/task_group.hpp"
#include "io/wakeup.hpp"
#include "transfer/io/buffer_pool.hpp"
#include "transfer/lane_watch.hpp"
#include "transfer/pacing.hpp"
#include "traversal/io/lane.hpp"
#include "wire/error.hpp"
#include "wire/lane_messages.hpp"

namespace pshare {

/// One frame on its way out.
struct Outgoing {
  ByteBuffer frame;
  BufferPool::Lease payload;      // a chunk's; its bytes are `payload_length` from the front
  std::size_t payload_length = 0;
  bool takes_turn = false;        // the core waits to hear that it is out
  bool droppable = false;         // of no use any more once the session is over
  TimePoint asked_at{};           // of a chunk: when the core wanted it sent,
  Duration reading{}, computing{};  // and how long it took to get it ready
};

/// What a lane joins as: one more of the session's, one that is to replace the only one if it is faster, or one that replaces it.
enum class LaneRole { member, rival, successor };

/// What a retired lane's last frames and the peer's end of it may take.
inline constexpr Duration retiring_patience = std::chrono::seconds{2};

/// One lane: its queue and its frames.
class SessionLane {
 public:
  SessionLane(const asio::any_io_executor& executor, LaneNumber number, LaneRole role, LanePtr lane);

  LaneNumber number() const { return number_; }
  LaneRole role() const { return role_; }
  const Path& path() const { return lane_->path(); }

  void queue(Outgoing outgoing);

  /// The payload behind a ChunkHeader, read into `out` or read over. Throws as Lane::read_some.
  awaitable<void> read_exactly(std::span<std::byte> out);
  awaitable<void> skip(std::size_t count);

 private:
  friend class SessionLanes;
  awaitable<LaneMessage> read_message();
  awaitable<void> fill();
  void close() noexcept;

  const LaneNumber number_;
  const LaneRole role_;
  LanePtr lane_;
  Wakeup news_;                      // for the writer
  std::deque<Outgoing> queue_;
  bool ended_ = false;               // lost, or closed by us
  bool writing_ = false;
  bool last_words_ = false;          // nothing more is queued
  std::optional<Wakeup> retiring_;   // nobody is told any more how it ends, but for this
  std::function<void()> heard_;
  ByteBuffer ahead_;                 // read and not yet taken apart: [ahead_from_, ahead_to_)
  std::size_t ahead_from_ = 0, ahead_to_ = 0;
};

/// What a session does with its lanes. Called on the loop; must not end the lane synchronously.
class LaneUser {
 public:
  virtual ~LaneUser() = default;
  virtual void joined(SessionLane& lane) = 0;
  virtual void lost(LaneNumber lane, const Path& path, const Error& why) = 0;
  virtual void heard(LaneNumber lane) = 0;
  /// One message; of a chunk the header, whose payload take() then reads itself. Throws Failure to give up the lane.
  virtual awaitable<void> take(SessionLane& lane, LaneMessage message) = 0;
  /// `idle`: how long the writer had waited for it. `busy`: how long the lane took it, `limited` of that because of --limit.
  virtual void written(SessionLane& lane, const Outgoing& outgoing, Duration idle, Duration busy, Duration limited) = 0;
};

class SessionLanes {
 public:
  /// `user` lives longer. `limit`: bytes a second that are written, all lanes together.
  SessionLanes(asio::any_io_executor executor, LaneUser& user, std::optional<BytesPerSecond> limit);

  /// Any time; before begin() it waits. After the session has ended it is closed at once.
  void add(LanePtr lane, LaneRole role = LaneRole::member);
  /// Serves lanes by tasks of this group from now on, until end().
  void begin(TaskGroup& tasks);
  /// Writes what is queued apart from chunks, hears the peer out, as far as both go until then, and closes all lanes.
  awaitable<void> end(TimePoint until);
  /// Closes all lanes at once; the group's end is near. Harmless after end().
  void shut() noexcept;

  /// Nothing if it is lost.
  std::shared_ptr<SessionLane> find(LaneNumber lane) const;
  void queue(LaneNumber lane, Outgoing outgoing);
  void close(LaneNumber lane);
  /// It is none of the session's any more, as if it were lost, but ends in order: what is queued is written, apart from chunks, and then nothing more.
  void retire(LaneNumber number);
  /// Of those that are served.
  std::vector<Path> paths() const;
  std::size_t count() const { return lanes_.size() + early_.size(); }
  /// Until there is none, or the session has ended.
  awaitable<void> wait_until_none();

  std::uint64_t bytes_written() const { return bytes_written_; }

 private:
  struct Early { LanePtr lane; LaneRole role; };
  void start(LanePtr lane, LaneRole role);
  awaitable<void> see_off(std::shared_ptr<SessionLane> lane);
  awaitable<void> read(std::shared_ptr<SessionLane> lane);
  awaitable<void> read_all(SessionLane& lane);
  awaitable<void> write(std::shared_ptr<SessionLane> lane);
  awaitable<void> write_all(SessionLane& lane);
  awaitable<Duration> write_out(SessionLane& lane, const Outgoing& outgoing);
  void ended(const std::shared_ptr<SessionLane>& lane, const Error& why);

  asio::any_io_executor executor_;
  LaneUser& user_;
  std::optional<Pacing> pacing_;
  TaskGroup* tasks_ = nullptr;       // between begin() and end()
  bool over_ = false;
  std::deque<Early> early_;          // added before begin()
  std::uint32_t next_number_ = 0;
  /// Shared by this table and the lane's two coroutines.
  std::map<LaneNumber, std::shared_ptr<SessionLane>> lanes_;
  Wakeup none_left_, flushed_;
  std::uint64_t bytes_written_ = 0;
};

}  // namespace pshare
