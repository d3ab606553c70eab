#include "traversal/io/reachability.hpp"

#include <vector>

#include "io/deadline.hpp"
#include "io/log.hpp"

namespace pshare {

namespace {

/// The server tells what came of it when it is over: what has not come by then is hardly under way.
constexpr Duration nonce_patience = std::chrono::milliseconds{500};
constexpr std::string_view no_nonce = "waiting for the server's nonce";

/// The nonce is what counts, whatever the server thinks came of it. It comes from the server's other address, where there is one.
awaitable<bool> dialled_back(RendezvousClient& server, LaneDoor& door, const PunchingPort& port, Random& random, Transport transport, Port external) {
  const auto until = Clock::now() + reachability_patience;
  const auto welcome = co_await server.welcome(until);
  if (!server.server_endpoint()) throw Failure{{.code = Errc::unsupported, .doing = "asking to be dialled back: the server sees a proxy in our place"}};
  const auto there = server.server_endpoint()->address;
  DialBackNonce nonce{};
  random.fill(nonce);
  LaneDoor::DialBackWaiter at_door{door, welcome.alternate_address.value_or(there), nonce};
  Wakeup over_udp{co_await asio::this_coro::executor};
  std::vector<UdpPort::Registration> at_sockets;
  for (const auto& socket : port.udp())
    at_sockets.push_back(socket->on_other([&](const Endpoint&, ByteView datagram, TimePoint) {
      if (decode_dial_back(datagram) == nonce) over_udp.ring();
    }));
  if (co_await server.probe(transport, external, nonce, until) != DialBackOutcome::reached) co_return false;
  auto waiting = transport == Transport::tcp ? at_door.arrived() : over_udp.wait();
  co_await with_deadline(std::move(waiting), Clock::now() + nonce_patience, std::string{no_nonce});
  co_return true;
}

}  // namespace

awaitable<std::optional<bool>> comes_in(RendezvousClient& server, LaneDoor& door, const PunchingPort& port, Random& random, Transport transport, Port external) {
  std::optional<bool> came;
  try {
    came = co_await dialled_back(server, door, port, random, transport, external);
  } catch (const Failure& failure) {
    log(LogLevel::debug, "dial-back.none", {{"port", external.number}, {"transport", word(transport)}, {"why", failure.what()}});
    if (failure.error().code == Errc::timed_out && failure.error().doing == no_nonce) came = false;
  }
  co_return came;
}

}  // namespace pshare
