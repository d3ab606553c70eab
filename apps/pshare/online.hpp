// What a verb needs to deal with peers: the link to the server, the letters that go over it, the door where lanes come in, and where we stand in
// the network.
#pragma once

#include "apps/pshare/awake_clock.hpp"
#include "apps/pshare/correspondence.hpp"
#include "apps/pshare/program.hpp"
#include "apps/pshare/server_choice.hpp"
#include "io/task_group.hpp"
#include "io/wakeup.hpp"
#include "traversal/io/climber.hpp"
#include "traversal/io/lane_door.hpp"
#include "traversal/io/relay_guide.hpp"
#include "traversal/io/rendezvous_client.hpp"
#include "traversal/io/standpoint.hpp"

namespace pshare {

class Online {
 public:
  /// Listens for lanes at once (on --port if it was given); everything else begins with begin(). Throws busy.
  Online(Program& program, const std::vector<ServerAddress>& servers, RendezvousClient::Attendance attendance);

  /// Connects to the server and serves letters and lanes by tasks of this group.
  void begin(TaskGroup& tasks);

  RendezvousClient& server() { return server_; }
  Correspondence& letters() { return letters_; }
  Standpoint& standpoint() { return standpoint_; }

  /// A transfer stands still, or has lost its lanes, and the reason may be that our network is another one by now: looks after the connection to the
  /// server, on which the peer's next offer or answer comes, and after our own addresses. Costs a few packets.
  void doubt();

  /// What a climber wants said to the peer.
  void say(PublicKey peer, DeviceId device, const Climber::Word& word);

  /// The time by a clock that stands still while this program sleeps.
  TimePoint awake() { return awake_.at(Clock::now()); }

  /// Returns when the link to the server has been made again after a loss: what waited there is forgotten.
  awaitable<void> reconnected();

  /// For one session with one peer. The Online lives longer.
  Climber climber(SessionId session, PeerId peer, ClimbRole role, const CheckKey& key);
  /// What a peer has been told of us, in one session. `device` may become another, and lives longer.
  struct Told {
    SessionId session;
    PublicKey peer;
    const DeviceId& device;
    std::vector<Candidate> candidates;
    NatFacts facts;
  };
  /// Tells it what it does not know yet, as that comes to be known; and on each new connection to the server everything again, since letters to the
  /// old one, and some from there, are lost. Calls `moved` when candidates have come, and on each new connection. Runs beside a session until cancelled.
  awaitable<void> tell_more(Told told, std::function<void()> moved);

  /// The same error; where no path was found to `peer`, of whose network that is known, it says what to do, and that the server is out of reach if it is.
  Error advised(Error error, const std::string& peer, const NatFacts& theirs) const;

  /// Before the program ends: gives back what routers have opened.
  awaitable<void> farewell();

 private:
  awaitable<void> keep_awake_clock();
  void state_changed(bool connected, const Error& why);

  Program& program_;
  LaneDoor door_;
  RendezvousClient server_;
  Correspondence letters_;
  RelayGuide relays_;
  Standpoint standpoint_;
  std::vector<UdpPort::Registration> strays_;  // lanes of an earlier run on these ports: their peers are told that they are over
  bool connected_before_ = false, told_of_trouble_ = false, told_of_impostor_ = false;
  std::uint64_t reconnections_ = 0;
  Wakeups reconnected_;
  AwakeClock awake_{Clock::now()};
};

}  // namespace pshare
