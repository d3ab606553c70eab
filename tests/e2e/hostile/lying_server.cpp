// A server that lies. It speaks the control protocol, but
//
//   wrong-key   resolves every name and ID to a key of its own
//   swapped     answers each offer itself, in the recipient's name, with a letter that somebody else sealed
//   garbage     answers each offer, in the recipient's name, with bytes that mean nothing
//   replay      delivers every signal three times, and the offers once more each time somebody connects
//
//   lying_server KEY-FILE LIE     prints the same line as pshare-server
#include <algorithm>
#include <cstdio>
#include <deque>
#include <list>
#include <map>

#include "io/task_group.hpp"
#include "io/wakeup.hpp"
#include "secure/identity.hpp"
#include "secure/io/tls_stream.hpp"
#include "secure/random_source.hpp"
#include "secure/sealed.hpp"
#include "wire/control.hpp"
#include "wire/framing.hpp"
#include "wire/signal.hpp"

namespace pshare {
namespace {

UnixTime wall_clock() { return std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now()); }

struct Client {
  Client(asio::any_io_executor executor, TlsStream connection, DeviceId number) : stream(std::move(connection)), device(number), news(executor) {}
  TlsStream stream;
  DeviceId device;
  std::deque<ServerMessage> outbox;
  Wakeup news;

  void say(ServerMessage message) {
    outbox.push_back(std::move(message));
    news.ring();
  }
};

class LyingServer {
 public:
  LyingServer(asio::any_io_executor executor, const TlsContext& tls, Listener listener, std::string lie)
      : executor_(executor), tls_(tls), listener_(std::move(listener)), lie_(std::move(lie)), accomplice_(*Identity::generate()) {}

  awaitable<void> run() {
    const auto body = [this](TaskGroup& tasks) -> awaitable<void> {
      for (;;) {
        auto socket = co_await listener_.accept();
        tasks.start(serve(std::move(socket)));
      }
    };
    co_await with_tasks<void>(body);
  }

 private:
  awaitable<void> serve(TcpStream socket) {
    const auto from = socket.remote();
    try {
      std::vector<std::string> alpn{std::string{control_alpn}};
      const auto anybody = [](const PeerId&) { return true; };
      TlsStream stream{std::move(socket), TlsEngine{tls_, TlsRole::server, std::move(alpn), anybody}};
      co_await stream.handshake();
      Client client{executor_, std::move(stream), DeviceId{++devices_}};
      keys_[client.stream.peer()] = client.stream.peer_key();
      clients_.push_back(&client);
      std::exception_ptr trouble;
      const auto body = [&](TaskGroup& tasks) -> awaitable<void> {
        tasks.start(write(client));
        co_await read(client, from);
      };
      try {
        co_await with_tasks<void>(body);
      } catch (...) {
        trouble = std::current_exception();
      }
      clients_.remove(&client);
      if (trouble) std::rethrow_exception(trouble);
    } catch (const Failure&) {
      // The client has gone, as clients do.
    }
  }

  static awaitable<void> write(Client& client) {
    for (;;) {
      while (!client.outbox.empty()) {
        const auto framed = frame(encode(client.outbox.front()));
        client.outbox.pop_front();
        co_await client.stream.write(ByteView{framed});
      }
      co_await client.news.wait();
    }
  }

  awaitable<void> read(Client& client, Endpoint from) {
    FrameReader frames;
    ByteBuffer piece(16 * 1024);
    for (;;) {
      while (auto body = value_or_throw(frames.next())) hear(client, from, value_or_throw(decode_client_message(*body)));
      const auto count = co_await client.stream.read_some(piece);
      frames.feed(ByteView{piece}.first(count));
    }
  }

  void hear(Client& client, const Endpoint& from, const ClientMessage& message) {
    if (std::holds_alternative<Hello>(message)) {
      client.say(Welcome{control_version, client.device, from, wall_clock(), "honest, I swear", "", 600});
      if (lie_ == "replay")
        for (const auto& old : recorded_) deliver(old.to, old.delivery);
    }
    if (const auto* verb = std::get_if<Register>(&message)) {
      names_[verb->name] = client.stream.peer();
      client.say(Registered{verb->request, verb->name});
    }
    if (const auto* verb = std::get_if<Resolve>(&message)) resolve(client, *verb);
    if (const auto* verb = std::get_if<SendSignal>(&message)) forward(client, *verb);
    if (const auto* verb = std::get_if<Who>(&message)) client.say(WhoReply{verb->request, verb->peers});
    if (const auto* verb = std::get_if<Withdraw>(&message)) client.say(SignalFate{verb->request, Fate::unknown});
    if (std::holds_alternative<Ping>(message)) client.say(Pong{});
  }

  void resolve(Client& client, const Resolve& verb) {
    const auto* name = std::get_if<std::string>(&verb.whom);
    const auto id = name ? names_[*name] : std::get<PeerId>(verb.whom);
    if (lie_ == "wrong-key") return client.say(Resolved{verb.request, name ? *name : "", accomplice_.public_key(), true});
    if (!keys_.contains(id)) return client.say(Trouble{verb.request, Errc::unknown_peer, "nobody"});
    client.say(Resolved{verb.request, name ? *name : "", keys_[id], true});
  }

  void forward(Client& client, const SendSignal& verb) {
    client.say(SignalFate{verb.request, Fate::delivered});
    const Delivery honest{client.stream.peer(), client.device, verb.body};
    if (lie_ == "garbage") return client.say(Delivery{verb.to, DeviceId{999}, buffer_of(bytes_of("a signal, surely"))});
    if (lie_ == "swapped") return client.say(Delivery{verb.to, DeviceId{999}, letter_of_accomplice(client, verb.session)});
    deliver(verb.to, honest);
    if (lie_ != "replay") return;
    deliver(verb.to, honest);
    deliver(verb.to, honest);
    recorded_.push_back({verb.to, honest});
  }

  /// A genuine letter to this client, but sealed by the accomplice.
  ByteBuffer letter_of_accomplice(Client& client, SessionId session) {
    const auto plain = encode(Signal{Accept{session, {}, {}}});
    return value_or_throw(seal(accomplice_, client.stream.peer_key(), wall_clock(), random_, plain));
  }

  void deliver(const PeerId& to, const Delivery& delivery) {
    for (auto* each : clients_)
      if (each->stream.peer() == to) each->say(delivery);
  }

  struct Recorded {
    PeerId to;
    Delivery delivery;
  };

  asio::any_io_executor executor_;
  const TlsContext& tls_;
  Listener listener_;
  std::string lie_;
  Identity accomplice_;
  SecureRandom random_;
  std::uint64_t devices_ = 0;
  std::list<Client*> clients_;
  std::map<PeerId, PublicKey> keys_;
  std::map<std::string, PeerId> names_;
  std::vector<Recorded> recorded_;
};

int run(char** argv) {
  const auto identity = value_or_throw(Identity::load_or_create(argv[1]));
  const TlsContext tls{identity};
  asio::io_context loop{1};
  auto listener = Listener::on(loop.get_executor(), Endpoint{value_or_throw(IpAddress::parse("127.0.0.1")), Port{0}});
  std::printf("  pshare init --name YOU --server 127.0.0.1:%u#%s\n", unsigned{listener.port().number}, identity.id().text().c_str());
  std::fflush(stdout);
  LyingServer server{loop.get_executor(), tls, std::move(listener), argv[2]};
  asio::co_spawn(loop, server.run(), [](std::exception_ptr thrown) {
    if (thrown) std::rethrow_exception(thrown);
  });
  loop.run();
  return 0;
}

}  // namespace
}  // namespace pshare

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  try {
    return pshare::run(argv);
  } catch (const std::exception& trouble) {
    std::fprintf(stderr, "lying_server: %s\n", trouble.what());
    return 1;
  }
}
