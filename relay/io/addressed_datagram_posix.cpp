#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>

#include "relay/io/addressed_datagram.hpp"

namespace pshare {

using asio::ip::udp;

namespace {

constexpr std::size_t control_size = CMSG_SPACE(sizeof(in6_pktinfo)) + CMSG_SPACE(sizeof(in_pktinfo));

template <typename Info>
void put_control(msghdr& message, int level, int type, const Info& info) {
  message.msg_controllen = CMSG_SPACE(sizeof info);
  auto* const header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = level, header->cmsg_type = type, header->cmsg_len = CMSG_LEN(sizeof info);
  std::memcpy(CMSG_DATA(header), &info, sizeof info);
}

}  // namespace

void want_addresses(udp::socket& socket, const udp& family, std::error_code& error) {
  const int on = 1;
  const bool v6 = family == udp::v6();
  error.clear();
  if (::setsockopt(socket.native_handle(), v6 ? IPPROTO_IPV6 : IPPROTO_IP, v6 ? IPV6_RECVPKTINFO : IP_PKTINFO, &on, sizeof on) != 0)
    error.assign(errno, asio::error::get_system_category());
}

std::optional<AddressedDatagram> receive_addressed(udp::socket& socket, std::span<std::byte> buffer, bool& empty) {
  AddressedDatagram in;
  alignas(cmsghdr) std::byte control[control_size];
  iovec piece{buffer.data(), buffer.size()};
  msghdr message{};
  message.msg_name = in.peer.data(), message.msg_namelen = static_cast<socklen_t>(in.peer.capacity());
  message.msg_iov = &piece, message.msg_iovlen = 1;
  message.msg_control = control, message.msg_controllen = sizeof control;
  const auto count = ::recvmsg(socket.native_handle(), &message, 0);
  empty = count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
  if (count < 0 || (message.msg_flags & MSG_TRUNC) != 0) return std::nullopt;
  in.size = static_cast<std::size_t>(count);
  in.peer.resize(message.msg_namelen);
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
      in.interface_index = info.ipi6_ifindex;
      return in;
    }
  }
  return std::nullopt;
}

void send_addressed(udp::socket& socket, ByteView bytes, const IpAddress& from, const AddressedDatagram& to) {
  alignas(cmsghdr) std::byte control[control_size] = {};
  iovec piece{const_cast<std::byte*>(bytes.data()), bytes.size()};  // sendmsg() only reads it
  msghdr message{};
  message.msg_name = const_cast<sockaddr*>(to.peer.data()), message.msg_namelen = static_cast<socklen_t>(to.peer.size());
  message.msg_iov = &piece, message.msg_iovlen = 1;
  message.msg_control = control, message.msg_controllen = sizeof control;
  if (from.is_v4()) {
    in_pktinfo info{};
    std::memcpy(&info.ipi_spec_dst, from.bytes().data(), from.bytes().size());
    put_control(message, IPPROTO_IP, IP_PKTINFO, info);
  } else {
    in6_pktinfo info{};
    std::memcpy(&info.ipi6_addr, from.bytes().data(), from.bytes().size());
    info.ipi6_ifindex = from.scope() == Scope::link_local ? to.interface_index : 0;
    put_control(message, IPPROTO_IPV6, IPV6_PKTINFO, info);
  }
  [[maybe_unused]] const auto sent = ::sendmsg(socket.native_handle(), &message, 0);
}

}  // namespace pshare
