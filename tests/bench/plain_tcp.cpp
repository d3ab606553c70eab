#include "plain_tcp.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <unistd.h>

#include <system_error>
#include <vector>

#include "transfer/disk/handle.hpp"

namespace pshare::bench {

namespace {

constexpr std::size_t buffer_size = 256 * 1024;

int checked(int result, const char* doing) {
  if (result < 0) throw std::system_error{errno, std::generic_category(), doing};
  return result;
}

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

/// Until the end of `from`.
void copy(const Handle& from, const Handle& to) {
  std::vector<char> buffer(buffer_size);
  for (;;) {
    const auto got = ::read(from.native(), buffer.data(), buffer.size());
    checked(static_cast<int>(got), "read");
    if (got == 0) return;
    for (ssize_t put = 0; put < got;) {
      const auto count = ::write(to.native(), buffer.data() + put, static_cast<std::size_t>(got - put));
      checked(static_cast<int>(count), "write");
      put += count;
    }
  }
}

void receive(const Course& course, const std::function<void(std::uint16_t)>& listening) {
  const Handle listener{checked(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket")};
  auto address = loopback(0);
  socklen_t length = sizeof address;
  checked(::bind(listener.native(), reinterpret_cast<sockaddr*>(&address), length), "bind");
  checked(::listen(listener.native(), 1), "listen");
  checked(::getsockname(listener.native(), reinterpret_cast<sockaddr*>(&address), &length), "getsockname");
  listening(ntohs(address.sin_port));
  const Handle connection{checked(::accept(listener.native(), nullptr, nullptr), "accept")};
  const auto path = course.destination / course.file.filename();
  const Handle file{checked(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600), "open")};
  copy(connection, file);
}

void send(const Course& course, std::uint16_t port) {
  const Handle connection{checked(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket")};
  use_common_congestion_control(connection.native());
  const auto address = loopback(port);
  checked(::connect(connection.native(), reinterpret_cast<const sockaddr*>(&address), sizeof address), "connect");
  const Handle file{checked(::open(course.file.c_str(), O_RDONLY | O_CLOEXEC), "open")};
  copy(file, connection);
}

}  // namespace

Contestant plain_tcp() { return {"plain TCP copy (the floor)", receive, send}; }

}  // namespace pshare::bench
