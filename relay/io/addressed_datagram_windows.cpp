#include <cstring>

#include "io/receive_message.hpp"
#include "relay/io/addressed_datagram.hpp"

#include <mswsock.h>
#include <ws2ipdef.h>

namespace pshare {

using asio::ip::udp;

namespace {

constexpr std::size_t control_size = WSA_CMSG_SPACE(sizeof(IN6_PKTINFO)) + WSA_CMSG_SPACE(sizeof(IN_PKTINFO));
constexpr DWORD udp_netreset = _WSAIOW(IOC_VENDOR, 15);  // SIO_UDP_NETRESET, which MinGW's headers lack

template <typename Info>
void put_control(WSAMSG& message, int level, int type, const Info& info) {
  message.Control.len = static_cast<ULONG>(WSA_CMSG_SPACE(sizeof info));
  auto* const header = WSA_CMSG_FIRSTHDR(&message);
  header->cmsg_level = level, header->cmsg_type = type, header->cmsg_len = WSA_CMSG_LEN(sizeof info);
  std::memcpy(WSA_CMSG_DATA(header), &info, sizeof info);
}

void turn_off(SOCKET socket, DWORD notice) {
  BOOL off = FALSE;
  DWORD size = 0;
  WSAIoctl(socket, notice, &off, sizeof off, nullptr, 0, &size, nullptr, nullptr);
}

}  // namespace

void want_addresses(udp::socket& socket, const udp& family, std::error_code& error) {
  const DWORD on = 1;
  const bool v6 = family == udp::v6();
  error.clear();
  if (::setsockopt(socket.native_handle(), v6 ? IPPROTO_IPV6 : IPPROTO_IP, v6 ? IPV6_PKTINFO : IP_PKTINFO, reinterpret_cast<const char*>(&on), sizeof on) != 0)
    error.assign(WSAGetLastError(), asio::error::get_system_category());
  // Otherwise a receive fails after an answer that its client no longer waits for.
  turn_off(socket.native_handle(), SIO_UDP_CONNRESET);
  turn_off(socket.native_handle(), udp_netreset);
}

std::optional<AddressedDatagram> receive_addressed(udp::socket& socket, std::span<std::byte> buffer, bool& empty) {
  AddressedDatagram in;
  alignas(WSACMSGHDR) char control[control_size];
  WSABUF piece{static_cast<ULONG>(buffer.size()), reinterpret_cast<char*>(buffer.data())};
  WSAMSG message{};
  message.name = in.peer.data(), message.namelen = static_cast<int>(in.peer.capacity());
  message.lpBuffers = &piece, message.dwBufferCount = 1;
  message.Control = {sizeof control, control};
  const auto count = receive_message(socket.native_handle(), message);
  // What else fails concerns one datagram: one that is too long, or the word of ICMP about one of ours.
  const int why = count ? 0 : WSAGetLastError();
  empty = !count && why != WSAEMSGSIZE && why != WSAECONNRESET && why != WSAENETRESET;
  if (!count || (message.dwFlags & MSG_TRUNC) != 0) return std::nullopt;
  in.size = *count;
  in.peer.resize(static_cast<std::size_t>(message.namelen));
  for (auto* header = WSA_CMSG_FIRSTHDR(&message); header != nullptr; header = WSA_CMSG_NXTHDR(&message, header)) {
    if (header->cmsg_level == IPPROTO_IP && header->cmsg_type == IP_PKTINFO) {
      IN_PKTINFO info;
      std::memcpy(&info, WSA_CMSG_DATA(header), sizeof info);
      IpAddress::V4 bytes;
      std::memcpy(bytes.data(), &info.ipi_addr, bytes.size());
      in.at = IpAddress{bytes};
      return in;
    }
    if (header->cmsg_level == IPPROTO_IPV6 && header->cmsg_type == IPV6_PKTINFO) {
      IN6_PKTINFO info;
      std::memcpy(&info, WSA_CMSG_DATA(header), sizeof info);
      IpAddress::V6 bytes;
      std::memcpy(bytes.data(), &info.ipi6_addr, bytes.size());
      in.at = IpAddress{bytes};
      in.interface_index = info.ipi6_ifindex;
      return in;
    }
  }
  return std::nullopt;
}

void send_addressed(udp::socket& socket, ByteView bytes, const IpAddress& from, const AddressedDatagram& to) {
  alignas(WSACMSGHDR) char control[control_size] = {};
  WSABUF piece{static_cast<ULONG>(bytes.size()), reinterpret_cast<char*>(const_cast<std::byte*>(bytes.data()))};  // WSASendMsg() only reads it
  WSAMSG message{};
  message.name = const_cast<sockaddr*>(to.peer.data()), message.namelen = static_cast<int>(to.peer.size());
  message.lpBuffers = &piece, message.dwBufferCount = 1;
  message.Control = {sizeof control, control};
  if (from.is_v4()) {
    IN_PKTINFO info{};
    std::memcpy(&info.ipi_addr, from.bytes().data(), from.bytes().size());
    put_control(message, IPPROTO_IP, IP_PKTINFO, info);
  } else {
    IN6_PKTINFO info{};
    std::memcpy(&info.ipi6_addr, from.bytes().data(), from.bytes().size());
    info.ipi6_ifindex = from.scope() == Scope::link_local ? to.interface_index : 0;
    put_control(message, IPPROTO_IPV6, IPV6_PKTINFO, info);
  }
  DWORD sent = 0;
  ::WSASendMsg(socket.native_handle(), &message, 0, &sent, nullptr, nullptr);
}

}  // namespace pshare
