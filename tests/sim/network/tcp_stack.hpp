// TCP of a simulated machine: sockets of its process, listeners, and which connection a segment belongs to. Local ports are shared freely,
// as if every socket had SO_REUSEADDR and SO_REUSEPORT: a listener and any number of connections to different remote endpoints.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "network/packet.hpp"
#include "network/tcp_connection.hpp"
#include "wire/result.hpp"

namespace pshare::sim {

class Machine;
class TcpStack;
struct KernelTcpSocket;
struct KernelTcpListener;

struct TcpListenSettings {
  std::optional<IpAddress> address{};  // nothing: all of both families; 0.0.0.0 or ::, all of one; else one of the machine's own
  Port port{};                         // 0: any that no TCP socket uses
};

struct TcpConnectSettings {
  Port from{};                        // 0: any that no TCP socket uses
  std::optional<IpAddress> source{};  // which of the machine's addresses; nothing: as routing says
  std::uint8_t ttl = 64;
};

/// A connection, or the attempt at one; whoever holds this has it open. Letting go of it closes it as close(2) does: what was written still
/// goes out, then FIN; or a reset, if something was unread. It dies with the process, which looks the same to the peer; from then on
/// it does nothing, and is not heard of. No call below calls back before it returns.
class TcpSocket {
 public:
  TcpSocket() = default;  // not open
  explicit TcpSocket(std::shared_ptr<KernelTcpSocket> socket) : socket_(std::move(socket)) {}
  TcpSocket(TcpSocket&&) noexcept = default;
  TcpSocket& operator=(TcpSocket&& other) noexcept;
  ~TcpSocket() { close(); }

  /// Until it has ended, or was closed, or its process was killed.
  bool is_open() const;
  bool is_connected() const;
  /// The peer's SYN has come, so a handshake is going on or over (Linux: TCP_INFO says so).
  bool is_answered() const;
  Endpoint local() const;
  Endpoint remote() const;
  /// What was measured; nothing before there is a measurement.
  std::optional<Duration> round_trip() const;
  std::uint64_t retransmissions() const;

  /// Takes as much as the send buffer holds, also before there is a connection; gives how much. on_writable tells when there is room again.
  std::size_t send(ByteView bytes);
  /// Written and not acknowledged.
  std::size_t unacknowledged() const;
  /// No more will be sent (FIN after what was written); receiving goes on.
  void finish();
  void close();
  /// Reset, at once.
  void abort();
  void set_ttl(std::uint8_t ttl);

  void on_connected(std::function<void()> call);
  /// What arrives waits for this to be set, and so do later bytes while reading is paused: then the window closes, and the peer has to wait.
  void on_data(std::function<void(ByteView bytes)> call);
  void pause_reading();
  void resume_reading();
  /// The peer will send no more. After everything it sent has gone to on_data.
  void on_finished(std::function<void()> call);
  void on_writable(std::function<void()> call);
  /// The last thing that is heard of it. Not called for what this side does itself: close(), abort(), a killed process.
  void on_closed(std::function<void(const TcpEnd& how)> call);

 private:
  std::shared_ptr<KernelTcpSocket> socket_;  // shared with the kernel, which goes on with a connection that its program has let go of
};

/// Letting go of it drops what is half open, and resets what nobody has taken yet.
class TcpListener {
 public:
  using OnAccept = std::function<void(TcpSocket socket)>;

  TcpListener() = default;  // not open
  explicit TcpListener(std::shared_ptr<KernelTcpListener> listener) : listener_(std::move(listener)) {}
  TcpListener(TcpListener&&) noexcept = default;
  TcpListener& operator=(TcpListener&& other) noexcept;
  ~TcpListener() { close(); }

  bool is_open() const;
  Port port() const;
  void close();
  /// Gets each connection once its handshake is complete. Connections wait for this to be set.
  void on_accept(OnAccept call);

 private:
  std::shared_ptr<KernelTcpListener> listener_;
};

/// The part of a machine's kernel. Programs use Machine::listen() and Machine::connect().
class TcpStack {
 public:
  TcpStack(Machine& machine, TcpSettings settings) : machine_(machine), settings_(settings) {}
  TcpStack(const TcpStack&) = delete;
  ~TcpStack() { lose_all(); }

  Result<TcpListener> listen(const TcpListenSettings& settings);
  TcpSocket connect(const Endpoint& to, const TcpConnectSettings& settings);
  void receive(const Packet& packet);
  void receive_error(const IcmpError& error);
  /// The process was killed: FIN or reset on every connection.
  void close_all();
  /// The power is gone: without a word.
  void lose_all();

 private:
  friend class TcpSocket;
  friend class TcpListener;
  using Socket = std::shared_ptr<KernelTcpSocket>;
  using Listener = std::shared_ptr<KernelTcpListener>;
  using Pair = std::pair<Endpoint, Endpoint>;  // local, remote

  Socket add(const Pair& pair, TcpConnection core);
  Listener listener_for(const Endpoint& local) const;
  TcpSettings settings_towards(const IpAddress& remote) const;
  void accept(const Packet& syn, const Listener& listener);
  /// Performs what the connection wants, and plans for its deadline.
  void drain(Socket socket);
  void send(const KernelTcpSocket& socket, TcpConnection::Segment segment);
  void connected(const Socket& socket);
  /// Tells the program what it does not know yet, as far as it reads.
  void tell(const Socket& socket);
  void tell_soon(const Socket& socket);
  void plan(const Socket& socket);
  void let_go(const Socket& socket);
  void close(const Listener& listener);
  void forget(const Socket& socket);

  Machine& machine_;
  TcpSettings settings_;
  std::map<Pair, Socket> connections_;  // those whose programs are gone, and TIME-WAIT, too
  std::map<Port, std::vector<Listener>> listeners_;
  std::map<Port, unsigned> used_ports_;             // by how many of both
  std::map<IpAddress, std::uint32_t> path_mtus_;    // where one was told
  /// What the handles of the process that runs now hold: it leads here until the process ends.
  std::shared_ptr<TcpStack*> process_ = std::make_shared<TcpStack*>(this);
};

}  // namespace pshare::sim
