#include "io/service_notice.hpp"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>

namespace pshare {
namespace {

/// The service manager's end.
class Manager {
 public:
  explicit Manager(const std::string& address) : socket_{::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)} {
    sockaddr_un at{};
    at.sun_family = AF_UNIX;
    std::ranges::copy(address, at.sun_path);
    if (address.front() == '@') at.sun_path[0] = '\0';
    bound_ = ::bind(socket_, reinterpret_cast<const sockaddr*>(&at), static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + address.size())) == 0;
  }
  Manager(const Manager&) = delete;
  Manager& operator=(const Manager&) = delete;
  ~Manager() { ::close(socket_); }

  bool listens() const { return bound_; }
  std::string heard() {
    char text[256];
    const auto size = ::recv(socket_, text, sizeof text, 0);
    return size < 0 ? "nothing" : std::string(text, static_cast<std::size_t>(size));
  }

 private:
  int socket_;
  bool bound_ = false;
};

TEST(ServiceNotice, ReachesASocketInAFolder) {
  const auto path = testing::TempDir() + "notice." + std::to_string(::getpid());
  Manager manager{path};
  ASSERT_TRUE(manager.listens());
  EXPECT_TRUE(notify_service_manager(path, "READY=1\nSTATUS=well"));
  EXPECT_EQ(manager.heard(), "READY=1\nSTATUS=well");
  ::unlink(path.c_str());
}

TEST(ServiceNotice, ReachesASocketWithAnAbstractName) {
  const auto name = "@pshare.notice." + std::to_string(::getpid());
  Manager manager{name};
  ASSERT_TRUE(manager.listens());
  EXPECT_TRUE(notify_service_manager(name, "STOPPING=1"));
  EXPECT_EQ(manager.heard(), "STOPPING=1");
}

TEST(ServiceNotice, IsNotMissedWhereNobodyAskedForIt) {
  EXPECT_FALSE(notify_service_manager("", "READY=1"));
  EXPECT_FALSE(notify_service_manager("vsock:2:1234", "READY=1"));
  EXPECT_FALSE(notify_service_manager(testing::TempDir() + "nobody-listens-here", "READY=1"));
  EXPECT_FALSE(notify_service_manager("/" + std::string(200, 'x'), "READY=1"));
}

}  // namespace
}  // namespace pshare
