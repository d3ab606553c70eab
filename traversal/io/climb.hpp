// One climb: from a list of candidates to a lane, or to the words that say why there is none. What it does, traversal/ascent decides.
// traversal/io/climber owns and starts it.
#pragma once

#include <map>
#include <optional>
#include <vector>

#include "io/asio.hpp"
#include "io/task_group.hpp"
#include "io/wakeup.hpp"
#include "traversal/ascent.hpp"
#include "traversal/io/climber.hpp"

namespace pshare {

class Climb {
 public:
  enum class Lanes {
    chosen,  // the ladder's winner is ours to use, and the others are closed (the sender)
    kept,    // every lane goes to Climber::next_lane() (the receiver)
  };

  Climb(Climber& climber, Targets targets, Lanes lanes, TimePoint until);

  /// Starts the climb's tasks in `tasks`; they end with the group, and the climb outlives it. Gives the winner for Lanes::chosen;
  /// nothing for Lanes::kept, where callers are let in and dials come to their end after it has returned. Errors: no_path.
  awaitable<LanePtr> run(TaskGroup& tasks);

 private:
  void perform(Ascent::Action action, TaskGroup& tasks, LanePtr& chosen, bool& won);
  awaitable<void> accept_lanes();
  awaitable<void> dial(std::size_t number);
  void lane_up(LanePtr lane, std::optional<std::size_t> pair);
  void report(const Attempt& attempt) const;

  Climber& climber_;
  Lanes keep_;
  TimePoint began_;
  Ascent ascent_;
  Wakeup news_;                                  // the ascent has been told something
  std::map<LaneKey, LanePtr> lanes_;             // Lanes::chosen: up and not yet chosen
};

}  // namespace pshare
