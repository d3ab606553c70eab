// How fast it goes, how long it will take, and what everyone waits for: the figures of the progress line. Pure; the time is passed in.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>

#include "wire/time.hpp"
#include "wire/units.hpp"

namespace pshare {

/// The rate shown is the average over so long.
inline constexpr Duration meter_window = std::chrono::seconds{4};
/// A guess at the bottleneck needs so much waiting to go by, within the same time.
inline constexpr Duration meter_least_wait = std::chrono::milliseconds{100};

class Meter {
 public:
  /// What somebody may wait for. `limit` is --limit.
  enum class Bottleneck { disk, cpu, network, other_side, limit };

  explicit Meter(TimePoint now);

  /// So many bytes are done, all together; never less than before. What had been done before this session began is not speed:
  /// it is given to the first call.
  void done(std::uint64_t bytes, TimePoint now);
  /// Somebody waited for `what`, until now, for so long: a read of the disk, a worker, a full lane, an empty window, the bucket.
  void waited(Bottleneck what, Duration how_long, TimePoint now);

  /// Bytes each second over the last meter_window (or since the beginning, if that is shorter); falls to 0 in a stall.
  BytesPerSecond rate(TimePoint now) const;
  /// Until `total` is done at that rate. Nothing while nobody can tell.
  std::optional<Duration> remaining(std::uint64_t total, TimePoint now) const;
  /// What was waited for longest within meter_window. Nothing while there was hardly any waiting.
  std::optional<Bottleneck> bottleneck(TimePoint now) const;

 private:
  struct Point { TimePoint at; std::uint64_t bytes; };
  struct Wait  { TimePoint until; Bottleneck what; Duration length; };
  void forget(TimePoint now);

  std::deque<Point> points_;  // the first is at or before the window's beginning
  std::deque<Wait> waits_;
  bool started_ = false;
};

}  // namespace pshare
