// A server that speaks the control protocol, its reflect and its relay role, and means well: what those that lie (lies.hpp) have in common. Each lie is
// this server with some of its answers replaced. All that clients tell it in clear, in whichever role, is kept for the tests to look through.
#pragma once

#include <deque>
#include <list>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "io/task_group.hpp"
#include "io/wakeup.hpp"
#include "overheard.hpp"
#include "secure/identity.hpp"
#include "secure/io/tls_stream.hpp"
#include "secure/random_source.hpp"
#include "wire/control.hpp"

namespace pshare::hostile {

UnixTime wall_clock();

/// A connection in the control role.
struct Client {
  Client(asio::any_io_executor executor, TlsStream connection, DeviceId number, Endpoint where);
  void say(ServerMessage message);
  /// Ends the connection once what was said is out.
  void hang_up();

  TlsStream stream;
  DeviceId device;
  Endpoint from;
  std::deque<ServerMessage> outbox;
  bool ending = false;
  Wakeup news;
};

struct Setting {
  asio::any_io_executor executor;
  const Identity& identity;
  const TlsContext& tls;
  Overheard& overheard;
};

class HonestServer {
 public:
  explicit HonestServer(Setting setting);
  virtual ~HonestServer();
  awaitable<void> run(Listener listener);

 protected:
  // What a lie may replace.
  virtual Welcome welcome(const Client& client);
  virtual void heard(Client& client, const ClientMessage& message);  // all but what follows, which it hands on
  virtual void resolve(Client& client, const Resolve& verb);
  virtual void who(Client& client, const Who& verb);
  virtual void forward(Client& client, const SendSignal& verb);
  virtual void withdraw(Client& client, const Withdraw& verb);
  virtual void ask_relays(Client& client, const AskRelays& verb);
  virtual void ask_ticket(Client& client, const AskTicket& verb);
  virtual void code_open(Client& client, const CodeOpen& verb);
  virtual void code_join(Client& client, const CodeJoin& verb);
  virtual void code_message(Client& client, const CodeMessage& verb);
  virtual void code_close(Client& client, const CodeClose& verb);
  virtual Endpoint reflection(const Endpoint& from);
  virtual awaitable<void> relay(TlsStream stream);
  virtual void background(TaskGroup& tasks);

  static Delivery delivery(const Client& from, const SendSignal& verb);
  /// Who meet by a code: the devices of the two.
  struct Meeting {
    DeviceId host;
    std::optional<DeviceId> guest = {};
  };
  void open_number(const Client& host, std::uint64_t number) { meetings_.insert_or_assign(number, Meeting{host.device}); }
  /// Takes the join, if that number is open.
  Meeting* lead(Client& guest, const CodeJoin& verb);
  /// Of whoever says this, the other one, if there is one.
  std::optional<DeviceId> other_of(DeviceId device, std::uint64_t number) const;
  void tell(DeviceId whom, std::uint64_t number, CodeNews::What what, ByteBuffer body = {});

  /// To all devices of that key. Whether there is one.
  bool deliver(const PeerId& to, const Delivery& what);
  std::list<Client*>& clients() { return clients_; }
  std::optional<PublicKey> key_of(const PeerId& id) const;
  std::optional<PeerId> named(const std::string& name) const;

  Setting setting_;
  SecureRandom random_;
  TaskGroup* tasks_ = nullptr;  // while it runs

 private:
  awaitable<void> serve(TcpStream socket);
  awaitable<void> control(TlsStream stream, Endpoint from);
  awaitable<void> read(Client& client);
  static awaitable<void> write(Client& client);
  awaitable<void> reflect(TlsStream& stream);

  std::uint64_t devices_ = 0;
  std::list<Client*> clients_;
  std::map<PeerId, PublicKey> keys_;
  std::map<std::string, PeerId> names_;
  std::map<std::uint64_t, Meeting> meetings_;
};

}  // namespace pshare::hostile
