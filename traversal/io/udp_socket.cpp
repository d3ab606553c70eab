#include "traversal/io/udp_socket.hpp"

#include <algorithm>
#include <utility>

#include "io/socket_errors.hpp"
#include "io/tcp_stream.hpp"
#include "wire/error.hpp"

namespace pshare {

using asio::ip::udp;

namespace {

[[noreturn]] void fail(const std::error_code& error, IpFamily family, Port port) {
  const std::string doing = std::string{"opening UDP "} + (port.number == 0 ? "any port" : "port " + std::to_string(port.number)) +
                            (family == IpFamily::v4 ? " (IPv4)" : " (IPv6)");
  if (is_absent(error)) throw Failure{{.code = Errc::unsupported, .doing = doing, .cause = error}};
  if (is_taken(error))
    throw Failure{{.code = Errc::busy, .doing = doing, .cause = error, .hint = "choose another port, or end the program that has it"}};
  if (is_privileged(error))
    throw Failure{{.code = Errc::refused, .doing = doing, .cause = error, .hint = "choose a port above 1023"}};
  throw Failure{{.code = Errc::local_io, .doing = doing, .cause = error}};
}

}  // namespace

UdpReceiveBuffers::UdpReceiveBuffers(asio::execution_context& context) : asio::execution_context::service(context) {}

UdpReceiveBuffers& UdpReceiveBuffers::of(const asio::any_io_executor& executor) {
  return asio::use_service<UdpReceiveBuffers>(asio::query(executor, asio::execution::context));
}

UdpSocket::UdpSocket(udp::socket socket, IpFamily family) : socket_(std::move(socket)), family_(family) {}

UdpSocket UdpSocket::bound(const asio::any_io_executor& executor, IpFamily family, const std::optional<IpAddress>& address, Port port) {
  const auto any = family == IpFamily::v4 ? IpAddress{IpAddress::V4{}} : IpAddress{IpAddress::V6{}};
  UdpSocket opened{udp::socket{executor}, family};
  auto& socket = opened.socket_;
  std::error_code error;
  socket.open(family == IpFamily::v4 ? udp::v4() : udp::v6(), error);
  if (error) fail(error, family, port);
  opened.prepare();
  if (family == IpFamily::v6) {
    std::error_code ignored;  // what the system has not got, it does without
    socket.set_option(asio::ip::v6_only{true}, ignored);
  }
  const auto at = to_asio({address.value_or(any), port});
  socket.bind({at.address(), at.port()}, error);
  if (!error) socket.native_non_blocking(true, error);
  if (error) fail(error, family, port);
  const auto local = socket.local_endpoint(error);
  if (error) fail(error, family, port);
  opened.local_ = from_asio({local.address(), local.port()});
  return opened;
}

UdpSent UdpSocket::send(const SocketAddress& to, ByteView bytes, std::size_t segment, std::uint8_t ecn, std::optional<int> ttl) noexcept {
  const bool one = segment >= bytes.size();
  if (segments_ || one) {
    const auto sent = send_once(to, bytes, segment, ecn, ttl);
    if (one || sent) return sent.value_or(UdpSent::lost);
    segments_ = false;  // an interface without checksums or an old system: never again on this socket
  }
  for (std::size_t at = 0; at < bytes.size(); at += segment) {
    const auto piece = bytes.subspan(at, std::min(segment, bytes.size() - at));
    const auto sent = send_once(to, piece, piece.size(), ecn, ttl).value_or(UdpSent::lost);
    if (sent == UdpSent::blocked) return at == 0 ? sent : UdpSent::sent;  // the rest is lost, as on any full queue
    if (sent != UdpSent::sent) return sent;
  }
  return UdpSent::sent;
}

}  // namespace pshare
