#include <netinet/ip.h>
#include <netinet/udp.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "traversal/io/udp_socket.hpp"

namespace pshare {

namespace {

constexpr int streaming_buffer = 4 * 1024 * 1024;  // of the socket; what the system allows may be less
constexpr std::uint8_t ecn_bits = 0x03;            // RFC 3168 section 5

/// Room for the control messages of one call: TOS, GRO or GSO size, TTL.
struct Control {
  alignas(cmsghdr) std::array<std::byte, 3 * CMSG_SPACE(sizeof(int))> bytes{};
};

/// Appends control messages to a message that is to be sent.
class ControlWriter {
 public:
  ControlWriter(msghdr& message, Control& control) : message_(message) {
    message_.msg_control = control.bytes.data();
    message_.msg_controllen = 0;
  }
  template <typename T>
  void add(int level, int type, T value) {
    auto* at = reinterpret_cast<cmsghdr*>(static_cast<std::byte*>(message_.msg_control) + message_.msg_controllen);
    at->cmsg_level = level;
    at->cmsg_type = type;
    at->cmsg_len = CMSG_LEN(sizeof value);
    std::memcpy(CMSG_DATA(at), &value, sizeof value);
    message_.msg_controllen += CMSG_SPACE(sizeof value);
  }

 private:
  msghdr& message_;
};

void read_control(msghdr& message, UdpArrival& arrival) {
  for (auto* each = CMSG_FIRSTHDR(&message); each != nullptr; each = CMSG_NXTHDR(&message, each)) {
    if (each->cmsg_level == SOL_UDP && each->cmsg_type == UDP_GRO) {
      int segment = 0;
      std::memcpy(&segment, CMSG_DATA(each), sizeof segment);
      if (segment > 0) arrival.segment = static_cast<std::size_t>(segment);
    } else if ((each->cmsg_level == IPPROTO_IP && each->cmsg_type == IP_TOS) || (each->cmsg_level == IPPROTO_IPV6 && each->cmsg_type == IPV6_TCLASS)) {
      std::uint8_t field = 0;  // IPv6's is an int, of which this is the byte that counts (little endian) or the last one
      if (each->cmsg_len == CMSG_LEN(sizeof(int))) {
        int wide = 0;
        std::memcpy(&wide, CMSG_DATA(each), sizeof wide);
        field = static_cast<std::uint8_t>(wide);
      } else {
        std::memcpy(&field, CMSG_DATA(each), sizeof field);
      }
      arrival.ecn = field & ecn_bits;
    }
  }
}

void set(int socket, int level, int option, int value) noexcept {
  ::setsockopt(socket, level, option, &value, sizeof value);  // what the system has not got, it does without
}

std::optional<UdpSent> meaning(int trouble, bool in_run) {
  if (in_run && (trouble == EIO || trouble == EINVAL)) return std::nullopt;
  switch (trouble) {
    case EAGAIN: return UdpSent::blocked;
    case EMSGSIZE: return UdpSent::too_long;
    case EBADF: return UdpSent::closed;
    default: return UdpSent::lost;
  }
}

}  // namespace

std::span<const UdpArrival> UdpReceiveBuffers::receive(int socket) {
  if (!memory_) memory_ = std::make_unique_for_overwrite<std::byte[]>(at_once * longest_run);
  std::array<mmsghdr, at_once> messages{};
  std::array<iovec, at_once> pieces;
  std::array<Control, at_once> controls;
  for (std::size_t i = 0; i < at_once; ++i) {
    pieces[i] = {memory_.get() + i * longest_run, longest_run};
    auto& message = messages[i].msg_hdr;
    message.msg_name = arrivals_[i].from.data();
    message.msg_namelen = SocketAddress::room;
    message.msg_iov = &pieces[i];
    message.msg_iovlen = 1;
    message.msg_control = controls[i].bytes.data();
    message.msg_controllen = controls[i].bytes.size();
  }
  const int count = ::recvmmsg(socket, messages.data(), at_once, MSG_DONTWAIT, nullptr);
  if (count <= 0) return {};
  for (std::size_t i = 0; i < static_cast<std::size_t>(count); ++i) {
    auto& arrival = arrivals_[i];
    arrival.bytes = {memory_.get() + i * longest_run, messages[i].msg_len};
    arrival.segment = arrival.bytes.size();
    arrival.ecn = 0;
    read_control(messages[i].msg_hdr, arrival);
  }
  return std::span{arrivals_}.first(static_cast<std::size_t>(count));
}

void UdpSocket::prepare() noexcept {
  const int socket = descriptor();
  if (family_ == IpFamily::v4)
    set(socket, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_PROBE);
  else
    set(socket, IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_PROBE);
}

Endpoint UdpSocket::local_towards(const Endpoint& remote) const noexcept {
  if (local_.address.scope() != Scope::unusable || remote.address.is_v4() != (family_ == IpFamily::v4)) return local_;
  const SocketAddress to{remote};
  const int probe = ::socket(to.data()->sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (probe < 0) return local_;
  SocketAddress from;
  socklen_t length = SocketAddress::room;
  // Says nothing to anybody: connecting a UDP socket only looks up the route.
  const bool known = ::connect(probe, to.data(), to.size()) == 0 && ::getsockname(probe, from.data(), &length) == 0;
  ::close(probe);
  const auto endpoint = known ? from.endpoint() : std::nullopt;
  return endpoint ? Endpoint{endpoint->address, local_.port} : local_;
}

void UdpSocket::prepare_for_streaming() noexcept {
  const int socket = descriptor();
  // The FORCE variants go beyond the system's limits, where we may.
  if (::setsockopt(socket, SOL_SOCKET, SO_RCVBUFFORCE, &streaming_buffer, sizeof streaming_buffer) != 0)
    set(socket, SOL_SOCKET, SO_RCVBUF, streaming_buffer);
  if (::setsockopt(socket, SOL_SOCKET, SO_SNDBUFFORCE, &streaming_buffer, sizeof streaming_buffer) != 0)
    set(socket, SOL_SOCKET, SO_SNDBUF, streaming_buffer);
  set(socket, SOL_UDP, UDP_GRO, 1);
  if (family_ == IpFamily::v4)
    set(socket, IPPROTO_IP, IP_RECVTOS, 1);
  else
    set(socket, IPPROTO_IPV6, IPV6_RECVTCLASS, 1);
}

std::optional<UdpSent> UdpSocket::send_once(const SocketAddress& to, ByteView bytes, std::size_t segment, std::uint8_t ecn, std::optional<int> ttl) noexcept {
  iovec piece{const_cast<std::byte*>(bytes.data()), bytes.size()};  // sendmsg() only reads it
  msghdr message{};
  message.msg_name = const_cast<sockaddr*>(to.data());
  message.msg_namelen = to.size();
  message.msg_iov = &piece;
  message.msg_iovlen = 1;
  Control control;
  ControlWriter controls{message, control};
  const bool v4 = family_ == IpFamily::v4;
  if (segment < bytes.size()) controls.add(SOL_UDP, UDP_SEGMENT, static_cast<std::uint16_t>(segment));
  if (ecn != 0) controls.add(v4 ? IPPROTO_IP : IPPROTO_IPV6, v4 ? IP_TOS : IPV6_TCLASS, static_cast<int>(ecn));
  if (ttl) controls.add(v4 ? IPPROTO_IP : IPPROTO_IPV6, v4 ? IP_TTL : IPV6_HOPLIMIT, *ttl);
  if (message.msg_controllen == 0) message.msg_control = nullptr;
  for (int attempt = 0;; ++attempt) {
    if (::sendmsg(descriptor(), &message, MSG_DONTWAIT) >= 0) return UdpSent::sent;
    const int trouble = errno;
    // An ICMP error of an earlier datagram is said once, and then forgotten.
    if (trouble != EINTR && (trouble != ECONNREFUSED || attempt > 0)) return meaning(trouble, segment < bytes.size());
  }
}

}  // namespace pshare
