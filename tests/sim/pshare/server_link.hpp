// A peer's connection to the server, kept alive and remade: drives the real rendezvous link over simulated TCP. Questions are answered by
// calls.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "network/machine.hpp"
#include "pshare/secured_stream.hpp"
#include "traversal/rendezvous_link.hpp"

namespace pshare::sim {

struct Server {
  std::vector<Endpoint> endpoints;  // the first of them that there is a route to is dialled
  PeerId id;                        // pinned
};

class ServerLink {
 public:
  struct Events {
    std::function<void(const Welcome&)> online{};
    std::function<void(const Error& why)> offline{};
    std::function<void(const Delivery&)> delivered{};
  };
  using Answer = std::function<void(Result<RendezvousLink::Reply>)>;

  /// Dials at once. `world` and `machine` live longer.
  ServerLink(World& world, Machine& machine, Server server, const PublicKey& own, std::vector<std::string> features, Events events);

  void ask(Request request, Duration patience, Answer answer = {});
  bool online() const { return link_.core().online(); }

 private:
  void perform(RendezvousLink::Action action);
  void dial();
  void heard(ByteView bytes);
  void lost(const SecuredStream* connection, Error why);

  World& world_;
  Machine& machine_;
  Server server_;
  PublicKey own_;
  Events events_;
  Driver<RendezvousLink> link_;
  std::deque<std::unique_ptr<SecuredStream>> connections_;  // the last is the present one; the others have ended
  SecuredStream* connection_ = nullptr;
  FrameReader frames_;
  std::map<RequestNumber, Answer> asked_;
};

}  // namespace pshare::sim
