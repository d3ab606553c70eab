// The receiving side of a session at work: drives the core (transfer/receiver.hpp) with lanes, a sink and a worker pool. While chunks
// arrive, others are decompressed, checked and written, and what was written is brought to disk all the time.
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
#include "transfer/content_facts.hpp"
#include "transfer/io/files_done.hpp"
#include "transfer/io/session_lanes.hpp"
#include "transfer/io/sink.hpp"
#include "transfer/io/workbench.hpp"
#include "transfer/meter.hpp"
#include "transfer/receiver.hpp"

namespace pshare {

/// The pause between two syncs while more is coming. Each costs the disk a flush, so a few chunks share one.
inline constexpr Duration sync_pause = std::chrono::milliseconds{20};

struct ReceiveOutcome {
  std::optional<Error> trouble;       // nothing: all is there under its final name
  std::vector<std::string> names;     // the final top-level names
  std::vector<std::string> remarks;   // what the user should know besides (names that were changed, ...)
};

/// All on one executor, that of a single-threaded loop or a strand.
class ReceiverSession final : private LaneUser {
 public:
  struct Settings {
    /// What the sink files it under, if not the transfer's own ID: that one is chosen by the sender, and two senders may choose the same.
    std::optional<TransferId> partial = std::nullopt;
    /// Where a receipt was promised: signs what is held (secure/receipt.hpp).
    std::function<ByteBuffer(const ContentFacts&)> sign = {};
    /// Told of each lane that ended before the session did; Errc::closed: the sender ended it in order, having one that it prefers.
    std::function<void(const Path&, const Error&)> lane_lost = [](const Path&, const Error&) {};
    /// Told when the sender speaks on another lane than before: of several that came up it has chosen, or tries, this one.
    std::function<void(const Path&)> lane_speaks = [](const Path&) {};
  };
  /// `pool` and `sink` live longer. `summary` is what the user agreed to.
  ReceiverSession(asio::any_io_executor executor, WorkerPool& pool, Sink& sink, TransferId transfer, const Summary& summary, Settings settings);
  ~ReceiverSession() override;

  /// Before run() or while it runs, as many as max_lanes; more, or after the end: closed at once.
  void add_lane(LanePtr lane);
  /// Once. Ends when the core does; cancelled, it unwinds without a word to the peer, so say cancel() for that.
  awaitable<ReceiveOutcome> run();
  /// The user's wish: tells the peer, and has run() end. What has arrived is kept.
  void cancel();
  /// The network is another one, here or there: lanes that are not heard of soon are dead.
  void doubt_lanes();
  /// Goes on until then at least, also where there is no lane.
  void bear_without_lanes(TimePoint until);

  Receiver::Progress progress() const { return core_.progress(); }
  std::uint64_t files_done() const { return files_done_.count(); }
  std::uint64_t wire_bytes() const { return bytes_taken_; }  // of chunks, headers included, as they came from the lanes
  const Meter& meter() const { return meter_; }
  std::size_t lanes() const { return lanes_.count(); }
  awaitable<void> wait_until_laneless() { return lanes_.wait_until_none(); }

 private:
  void joined(SessionLane& lane) override;
  void lost(LaneNumber lane, const Path& path, const Error& why) override;
  void heard(LaneNumber lane) override;
  awaitable<void> take(SessionLane& lane, LaneMessage message) override;
  void written(SessionLane&, const Outgoing&, Duration, Duration, Duration) override {}

  struct ScopeEnd;
  void note_speaker(const SessionLane& lane);
  awaitable<ReceiveOutcome> work(TaskGroup& tasks);
  void drain();
  void perform(Receiver::Action action);
  awaitable<void> take_chunk(SessionLane& lane, ChunkHeader header);
  awaitable<void> store(ChunkHeader header, BufferPool::Lease payload);
  awaitable<void> keep_syncing();
  awaitable<void> open(Receiver::Open opening);
  awaitable<void> confirm(std::vector<ChunkIndex> same);
  awaitable<void> finish(std::uint64_t bytes);
  awaitable<void> attest(std::uint64_t bytes);
  awaitable<Result<ContentFacts>> held(std::uint64_t bytes);
  awaitable<void> forget();
  void disk_failed(const Error& trouble);
  void count_durable(const std::vector<ChunkIndex>& chunks);

  asio::any_io_executor executor_;
  WorkerPool& pool_;
  WorkerPool disk_{1};                   // for what the sink wants one at a time; a sync may block for seconds
  Sink& sink_;
  const Settings settings_;
  const TransferId transfer_;
  Receiver core_;
  std::optional<LaneNumber> speaker_;
  Meter meter_;
  std::shared_ptr<const Manifest> manifest_;  // shared with core and sink
  bool stream_ = false;
  ContentTree contents_;                 // of what arrived, if a receipt was promised
  ChunkMap durable_;                     // for files_done_; not kept for a stream
  ChunkIndex durable_prefix_;
  FilesDone files_done_;
  Workbench bench_;
  BufferPool buffers_;
  SessionLanes lanes_;
  Wakeup news_;                          // the deadline has changed, or it is over
  Wakeup stored_;                        // there may be something to sync
  Wakeup idle_;                          // storing_ has become 0
  std::size_t storing_ = 0;              // chunks in the pool
  std::optional<TimePoint> armed_;       // the deadline that run() sleeps towards
  std::optional<ReceiveOutcome> outcome_;
  std::vector<std::string> names_, remarks_;
  bool forget_ = false;
  std::uint64_t bytes_taken_ = 0;
  TaskGroup* tasks_ = nullptr;           // while run() runs
};

}  // namespace pshare
