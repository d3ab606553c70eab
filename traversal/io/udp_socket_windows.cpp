// Windows has no call for many datagrams of many senders; what it has is runs of one sender's, in (UDP receive offload) and out (send offload). Both, and
// ECN, are younger than Windows 10: what the system refuses is done without.
#include <winsock2.h>
#include <ws2tcpip.h>

#include <mswsock.h>

#include <array>
#include <cstring>
#include <utility>

#include "io/receive_message.hpp"
#include "traversal/io/udp_socket.hpp"

namespace pshare {

using asio::ip::udp;

namespace {

constexpr int streaming_buffer = 4 * 1024 * 1024;  // of the socket

// What ws2ipdef.h, ws2tcpip.h and mstcpip.h of the Windows SDK say, and MinGW's do not yet.
constexpr int udp_send_msg_size = 2, udp_recv_max_coalesced_size = 3, udp_coalesced_info = 3;  // of IPPROTO_UDP
constexpr int ecn_option = 50;                                                                 // IP_ECN, IPV6_ECN
constexpr int mtu_discover = 71, pmtudisc_probe = 3;                                           // IP_MTU_DISCOVER, IPV6_MTU_DISCOVER
constexpr int dont_fragment = 14;                                                              // IP_DONTFRAGMENT, IPV6_DONTFRAG
constexpr DWORD udp_netreset = _WSAIOW(IOC_VENDOR, 15);                                        // SIO_UDP_NETRESET
constexpr std::uint8_t ecn_bits = 0x03;                                                        // RFC 3168 section 5

/// Datagrams that are passed over, for each that may be received: what is no use must not keep the loop.
constexpr std::size_t most_looks = 4 * UdpReceiveBuffers::at_once;

/// Room for the control messages of one call: ECN, and the size in a run.
struct Control {
  alignas(WSACMSGHDR) std::array<char, 4 * WSA_CMSG_SPACE(sizeof(DWORD))> bytes{};
};

class ControlWriter {
 public:
  ControlWriter(WSAMSG& message, Control& control) : message_(message) { message_.Control = {0, control.bytes.data()}; }
  template <typename T>
  void add(int level, int type, T value) {
    auto* const at = reinterpret_cast<WSACMSGHDR*>(message_.Control.buf + message_.Control.len);
    at->cmsg_level = level;
    at->cmsg_type = type;
    at->cmsg_len = WSA_CMSG_LEN(sizeof value);
    std::memcpy(WSA_CMSG_DATA(at), &value, sizeof value);
    message_.Control.len += static_cast<ULONG>(WSA_CMSG_SPACE(sizeof value));
  }

 private:
  WSAMSG& message_;
};

void read_control(WSAMSG& message, UdpArrival& arrival) {
  for (auto* each = WSA_CMSG_FIRSTHDR(&message); each != nullptr; each = WSA_CMSG_NXTHDR(&message, each)) {
    DWORD value = 0;
    if (each->cmsg_len < WSA_CMSG_LEN(sizeof value)) continue;
    std::memcpy(&value, WSA_CMSG_DATA(each), sizeof value);
    if (each->cmsg_level == IPPROTO_UDP && each->cmsg_type == udp_coalesced_info) {
      if (value > 0) arrival.segment = value;
    } else if ((each->cmsg_level == IPPROTO_IP || each->cmsg_level == IPPROTO_IPV6) && each->cmsg_type == ecn_option) {
      arrival.ecn = static_cast<std::uint8_t>(value) & ecn_bits;
    }
  }
}

bool set(SOCKET socket, int level, int option, int value) noexcept {
  return ::setsockopt(socket, level, option, reinterpret_cast<const char*>(&value), sizeof value) == 0;
}

void turn_off(SOCKET socket, DWORD notice) noexcept {
  BOOL off = FALSE;
  DWORD size = 0;
  WSAIoctl(socket, notice, &off, sizeof off, nullptr, 0, &size, nullptr, nullptr);
}

UdpSent meaning(int trouble) {
  switch (trouble) {
    case WSAEWOULDBLOCK: return UdpSent::blocked;
    case WSAEMSGSIZE: return UdpSent::too_long;
    case WSAENOTSOCK:
    case WSAEBADF: return UdpSent::closed;
    default: return UdpSent::lost;
  }
}

/// Another TTL for what is sent while this is there. (That a control message sets it is not documented for every version.)
class TtlForNow {
 public:
  TtlForNow(SOCKET socket, IpFamily family, std::optional<int> ttl) noexcept
      : socket_(socket), level_(family == IpFamily::v4 ? IPPROTO_IP : IPPROTO_IPV6), option_(family == IpFamily::v4 ? IP_TTL : IPV6_UNICAST_HOPS) {
    int size = sizeof usual_;
    changed_ = ttl && ::getsockopt(socket_, level_, option_, reinterpret_cast<char*>(&usual_), &size) == 0 && set(socket_, level_, option_, *ttl);
    failed_ = ttl && !changed_;
  }
  TtlForNow(const TtlForNow&) = delete;
  TtlForNow& operator=(const TtlForNow&) = delete;
  ~TtlForNow() {
    if (changed_) set(socket_, level_, option_, usual_);
  }
  bool failed() const { return failed_; }

 private:
  SOCKET socket_;
  int level_, option_, usual_ = 0;
  bool changed_ = false, failed_ = false;
};

}  // namespace

std::span<const UdpArrival> UdpReceiveBuffers::receive(udp::socket::native_handle_type socket) {
  if (!memory_) memory_ = std::make_unique_for_overwrite<std::byte[]>(at_once * longest_run);
  std::size_t count = 0;
  for (std::size_t look = 0; look < most_looks && count < at_once; ++look) {
    auto& arrival = arrivals_[count];
    auto* const place = memory_.get() + count * longest_run;
    WSABUF piece{static_cast<ULONG>(longest_run), reinterpret_cast<char*>(place)};
    Control control;
    WSAMSG message{};
    message.name = arrival.from.data();
    message.namelen = SocketAddress::room;
    message.lpBuffers = &piece;
    message.dwBufferCount = 1;
    message.Control = {static_cast<ULONG>(control.bytes.size()), control.bytes.data()};
    const auto size = receive_message(socket, message);
    if (!size) {
      const int why = WSAGetLastError();
      // Of earlier datagrams, where the notices could not be turned off: somebody's word by ICMP.
      if (why == WSAECONNRESET || why == WSAENETRESET || why == WSAEMSGSIZE) continue;
      break;
    }
    arrival.bytes = {place, *size};
    arrival.segment = *size;
    arrival.ecn = 0;
    read_control(message, arrival);
    ++count;
  }
  return std::span{arrivals_}.first(count);
}

void UdpSocket::prepare() noexcept {
  const auto socket = descriptor();
  const int level = family_ == IpFamily::v4 ? IPPROTO_IP : IPPROTO_IPV6;
  set(socket, level, dont_fragment, 1);
  set(socket, level, mtu_discover, pmtudisc_probe);
  // Otherwise the next receive fails after a datagram that nobody wanted, or that died on its way.
  turn_off(socket, SIO_UDP_CONNRESET);
  turn_off(socket, udp_netreset);
  DWORD none = 0;
  int size = sizeof none;
  segments_ = ::getsockopt(socket, IPPROTO_UDP, udp_send_msg_size, reinterpret_cast<char*>(&none), &size) == 0;
}

Endpoint UdpSocket::local_towards(const Endpoint& remote) const noexcept {
  if (local_.address.scope() != Scope::unusable || remote.address.is_v4() != (family_ == IpFamily::v4)) return local_;
  const SocketAddress to{remote};
  const SOCKET probe = ::socket(to.data()->sa_family, SOCK_DGRAM, IPPROTO_UDP);
  if (probe == INVALID_SOCKET) return local_;
  SocketAddress from;
  socklen_t length = SocketAddress::room;
  // Says nothing to anybody: connecting a UDP socket only looks up the route.
  const bool known = ::connect(probe, to.data(), to.size()) == 0 && ::getsockname(probe, from.data(), &length) == 0;
  ::closesocket(probe);
  const auto endpoint = known ? from.endpoint() : std::nullopt;
  return endpoint ? Endpoint{endpoint->address, local_.port} : local_;
}

void UdpSocket::prepare_for_streaming() noexcept {
  const auto socket = descriptor();
  set(socket, SOL_SOCKET, SO_RCVBUF, streaming_buffer);
  set(socket, SOL_SOCKET, SO_SNDBUF, streaming_buffer);
  set(socket, IPPROTO_UDP, udp_recv_max_coalesced_size, static_cast<int>(UINT16_MAX - sizeof(std::uint64_t)));  // 65535 less a header of UDP
  set(socket, family_ == IpFamily::v4 ? IPPROTO_IP : IPPROTO_IPV6, ecn_option, 1);                              // IP_RECVECN: the same number
}

std::optional<UdpSent> UdpSocket::send_once(const SocketAddress& to, ByteView bytes, std::size_t segment, std::uint8_t ecn, std::optional<int> ttl) noexcept {
  const auto socket = descriptor();
  const TtlForNow other_ttl{socket, family_, ttl};
  if (other_ttl.failed()) return socket == INVALID_SOCKET ? UdpSent::closed : UdpSent::lost;
  const bool in_run = segment < bytes.size();
  for (int attempt = 0;; ++attempt) {
    WSABUF piece{static_cast<ULONG>(bytes.size()), reinterpret_cast<char*>(const_cast<std::byte*>(bytes.data()))};  // WSASendMsg() only reads it
    WSAMSG message{};
    message.name = const_cast<sockaddr*>(to.data());
    message.namelen = to.size();
    message.lpBuffers = &piece;
    message.dwBufferCount = 1;
    Control control;
    ControlWriter controls{message, control};
    const bool marked = marks_ && ecn != 0;
    if (in_run) controls.add(IPPROTO_UDP, udp_send_msg_size, static_cast<DWORD>(segment));
    if (marked) controls.add(family_ == IpFamily::v4 ? IPPROTO_IP : IPPROTO_IPV6, ecn_option, static_cast<INT>(ecn));
    if (message.Control.len == 0) message.Control.buf = nullptr;
    DWORD sent = 0;
    if (::WSASendMsg(socket, &message, 0, &sent, nullptr, nullptr) == 0) return UdpSent::sent;
    const int why = WSAGetLastError();
    const bool refused = why == WSAEINVAL || why == WSAEOPNOTSUPP || why == WSAENOPROTOOPT;
    if (refused && marked) {
      marks_ = false;  // never again on this socket
    } else if (refused && in_run) {
      return std::nullopt;
    } else if ((why != WSAECONNRESET && why != WSAENETRESET) || attempt > 1) {
      // An ICMP error of an earlier datagram is said once, and then forgotten.
      return meaning(why);
    }
  }
}

}  // namespace pshare
