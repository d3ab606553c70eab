// The sending side of one session, as a core: says the manifest, learns what the receiver has, hands each missing chunk to whichever
// lane is free, and is done when the receiver has verified everything. Lanes join and leave at any time; a chunk that was on a
// lost lane goes to another. Nothing here reads a file or knows a socket.
//
// Back-pressure: an action for which takes_turn() is true (a chunk, a part of the manifest) is handed out only against a call of
// lane_free(lane), one for one, so that neither a long manifest nor chunks pile up in the driver. Other messages are few and small.
//
// What a lost lane swallowed comes again: before HaveEnd, the whole manifest on another lane; chunks not reported Stored; End.
// The receiver on its part repeats its Have, and what else the sender may have missed, on another lane (transfer/receiver.hpp), so
// a Have may come more than once, and is added to what is known.
//
// Where offer and accept have agreed on a receipt, Verified is not the last word: the receiver's Receipt is awaited, for receipt_patience() and
// as long as there is a lane. What has been verified is delivered, whatever comes of the receipt.
//
// A rival is a second lane that is to carry instead of the first, not beside it, if it turns out to be faster (transfer/lane_contest.hpp).
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "transfer/chunk_map.hpp"
#include "transfer/lane_contest.hpp"
#include "transfer/lane_watch.hpp"
#include "transfer/manifest.hpp"
#include "transfer/scheduler.hpp"
#include "wire/error.hpp"
#include "wire/lane_messages.hpp"
#include "wire/time.hpp"
#include "wire/units.hpp"

namespace pshare {

/// How often one chunk may be reported Again before the session fails.
inline constexpr int max_again = 3;
/// Check actions handed out and not answered by checked().
inline constexpr std::size_t max_checks = 8;

/// How long a receipt is waited for, for so many bytes: what had arrived before this session is read from the disk again first, slow as that may be.
inline constexpr Duration receipt_patience_at_least = std::chrono::seconds{30};
inline constexpr std::uint64_t slowest_rereading = 10 * MiB;  // each second
constexpr Duration receipt_patience(std::uint64_t bytes) { return receipt_patience_at_least + std::chrono::seconds{bytes / slowest_rereading}; }

class Sender {
 public:
  struct Say       { LaneNumber lane; LaneMessage message; };        // in order on that lane
  struct SendChunk { LaneNumber lane; ChunkIndex chunk; };           // prepare, write, then call lane_free()
  struct Check     { ChunkIndex chunk; ChunkHash hash; };            // read and hash the source's chunk, then call checked()
  struct Drop      { LaneNumber lane; };                             // close it: nothing came from it for lane_silence
  using Chosen = LaneContest::Chosen;                                // chunks go on that lane now, and no more on the other
  using Retire = LaneContest::Retire;                                // end it in order; it is not one of ours any more, and what waits there is of no use
  struct Delivered { std::vector<std::string> names; };              // Verified; the receipt, which was agreed on, is awaited
  /// Last action; no trouble: Verified. `receipt`: as it came, if one was agreed on and came.
  struct Ended     { std::optional<Error> trouble; std::vector<std::string> names; std::optional<ByteBuffer> receipt = {}; };
  using Action = std::variant<Say, SendChunk, Check, Drop, Chosen, Retire, Delivered, Ended>;

  /// Must lane_free() be called once this has been written out?
  static bool takes_turn(const Action& action);

  struct Progress {
    std::uint64_t total = 0;      // bytes of the run; 0 while a stream's is unknown
    std::uint64_t durable = 0;    // bytes the receiver has on disk
    std::uint64_t stored = 0;     // bytes the receiver has written (durable included)
    std::uint64_t resumed = 0;    // of those, what it had before this session or needed no sending
    bool manifest_sent = false, have_known = false, verified = false, ended = false;
  };

  /// The manifest is sealed and lives longer. `stream`: its length is not known; chunks become available by stream_grew().
  Sender(const Manifest& manifest, TransferId transfer, bool stream, TimePoint now);
  /// Before the first lane joins: the receiver has said that it will give a receipt.
  void expect_receipt() { receipt_expected_ = true; }

  void lane_joined(LaneNumber lane, TimePoint now);
  /// Instead of lane_joined(), while there is one lane and no contest: of both only the one that is measured to be faster stays, `preferred` on a near
  /// tie. May there be a contest now?
  void rival_joined(LaneNumber rival, LaneNumber preferred, TimePoint now);
  std::optional<LaneNumber> lane_to_challenge() const;
  /// Instead of lane_joined(): a lane on a better path. It carries from now on, and of the only lane there was what is under way comes home first.
  void successor_joined(LaneNumber successor, TimePoint now);
  void lane_lost(LaneNumber lane, TimePoint now);
  /// One more action that takes_turn() may be given to this lane: called when one is written out, and once (or more often, so
  /// that chunks are prepared while another is being written) right after joining.
  void lane_free(LaneNumber lane, TimePoint now);
  void heard(LaneNumber lane, TimePoint now);                        // bytes came, though no whole message yet
  void received(LaneNumber lane, const LaneMessage& message, TimePoint now);
  void checked(ChunkIndex chunk, bool same, TimePoint now);
  /// A chunk that was to be sent takes so many bytes on the wire. Untold, a contest counts its length.
  void prepared(ChunkIndex chunk, std::uint64_t wire_bytes);
  void stream_grew(std::uint64_t bytes, TimePoint now);              // so many bytes are available from its beginning
  void stream_ended(std::uint64_t bytes, TimePoint now);
  /// Says Stop to the peer, then Ended. The peer is told the kind of trouble, not its words: they name our paths.
  void source_failed(Error trouble, TimePoint now);
  void cancel(TimePoint now);                                        // the user's wish: likewise
  /// The network is another one, here or there: a lane that is not heard of soon is dead.
  void doubt_lanes(TimePoint now);
  /// Goes on until then at least, also where there is no lane.
  void bear_without_lanes(TimePoint until) { watch_.bear_without(until); }
  void expire(TimePoint now);
  std::optional<TimePoint> deadline() const;
  /// After Ended, what was said before is still to be written, as far as that takes no long time, and lanes are then closed.
  std::optional<Action> take();

  Progress progress() const;
  /// For a stream: everything before this chunk need not be kept any more.
  ChunkIndex durable_prefix() const { return scheduler_.durable_prefix(); }

 private:
  struct Laneless   {};                                        // no lane yet to say the manifest on
  struct Announcing { LaneNumber lane; ManifestWriter writer; };
  struct Announced  { LaneNumber lane; };                      // HaveEnd is awaited
  struct Sending    {};
  struct AwaitingReceipt { std::vector<std::string> names; TimePoint until; };
  struct Over       {};
  using State = std::variant<Laneless, Announcing, Announced, Sending, AwaitingReceipt, Over>;

  /// A HaveCheck that is to be answered, and how far its items are decided.
  struct Question { LaneNumber lane; std::vector<ChunkIndex> chunks; std::size_t decided = 0; };

  void announce();
  void hear(LaneNumber lane, const HaveBegin& have);
  void hear(LaneNumber lane, const HavePart& have);
  void hear(LaneNumber lane, const HaveCheck& have);
  void hear(LaneNumber lane, const HaveEnd& have);
  void hear(LaneNumber lane, const Stored& stored);
  void hear(LaneNumber lane, const Durable& durable);
  void hear(LaneNumber lane, const Again& again);
  void hear(LaneNumber lane, const Verified& verified);
  void hear(LaneNumber lane, const Beat&);
  void hear(LaneNumber lane, const Stop& stop);
  void hear(LaneNumber lane, const Receipt& receipt);
  template <typename Other>
  void hear(LaneNumber lane, const Other&);  // what only a sender says

  bool in_range(const std::vector<ChunkIndex>& chunks);
  void mark_stored(ChunkIndex chunk);
  void mark_durable(ChunkIndex chunk);
  void answer_questions();
  void end_if_complete();
  std::optional<Action> next_part();
  std::optional<Action> next_chunk();
  std::optional<Action> next_check();
  void begin_contest();
  void follow_contest();
  std::uint64_t length(ChunkIndex chunk) const;
  std::uint64_t run() const { return stream_ ? available_ : manifest_.bytes(); }
  void say(LaneNumber lane, LaneMessage message);
  void broken(std::string what);             // the peer broke the protocol
  void stop(Error trouble, Stop told);
  void end(std::optional<Error> trouble, std::vector<std::string> names, std::optional<ByteBuffer> receipt = std::nullopt);
  bool end_without_receipt();                // false: none is awaited

  const Manifest& manifest_;
  TransferId transfer_;
  bool stream_, complete_;                   // complete_: the length is known
  std::uint64_t available_ = 0;              // of a stream
  State state_ = Laneless{};
  LaneWatch watch_;
  std::map<LaneNumber, std::size_t> turns_;  // lane_free() calls not yet used up
  Scheduler scheduler_;
  std::map<ChunkIndex, ChunkHash> pending_;  // to be checked or being checked
  std::deque<ChunkIndex> unchecked_;         // of those, the ones not handed out yet
  std::size_t checking_ = 0;
  std::deque<Question> questions_;
  ChunkMap same_;                            // checked, and the receiver has it
  std::map<ChunkIndex, int> again_;
  std::optional<LaneContest> contest_;
  bool succession_ = false;                  // what there is of a contest is decided
  bool announced_once_ = false, have_open_ = false, have_known_ = false;
  bool receipt_expected_ = false, verified_ = false;
  std::optional<LaneNumber> end_said_on_;
  std::uint64_t durable_bytes_ = 0, stored_bytes_ = 0, resumed_bytes_ = 0;
  TimePoint now_;                            // of the latest input
  std::deque<Action> actions_;
};

}  // namespace pshare
