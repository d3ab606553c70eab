// Which chunk goes next, and to which lane. Lowest needed first, within a window; what was on a lost lane is needed again.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <vector>

#include "transfer/chunk_map.hpp"
#include "transfer/lane_watch.hpp"
#include "wire/ids.hpp"
#include "wire/units.hpp"

namespace pshare {

/// How much may be sent and not yet reported Stored; bounds what a kill of either side can cost.
inline constexpr std::uint64_t send_window = 16 * MiB;
/// For a stream the data is kept until it is Durable, so this bounds memory as well.
inline constexpr std::uint64_t stream_window = 32 * MiB;

/// How many chunks a stream's window spans, from the first that is not durable.
constexpr std::uint64_t stream_window_chunks(std::uint64_t chunk_size) { return stream_window / chunk_size; }

class Scheduler {
 public:
  enum class Window { until_stored, until_durable };

  Scheduler(std::uint64_t chunks, std::uint64_t chunk_size, Window window);

  /// The next chunk for this lane, from now on in flight there. Nothing: none is needed, or the window is full. `window`: that of
  /// Window::until_stored, in bytes.
  std::optional<ChunkIndex> next(LaneNumber lane, std::uint64_t window = send_window);

  void grow(std::uint64_t chunks);          // a stream has so many by now
  void hold(ChunkIndex chunk);              // it may turn out not to be needed: not sent before release()
  void release(ChunkIndex chunk);
  void spare(ChunkIndex chunk);             // it need not travel, but is not durable yet
  void stored(ChunkIndex chunk);
  void durable(ChunkIndex chunk);
  void again(ChunkIndex chunk);             // whatever was said of it, it must travel once more; unless it is durable
  void lane_lost(LaneNumber lane);

  std::uint64_t chunks() const { return durable_.size(); }
  bool all_durable() const { return durable_.full(); }
  bool is_stored(ChunkIndex chunk) const { return stored_.has(chunk); }    // durable ones included
  bool is_durable(ChunkIndex chunk) const { return durable_.has(chunk); }
  bool is_taken(ChunkIndex chunk) const { return taken_.has(chunk); }      // in flight, held, spared, stored
  ChunkIndex durable_prefix() const { return prefix_; }                    // all before it are durable
  std::size_t in_flight() const { return flight_.size(); }
  std::vector<ChunkIndex> in_flight(LaneNumber lane) const;

 private:
  bool within_window(ChunkIndex chunk, std::uint64_t window) const;
  void need(ChunkIndex chunk);

  std::uint64_t chunk_size_;
  Window window_;
  ChunkMap taken_, stored_, durable_;
  std::set<ChunkIndex> held_;                // these are taken as well
  std::map<ChunkIndex, LaneNumber> flight_;  // handed out, not yet stored
  ChunkIndex cursor_, prefix_;               // nothing needed lies before the one, nothing undurable before the other
};

}  // namespace pshare
