// For sockets that are bound to every address, IP_PKTINFO (and IPV6_RECVPKTINFO, RFC 3542 section 6) say which one was asked, and which one
// the answer is to leave from.
#include "relay/io/stun_responder.hpp"

#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <utility>

#include "io/deadline.hpp"
#include "io/task_group.hpp"
#include "io/tcp_stream.hpp"

namespace pshare {

using asio::ip::udp;

namespace {

/// How often another free port is asked for when the one that IPv6 got is taken on IPv4.
constexpr int port_choices = 32;
/// Pause after a socket could not be waited for (the system is short of something).
constexpr Duration trouble_pause = std::chrono::milliseconds{100};

[[noreturn]] void fail(const std::error_code& error, const std::string& where) {
  Error trouble{.code = Errc::local_io, .doing = "listening on " + where + " (UDP)", .cause = error};
  if (error == asio::error::address_in_use) trouble.code = Errc::busy, trouble.hint = "choose another port, or end the program that has it";
  if (error == asio::error::access_denied) trouble.code = Errc::refused, trouble.hint = "choose a port above 1023";
  throw Failure{std::move(trouble)};
}

udp::endpoint udp_endpoint(const Endpoint& endpoint) {
  const auto tcp = to_asio(endpoint);
  return {tcp.address(), tcp.port()};
}

/// Bound, or nothing and why.
std::optional<udp::socket> bound_socket(const asio::any_io_executor& executor, const udp::endpoint& at, std::error_code& error) {
  udp::socket socket{executor};
  const int on = 1;
  const bool v6 = at.protocol() == udp::v6();
  socket.open(at.protocol(), error);
  if (!error && v6) socket.set_option(asio::ip::v6_only{true}, error);
  if (!error && ::setsockopt(socket.native_handle(), v6 ? IPPROTO_IPV6 : IPPROTO_IP, v6 ? IPV6_RECVPKTINFO : IP_PKTINFO, &on, sizeof on) != 0)
    error.assign(errno, asio::error::get_system_category());
  if (!error) socket.bind(at, error);
  if (!error) socket.non_blocking(true, error);
  if (error) return std::nullopt;
  return socket;
}

bool is_absent(const std::error_code& error) {
  return error == asio::error::address_family_not_supported || error.value() == EADDRNOTAVAIL;
}

/// A datagram with its addresses, in the system's terms.
struct Datagram {
  sockaddr_storage peer{};
  socklen_t peer_size = sizeof peer;
  IpAddress at;                 // of ours
  unsigned interface = 0;       // by which it came; for link-local addresses alone
  std::size_t size = 0;
};

Endpoint endpoint_of(const sockaddr_storage& address) {
  if (address.ss_family == AF_INET) {
    sockaddr_in v4;
    std::memcpy(&v4, &address, sizeof v4);
    IpAddress::V4 bytes;
    std::memcpy(bytes.data(), &v4.sin_addr, bytes.size());
    return {IpAddress{bytes}, Port{ntohs(v4.sin_port)}};
  }
  sockaddr_in6 v6;
  std::memcpy(&v6, &address, sizeof v6);
  IpAddress::V6 bytes;
  std::memcpy(bytes.data(), &v6.sin6_addr, bytes.size());
  return {IpAddress{bytes}, Port{ntohs(v6.sin6_port)}};
}

/// The same peer at another port; its zone stays.
void set_port(sockaddr_storage& address, Port port) {
  // sin_port and sin6_port are at the same place, behind the family.
  const auto number = htons(port.number);
  std::memcpy(reinterpret_cast<std::byte*>(&address) + offsetof(sockaddr_in, sin_port), &number, sizeof number);
}
static_assert(offsetof(sockaddr_in, sin_port) == offsetof(sockaddr_in6, sin6_port));

constexpr std::size_t control_size = CMSG_SPACE(sizeof(in6_pktinfo)) + CMSG_SPACE(sizeof(in_pktinfo));

/// Nothing when none waits, or what came is of no use.
std::optional<Datagram> receive(int socket, std::span<std::byte> buffer, bool& empty) {
  Datagram in;
  alignas(cmsghdr) std::byte control[control_size];
  iovec piece{buffer.data(), buffer.size()};
  msghdr message{};
  message.msg_name = &in.peer, message.msg_namelen = in.peer_size;
  message.msg_iov = &piece, message.msg_iovlen = 1;
  message.msg_control = control, message.msg_controllen = sizeof control;
  const auto count = ::recvmsg(socket, &message, 0);
  empty = count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
  if (count < 0 || (message.msg_flags & MSG_TRUNC) != 0) return std::nullopt;
  in.size = static_cast<std::size_t>(count);
  in.peer_size = message.msg_namelen;
  for (auto* header = CMSG_FIRSTHDR(&message); header != nullptr; header = CMSG_NXTHDR(&message, header)) {
    if (header->cmsg_level == IPPROTO_IP && header->cmsg_type == IP_PKTINFO) {
      in_pktinfo info;
      std::memcpy(&info, CMSG_DATA(header), sizeof info);
      IpAddress::V4 bytes;
      std::memcpy(bytes.data(), &info.ipi_addr, bytes.size());
      in.at = IpAddress{bytes};
      return in;
    }
    if (header->cmsg_level == IPPROTO_IPV6 && header->cmsg_type == IPV6_PKTINFO) {
      in6_pktinfo info;
      std::memcpy(&info, CMSG_DATA(header), sizeof info);
      IpAddress::V6 bytes;
      std::memcpy(bytes.data(), &info.ipi6_addr, bytes.size());
      in.at = IpAddress{bytes};
      in.interface = info.ipi6_ifindex;
      return in;
    }
  }
  return std::nullopt;
}

template <typename Info>
void put_control(msghdr& message, int level, int type, const Info& info) {
  message.msg_controllen = CMSG_SPACE(sizeof info);
  auto* const header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = level, header->cmsg_type = type, header->cmsg_len = CMSG_LEN(sizeof info);
  std::memcpy(CMSG_DATA(header), &info, sizeof info);
}

/// What cannot leave is lost, as any datagram may be.
void send(int socket, ByteView bytes, const IpAddress& from, Datagram& to) {
  alignas(cmsghdr) std::byte control[control_size] = {};
  iovec piece{const_cast<std::byte*>(bytes.data()), bytes.size()};
  msghdr message{};
  message.msg_name = &to.peer, message.msg_namelen = to.peer_size;
  message.msg_iov = &piece, message.msg_iovlen = 1;
  message.msg_control = control, message.msg_controllen = sizeof control;
  if (from.is_v4()) {
    in_pktinfo info{};
    std::memcpy(&info.ipi_spec_dst, from.bytes().data(), from.bytes().size());
    put_control(message, IPPROTO_IP, IP_PKTINFO, info);
  } else {
    in6_pktinfo info{};
    std::memcpy(&info.ipi6_addr, from.bytes().data(), from.bytes().size());
    info.ipi6_ifindex = from.scope() == Scope::link_local ? to.interface : 0;
    put_control(message, IPPROTO_IPV6, IPV6_PKTINFO, info);
  }
  [[maybe_unused]] const auto sent = ::sendmsg(socket, &message, 0);
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
    if (port.number != 0 || error != asio::error::address_in_use) break;
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
    if (port.number != 0 || error != asio::error::address_in_use) fail(error, at.text());
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
  auto in = receive(socket.socket.native_handle(), buffer, empty);
  if (!in) return !empty;
  const auto from = endpoint_of(in->peer);
  const auto answer = server_.answer(ByteView{buffer}.first(in->size), from, {in->at, port});
  if (!answer) return true;
  auto* const out = socket_for(answer->from);
  if (out == nullptr) return true;
  set_port(in->peer, answer->to.port);
  send(out->socket.native_handle(), answer->bytes, answer->from.address, *in);
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
