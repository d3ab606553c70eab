// pshare-server in the simulated internet: the real rendezvous core on a machine, with framed control messages over TCP. Its process and
// its machine can go and come again; names are on its disk.
#pragma once

#include <deque>
#include <map>
#include <memory>

#include "network/machine.hpp"
#include "pshare/secured_stream.hpp"
#include "relay/rendezvous.hpp"

namespace pshare::sim {

inline constexpr Port rendezvous_port{4700};

/// The wall clock of everybody in the simulated world, who need not agree with ours.
UnixTime wall_clock(TimePoint now);

class RendezvousHost {
 public:
  /// Does not run yet. `world` and `machine` live longer.
  RendezvousHost(World& world, Machine& machine, const PublicKey& key) : world_(world), machine_(machine), key_(key) {}

  void start();
  /// The process: its connections are closed.
  void kill();
  /// The machine: nobody hears of it.
  void power_off();

  const PublicKey& key() const { return key_; }
  std::vector<Endpoint> endpoints() const;
  std::size_t clients() const { return core_->core().clients(); }
  std::uint64_t control_bytes() const { return control_bytes_; }  // of messages, in both directions, ever

 private:
  struct Connection {
    std::unique_ptr<SecuredStream> stream;
    FrameReader frames{};
    std::optional<DeviceId> device{};  // once it has proven its key
  };

  void accept(TcpSocket socket);
  void ready(Connection& connection);
  void heard(Connection& connection, ByteView bytes);
  void gone(Connection& connection);
  void perform(Rendezvous::Action action);

  World& world_;
  Machine& machine_;
  PublicKey key_;
  MemoryNameStore names_;
  TcpListener listener_;
  std::unique_ptr<Driver<Rendezvous>> core_;
  std::deque<Connection> connections_;  // of this process, those that have ended too
  std::map<DeviceId, Connection*> by_device_;
  std::uint64_t control_bytes_ = 0;
};

}  // namespace pshare::sim
