// One climb on simulated connections: does what the real ascent decides, as traversal/io/climb does on real ones.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <vector>

#include "pshare/lane_stream.hpp"
#include "traversal/ascent.hpp"

namespace pshare::sim {

class Climb {
 public:
  enum class Lanes {
    chosen,  // the winner is told, and the others are closed (the sender)
    kept,    // every lane is told, also after the first (the receiver)
  };
  struct Goal {
    PublicKey own;
    SessionId session;
    PeerId peer;
  };
  struct Events {
    std::function<void(LaneStream&, const Path&)> lane{};
    std::function<void(const Attempt&)> attempt{};
    std::function<void(const Error&)> no_path{};  // the last
  };

  /// Begins with start(). `world` and `machine` live longer; lanes that were dialled live as long as this.
  Climb(World& world, Machine& machine, Goal goal, Targets targets, Ascent::Settings settings, Lanes lanes, Events events);
  Climb(const Climb&) = delete;

  void start();
  /// The peer came to the door.
  void came(LaneStream& lane);
  /// Lanes that were told of stay; all else is closed, and nothing is told any more.
  void end();

 private:
  struct Dial { std::unique_ptr<LaneStream> lane; bool over = false; };
  struct Contender { LaneStream* lane; Path path; };

  void perform(const Ascent::Action& action);
  void dial(std::size_t pair);
  void dialled(std::size_t dial, std::size_t pair, const LaneMessage& answer);
  void dial_failed(std::size_t dial, std::size_t pair, Errc why);
  void up(LaneStream& lane, std::optional<std::size_t> pair);

  World& world_;
  Machine& machine_;
  Goal goal_;
  Lanes keep_;
  Events events_;
  TimePoint began_;
  Driver<Ascent> ascent_;
  std::deque<Dial> dials_;
  std::map<LaneKey, Contender> contenders_;  // Lanes::chosen: up and not yet chosen
  bool over_ = false;
};

}  // namespace pshare::sim
