// Where lanes come in, as traversal/io/lane_door has it: one listener, a caller proves a key that some session expects, then names that
// session, and hears that we are ready. Limits for strangers are left out: nobody strange calls here.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <utility>

#include "pshare/lane_stream.hpp"

namespace pshare::sim {

class Door {
 public:
  using Caller = std::function<void(LaneStream&)>;

  /// Listens on every address. `machine` lives longer, and lanes live as long as the door.
  Door(Machine& machine, const PublicKey& own, Port port);

  Port port() const { return listener_.port(); }
  /// From now on that peer may come in with that session, and waits until it is served.
  void expect(const SessionId& session, const PeerId& peer);
  /// `caller` gets those who wait and those who come.
  void serve(const SessionId& session, Caller caller);
  /// Those who wait, and those who come until the next serve(), see the connection closed.
  void turn_away(const SessionId& session);

 private:
  struct Expected {
    PeerId peer;
    Caller caller{};
    std::deque<LaneStream*> waiting{};
    bool turned_away = false;
  };

  void let_in(TcpSocket socket);
  void greeted(LaneStream& lane, const LaneMessage& greeting);

  Machine& machine_;
  PublicKey own_;
  std::map<SessionId, Expected> expected_;
  std::deque<std::unique_ptr<LaneStream>> lanes_;
  TcpListener listener_;
};

}  // namespace pshare::sim
