// The sending side of one session, as a core: says the manifest, learns what the receiver has, hands each missing chunk to whichever
// lane is free, and is done when the receiver has verified everything. Lanes join and leave at any time; a chunk that was on a
// lost lane goes to another. Nothing here reads a file or knows a socket.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <variant>
#include <vector>

#include "transfer/chunk_map.hpp"
#include "transfer/manifest.hpp"
#include "wire/error.hpp"
#include "wire/lane_messages.hpp"
#include "wire/time.hpp"
#include "wire/units.hpp"

namespace pshare {

/// A lane within its session, numbered by the driver as they join; never reused.
struct LaneNumber {
  std::uint32_t number = 0;
  friend auto operator<=>(const LaneNumber&, const LaneNumber&) = default;
};

/// How much may be sent and not yet reported Stored; bounds what a kill of either side can cost.
inline constexpr std::uint64_t send_window = 16 * MiB;
/// For a stream the data is kept until it is Durable, so this bounds memory as well.
inline constexpr std::uint64_t stream_window = 32 * MiB;
/// Without any lane for this long, the session ends as interrupted (its driver looks for lanes meanwhile).
inline constexpr Duration laneless_patience = std::chrono::seconds{30};
/// How often one chunk may be reported Again before the session fails.
inline constexpr int max_again = 3;

class Sender {
 public:
  struct Say       { LaneNumber lane; LaneMessage message; };        // in order on that lane
  struct SendChunk { LaneNumber lane; ChunkIndex chunk; };           // prepare, write, then call lane_free()
  struct Check     { ChunkIndex chunk; ChunkHash hash; };            // read and hash the source's chunk, then call checked()
  struct Drop      { LaneNumber lane; };                             // close it: it broke the protocol
  struct Ended     { std::optional<Error> trouble; std::vector<std::string> names; };  // last action; no trouble: Verified
  using Action = std::variant<Say, SendChunk, Check, Drop, Ended>;

  struct Progress {
    std::uint64_t total = 0;      // bytes of the run; 0 while a stream's is unknown
    std::uint64_t durable = 0;    // bytes the receiver has on disk
    std::uint64_t stored = 0;     // bytes the receiver has written (durable included)
    std::uint64_t resumed = 0;    // of those, what it had before this session or needed no sending
    bool manifest_sent = false, have_known = false, ended = false;
  };

  /// The manifest lives longer. `stream`: its length is not known; chunks become available by stream_grew().
  Sender(const Manifest& manifest, TransferId transfer, bool stream, TimePoint now);

  void lane_joined(LaneNumber lane, TimePoint now);
  void lane_lost(LaneNumber lane, TimePoint now);
  void lane_free(LaneNumber lane, TimePoint now);                    // the chunk given to it is written out; also right after joining
  void received(LaneNumber lane, const LaneMessage& message, TimePoint now);
  void checked(ChunkIndex chunk, bool same, TimePoint now);
  void stream_grew(std::uint64_t bytes, TimePoint now);              // so many bytes are available from its beginning
  void stream_ended(std::uint64_t bytes, TimePoint now);
  void source_failed(Error trouble, TimePoint now);                  // says Stop to the peer, then Ended
  void cancel(TimePoint now);                                        // the user's wish: likewise
  void expire(TimePoint now);
  std::optional<TimePoint> deadline() const;
  std::optional<Action> take();

  Progress progress() const;
  /// For a stream: everything before this chunk need not be kept any more.
  ChunkIndex durable_prefix() const;
  // private members are the implementer's
};

}  // namespace pshare
