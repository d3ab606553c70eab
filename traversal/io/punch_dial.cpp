#include "traversal/io/punch_dial.hpp"

#include <utility>

#include "io/shared_port.hpp"
#include "io/socket_errors.hpp"
#include "traversal/io/syn.hpp"

namespace pshare {

namespace {

using asio::ip::tcp;

constexpr auto as_result = asio::experimental::as_tuple(use_awaitable);

Errc code_of(const std::error_code& error) {
  if (is_connected_already(error)) return Errc::busy;
  if (error == asio::error::connection_refused) return Errc::refused;
  if (error == asio::error::timed_out) return Errc::timed_out;
  return Errc::unreachable;
}

/// A drop closes the socket; otherwise what was aborted is a cancellation of ours.
void check(const tcp::socket& socket, const std::error_code& error, const Endpoint& to) {
  if (!error) return;
  const auto doing = "punching towards " + to.text();
  if (error == asio::error::operation_aborted || error == asio::error::bad_descriptor) {
    if (socket.is_open()) throw std::system_error{error};
    throw Failure{{.code = Errc::closed, .doing = doing}};
  }
  throw Failure{{.code = code_of(error), .doing = doing, .cause = error}};
}

}  // namespace

Port PunchDial::bind(const Endpoint& to, Port from) {
  if (dropped_) throw Failure{{.code = Errc::closed, .doing = "punching towards " + to.text()}};
  std::error_code error;
  bind_beside_others(socket_, to_asio(to), from.number, error);
  if (is_taken(error)) throw Failure{{.code = Errc::busy, .doing = "punching towards " + to.text(), .cause = error}};
  check(socket_, error, to);
  return Port{socket_.local_endpoint().port()};
}

awaitable<TcpStream> PunchDial::connect(Endpoint to, std::optional<int> ttl) {
  const auto there = to_asio(to);
  if (ttl) {
    const auto error = send_syn(socket_, there, *ttl);
    std::error_code ignored;
    socket_.close(ignored);  // before the error about it can end a handshake that it has become part of
    throw Failure{{.code = error && code_of(error) == Errc::busy ? Errc::busy : Errc::closed, .doing = "punching towards " + to.text(), .cause = error}};
  }
  const auto [failed] = co_await socket_.async_connect(there, as_result);
  check(socket_, failed, to);
  co_return TcpStream{std::move(socket_)};
}

void PunchDial::drop(bool answered_too) noexcept {
  if (!socket_.is_open()) {
    dropped_ = true;
    return;
  }
  if (!answered_too && syn_is_answered(socket_)) return;
  std::error_code ignored;
  socket_.set_option(tcp::socket::linger{true, 0}, ignored);  // these two endpoints are to be free for the next
  socket_.close(ignored);                                     // in SYN-SENT nothing is said to anybody
}

}  // namespace pshare
