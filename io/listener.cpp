// The Listener of io/tcp_stream.hpp.
#include <cerrno>
#include <utility>

#include "io/deadline.hpp"
#include "io/shared_port.hpp"
#include "io/tcp_stream.hpp"

namespace pshare {

using asio::ip::tcp;

namespace {

/// How often another free port is asked for when the one that IPv6 got is taken on IPv4.
constexpr int port_choices = 32;
/// Pause after the system had no descriptor or memory for a connection: what is pending stays pending, and others may close some.
constexpr Duration shortage_pause = std::chrono::milliseconds{100};

/// Asio has no name of its own for it, and its category no error condition.
const std::error_code address_not_available{EADDRNOTAVAIL, asio::error::get_system_category()};

constexpr auto as_result = asio::experimental::as_tuple(use_awaitable);

/// Listening, or nothing when the machine has not got this family or address and `optional_family` says that this is all right.
enum class Family { required, if_present };

std::optional<tcp::acceptor> listen(const asio::any_io_executor& executor, const tcp::endpoint& at, Family family,
                                    std::error_code& error) {
  tcp::acceptor acceptor{executor};
  acceptor.open(at.protocol(), error);
  if (!error) acceptor.set_option(tcp::acceptor::reuse_address{true}, error);  // a restart need not wait for TIME_WAIT
  if (!error && at.protocol() == tcp::v6()) acceptor.set_option(asio::ip::v6_only{true}, error);
  if (!error) acceptor.bind(at, error);
  if (!error) acceptor.listen(asio::socket_base::max_listen_connections, error);
  // Only now, and not before bind(): two listeners of one user that both asked for it earlier would silently share the port and take each
  // other's connections. Without it, whoever binds or listens second is told that the port is taken: the system looks once more in
  // listen(), so that there is no gap between the two calls. Connections that are dialled from this port later do find the option set.
  if (!error) share_port(acceptor.native_handle(), error);
  if (!error) acceptor.non_blocking(true, error);
  if (!error) return acceptor;
  const bool absent = error == asio::error::address_family_not_supported || error == address_not_available ||
                      error == asio::error::operation_not_supported;
  if (absent && family == Family::if_present) error.clear();
  return std::nullopt;
}

[[noreturn]] void fail(const std::error_code& error, const std::string& where) {
  const auto doing = "listening on " + where;
  if (error == asio::error::address_in_use)
    throw Failure{{.code = Errc::busy, .doing = doing, .cause = error, .hint = "choose another port, or end the program that has it"}};
  if (error == asio::error::access_denied)
    throw Failure{{.code = Errc::refused, .doing = doing, .cause = error, .hint = "choose a port above 1023"}};
  throw Failure{{.code = Errc::local_io, .doing = doing, .cause = error}};
}

bool shortage(const std::error_code& error) {
  return error == asio::error::no_descriptors || error == std::errc::too_many_files_open_in_system ||
         error == asio::error::no_buffer_space || error == asio::error::no_memory;
}

}  // namespace

Listener::Listener(std::vector<tcp::acceptor> acceptors) : acceptors_(std::move(acceptors)) {}

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
    if (port.number != 0 || error != asio::error::address_in_use) break;
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

Port Listener::port() const {
  std::error_code closed;  // leaves port 0
  return Port{acceptors_.front().local_endpoint(closed).port()};
}

awaitable<TcpStream> Listener::accept() {
  using asio::experimental::awaitable_operators::operator||;
  for (;;) {
    bool short_of_something = false;
    for (std::size_t i = 0; i < acceptors_.size(); ++i) {
      auto& acceptor = acceptors_[next_++ % acceptors_.size()];
      if (!acceptor.is_open()) throw Failure{{.code = Errc::closed, .doing = "accepting connections"}};
      std::error_code error;
      auto socket = acceptor.accept(error);
      short_of_something = short_of_something || shortage(error);
      if (error) continue;  // nobody there, or gone before we looked
      std::optional<TcpStream> stream;
      try {
        stream.emplace(std::move(socket));
      } catch (const Failure&) {  // reset meanwhile: no news to anybody
      }
      if (stream) co_return std::move(*stream);
    }
    // Waiting for readiness, not for a connection, so that the loser of the two waits drops nobody.
    constexpr auto readable = tcp::acceptor::wait_read;
    if (short_of_something)
      co_await sleep_until(Clock::now() + shortage_pause);
    else if (acceptors_.size() == 1)
      co_await acceptors_[0].async_wait(readable, as_result);
    else
      co_await (acceptors_[0].async_wait(readable, as_result) || acceptors_[1].async_wait(readable, as_result));
  }
}

void Listener::close() noexcept {
  std::error_code ignored;
  for (auto& acceptor : acceptors_) acceptor.close(ignored);
}

}  // namespace pshare
