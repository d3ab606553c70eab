#include "tun_edge.hpp"

#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <system_error>
#include <utility>

#include "ip_packet.hpp"

namespace pshare::natlab {

namespace {

[[noreturn]] void fail(const std::string& doing) { throw std::system_error{errno, std::generic_category(), doing}; }

class Descriptor {
 public:
  Descriptor(int number, const std::string& doing) : number_(number) {
    if (number_ < 0) fail(doing);
  }
  Descriptor(const Descriptor&) = delete;
  ~Descriptor() {
    if (number_ >= 0) ::close(number_);
  }
  int number() const { return number_; }
  int release() { return std::exchange(number_, -1); }

 private:
  int number_;
};

/// While it lives, this thread is in another network namespace.
class InNamespace {
 public:
  explicit InNamespace(const std::string& path) : home_(::open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC), "opening our own network namespace") {
    if (path.empty()) return;
    const Descriptor there{::open(path.c_str(), O_RDONLY | O_CLOEXEC), "opening the network namespace " + path};
    if (::setns(there.number(), CLONE_NEWNET) != 0) fail("entering the network namespace " + path);
  }
  ~InNamespace() { [[maybe_unused]] const int back = ::setns(home_.number(), CLONE_NEWNET); }

 private:
  Descriptor home_;
};

ifreq request_for(const std::string& device) {
  ifreq request{};
  if (device.empty() || device.size() >= IFNAMSIZ) throw std::system_error{ENAMETOOLONG, std::generic_category(), "naming the device \"" + device + '"'};
  std::memcpy(request.ifr_name, device.data(), device.size());
  return request;
}

}  // namespace

TunEdge::TunEdge(Settings settings) : settings_(std::move(settings)), interface_(*this, settings_.device) {
  const InNamespace inside{settings_.space};
  Descriptor tun{::open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC), "opening /dev/net/tun"};
  auto request = request_for(settings_.device);
  request.ifr_flags = IFF_TUN | IFF_NO_PI;
  if (::ioctl(tun.number(), TUNSETIFF, &request) != 0) fail("making the device " + settings_.device);
  const Descriptor control{::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), "opening a socket"};
  request = request_for(settings_.device);
  request.ifr_mtu = static_cast<int>(settings_.mtu);
  if (::ioctl(control.number(), SIOCSIFMTU, &request) != 0) fail("setting the MTU of " + settings_.device);
  request = request_for(settings_.device);
  if (::ioctl(control.number(), SIOCGIFFLAGS, &request) != 0) fail("reading the flags of " + settings_.device);
  request.ifr_flags = static_cast<short>(request.ifr_flags | IFF_UP | IFF_MULTICAST);
  if (::ioctl(control.number(), SIOCSIFFLAGS, &request) != 0) fail("bringing up " + settings_.device);
  descriptor_ = tun.release();
}

TunEdge::~TunEdge() { ::close(descriptor_); }

bool TunEdge::pump(unsigned packets) {
  std::array<std::byte, 65536> buffer;
  for (; packets > 0; --packets) {
    const auto count = ::read(descriptor_, buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return false;
    if (auto packet = packet_from(ByteView{buffer}.first(static_cast<std::size_t>(count)))) interface_.send(*std::move(packet));
    else ++not_forwarded_;
  }
  return true;
}

void TunEdge::receive(sim::Packet packet, sim::Interface&) {
  const auto bytes = ip_from(packet);
  // A kernel whose queue is full, or whose device is down, loses the packet, as any line would.
  [[maybe_unused]] const auto written = ::write(descriptor_, bytes.data(), bytes.size());
}

}  // namespace pshare::natlab
