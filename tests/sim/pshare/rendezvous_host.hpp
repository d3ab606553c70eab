// pshare-server in the simulated internet: the real cores on a machine: the rendezvous with framed control messages over TCP, and the STUN
// server on two UDP ports at all of the machine's addresses. It dials back whom the rendezvous tells it to. There is no reflect role, since
// secured streams know no ALPN. Its process and its machine can go and come again; names are on its disk.
#pragma once

#include <deque>
#include <map>
#include <memory>

#include "network/machine.hpp"
#include "pshare/secured_stream.hpp"
#include "relay/rendezvous.hpp"
#include "relay/stun_server.hpp"

namespace pshare::sim {

inline constexpr Port rendezvous_port{4700};
inline constexpr Port alternate_stun_port{4701};

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
  /// A dial-back on its way; one of the two is open.
  struct Dialling {
    std::uint64_t number = 0;
    TcpSocket tcp{};
    UdpSocket udp{};
    bool over = false;
  };
  void dial_back(const Rendezvous::DialBack& back);
  void dial_tcp(Dialling& dialling, const Rendezvous::DialBack& back);
  void dial_udp(Dialling& dialling, const Rendezvous::DialBack& back);
  void dialled(Dialling& dialling, DialBackOutcome outcome);
  std::optional<std::pair<IpAddress, IpAddress>> two_addresses() const;
  UdpSocket serve_stun(Port port);

  World& world_;
  Machine& machine_;
  PublicKey key_;
  MemoryNameStore names_;
  TcpListener listener_;
  std::unique_ptr<Driver<Rendezvous>> core_;
  std::optional<StunServer> stun_;
  UdpSocket stun_socket_, alternate_stun_socket_;
  std::deque<Dialling> dialling_;       // of this process, those that are over too
  std::deque<Connection> connections_;  // of this process, those that have ended too
  std::map<DeviceId, Connection*> by_device_;
  std::uint64_t control_bytes_ = 0;
};

}  // namespace pshare::sim
