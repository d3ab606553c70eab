// Whether and how hard to compress the next chunk: a decision from what was measured, without zstd and without a clock.
//
// A chunk of ratio r (compressed to raw) travels, per second of raw bytes, at min(compressor, wire / r). The choice is the level at
// which that is highest; of equals the cheapest. So the compressor just keeps the wire busy: on a slow wire it has time for a
// high level, on a fast one it turns itself off, and on again when the wire becomes what everyone waits for. Compressing competes
// with all else for the processor, so it has to promise clearly more than sending the chunk as it is.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "transfer/sample.hpp"
#include "wire/time.hpp"

namespace pshare {

/// --level.
struct LevelSetting {
  enum class Mode { automatic, none, fixed };
  Mode mode = Mode::automatic;
  int level = 0;  // fixed only: lowest_level to highest_level
};

/// A chunk that would not shrink below this share of itself is sent as it is, whatever the setting.
inline constexpr double worthwhile_ratio = 0.95;
/// So much faster than uncompressed must compressed promise to be.
inline constexpr double compression_margin = 1.15;

class LevelChoice {
 public:
  /// `workers`: how many chunks are compressed at the same time.
  LevelChoice(LevelSetting setting, std::size_t workers);

  struct Choice {
    enum class How { zeros, stored, zstd };
    How how = How::stored;
    int level = 0;  // zstd only
    friend bool operator==(const Choice&, const Choice&) = default;
  };

  /// How many lanes write at the same time; one unless told otherwise.
  void lanes(std::size_t count);
  /// A lane took `bytes` (as they are on the wire) and was busy writing for so long; pauses of --limit included, as the wire is
  /// no faster than that.
  void wrote(std::uint64_t bytes, Duration busy);
  /// A chunk was compressed at `level`, from `raw` to `wire` bytes, in so long on one worker.
  void compressed(int level, std::uint64_t raw, std::uint64_t wire, Duration took);

  Choice next(const Sample& sample);

 private:
  /// The levels that are considered, and what to expect of each before it was tried, compared with level 1.
  struct Step { int level; double speed, gain; };
  static constexpr std::array<Step, 6> steps{{{1, 1.0, 1.0}, {3, 0.70, 0.93}, {6, 0.25, 0.88}, {9, 0.14, 0.85}, {12, 0.06, 0.83}, {15, 0.03, 0.81}}};

  double compressor_speed(std::size_t step) const;  // all workers together, raw bytes each second

  LevelSetting setting_;
  double workers_, lanes_ = 1;
  double wire_bytes_ = 0, wire_seconds_ = 0;                 // decaying sums
  std::array<std::optional<double>, steps.size()> speeds_;   // of one worker; measured
  std::size_t uncompressed_ = 0;                             // chunks in a row that would have shrunk
};

}  // namespace pshare
