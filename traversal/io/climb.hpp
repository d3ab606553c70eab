// One climb: from what the peer has told of itself to lanes, or to the words that say why there are none. What it does, traversal/ascent
// decides; traversal/io/climber owns and starts it.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <vector>

#include "io/asio.hpp"
#include "io/task_group.hpp"
#include "io/wakeup.hpp"
#include "traversal/ascent.hpp"
#include "traversal/io/climber.hpp"
#include "traversal/io/punching.hpp"

namespace pshare {

class Climb {
 public:
  /// The sender's climb takes the ladder's winner and closes all else; the receiver's gives every lane to Climber::next_lane().
  Climb(Climber& climber, Targets targets, const Climber::Wanted& wanted);

  /// Starts the climb's tasks in `tasks`; they end with the group, and the climb outlives it. Goes on after there is a lane: rivals may come,
  /// and punched holes are kept open. Returns when it gives way. Errors: no_path.
  awaitable<void> run(TaskGroup& tasks);

  /// Another climb is wanted.
  void give_way();
  /// The peer came to the door, or met us at a relay.
  void came(LanePtr lane);
  void heard(const Punch& punch);
  void add(const Targets& more);
  void learned(const NatFacts& mine, const PeerFacts& theirs);
  void try_again();
  void meeting_ended(Tier tier, const std::optional<Error>& trouble);
  void fell_back(const Path& to);
  void more_relays();
  void mapping_trouble(std::optional<Reason> reason) { ascent_.mapping_trouble(reason); }
  TimePoint began() const { return began_; }

 private:
  void perform(Ascent::Action action);
  awaitable<void> dial(std::size_t number);
  awaitable<void> meet(Tier tier);
  awaitable<void> expect_word(Tier tier);
  void lane_up(LanePtr lane, std::optional<std::size_t> dial);
  void punch(std::vector<Transport> over);
  void punching_ended(Transport transport, Reason reason, std::string words);
  void stop_punching(Transport transport);
  bool udp_is_closed() const;
  void punch_anew_if_udp_has_opened();
  void report(const Attempt& attempt) const;
  std::optional<LanePtr> take(LaneKey lane);
  void use(LaneKey key);

  Climber& climber_;
  TimePoint began_, begin_;
  Duration plain_patience_;
  Ascent ascent_;
  TaskGroup* tasks_ = nullptr;         // while it runs
  Wakeup news_;                        // the ascent has been told something
  bool gives_way_ = false;
  std::optional<Tier> won_by_;
  std::map<LaneKey, LanePtr> lanes_;   // the sender's: up and not yet chosen
  std::deque<Punching> punchings_;     // the last is the one that counts; tasks of the others end with the climb
  std::set<Transport> punched_over_;   // that have not ended
  std::vector<Transport> punch_again_; // when all of them have
  bool udp_was_closed_ = false;        // to us or to the peer, when the last punching began
  std::vector<Punch> heard_early_;
  std::uint64_t supernode_turn_ = 0;   // the receiver's latest look for supernodes
};

}  // namespace pshare
