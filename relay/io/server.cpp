#include "relay/io/server.hpp"

#include <algorithm>

#include "io/deadline.hpp"
#include "io/log.hpp"
#include "relay/io/control_connection.hpp"
#include "secure/io/tls_stream.hpp"

namespace pshare {

namespace {

UnixTime wall_clock() { return std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now()); }

/// Counts a connection among the half-open ones for as long as it is one of them.
class HalfOpen {
 public:
  HalfOpen(std::map<IpAddress, std::size_t>& by_address, std::size_t& total, IpAddress from) : by_address_(by_address), total_(total), from_(from) {
    ++total_;
    ++by_address_[from_];
  }
  HalfOpen(const HalfOpen&) = delete;
  HalfOpen& operator=(const HalfOpen&) = delete;
  ~HalfOpen() {
    --total_;
    if (const auto count = by_address_.find(from_); --count->second == 0) by_address_.erase(count);
  }

 private:
  std::map<IpAddress, std::size_t>& by_address_;
  std::size_t& total_;
  IpAddress from_;
};

awaitable<TlsStream> shake_hands(TcpStream socket, const TlsContext& tls) {
  const auto anybody = [](const PeerId&) { return true; };
  std::vector<std::string> roles{std::string{control_alpn}};
  TlsStream stream{std::move(socket), TlsEngine{tls, TlsRole::server, std::move(roles), anybody}};
  auto handshake = stream.handshake();
  co_await with_deadline(std::move(handshake), Clock::now() + handshake_patience, "the TLS handshake");
  co_return stream;
}

}  // namespace

Server::Server(asio::any_io_executor executor, const TlsContext& tls, Rendezvous& rendezvous, Listener listener)
    : executor_(executor), tls_(tls), rendezvous_(rendezvous), listener_(std::move(listener)), clock_(executor) {}

Server::~Server() = default;

awaitable<void> Server::run() {
  const auto body = [this](TaskGroup& tasks) -> awaitable<void> {
    tasks.start(keep_time());
    co_await accept(tasks);
  };
  co_await with_tasks<void>(body);
}

awaitable<void> Server::accept(TaskGroup& tasks) {
  for (;;) {
    auto socket = co_await listener_.accept();
    if (admit(socket.remote().address)) tasks.start(serve(std::move(socket)));
  }
}

bool Server::admit(const IpAddress& from) const {
  if (half_open_total_ >= max_half_open) return false;
  const auto of_address = half_open_.find(from);
  return of_address == half_open_.end() || of_address->second < max_half_open_of_an_address;
}

awaitable<void> Server::serve(TcpStream socket) {
  const auto from = socket.remote();
  std::optional<TlsStream> stream;
  try {
    const HalfOpen counted{half_open_, half_open_total_, from.address};
    stream.emplace(co_await shake_hands(std::move(socket), tls_));
  } catch (const Failure& failure) {
    log(LogLevel::debug, "handshake.failed", {{"remote", from}, {"why", failure.error().message()}});
  }
  if (!stream) co_return;

  ControlConnection connection{executor_, *std::move(stream)};
  const auto device = rendezvous_.connected(connection.stream().peer_key(), from, Clock::now());
  connections_.emplace(device, &connection);
  log(LogLevel::debug, "client.connected", {{"device", device.number}, {"peer", connection.stream().peer().short_text()}, {"remote", from}});
  carry_out();

  const auto listen = [&](TaskGroup& tasks) -> awaitable<void> {
    tasks.start(converse(connection));
    co_await connection.send();  // returns once the connection is to be closed
  };
  std::string why = "said goodbye";
  std::exception_ptr ended_by_us;
  try {
    co_await with_tasks<void>(listen);
  } catch (const Failure& failure) {
    why = failure.error().message();
  } catch (...) {
    ended_by_us = std::current_exception();  // cancelled: the books are closed first
  }
  log(LogLevel::debug, "client.gone", {{"device", device.number}, {"why", why}});
  connections_.erase(device);
  rendezvous_.disconnected(device, Clock::now());
  connection.cut();
  if (ended_by_us) std::rethrow_exception(ended_by_us);
}

awaitable<void> Server::converse(ControlConnection& connection) {
  const auto device = std::ranges::find(connections_, &connection, [](const auto& each) { return each.second; })->first;
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
    co_await clock_.wait(rendezvous_.deadline());
    rendezvous_.expire(Clock::now());
    carry_out();
  }
}

void Server::carry_out() {
  while (auto action = rendezvous_.take()) {
    if (const auto* reply = std::get_if<Rendezvous::Reply>(&*action)) {
      const auto connection = connections_.find(reply->to);
      if (connection != connections_.end() && !connection->second->say(reply->message)) connection->second->cut();
    } else {
      const auto& close = std::get<Rendezvous::Close>(*action);
      if (const auto connection = connections_.find(close.device); connection != connections_.end()) connection->second->close_when_sent();
    }
  }
}

awaitable<void> Server::say_goodbye() {
  listener_.close();
  for (auto& [device, connection] : connections_) {
    connection->say(Trouble{std::nullopt, Errc::busy, "the server is stopping; pshare connects again by itself"});
    connection->close_when_sent();
  }
  const auto until = Clock::now() + farewell_patience;
  while (!connections_.empty() && Clock::now() < until) co_await sleep_until(Clock::now() + std::chrono::milliseconds{10});
}

}  // namespace pshare
