// `pshare receive --once --yes` on a simulated machine: waits for an offer, accepts it, climbs, and receives. As apps/pshare/reception, for one
// session; other offers are left unanswered.
#pragma once

#include <memory>
#include <string>

#include "pshare/online.hpp"
#include "pshare/session_lanes.hpp"

namespace pshare::sim {

class Receiving {
 public:
  /// Begins at once. `world`, `person`, `chronicle` and `disk` live longer.
  Receiving(World& world, const Person& person, Chronicle& chronicle, Server server, Disk& disk);

  const Account& account() const { return online_.account; }
  bool registered() const { return registered_; }
  bool online() { return online_.server().online(); }

 private:
  void offered(const Letter& letter);
  void heard_of(const Letter& letter);
  void answer();
  void attend();
  void look_for_lanes(Duration patience);
  void stop(std::optional<Error> trouble);

  Online online_;
  Machine& machine_;
  Disk& disk_;
  bool registered_ = false;
  PeerId from_;
  DeviceId sender_device_;
  std::optional<Offer> offer_;
  std::optional<Accept> accepted_;
  bool attending_ = false, over_ = false;
  SessionLanes lanes_;
  std::unique_ptr<ReceivingSide> side_;
  Climb* climb_ = nullptr;  // the present one
};

}  // namespace pshare::sim
