#include "relay/io/stun_responder.hpp"

#include <array>
#include <utility>

#include "io/deadline.hpp"
#include "io/socket_errors.hpp"
#include "io/task_group.hpp"
#include "io/tcp_stream.hpp"
#include "relay/io/addressed_datagram.hpp"

namespace pshare {

using asio::ip::udp;

namespace {

/// How often another free port is asked for when the one that IPv6 got is taken on IPv4.
constexpr int port_choices = 32;
/// Pause after a socket could not be waited for (the system is short of something).
constexpr Duration trouble_pause = std::chrono::milliseconds{100};

[[noreturn]] void fail(const std::error_code& error, const std::string& where) {
  Error trouble{.code = Errc::local_io, .doing = "listening on " + where + " (UDP)", .cause = error};
  if (is_taken(error)) trouble.code = Errc::busy, trouble.hint = "choose another port, or end the program that has it";
  if (is_privileged(error)) trouble.code = Errc::refused, trouble.hint = "choose a port above 1023";
  throw Failure{std::move(trouble)};
}

udp::endpoint udp_endpoint(const Endpoint& endpoint) {
  const auto tcp = to_asio(endpoint);
  return {tcp.address(), tcp.port()};
}

/// Bound, or nothing and why.
std::optional<udp::socket> bound_socket(const asio::any_io_executor& executor, const udp::endpoint& at, std::error_code& error) {
  udp::socket socket{executor};
  socket.open(at.protocol(), error);
  if (!error && at.protocol() == udp::v6()) socket.set_option(asio::ip::v6_only{true}, error);
  if (!error) want_addresses(socket, at.protocol(), error);
  if (!error) socket.bind(at, error);
  if (!error) socket.non_blocking(true, error);
  if (error) return std::nullopt;
  return socket;
}

}  // namespace

UdpPorts UdpPorts::on(asio::any_io_executor executor, Port port) {
  std::error_code error;
  for (int choice = 0; choice < port_choices; ++choice) {
    std::vector<Socket> sockets;
    auto number = port.number;
    for (const auto& family : {udp::v6(), udp::v4()}) {
      auto socket = bound_socket(executor, {family, number}, error);
      if (!socket && is_absent(error)) continue;
      if (!socket) break;
      number = socket->local_endpoint().port();
      sockets.push_back({*std::move(socket), std::nullopt});
    }
    if (!sockets.empty() && (!error || is_absent(error))) return UdpPorts{std::move(sockets)};
    if (port.number != 0 || !is_taken(error)) break;
  }
  fail(error, port.number == 0 ? "any port" : "port " + std::to_string(port.number));
}

UdpPorts UdpPorts::on(asio::any_io_executor executor, const std::vector<IpAddress>& addresses, Port port) {
  std::error_code error;
  for (int choice = 0; choice < port_choices; ++choice) {
    std::vector<Socket> sockets;
    auto number = port;
    Endpoint at;
    for (const auto& address : addresses) {
      at = {address, number};
      auto socket = bound_socket(executor, udp_endpoint(at), error);
      if (!socket) break;
      number = Port{socket->local_endpoint().port()};
      sockets.push_back({*std::move(socket), address == IpAddress{} ? std::nullopt : std::optional{address}});
    }
    if (!error) return UdpPorts{std::move(sockets)};
    if (port.number != 0 || !is_taken(error)) fail(error, at.text());
  }
  fail(error, "any port");
}

Port UdpPorts::port() const { return Port{sockets_.front().socket.local_endpoint().port()}; }

StunResponder::StunResponder(StunServer server, UdpPorts primary, UdpPorts alternate)
    : server_(std::move(server)), primary_(std::move(primary)), alternate_(std::move(alternate)) {}

awaitable<void> StunResponder::run() {
  const auto body = [this](TaskGroup& tasks) -> awaitable<void> {
    for (auto* ports : {&primary_, &alternate_})
      for (auto& socket : ports->sockets()) tasks.start(answer_at(socket, ports->port()));
    co_await sleep_until(TimePoint::max());
  };
  co_await with_tasks<void>(body);
}

awaitable<void> StunResponder::answer_at(UdpPorts::Socket& socket, Port port) {
  constexpr auto as_result = asio::experimental::as_tuple(use_awaitable);
  for (;;) {
    const auto [error] = co_await socket.socket.async_wait(udp::socket::wait_read, as_result);
    if (error == asio::error::operation_aborted) throw std::system_error{error};
    if (error) co_await sleep_until(Clock::now() + trouble_pause);
    for (std::size_t i = 0; i < stun_questions_at_once && answer_one(socket, port); ++i) {
    }
    co_await asio::post(use_awaitable);
  }
}

bool StunResponder::answer_one(UdpPorts::Socket& socket, Port port) {
  std::array<std::byte, max_stun_message + 1> buffer;
  bool empty = false;
  auto in = receive_addressed(socket.socket, buffer, empty);
  if (!in) return !empty;
  const auto from = from_asio({in->peer.address(), in->peer.port()});
  const auto answer = server_.answer(ByteView{buffer}.first(in->size), from, {in->at, port});
  if (!answer) return true;
  auto* const out = socket_for(answer->from);
  if (out == nullptr) return true;
  in->peer.port(answer->to.port.number);
  send_addressed(out->socket, answer->bytes, answer->from.address, *in);
  return true;
}

UdpPorts::Socket* StunResponder::socket_for(const Endpoint& from) {
  for (auto* ports : {&primary_, &alternate_})
    if (ports->port() == from.port)
      for (auto& each : ports->sockets()) {
        const bool v4 = each.socket.local_endpoint().protocol() == udp::v4();
        if (each.address ? *each.address == from.address : v4 == from.address.is_v4()) return &each;
      }
  return nullptr;
}

}  // namespace pshare
