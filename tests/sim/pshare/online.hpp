// What a verb of pshare needs on a simulated machine, as apps/pshare/online has it: the link to the server, the signals that go over it, the
// door where lanes come in, and an account of what happened.
//
// Signals travel in their real encoding but are not sealed. Keys would come from the system's randomness, and no run would be like another;
// the server forwards ciphertext as it forwards this, and forgery has tests elsewhere.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "pshare/climb.hpp"
#include "pshare/door.hpp"
#include "pshare/server_link.hpp"
#include "traversal/gathering.hpp"
#include "wire/signal.hpp"

namespace pshare::sim {

/// Somebody at a machine.
struct Person {
  std::string name;
  Machine& machine;
  PublicKey key;
  std::optional<Port> forwarded{};  // --port
};

/// Everything that people notice, in order: two runs that agree in it are the same run.
class Chronicle {
 public:
  explicit Chronicle(World& world) : world_(world) {}
  void note(const std::string& who, const std::string& what);
  const std::vector<std::string>& lines() const { return lines_; }

 private:
  World& world_;
  std::vector<std::string> lines_;
};

/// What a verb comes to.
struct Account {
  std::vector<Attempt> attempts;
  std::vector<Path> paths;       // that were used, one after the other
  bool ended = false;
  std::optional<Error> trouble;  // nothing, and ended: all went well
  TimePoint ended_at{};
};

struct Letter {
  PeerId from;
  DeviceId device;
  Signal signal;
};

class Online {
 public:
  enum class Attendance { offers, answers_only };

  /// All of the first three live longer.
  Online(World& world, const Person& person, Chronicle& chronicle, Server server, Attendance attendance);

  World& world() { return world_; }
  Machine& machine() { return person_.machine; }
  ServerLink& server() { return server_; }
  Door& door() { return door_; }
  PeerId id() const { return id_of(person_.key); }

  void send(const PeerId& to, DeviceId device, const Signal& signal, bool wait, Duration patience, ServerLink::Answer answer = {});
  /// Signals of this session from this peer go there.
  void expect(const SessionId& session, const PeerId& peer, std::function<void(const Letter&)> handler);
  /// Offers of sessions that nobody expects.
  void set_on_offer(std::function<void(const Letter&)> handler) { on_offer_ = std::move(handler); }
  void set_on_reconnected(std::function<void()> handler) { on_reconnected_ = std::move(handler); }

  std::vector<Candidate> candidates() const;
  /// Begins to look for the peer, at its candidates and at the door. Its attempts are put on the account.
  Climb& climb(const SessionId& session, const PeerId& peer, const std::vector<Candidate>& remote, Duration patience, Climb::Lanes lanes,
               Climb::Events events);
  void note(const std::string& what) { chronicle_.note(person_.name, what); }

  // What every verb tells, and has told of it.
  Account account;
  void found(const Path& path);
  void lost(const Error& why);
  void end(std::optional<Error> trouble);

 private:
  struct Slot { PeerId peer; std::function<void(const Letter&)> handler; };

  void came_online(const Welcome& welcome);
  void deliver(const Delivery& delivery);
  std::vector<pshare::LocalAddress> local_addresses() const;

  World& world_;
  const Person& person_;
  Chronicle& chronicle_;
  std::optional<Endpoint> observed_;
  bool was_online_ = false;
  std::map<SessionId, Slot> slots_;
  std::function<void(const Letter&)> on_offer_;
  std::function<void()> on_reconnected_;
  Door door_;
  ServerLink server_;
  std::deque<std::unique_ptr<Climb>> climbs_;  // with the lanes that came of them
};

}  // namespace pshare::sim
