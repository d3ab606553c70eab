// The receiving side of one session, as a core: takes the manifest, says what is here already, has chunks stored and synced, asks again
// for what arrived wrong, and has everything finished once the last chunk is durable. Nothing here touches a disk or a socket.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <variant>
#include <vector>

#include "transfer/chunk_map.hpp"
#include "transfer/manifest.hpp"
#include "transfer/sender.hpp"
#include "wire/error.hpp"
#include "wire/lane_messages.hpp"
#include "wire/signal.hpp"
#include "wire/time.hpp"

namespace pshare {

class Receiver {
 public:
  struct Say    { LaneNumber lane; LaneMessage message; };
  struct Open   { std::shared_ptr<const Manifest> manifest; bool stream = false; };  // shared by core and sink; find or make the partial, then opened()
  struct Finish { std::uint64_t bytes = 0; };                    // all chunks durable: give final names, then finished()
  struct Forget {};                                              // the sender knows: remove the partial folder
  struct Drop   { LaneNumber lane; };
  struct Ended  { std::optional<Error> trouble; };               // last action
  using Action = std::variant<Say, Open, Finish, Forget, Drop, Ended>;

  /// What the sink found when it opened the partial folder.
  struct Found {
    ChunkMap durable;
    std::vector<HaveCheck::Item> checks;   // bytes lie there, but from an older version of the source
    bool finished = false;                 // all was delivered before, only the sender does not know
    std::vector<std::string> names;        // if finished: the final top-level names
  };

  struct Progress {
    std::uint64_t total = 0, stored = 0, durable = 0, resumed = 0;
    bool manifest_known = false, finishing = false, ended = false;
  };

  /// `summary` is what the user agreed to: a manifest with more entries or bytes is refused.
  Receiver(TransferId transfer, const Summary& summary, TimePoint now);

  void lane_joined(LaneNumber lane, TimePoint now);
  void lane_lost(LaneNumber lane, TimePoint now);
  void received(LaneNumber lane, const LaneMessage& message, TimePoint now);  // all but ChunkHeader
  /// A chunk begins. True: its payload is wanted, and stored() or wrong() will follow. False: it is a duplicate; read it over.
  /// Errors: malformed (no such chunk, length that does not fit, before the manifest); the lane is then dropped by an action.
  Result<bool> chunk_begins(LaneNumber lane, const ChunkHeader& header, TimePoint now);
  void chunk_lost(ChunkIndex chunk, TimePoint now);               // its lane ended in the middle of the payload
  void stored(ChunkIndex chunk, TimePoint now);                   // written, in the journal as written
  void wrong(ChunkIndex chunk, TimePoint now);                    // does not have its hash
  void synced(const std::vector<ChunkIndex>& chunks, TimePoint now);
  void opened(Found found, TimePoint now);
  void finished(std::vector<std::string> names, TimePoint now);
  void disk_failed(Error trouble, TimePoint now);                 // says Stop to the peer, then Ended
  void cancel(TimePoint now);
  void expire(TimePoint now);
  std::optional<TimePoint> deadline() const;
  std::optional<Action> take();

  Progress progress() const;
  // private members are the implementer's
};

}  // namespace pshare
