// What a verb needs to deal with peers: the link to the server, the letters that go over it, and the door where lanes come in.
#pragma once

#include "apps/pshare/correspondence.hpp"
#include "apps/pshare/program.hpp"
#include "apps/pshare/server_choice.hpp"
#include "io/task_group.hpp"
#include "io/wakeup.hpp"
#include "traversal/io/climber.hpp"
#include "traversal/io/lane_door.hpp"
#include "traversal/io/rendezvous_client.hpp"

namespace pshare {

class Online {
 public:
  /// Listens for lanes at once (on --port if it was given); everything else begins with begin(). Throws busy.
  Online(Program& program, ServerAddress address, RendezvousClient::Attendance attendance);

  /// Connects to the server and serves letters and lanes by tasks of this group.
  void begin(TaskGroup& tasks);

  RendezvousClient& server() { return server_; }
  Correspondence& letters() { return letters_; }

  /// Returns when the link to the server has been made again after a loss: what waited there is forgotten.
  awaitable<void> reconnected();

  /// For one session with one peer. The Online lives longer.
  Climber climber(SessionId session, PeerId peer, ClimbRole role);
  /// Ours, as far as they are known: the server need not be there.
  std::vector<Candidate> candidates(const Climber& climber) const;

 private:
  awaitable<void> watch_address();
  void state_changed(bool connected, const std::string& words);

  Program& program_;
  RendezvousClient server_;
  Correspondence letters_;
  LaneDoor door_;
  std::optional<Endpoint> observed_;  // where the server saw us last
  bool connected_before_ = false, told_of_trouble_ = false;
  Wakeups reconnected_;
};

}  // namespace pshare
