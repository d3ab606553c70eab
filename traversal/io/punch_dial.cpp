#include "traversal/io/punch_dial.hpp"

#include <cerrno>
#include <utility>

#include "io/shared_port.hpp"

#ifdef __linux__
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#endif

namespace pshare {

namespace {

using asio::ip::tcp;

constexpr auto as_result = asio::experimental::as_tuple(use_awaitable);

Errc code_of(const std::error_code& error) {
  if (error == asio::error::address_in_use || error.value() == EADDRNOTAVAIL) return Errc::busy;
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

/// Whether the far side has answered the SYN: then closing would throw away what is about to be a connection.
bool is_answered(tcp::socket& socket) {
#ifdef __linux__
  tcp_info info{};
  socklen_t size = sizeof info;
  if (::getsockopt(socket.native_handle(), IPPROTO_TCP, TCP_INFO, &info, &size) != 0) return false;
  return info.tcpi_state == TCP_ESTABLISHED || info.tcpi_state == TCP_SYN_RECV;
#else
  (void)socket;
  return false;
#endif
}

/// What the system says at once; nothing if the SYN is on its way. Asio's own connect() waits for the answer even on a socket that is not to block, and
/// here none may ever come.
std::error_code send_syn(tcp::socket& socket, const tcp::endpoint& there, int ttl) {
  std::error_code error;
  socket.set_option(asio::ip::unicast::hops{ttl}, error);
  socket.native_non_blocking(true, error);
  if (error) return error;
  if (::connect(socket.native_handle(), there.data(), static_cast<socklen_t>(there.size())) == 0) return {};
  const std::error_code said{errno, asio::error::get_system_category()};
  return said == asio::error::in_progress || said == asio::error::would_block ? std::error_code{} : said;
}

}  // namespace

Port PunchDial::bind(const Endpoint& to, Port from) {
  if (dropped_) throw Failure{{.code = Errc::closed, .doing = "punching towards " + to.text()}};
  std::error_code error;
  bind_beside_others(socket_, to_asio(to), from.number, error);
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
  if (!answered_too && is_answered(socket_)) return;
  std::error_code ignored;
  socket_.set_option(tcp::socket::linger{true, 0}, ignored);  // these two endpoints are to be free for the next
  socket_.close(ignored);                                     // in SYN-SENT nothing is said to anybody
}

}  // namespace pshare
