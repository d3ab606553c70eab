// What the server offers beside the control connection, so that clients can find out about their NATs: STUN on the same port number over UDP, a
// second port for both transports, and a second address where the host has one.
#pragma once

#include <optional>
#include <utility>
#include <vector>

#include "apps/pshare-server/options.hpp"
#include "io/asio.hpp"
#include "io/tcp_stream.hpp"
#include "relay/io/stun_responder.hpp"

namespace pshare {

struct Services {
  Listener control;
  std::vector<Listener> reflectors, further;
  UdpPorts stun, stun_alternate;
  Port reflect_alternate;
  std::optional<std::pair<IpAddress, IpAddress>> addresses;
};

/// Takes all ports. The alternate ones are the next number if that is free, else any. Errors: as Listener::on().
Services open_services(const asio::any_io_executor& executor, const ServerOptions& options);

}  // namespace pshare
