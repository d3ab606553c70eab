// The receiving side of one session, as a core: takes the manifest, says what is here already, has chunks stored and synced, asks again
// for what arrived wrong, and has everything finished once the last chunk is durable. Nothing here touches a disk or a socket.
//
// It speaks on one lane at a time, the lowest that lives. When that lane is lost, nobody knows how much of what was said on it
// arrived: so on the next one it says its whole Have again, and what was stored or asked for again and is not durable yet. That is
// small (a bit for each chunk) and adds nothing wrong to what the sender knows.
//
// Where offer and accept have agreed on a receipt, it follows Verified when what is held has been looked at and signed; Farewell is waited for from
// then on. It is said again wherever Verified is.
//
// Files are finished as soon as every chunk is durable, without waiting for End: that saves a round trip. Only a stream needs
// End, which tells its length.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "transfer/chunk_map.hpp"
#include "transfer/lane_watch.hpp"
#include "transfer/manifest.hpp"
#include "transfer/sender.hpp"
#include "wire/error.hpp"
#include "wire/lane_messages.hpp"
#include "wire/signal.hpp"
#include "wire/time.hpp"

namespace pshare {

/// Stored is said for several chunks together: when they are so many bytes, or when the first has waited so long.
inline constexpr std::uint64_t stored_batch = send_window / 8;
inline constexpr Duration stored_delay = std::chrono::milliseconds{5};

/// After Verified, Farewell is waited for so long, and so long if there is no lane (any more) on which it could come. Without it the
/// transfer has succeeded as well, but is not forgotten, so that a sender who never heard Verified can ask once more.
inline constexpr Duration farewell_patience = std::chrono::seconds{30};
inline constexpr Duration farewell_patience_laneless = std::chrono::seconds{5};

class Receiver {
 public:
  struct Say     { LaneNumber lane; LaneMessage message; };
  struct Open    { std::shared_ptr<const Manifest> manifest; bool stream = false; };  // shared by core and sink; find or make the partial, then opened()
  struct Confirm { std::vector<ChunkIndex> same; };              // FileSink::confirm(), then stored() for each; synced() as for others
  struct Finish  { std::uint64_t bytes = 0; };                   // all chunks durable: give final names, then finished()
  struct Attest  { std::uint64_t bytes = 0; };                   // Verified is said: sign what is here, then attested()
  struct Forget  {};                                             // the sender knows: remove the partial folder
  struct Drop    { LaneNumber lane; };                           // close it: nothing came from it for lane_silence
  struct Ended   { std::optional<Error> trouble; };              // last action
  using Action = std::variant<Say, Open, Confirm, Finish, Attest, Forget, Drop, Ended>;

  /// What the sink found when it opened the partial folder.
  struct Found {
    ChunkMap durable{0};                   // as many chunks as the manifest has, or fewer
    std::vector<HaveCheck::Item> checks{}; // bytes lie there, but from an older version of the source
    bool finished = false;                 // all was delivered before, only the sender does not know
    std::vector<std::string> names{};      // if finished: the final top-level names
  };

  struct Progress {
    std::uint64_t total = 0, stored = 0, durable = 0, resumed = 0;
    bool manifest_known = false, finishing = false, ended = false;
    /// Chunks were stored and are not synced: the sink's sync() is worth calling. Once `complete`, without any delay.
    bool unsynced = false, complete = false;
  };

  /// `summary` is what the user agreed to: a manifest with more entries or bytes is refused.
  Receiver(TransferId transfer, const Summary& summary, TimePoint now);
  /// Before the first lane joins: the sender was told that there will be a receipt.
  void promise_receipt() { receipt_promised_ = true; }

  void lane_joined(LaneNumber lane, TimePoint now);
  void lane_lost(LaneNumber lane, TimePoint now);
  void heard(LaneNumber lane, TimePoint now);                     // bytes came, though no whole message or chunk yet
  void received(LaneNumber lane, const LaneMessage& message, TimePoint now);  // all but ChunkHeader
  /// A chunk begins. True: its payload is wanted, and one of stored(), wrong(), chunk_lost() will follow. False: it is here
  /// already; read it over. The same chunk may be wanted on two lanes at once, after the sender gave up one of them.
  /// Errors: malformed (no such chunk, length that does not fit, before the manifest); the session has then ended, by actions.
  Result<bool> chunk_begins(LaneNumber lane, const ChunkHeader& header, TimePoint now);
  void chunk_lost(ChunkIndex chunk, TimePoint now);               // its lane ended in the middle of the payload
  void stored(ChunkIndex chunk, TimePoint now);                   // written, in the journal as written
  void wrong(ChunkIndex chunk, TimePoint now);                    // does not have its hash, or does not decompress
  void synced(const std::vector<ChunkIndex>& chunks, TimePoint now);
  void opened(Found found, TimePoint now);
  void finished(std::vector<std::string> names, TimePoint now);
  void attested(ByteBuffer signed_receipt, TimePoint now);        // empty: none can be given
  /// Says Stop to the peer, then Ended. The peer is told the kind of trouble, not its words: they name our paths.
  void disk_failed(Error trouble, TimePoint now);
  void cancel(TimePoint now);
  /// The network is another one, here or there: a lane that is not heard of soon is dead.
  void doubt_lanes(TimePoint now);
  /// Goes on until then at least, also where there is no lane.
  void bear_without_lanes(TimePoint until) { watch_.bear_without(until); }
  void expire(TimePoint now);
  std::optional<TimePoint> deadline() const;
  /// After Ended, what was said before is still to be written, as far as that takes no long time, and lanes are then closed.
  std::optional<Action> take();

  Progress progress() const;

 private:
  enum class Phase { manifest, opening, receiving, finishing, verified, over };
  struct Reading   { LaneNumber lane; ManifestReader reader; };

  void hear(LaneNumber lane, const ManifestBegin& begin);
  void hear(LaneNumber lane, const ManifestPart& part);
  void hear(LaneNumber lane, const ManifestEnd& end);
  void hear(LaneNumber lane, const CheckResult& result);
  void hear(LaneNumber lane, const End& end);
  void hear(LaneNumber lane, const Farewell&);
  void hear(LaneNumber lane, const Beat&);
  void hear(LaneNumber lane, const Stop& stop);
  template <typename Other>
  void hear(LaneNumber lane, const Other&);  // what only a receiver says

  Result<void> check_begin(const ManifestBegin& begin) const;
  Result<void> check_header(const ChunkHeader& header);
  bool opened_already() const { return phase_ == Phase::receiving || phase_ == Phase::finishing || phase_ == Phase::verified; }
  bool stream_complete(std::uint64_t bytes) const;
  bool all_durable() const;
  void mark_stored(ChunkIndex chunk);
  std::uint64_t length(ChunkIndex chunk) const;
  void flush_stored();
  void say_have();
  void say_chunks(const std::vector<ChunkIndex>& chunks, LaneMessage (*make)(std::vector<ChunkIndex>));
  void finish_if_complete();
  void say(LaneMessage message);
  void broken(Error trouble);
  void stop(Error trouble, Stop told);
  void end(std::optional<Error> trouble);

  TransferId transfer_;
  std::uint64_t agreed_entries_;
  std::optional<std::uint64_t> agreed_bytes_;        // nothing: a stream
  Phase phase_ = Phase::manifest;
  LaneWatch watch_;
  std::optional<LaneNumber> voice_;                  // the lane we speak on
  std::optional<Reading> reading_;
  std::set<LaneNumber> unheeded_;                    // a manifest comes there that is known, or given up for another lane's
  std::shared_ptr<const Manifest> manifest_;
  ChunkHash digest_{};
  bool stream_ = false;
  ChunkMap stored_, durable_;
  std::map<ChunkIndex, int> arriving_;               // on how many lanes
  std::map<ChunkIndex, int> wrong_;                  // how often
  std::set<ChunkIndex> asked_again_;                 // said Again, and it has not begun since
  std::map<ChunkIndex, ChunkHash> checks_;           // not decided yet
  std::vector<ChunkIndex> unreported_;               // stored, not said yet
  std::uint64_t unreported_bytes_ = 0;
  std::optional<TimePoint> report_at_;
  struct Tail { ChunkIndex chunk; std::uint64_t length; };
  std::optional<Tail> tail_;                         // a stream's short last chunk
  std::optional<std::uint64_t> end_;                 // what End said
  std::vector<std::string> names_;
  std::optional<TimePoint> farewell_by_;             // nothing in Phase::verified: the receipt is being made
  bool receipt_promised_ = false;
  std::optional<Receipt> receipt_;
  std::uint64_t stored_bytes_ = 0, durable_bytes_ = 0, resumed_bytes_ = 0;
  TimePoint now_;                                    // of the latest input
  std::deque<Action> actions_;
};

}  // namespace pshare
