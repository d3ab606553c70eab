#include "honest_server.hpp"

#include <array>

#include "relay/io/role_handshake.hpp"
#include "wire/framing.hpp"
#include "wire/reflection.hpp"
#include "wire/relay_hello.hpp"

namespace pshare::hostile {

UnixTime wall_clock() { return std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now()); }

Client::Client(asio::any_io_executor executor, TlsStream connection, DeviceId number, Endpoint where)
    : stream(std::move(connection)), device(number), from(where), news(executor) {}

void Client::say(ServerMessage message) {
  outbox.push_back(std::move(message));
  news.ring();
}

void Client::hang_up() {
  ending = true;
  news.ring();
}

HonestServer::HonestServer(Setting setting) : setting_(setting) {}

HonestServer::~HonestServer() = default;

awaitable<void> HonestServer::run(Listener listener) {
  const auto body = [&](TaskGroup& tasks) -> awaitable<void> {
    tasks_ = &tasks;
    background(tasks);
    for (;;) {
      auto socket = co_await listener.accept();
      tasks.start(serve(std::move(socket)));
    }
  };
  co_await with_tasks<void>(body);
}

awaitable<void> HonestServer::serve(TcpStream socket) {
  const auto from = socket.remote();
  try {
    std::vector<std::string> roles{std::string{control_alpn}, std::string{reflect_alpn}, std::string{relay_alpn}};
    auto spoken = alpns_of(roles);
    const auto anybody = [](const PeerId&) { return true; };
    TlsStream stream{std::move(socket), TlsEngine{setting_.tls, TlsRole::server, std::move(spoken), anybody}};
    const auto role = co_await shake_hands(stream, std::move(roles));
    if (role == reflect_alpn) co_return co_await reflect(stream);
    if (role == relay_alpn) co_return co_await relay(std::move(stream));
    co_await control(std::move(stream), from);
  } catch (const Failure&) {
    // The client has gone, as clients do.
  }
}

awaitable<void> HonestServer::control(TlsStream stream, Endpoint from) {
  Client client{setting_.executor, std::move(stream), DeviceId{++devices_}, from};
  keys_[client.stream.peer()] = client.stream.peer_key();
  clients_.push_back(&client);
  std::exception_ptr trouble;
  const auto body = [&](TaskGroup& tasks) -> awaitable<void> {
    tasks.start(read(client));
    co_await write(client);
  };
  try {
    co_await with_tasks<void>(body);
  } catch (...) {
    trouble = std::current_exception();
  }
  clients_.remove(&client);
  if (trouble) std::rethrow_exception(trouble);
}

awaitable<void> HonestServer::write(Client& client) {
  for (;;) {
    while (!client.outbox.empty()) {
      const auto framed = frame(encode(client.outbox.front()));
      client.outbox.pop_front();
      co_await client.stream.write(ByteView{framed});
    }
    if (client.ending) co_return;
    co_await client.news.wait();
  }
}

awaitable<void> HonestServer::read(Client& client) {
  FrameReader frames;
  ByteBuffer piece(16 * 1024);
  for (;;) {
    while (auto body = value_or_throw(frames.next())) heard(client, value_or_throw(decode_client_message(*body)));
    const auto count = co_await client.stream.read_some(piece);
    setting_.overheard.note(ByteView{piece}.first(count));
    frames.feed(ByteView{piece}.first(count));
  }
}

awaitable<void> HonestServer::reflect(TlsStream& stream) {
  const auto words = frame(encode(Reflection{reflection(stream.socket().remote())}));
  co_await stream.write(ByteView{words});
  stream.finish();
  std::array<std::byte, 256> nothing;
  for (;;) co_await stream.read_some(nothing);
}

// --- what it says -----------------------------------------------------------------------------------------------------------------------------------

Welcome HonestServer::welcome(const Client& client) {
  return {.version = control_version, .device = client.device, .observed = client.from, .now = wall_clock(), .agent = "honest, I swear", .notice = "", .wait_seconds = 600, .codes = true};
}

void HonestServer::heard(Client& client, const ClientMessage& message) {
  if (std::holds_alternative<Hello>(message)) client.say(welcome(client));
  if (const auto* verb = std::get_if<Register>(&message)) {
    names_[verb->name] = client.stream.peer();
    client.say(Registered{verb->request, verb->name});
  }
  if (const auto* verb = std::get_if<Resolve>(&message)) resolve(client, *verb);
  if (const auto* verb = std::get_if<SendSignal>(&message)) forward(client, *verb);
  if (const auto* verb = std::get_if<Who>(&message)) who(client, *verb);
  if (const auto* verb = std::get_if<Withdraw>(&message)) withdraw(client, *verb);
  if (const auto* verb = std::get_if<AskRelays>(&message)) ask_relays(client, *verb);
  if (const auto* verb = std::get_if<AskTicket>(&message)) ask_ticket(client, *verb);
  if (const auto* verb = std::get_if<CodeOpen>(&message)) code_open(client, *verb);
  if (const auto* verb = std::get_if<CodeJoin>(&message)) {
    setting_.overheard.note_code(client.device, "join", verb->number, verb->body);
    code_join(client, *verb);
  }
  if (const auto* verb = std::get_if<CodeMessage>(&message)) {
    setting_.overheard.note_code(client.device, "message", verb->number, verb->body);
    code_message(client, *verb);
  }
  if (const auto* verb = std::get_if<CodeClose>(&message)) code_close(client, *verb);
  if (const auto* verb = std::get_if<TakeOffers>(&message)) client.say(TakingOffers{verb->request});
  if (const auto* verb = std::get_if<Probe>(&message)) client.say(Probed{verb->request, DialBackOutcome::timeout});
  if (std::holds_alternative<Ping>(message)) client.say(Pong{});
}

void HonestServer::resolve(Client& client, const Resolve& verb) {
  const auto* name = std::get_if<std::string>(&verb.whom);
  const auto id = name ? named(*name) : std::get<PeerId>(verb.whom);
  const auto key = id ? key_of(*id) : std::nullopt;
  if (!key) return client.say(Trouble{verb.request, Errc::unknown_peer, "nobody"});
  client.say(Resolved{verb.request, name ? *name : "", *key, true});
}

void HonestServer::who(Client& client, const Who& verb) {
  WhoReply reply{verb.request, {}};
  for (const auto& each : verb.peers)
    for (const auto* other : clients_)
      if (other->stream.peer() == each && (reply.online.empty() || reply.online.back() != each)) reply.online.push_back(each);
  client.say(std::move(reply));
}

void HonestServer::forward(Client& client, const SendSignal& verb) {
  const bool there = deliver(verb.to, delivery(client, verb));
  client.say(SignalFate{verb.request, there ? Fate::delivered : Fate::offline});
}

void HonestServer::withdraw(Client& client, const Withdraw& verb) { client.say(SignalFate{verb.request, Fate::unknown}); }

void HonestServer::ask_relays(Client& client, const AskRelays& verb) { client.say(Relays{verb.request, {}}); }

void HonestServer::ask_ticket(Client& client, const AskTicket& verb) { client.say(Trouble{verb.request, Errc::unsupported, "no tickets here"}); }

void HonestServer::code_open(Client& client, const CodeOpen& verb) {
  std::uint64_t number = verb.wish;
  while (number == 0 || meetings_.contains(number)) number = smallest_code_number + random_.below(smallest_code_number * 9);
  open_number(client, number);
  client.say(CodeAnswer{verb.request, number});
}

void HonestServer::code_join(Client& client, const CodeJoin& verb) {
  if (const auto* meeting = lead(client, verb)) tell(meeting->host, verb.number, CodeNews::What::joined, verb.body);
}

void HonestServer::code_message(Client& client, const CodeMessage& verb) {
  const auto other = other_of(client.device, verb.number);
  if (!other) return client.say(Trouble{verb.request, Errc::unknown_peer, "gone"});
  client.say(CodeAnswer{verb.request, verb.number});
  tell(*other, verb.number, CodeNews::What::message, verb.body);
}

void HonestServer::code_close(Client& client, const CodeClose& verb) {
  client.say(CodeAnswer{verb.request, verb.number});
  if (const auto other = other_of(client.device, verb.number)) tell(*other, verb.number, CodeNews::What::gone);
  meetings_.erase(verb.number);
}

HonestServer::Meeting* HonestServer::lead(Client& guest, const CodeJoin& verb) {
  const auto found = meetings_.find(verb.number);
  if (found == meetings_.end() || found->second.guest) {
    guest.say(Trouble{verb.request, Errc::unknown_peer, "nobody"});
    return nullptr;
  }
  guest.say(CodeAnswer{verb.request, verb.number});
  found->second.guest = guest.device;
  return &found->second;
}

std::optional<DeviceId> HonestServer::other_of(DeviceId device, std::uint64_t number) const {
  const auto found = meetings_.find(number);
  if (found == meetings_.end() || !found->second.guest) return std::nullopt;
  return found->second.host == device ? found->second.guest : found->second.host;
}

void HonestServer::tell(DeviceId whom, std::uint64_t number, CodeNews::What what, ByteBuffer body) {
  for (auto* each : clients_)
    if (each->device == whom) each->say(CodeNews{number, what, body});
}

Endpoint HonestServer::reflection(const Endpoint& from) { return from; }

awaitable<void> HonestServer::relay(TlsStream stream) {
  stream.close();
  co_return;
}

void HonestServer::background(TaskGroup&) {}

Delivery HonestServer::delivery(const Client& from, const SendSignal& verb) {
  const auto at = verb.show_address ? std::optional{from.from.address} : std::nullopt;
  return {from.stream.peer(), from.device, verb.body, at, std::nullopt};
}

bool HonestServer::deliver(const PeerId& to, const Delivery& what) {
  bool there = false;
  for (auto* each : clients_) {
    if (each->stream.peer() != to) continue;
    each->say(what);
    there = true;
  }
  return there;
}

std::optional<PublicKey> HonestServer::key_of(const PeerId& id) const {
  const auto found = keys_.find(id);
  return found == keys_.end() ? std::nullopt : std::optional{found->second};
}

std::optional<PeerId> HonestServer::named(const std::string& name) const {
  const auto found = names_.find(name);
  return found == names_.end() ? std::nullopt : std::optional{found->second};
}

}  // namespace pshare::hostile
