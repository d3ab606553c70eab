#include "relay/io/server.hpp"

#include <algorithm>
#include <array>
#include <string>
#include <utility>
#include <vector>

#include "io/deadline.hpp"
#include "io/log.hpp"
#include "relay/io/control_connection.hpp"
#include "relay/io/dial_back.hpp"
#include "relay/io/relay_look.hpp"
#include "relay/io/relay_service.hpp"
#include "relay/io/role_handshake.hpp"
#include "wire/reflection.hpp"
#include "wire/role.hpp"

namespace pshare {

namespace {

UnixTime wall_clock() { return std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now()); }

/// Tells a client where it comes from, and closes first: then neither a NAT nor the client's own port keeps a closed connection in mind.
awaitable<void> reflect(TlsStream& stream) {
  const auto words = frame(encode(Reflection{stream.socket().remote()}));
  co_await stream.write(ByteView{words});
  stream.finish();
  std::array<std::byte, 256> nothing;
  for (;;) co_await stream.read_some(nothing);
}

/// A half-open connection can be ended by its number for as long as this lives.
class Listed {
 public:
  Listed(std::map<std::uint64_t, TlsStream*>& list, std::uint64_t number, TlsStream& stream) : list_(list), number_(number) { list_.emplace(number_, &stream); }
  Listed(const Listed&) = delete;
  Listed& operator=(const Listed&) = delete;
  ~Listed() { list_.erase(number_); }

 private:
  std::map<std::uint64_t, TlsStream*>& list_;
  std::uint64_t number_;
};

}  // namespace

Server::Server(asio::any_io_executor executor, const TlsContext& tls, Rendezvous& rendezvous, Listener listener, std::vector<Listener> reflectors,
               std::vector<Listener> further, RelayService* relay)
    : executor_(executor),
      tls_(tls),
      rendezvous_(rendezvous),
      listener_(std::move(listener)),
      reflectors_(std::move(reflectors)),
      further_(std::move(further)),
      relay_(relay),
      warnings_(refusal_warnings, Clock::now()),
      clock_(executor),
      news_(executor) {}

Server::~Server() = default;

awaitable<void> Server::run() {
  const auto body = [this](TaskGroup& tasks) -> awaitable<void> {
    tasks_ = &tasks;
    tasks.start(keep_time());
    if (relay_) tasks.start(relay_->run());
    tasks.start(accept(listener_, Roles::all, tasks));
    for (auto& each : further_) tasks.start(accept(each, Roles::all, tasks));
    for (auto& each : reflectors_) tasks.start(accept(each, Roles::reflect, tasks));
    while (!stop_by_ || (!connections_.empty() && Clock::now() < *stop_by_)) co_await news_.wait(stop_by_);
  };
  co_await with_tasks<void>(body);
  tasks_ = nullptr;
}

void Server::stop() {
  stop_by_ = Clock::now() + farewell_patience;
  listener_.close();
  for (auto& each : further_) each.close();
  for (auto& each : reflectors_) each.close();
  rendezvous_.stop();
  if (relay_) relay_->change([](Joiner& joiner) { joiner.drain(); });
  carry_out();
  news_.ring();
}

awaitable<void> Server::accept(Listener& listener, Roles roles, TaskGroup& tasks) {
  while (!stop_by_) {
    std::optional<TcpStream> socket;
    try {
      socket.emplace(co_await listener.accept());
    } catch (const Failure&) {
      if (!stop_by_) throw;
    }
    if (!socket) continue;
    if (const auto number = admit(socket->remote())) tasks.start(serve(*std::move(socket), roles, *number));
  }
}

std::optional<std::uint64_t> Server::admit(const Endpoint& from) {
  const auto [verdict, number, closes] = admission_.arrived(from.address, Clock::now());
  if (const auto gives_way = closes ? half_open_.find(*closes) : half_open_.end(); gives_way != half_open_.end()) gives_way->second->abort();
  if (verdict == Admission::Verdict::admitted) return number;
  log(LogLevel::debug, "connection.refused", {{"remote", from}, {"why", word(verdict)}});
  if (warnings_.take(Clock::now())) log(LogLevel::warn, "connections.refused", {{"why", word(verdict)}});
  return std::nullopt;
}

/// Whatever goes wrong here ends this connection alone. Cancellation needs no passing on, since nothing is awaited after it.
awaitable<void> Server::serve(TcpStream socket, Roles roles, std::uint64_t number) {
  const auto from = socket.remote();
  bool greeted = false;
  std::vector<std::string> accepted{std::string{reflect_alpn}};
  if (roles == Roles::all) accepted.insert(accepted.begin(), std::string{control_alpn});
  if (roles == Roles::all && relay_) accepted.emplace_back(relay_alpn);
  auto spoken = alpns_of(accepted);
  const auto anybody = [](const PeerId&) { return true; };
  std::optional<TlsStream> stream;
  std::optional<RelayHello> ticket;
  try {
    const HalfOpen counted{admission_, number};
    stream.emplace(std::move(socket), TlsEngine{tls_, TlsRole::server, std::move(spoken), anybody});
    const Listed listed{half_open_, number, *stream};
    auto shaking = shake_hands(*stream, std::move(accepted));
    const auto role = co_await with_deadline(std::move(shaking), Clock::now() + handshake_patience, "the TLS handshake");
    greeted = true;
    if (role == reflect_alpn) {  // counts as half open to its end, which is near
      rendezvous_.reflected(stream->peer_key(), from.address);  // first: the client names the address as soon as it has been told
      auto reflecting = reflect(*stream);
      co_await with_deadline(std::move(reflecting), Clock::now() + reflection_patience, "telling a client where it is");
    }
    if (role == relay_alpn) ticket = co_await relay_->hear_hello(*stream);
  } catch (const std::exception& trouble) {
    log(LogLevel::debug, greeted ? "connection.over" : "handshake.failed", {{"remote", from}, {"why", trouble.what()}});
    stream.reset();
  }
  if (!stream) co_return;
  if (ticket) {
    co_await relay_->serve(*std::move(stream), *std::move(ticket));
  } else {
    co_await control(*std::move(stream));
  }
}

awaitable<void> Server::control(TlsStream stream) {
  const auto from = stream.socket().remote();
  const auto at = stream.socket().local().address;
  ControlConnection connection{executor_, std::move(stream)};
  const auto device = rendezvous_.connected(connection.stream().peer_key(), from, Clock::now(), at);
  connections_.emplace(device, &connection);
  log(LogLevel::debug, "client.connected", {{"device", device.number}, {"peer", connection.stream().peer().short_text()}, {"remote", from}});
  carry_out();

  const auto until_farewell = [&](TaskGroup& tasks) -> awaitable<void> {
    tasks.start(converse(connection, device));
    tasks.start(connection.send());
    co_await connection.farewell();
  };
  std::string why = "sent away";
  try {
    co_await with_tasks<void>(until_farewell);
  } catch (const std::exception& trouble) {
    why = trouble.what();
  }
  log(LogLevel::debug, "client.gone", {{"device", device.number}, {"why", why}});
  connections_.erase(device);
  rendezvous_.disconnected(device, Clock::now());
  connection.cut();
  if (stop_by_) news_.ring();
}

awaitable<void> Server::converse(ControlConnection& connection, DeviceId device) {
  for (;;) {
    const auto body = co_await connection.next_body();
    const auto message = decode_client_message(body);
    if (message) {
      rendezvous_.received(device, *message, wall_clock(), Clock::now());
    } else {
      rendezvous_.garbled(device, message.error());
    }
    carry_out();
  }
}

awaitable<void> Server::keep_time() {
  for (;;) {
    next_expiry_ = rendezvous_.deadline();
    co_await clock_.wait(next_expiry_);
    rendezvous_.expire(Clock::now());
    carry_out();
  }
}

void Server::carry_out() {
  while (const auto action = rendezvous_.take()) perform(*action);
  const auto deadline = rendezvous_.deadline();
  // One that has moved away needs no ring: keep_time() finds nothing to do at the old one, and waits again.
  if (deadline && (!next_expiry_ || *deadline < *next_expiry_)) clock_.ring();
}

awaitable<void> Server::dial(Rendezvous::DialBack back) {
  const auto outcome = co_await dial_back(back.transport, back.to, back.nonce, back.from);
  log(LogLevel::debug, "client.dialled-back", {{"to", back.to}, {"transport", word(back.transport)}, {"outcome", word(outcome)}});
  rendezvous_.dialled_back(back.number, outcome);
  carry_out();
}

awaitable<void> Server::look(Rendezvous::VerifyRelay at) {
  const auto outcome = co_await look_at_relay(tls_, at.at, at.relay);
  log(LogLevel::debug, "supernode.looked-at", {{"at", at.at}, {"relay", at.relay.short_text()}, {"outcome", word(outcome)}});
  rendezvous_.dialled_back(at.number, outcome);
  carry_out();
}

void Server::perform(const Rendezvous::Action& action) {
  if (const auto* back = std::get_if<Rendezvous::DialBack>(&action)) return tasks_->start(dial(*back));
  if (const auto* verify = std::get_if<Rendezvous::VerifyRelay>(&action)) return tasks_->start(look(*verify));
  if (const auto* complaint = std::get_if<Rendezvous::Complaint>(&action))
    return log(LogLevel::error, "names.failed", {{"why", complaint->why.message()}, {"hint", complaint->why.hint}});
  const auto* reply = std::get_if<Rendezvous::Reply>(&action);
  const auto found = connections_.find(reply ? reply->to : std::get<Rendezvous::Close>(action).device);
  if (found == connections_.end()) return;
  auto& connection = *found->second;
  if (!reply) {
    connection.hang_up();
  } else if (!connection.say(reply->message)) {
    log(LogLevel::debug, "client.too-slow", {{"device", reply->to.number}});
    connection.cut();
  }
}

}  // namespace pshare
