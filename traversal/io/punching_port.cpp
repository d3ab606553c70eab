#include "traversal/io/punching_port.hpp"

#include "io/log.hpp"

namespace pshare {

PunchingPort::PunchingPort(asio::any_io_executor executor, Port listener) : number_(listener) {
  for (const auto family : {IpFamily::v4, IpFamily::v6}) {
    try {
      udp_.push_back(UdpPort::open(executor, family, listener));
    } catch (const Failure& failure) {
      log(LogLevel::debug, "udp.unavailable", {{"family", family == IpFamily::v4 ? "IPv4" : "IPv6"}, {"why", failure.what()}});
    }
  }
}

}  // namespace pshare
