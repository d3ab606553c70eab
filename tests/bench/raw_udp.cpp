#include "raw_udp.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <cstring>
#include <system_error>
#include <vector>

#include "transfer/disk/handle.hpp"

namespace pshare::bench {

namespace {

constexpr int datagram = 1444;                               // as QUIC's on an MTU of 1500
constexpr std::size_t run = 44 * std::size_t{datagram};       // within 64 KiB
constexpr std::uint64_t window = 2 * 1024 * 1024;            // less than the socket's buffer
constexpr int socket_buffer = 4 * 1024 * 1024;
constexpr int patience_ms = 200;

int checked(ssize_t result, const char* doing) {
  if (result < 0) throw std::system_error{errno, std::generic_category(), doing};
  return static_cast<int>(result);
}

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

Handle udp_socket() {
  Handle socket{checked(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), "socket")};
  for (const int option : {SO_RCVBUFFORCE, SO_SNDBUFFORCE, SO_RCVBUF, SO_SNDBUF}) ::setsockopt(socket.native(), SOL_SOCKET, option, &socket_buffer, sizeof socket_buffer);
  const auto address = loopback(0);
  checked(::bind(socket.native(), reinterpret_cast<const sockaddr*>(&address), sizeof address), "bind");
  return socket;
}

/// What has arrived so far, told after each window; the last word when everything has or nothing more comes.
void receive(const Course& course, const std::function<void(std::uint16_t)>& listening) {
  const auto socket = udp_socket();
  const int on = 1;
  checked(::setsockopt(socket.native(), SOL_UDP, UDP_GRO, &on, sizeof on), "UDP_GRO");
  sockaddr_in address{};
  socklen_t length = sizeof address;
  checked(::getsockname(socket.native(), reinterpret_cast<sockaddr*>(&address), &length), "getsockname");
  listening(ntohs(address.sin_port));
  constexpr std::size_t at_once = 16, each = 64 * 1024;
  std::vector<char> memory(at_once * each);
  std::uint64_t arrived = 0, told = 0;
  sockaddr_in from{};
  while (arrived < course.size) {
    std::array<mmsghdr, at_once> messages{};
    std::array<iovec, at_once> pieces{};
    for (std::size_t i = 0; i < at_once; ++i) {
      pieces[i] = {memory.data() + i * each, each};
      messages[i].msg_hdr.msg_iov = &pieces[i];
      messages[i].msg_hdr.msg_iovlen = 1;
      messages[i].msg_hdr.msg_name = &from;
      messages[i].msg_hdr.msg_namelen = sizeof from;
    }
    const int count = checked(::recvmmsg(socket.native(), messages.data(), at_once, MSG_WAITFORONE, nullptr), "recvmmsg");
    for (int i = 0; i < count; ++i) arrived += messages[static_cast<std::size_t>(i)].msg_len;
    if (arrived - told < window / 2 && arrived < course.size) continue;
    told = arrived;
    checked(::sendto(socket.native(), &arrived, sizeof arrived, 0, reinterpret_cast<const sockaddr*>(&from), sizeof from), "sendto");
  }
}

void send(const Course& course, std::uint16_t port) {
  const auto socket = udp_socket();
  const auto address = loopback(port);
  checked(::connect(socket.native(), reinterpret_cast<const sockaddr*>(&address), sizeof address), "connect");
  checked(::setsockopt(socket.native(), SOL_UDP, UDP_SEGMENT, &datagram, sizeof datagram), "UDP_SEGMENT");
  const std::vector<char> memory(run, 'x');
  std::uint64_t sent = 0, arrived = 0;
  while (arrived < course.size) {
    while (sent < arrived + window) {
      const auto count = ::send(socket.native(), memory.data(), memory.size(), 0);
      if (count < 0 && errno == ECONNREFUSED) return;  // it has everything and is gone
      sent += static_cast<std::uint64_t>(checked(count, "send"));
    }
    pollfd waiting{.fd = socket.native(), .events = POLLIN, .revents = 0};
    if (checked(::poll(&waiting, 1, patience_ms), "poll") == 0) {
      sent = arrived;  // lost: what it was does not matter
      continue;
    }
    if (::recv(socket.native(), &arrived, sizeof arrived, 0) < 0) return;
  }
}

}  // namespace

Contestant raw_udp() { return {"raw UDP (the floor of UDP)", receive, send}; }

}  // namespace pshare::bench
