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

constexpr int usual_hops = 64;

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

}  // namespace

awaitable<TcpStream> PunchDial::connect(Endpoint to, Port from, std::optional<int> ttl) {
  const auto there = to_asio(to);
  const auto family = there.protocol();
  std::error_code error;
  socket_.open(family, error);
  if (!error) socket_.set_option(tcp::socket::reuse_address{true}, error);
  if (!error && from != Port{}) share_port(socket_.native_handle(), error);
  if (!error) socket_.bind({family, from.number}, error);
  check(socket_, error, to);
  from_ = Port{socket_.local_endpoint().port()};
  if (ttl) socket_.set_option(asio::ip::unicast::hops{*ttl}, error);
  if (ttl) {
    // The SYN has gone out when connect() is over; those that the kernel sends again are meant to arrive.
    asio::post(socket_.get_executor(), [weak = std::weak_ptr{alive_}, this] {
      std::error_code ignored;
      if (weak.lock() && socket_.is_open()) socket_.set_option(asio::ip::unicast::hops{usual_hops}, ignored);
    });
  }
  const auto [failed] = co_await socket_.async_connect(there, as_result);
  check(socket_, failed, to);
  co_return TcpStream{std::move(socket_)};
}

void PunchDial::drop() noexcept {
  if (!socket_.is_open() || is_answered(socket_)) return;
  std::error_code ignored;
  socket_.close(ignored);  // in SYN-SENT nothing is said to anybody
}

}  // namespace pshare
