// The sending side of a session at work: drives the core (transfer/sender.hpp) with lanes, files and a worker pool. While one chunk is
// on the wire the next ones are read, hashed and compressed. Dialling lanes, further ones and those in place of lost ones, is the
// caller's affair, who is told when one is lost.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "io/asio.hpp"
#include "io/task_group.hpp"
#include "io/wakeup.hpp"
#include "io/worker_pool.hpp"
#include "transfer/io/chunk_reader.hpp"
#include "transfer/io/files_done.hpp"
#include "transfer/io/session_lanes.hpp"
#include "transfer/io/workbench.hpp"
#include "transfer/content_facts.hpp"
#include "transfer/level_choice.hpp"
#include "transfer/meter.hpp"
#include "transfer/sender.hpp"

namespace pshare {

/// After the end of a session its last words (Farewell, Stop) get so long to leave.
inline constexpr Duration last_words_patience = std::chrono::seconds{2};

struct SendOutcome {
  std::optional<Error> trouble;      // nothing: the receiver has verified everything
  std::vector<std::string> names;    // the final top-level names there
  /// A receipt came, not looked at yet, and what was sent, to compare it with. Errors: those of the source, which could not be read again.
  struct Receipted {
    ByteBuffer signed_receipt;
    Result<ContentFacts> sent;
  };
  std::optional<Receipted> receipt = {};
};

/// All on one executor, that of a single-threaded loop or a strand.
class SenderSession final : private LaneUser {
 public:
  struct Settings {
    LevelSetting level{};
    std::optional<BytesPerSecond> limit{};
    /// Where a receipt was agreed on: the digests of what was read, gathered here as it is read. Lives longer, over all sessions of a transfer,
    /// whose source is always the same.
    ContentTree* contents = nullptr;
    /// Told then as soon as everything is verified; run() goes on until there is a receipt, or will be none.
    std::function<void()> delivered = [] {};
    /// Told of each lane that ended before the session did.
    std::function<void(const Path&, const Error&)> lane_lost = [](const Path&, const Error&) {};
    /// Told after that over which lanes the session goes on, unless over none.
    std::function<void(const std::vector<Path>&)> lanes_left = [](const std::vector<Path>&) {};
    /// Told when a rival takes over, or one that had lost to it has to take over again: its path is the one in use from now on.
    std::function<void(const Path&, const std::string& why)> lane_chosen = [](const Path&, const std::string&) {};
    /// Told of each lane that ended in order because another one is used instead.
    std::function<void(const Path&, const std::string& why)> lane_retired = [](const Path&, const std::string&) {};
  };
  /// `pool` and `source` live longer; a stream's source goes before the loop.
  SenderSession(asio::any_io_executor executor, WorkerPool& pool, ChunkReader& source, TransferId transfer, Settings settings);
  ~SenderSession() override;

  /// Before run() or while it runs, as many as max_lanes; more, or after the end: closed at once.
  void add_lane(LanePtr lane);
  /// Likewise, a lane to use instead of the only one there is if it measures faster; TCP wins a near tie. It is closed at once when that cannot be, or
  /// makes no difference: with several lanes, with --limit, while there is a rival already. While there is no lane it is as welcome as any.
  /// One that comes later, because the transfer crawls, is as good as one that comes at the beginning.
  void add_rival(LanePtr lane);
  /// Likewise, a lane to use from now on instead of the only one there is, because its path is a better one. The other is ended in order when what is
  /// under way on it has arrived, so that nothing is sent twice.
  void move_to(LanePtr lane);
  /// Once. Ends when the core does; cancelled, it unwinds without a word to the peer, so say cancel() for that.
  awaitable<SendOutcome> run();
  /// The user's wish: tells the peer, and has run() end.
  void cancel();
  /// The network is another one, here or there: lanes that are not heard of soon are dead.
  void doubt_lanes();
  /// Goes on until then at least, also where there is no lane.
  void bear_without_lanes(TimePoint until);
  /// Like cancel(), with the caller's reason.
  void fail(Error trouble);

  Sender::Progress progress() const { return core_.progress(); }
  std::uint64_t files_done() const { return files_done_.count(); }
  std::uint64_t wire_bytes() const { return lanes_.bytes_written(); }  // frames and payloads, as handed to the lanes
  const Meter& meter() const { return meter_; }
  std::size_t lanes() const { return lanes_.count(); }
  awaitable<void> wait_until_laneless() { return lanes_.wait_until_none(); }

 private:
  void joined(SessionLane& lane) override;
  void join_core(const SessionLane& lane, TimePoint now);
  void lost(LaneNumber lane, const Path& path, const Error& why) override;
  void heard(LaneNumber lane) override;
  awaitable<void> take(SessionLane& lane, LaneMessage message) override;
  void written(SessionLane& lane, const Outgoing& outgoing, Duration idle, Duration busy, Duration limited) override;

  struct ScopeEnd;
  awaitable<SendOutcome> work(TaskGroup& tasks);
  void drain();
  void perform(Sender::Action action);
  void source_grew();
  awaitable<void> send(LaneNumber lane, ChunkIndex chunk);
  awaitable<void> check(ChunkIndex chunk, ChunkHash hash);
  awaitable<void> complete_contents();
  /// Its source said no: the end of the session, unless a stream has let go of the chunk because it has arrived meanwhile.
  void unreadable(LaneNumber lane, ChunkIndex chunk, Error trouble);

  asio::any_io_executor executor_;
  WorkerPool& pool_;
  ChunkReader& source_;
  const Settings settings_;
  Sender core_;
  LevelChoice level_;
  Meter meter_;
  FilesDone files_done_;
  Workbench bench_;
  BufferPool buffers_;
  SessionLanes lanes_;                   // after buffers_, which its queues hold
  Wakeup news_;                          // the deadline has changed, or it is over
  std::optional<TimePoint> armed_;       // the deadline that run() sleeps towards
  std::optional<SendOutcome> outcome_;
  std::optional<Result<ContentFacts>> sent_;  // once complete_contents() is through
  Wakeup sent_known_;
  TaskGroup* tasks_ = nullptr;           // while run() runs
  std::shared_ptr<int> alive_;           // watched by calls from a stream's thread that may come after the end
};

}  // namespace pshare
