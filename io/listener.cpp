// The Listener of io/tcp_stream.hpp.
#include <utility>

#include "io/shared_port.hpp"
#include "io/socket_errors.hpp"
#include "io/tcp_stream.hpp"

namespace pshare {

using asio::ip::tcp;

namespace {

/// How often another free port is asked for when the one that IPv6 got is taken on IPv4.
constexpr int port_choices = 32;

/// Listening, or nothing when the machine has not got this family or address and `optional_family` says that this is all right.
enum class Family { required, if_present };

std::optional<tcp::acceptor> listen(const asio::any_io_executor& executor, const tcp::endpoint& at, Family family,
                                    std::error_code& error) {
  tcp::acceptor acceptor{executor};
  listen_at(acceptor, at, error);
  if (!error) return acceptor;
  if (is_absent(error) && family == Family::if_present) error.clear();
  return std::nullopt;
}

[[noreturn]] void fail(const std::error_code& error, const std::string& where) {
  const auto doing = "listening on " + where;
  if (is_taken(error))
    throw Failure{{.code = Errc::busy, .doing = doing, .cause = error, .hint = "choose another port, or end the program that has it"}};
  if (is_privileged(error))
    throw Failure{{.code = Errc::refused, .doing = doing, .cause = error, .hint = "choose a port above 1023"}};
  throw Failure{{.code = Errc::local_io, .doing = doing, .cause = error}};
}

}  // namespace

Listener::Listener(std::vector<tcp::acceptor> acceptors) : arrivals_(std::move(acceptors)) {}

Listener Listener::on(asio::any_io_executor executor, Port port) {
  std::error_code error;
  for (int choice = 0; choice < port_choices; ++choice) {
    std::vector<tcp::acceptor> acceptors;
    auto number = port.number;
    if (auto v6 = listen(executor, {tcp::v6(), number}, Family::if_present, error)) {
      number = v6->local_endpoint().port();
      acceptors.push_back(std::move(*v6));
    }
    if (!error)
      if (auto v4 = listen(executor, {tcp::v4(), number}, acceptors.empty() ? Family::required : Family::if_present, error))
        acceptors.push_back(std::move(*v4));
    if (!error) return Listener{std::move(acceptors)};
    if (port.number != 0 || !is_taken(error)) break;
  }
  fail(error, port.number == 0 ? "any port" : "port " + std::to_string(port.number));
}

Listener Listener::on(asio::any_io_executor executor, const Endpoint& address) {
  std::error_code error;
  std::vector<tcp::acceptor> acceptors;
  if (auto acceptor = listen(executor, to_asio(address), Family::required, error)) acceptors.push_back(std::move(*acceptor));
  if (error) fail(error, address.text());
  return Listener{std::move(acceptors)};
}

Port Listener::port() const { return Port{arrivals_.port()}; }

awaitable<TcpStream> Listener::accept() {
  for (;;) {
    auto socket = co_await arrivals_.next();
    std::optional<TcpStream> stream;
    try {
      stream.emplace(std::move(socket));
    } catch (const Failure&) {  // reset meanwhile: no news to anybody
    }
    if (stream) co_return std::move(*stream);
  }
}

void Listener::close() noexcept { arrivals_.close(); }

}  // namespace pshare
