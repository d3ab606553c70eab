// One climb: from a list of candidates to a lane, or to the words that say why there is none. traversal/io/climber owns and starts it.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "io/asio.hpp"
#include "io/task_group.hpp"
#include "io/wakeup.hpp"
#include "traversal/io/climber.hpp"
#include "traversal/ladder.hpp"

namespace pshare {

class Climb {
 public:
  enum class Lanes {
    chosen,  // the ladder's winner is ours to use, and the others are closed (the sender)
    kept,    // every lane goes to Climber::next_lane() (the receiver)
  };

  Climb(Climber& climber, std::vector<Pair> pairs, Lanes lanes, TimePoint until);

  /// Starts the climb's tasks in `tasks`; they end with the group, and the climb outlives it. Gives the winner for Lanes::chosen;
  /// nothing for Lanes::kept, where callers are let in and dials come to their end after it has returned. Errors: no_path.
  awaitable<LanePtr> run(TaskGroup& tasks);

 private:
  struct Dialled { std::size_t pair; std::optional<Error> trouble; };  // nothing: a lane came of it

  void perform(Ladder::Action action, TaskGroup& tasks, LanePtr& chosen, bool& won);
  awaitable<void> accept_lanes();
  awaitable<void> attempt_direct();
  awaitable<void> dial(std::size_t pair);
  void lane_up(LanePtr lane);
  void attempt_failed(Tier tier, Reason reason);
  void report(Tier tier, Outcome outcome, Reason reason, std::optional<Endpoint> remote) const;
  Failure no_path(const std::vector<Ladder::TierReason>& reasons) const;

  Climber& climber_;
  std::vector<Pair> pairs_;
  Lanes keep_;
  TimePoint began_;
  Ladder ladder_;
  Wakeup news_;                                  // the ladder has been told something
  Wakeup dial_ended_;
  std::vector<Dialled> ended_dials_;             // not yet seen by attempt_direct()
  std::map<std::size_t, std::string> tried_;     // pair -> what came of it, for no_path()
  bool stopped_ = false;                         // by the ladder: no further addresses are to be dialled
  std::map<LaneKey, LanePtr> lanes_;             // Lanes::chosen: up and not yet chosen
  std::uint32_t next_lane_ = 0;
};

}  // namespace pshare
