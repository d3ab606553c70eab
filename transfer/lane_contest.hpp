// Which of two lanes between the same two machines carries faster: one over TCP, one over QUIC, both up, and nobody can tell beforehand. Some
// networks throttle UDP, on others loss makes TCP crawl (design sections 6 and 8). A core inside the sender's (transfer/sender.hpp).
//
// The lanes carry chunks in turns, one lane alone in each, since side by side they would share a bottleneck and measure each other. What counts is
// what the receiver reports stored. The beginning of a turn does not count: TCP's slow start, after a pause once more, and BBR's start-up are
// given their time, and what the other lane still has under way comes home. From then on the rate is measured from one report to a later one, so
// that it makes no difference how chunks fall into the turn. After two turns each, or when one lane is clearly ahead, the faster is chosen. The other
// is seen off: it gets no more chunks, and is retired when those on it have arrived.
//
//   incumbent    #### carries ####|               |#### measured ####|               | ... or seen off
//   rival                         |## measured ###|                  |## measured ###| ... or seen off
//
// Numbers that we chose:
//   a turn takes at least turn_settling + turn_measuring, and a whole contest so some 2.5 s on most paths, at most 4 * turn_patience.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "transfer/lane_watch.hpp"
#include "wire/core.hpp"
#include "wire/ids.hpp"
#include "wire/units.hpp"

namespace pshare {

/// With less than this left to send, whichever lane there is will do.
inline constexpr std::uint64_t contest_least_left = 32 * MiB;
/// Likewise if the incumbent, at the rate of its first turn, is done within this: a rival that carries nothing costs turn_patience, and
/// one that is twice as fast saves no more than half of what is left.
inline constexpr Duration contest_least_time = std::chrono::seconds{6};
/// One may fall into a bad moment, two seldom do.
inline constexpr std::size_t turns_each = 2;
/// A turn's beginning that never counts. Slow start doubles each round trip: from ten segments to 100 Mbit/s at 30 ms takes it six of them.
inline constexpr Duration turn_settling = std::chrono::milliseconds{200};
/// The beginning lasts so many times as long as the turn's first chunk took: on a long path that one has come through slow start, too.
inline constexpr int settling_of_first = 2;
/// Then so long, and so many reports, so that neither a short burst nor one late report decides.
inline constexpr Duration turn_measuring = std::chrono::milliseconds{400};
inline constexpr std::size_t turn_reports = 3;
/// A turn ends after this, however little has come. The beginning takes at most half of it.
inline constexpr Duration turn_patience = std::chrono::milliseconds{2500};
/// So much faster than the preferred lane must the other be: QUIC costs each byte two to three times the processor time of TCP.
inline constexpr double contest_margin = 1.25;
/// So much faster, and one turn each is enough.
inline constexpr double clearly_faster = 3;
/// What one lane may have under way during a contest, of the window: what is stuck on a lane that carries nothing must not keep the other waiting.
inline constexpr std::uint64_t contest_flight = 8 * MiB;
/// A lane is seen off as long as its chunks come home, but when nothing has come for this long, they are sent again on the other.
inline constexpr Duration seeing_off_silence = std::chrono::seconds{2};
/// One that was only relayed may be slow without being dead: to send twice what it still brings would be waste.
inline constexpr Duration succession_silence = lane_silence;

class LaneContest {
 public:
  enum class Why {
    measured,     // the rates say so
    little_left,  // not worth a contest
    untold,       // nothing came on either lane, or nothing but chunks that take no bytes on the wire
    other_lost,   // the other lane ended by itself
    better_path,  // no contest at all: the rival goes straight, where the incumbent goes through a relay
  };
  /// What became of one lane. Rates are bytes on the wire each second; 0 if they were not measured.
  struct Finding { Why why = Why::measured; double own_rate = 0, other_rate = 0; };

  struct Chosen { LaneNumber lane; Finding finding; };  // not the incumbent: from now on this lane carries
  struct Retire { LaneNumber lane; Finding finding; };  // all that was on it has arrived; or nothing came any more, and the rest must be sent again
  using Action = std::variant<Chosen, Retire>;

  /// `preferred` is one of the two and wins unless the other is faster by contest_margin.
  struct Lanes { LaneNumber incumbent, rival, preferred; };

  /// Until begin(), the incumbent goes on alone. What is under way on it already is told by sent().
  explicit LaneContest(const Lanes& lanes) : lanes_(lanes) {}

  /// `left`: bytes to be sent from now on; nothing: unknown, of a stream.
  void begin(std::optional<std::uint64_t> left, TimePoint now);
  /// Instead of begin(): the rival is to be used, however fast it is.
  void succeed(TimePoint now);
  /// May this lane get another chunk now?
  bool may_carry(LaneNumber lane) const;

  void sent(LaneNumber lane, ChunkIndex chunk, std::uint64_t bytes);  // handed to that lane, so many bytes of the source
  void prepared(ChunkIndex chunk, std::uint64_t wire_bytes);          // what it takes on the wire: if not told, as much as of the source
  void stored(ChunkIndex chunk, TimePoint now);
  void again(ChunkIndex chunk) { flight_.erase(chunk); }              // it arrived damaged
  void lane_lost(LaneNumber lane, TimePoint now);

  void expire(TimePoint now);
  std::optional<TimePoint> deadline() const;
  std::optional<Action> take();
  /// After the last action was taken: there is one lane left, or none.
  bool over() const { return std::holds_alternative<Over>(state_) && actions_.empty(); }

 private:
  struct Turn {
    LaneNumber lane;
    TimePoint began;
    std::uint64_t all_bytes = 0;           // stored since it began
    std::optional<TimePoint> first{};      // report of the turn
    std::optional<TimePoint> from{}, to{}; // reports between which is measured
    std::uint64_t bytes = 0;               // reported after `from`
    std::size_t reports = 0;               // likewise
    bool hollow = false;                   // chunks without payload came, which say nothing of the lane

    TimePoint settled() const;
    double rate(TimePoint now) const;
  };
  struct Waiting {};
  struct SeeingOff { LaneNumber lane; Finding finding; TimePoint last_heard; Duration silence; };
  struct Over {};
  struct Flight { LaneNumber lane; std::uint64_t bytes, wire_bytes; };

  LaneNumber other(LaneNumber lane) const { return lane == lanes_.incumbent ? lanes_.rival : lanes_.incumbent; }
  std::uint64_t under_way(LaneNumber lane) const;
  void count(Turn& turn, std::uint64_t wire_bytes, TimePoint now);
  void end_turn(TimePoint now);
  std::optional<LaneNumber> faster() const;
  double rate_of(LaneNumber lane) const;
  bool worth_it(double rate) const;
  void decide(LaneNumber winner, Why why, TimePoint now);
  void retire_if_home();

  Lanes lanes_;
  std::variant<Waiting, Turn, SeeingOff, Over> state_;
  std::optional<std::uint64_t> left_;
  std::map<ChunkIndex, Flight> flight_;
  std::map<LaneNumber, std::vector<double>> rates_;  // of turns that are over
  std::deque<Action> actions_;
};
static_assert(Core<LaneContest>);

/// For people: "it carries 12 MB/s, the other one 340 kB/s".
std::string words(const LaneContest::Finding& finding);

}  // namespace pshare
