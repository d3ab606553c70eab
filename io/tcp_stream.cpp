#include "io/tcp_stream.hpp"

#include <cstring>
#include <memory>
#include <utility>

#include "io/deadline.hpp"
#include "io/happy_eyeballs.hpp"
#include "io/shared_port.hpp"
#include "io/socket_errors.hpp"
#include "io/task_group.hpp"
#include "io/wakeup.hpp"

namespace pshare {

using asio::ip::tcp;

namespace {

constexpr auto as_result = asio::experimental::as_tuple(use_awaitable);

Errc kind_of(const std::error_code& error) {
  if (error == asio::error::connection_refused) return Errc::refused;
  if (error == asio::error::timed_out) return Errc::timed_out;
  if (is_connected_already(error)) return Errc::busy;
  if (error == asio::error::eof || error == asio::error::bad_descriptor) return Errc::closed;
  return Errc::unreachable;
}

/// For connecting that did not succeed: as cancellation if it was that, else as a Failure.
[[noreturn]] void fail_to_connect(std::error_code error, std::string doing) {
  if (error == asio::error::operation_aborted) throw std::system_error{error};
  throw Failure{{.code = kind_of(error), .doing = std::move(doing), .cause = error}};
}

/// The same for what is done with a connection. Our own close() may have overtaken it, which each system calls by another name.
[[noreturn]] void fail(const tcp::socket& socket, std::error_code error, std::string doing) {
  if (!socket.is_open()) throw Failure{{.code = Errc::closed, .doing = std::move(doing)}};
  fail_to_connect(error, std::move(doing));
}

}  // namespace

tcp::endpoint to_asio(const Endpoint& endpoint, unsigned zone) {
  const auto bytes = endpoint.address.bytes();
  if (endpoint.address.is_v4()) {
    asio::ip::address_v4::bytes_type v4;
    std::memcpy(v4.data(), bytes.data(), v4.size());
    return {asio::ip::address_v4{v4}, endpoint.port.number};
  }
  asio::ip::address_v6::bytes_type v6;
  std::memcpy(v6.data(), bytes.data(), v6.size());
  return {asio::ip::address_v6{v6, zone}, endpoint.port.number};
}

Endpoint from_asio(const tcp::endpoint& endpoint) {
  const Port port{endpoint.port()};
  if (endpoint.address().is_v4()) {
    const auto bytes = endpoint.address().to_v4().to_bytes();
    IpAddress::V4 v4;
    std::memcpy(v4.data(), bytes.data(), v4.size());
    return {IpAddress{v4}, port};
  }
  const auto bytes = endpoint.address().to_v6().to_bytes();
  IpAddress::V6 v6;
  std::memcpy(v6.data(), bytes.data(), v6.size());
  return {IpAddress{v6}, port};
}

TcpStream::TcpStream(tcp::socket socket, std::optional<Duration> took) : socket_(std::move(socket)), took_(took) {
  try {
    local_ = from_asio(socket_.local_endpoint());
    remote_ = from_asio(socket_.remote_endpoint());
    socket_.set_option(tcp::no_delay{true});
    socket_.non_blocking(true);  // concerns write_now() alone
  } catch (const std::system_error& gone) {
    throw Failure{{.code = Errc::unreachable, .doing = "looking at a new connection", .cause = gone.code()}};
  }
}

Endpoint TcpStream::local() const { return local_; }
Endpoint TcpStream::remote() const { return remote_; }

awaitable<std::size_t> TcpStream::read_some(std::span<std::byte> out) {
  const auto buffer = asio::buffer(out.data(), out.size());
  const auto [error, count] = co_await socket_.async_read_some(buffer, as_result);
  if (error) fail(socket_, error, "reading from " + remote_.text());
  co_return count;
}

awaitable<std::size_t> TcpStream::peek(std::span<std::byte> out) {
  const auto buffer = asio::buffer(out.data(), out.size());
  const auto [error, count] = co_await socket_.async_receive(buffer, tcp::socket::message_peek, as_result);
  if (error) fail(socket_, error, "looking at what " + remote_.text() + " has sent");
  co_return count;
}

awaitable<void> TcpStream::write(ByteView bytes) {
  const auto buffer = asio::buffer(bytes.data(), bytes.size());
  const auto [error, count] = co_await asio::async_write(socket_, buffer, as_result);
  if (error) fail(socket_, error, "writing to " + remote_.text());
}

std::size_t TcpStream::write_now(ByteView bytes) noexcept {
  std::error_code ignored;  // a last word that cannot be said goes unsaid
  return socket_.write_some(asio::buffer(bytes.data(), bytes.size()), ignored);
}

void TcpStream::finish() noexcept {
  std::error_code ignored;  // reset already: the reader learns of it
  socket_.shutdown(tcp::socket::shutdown_send, ignored);
}

void TcpStream::close() noexcept {
  std::error_code ignored;  // already closed, or reset: the same to us
  socket_.shutdown(tcp::socket::shutdown_both, ignored);
  socket_.close(ignored);
}

void TcpStream::abort() noexcept {
  std::error_code ignored;
  socket_.set_option(asio::socket_base::linger{true, 0}, ignored);
  socket_.close(ignored);
}

awaitable<TcpStream> connect(Endpoint to, unsigned zone, std::optional<Port> from_port) {
  tcp::socket socket{co_await asio::this_coro::executor};
  const auto there = to_asio(to, zone);
  if (from_port) {
    std::error_code trouble;
    bind_beside_others(socket, there, from_port->number, trouble);
    const auto doing = "taking port " + std::to_string(from_port->number) + " to connect to " + to.text();
    if (is_taken(trouble)) throw Failure{{.code = Errc::busy, .doing = doing, .cause = trouble}};
    if (trouble) fail_to_connect(trouble, doing);
  }
  const auto began = Clock::now();
  const auto [error] = co_await socket.async_connect(there, as_result);
  if (error) fail_to_connect(error, "connecting to " + to.text() + (from_port ? " from port " + std::to_string(from_port->number) : ""));
  co_return TcpStream{std::move(socket), Clock::now() - began};
}

namespace {

/// A look-up whose waiter may have gone: getaddrinfo() cannot be interrupted, so it reports to this, which both sides keep alive.
struct LookUp {
  explicit LookUp(const asio::any_io_executor& executor) : resolver(executor), done(executor) {}
  tcp::resolver resolver;
  Wakeup done;
  std::error_code error;
  std::vector<Endpoint> endpoints;
};

/// Takes it back when its waiter goes. Asio has one thread for all look-ups: those that have not begun yet are passed over then, instead of keeping
/// the next one waiting for as long as dead name servers take.
class Waiter {
 public:
  explicit Waiter(LookUp& look_up) : look_up_(look_up) {}
  ~Waiter() { look_up_.resolver.cancel(); }
  Waiter(const Waiter&) = delete;
  Waiter& operator=(const Waiter&) = delete;

 private:
  LookUp& look_up_;
};

}  // namespace

awaitable<std::vector<Endpoint>> resolve(std::string host, Port port) {
  if (const auto literal = IpAddress::parse(host)) co_return std::vector{Endpoint{*literal, port}};
  const auto look_up = std::make_shared<LookUp>(co_await asio::this_coro::executor);  // shared with the handler below
  look_up->resolver.async_resolve(host, std::to_string(port.number), tcp::resolver::numeric_service,
                                  [look_up](std::error_code error, const tcp::resolver::results_type& results) {
                                    look_up->error = error;
                                    for (const auto& entry : results) look_up->endpoints.push_back(from_asio(entry.endpoint()));
                                    look_up->done.ring();
                                  });
  const Waiter waiter{*look_up};
  co_await look_up->done.wait();
  if (look_up->error || look_up->endpoints.empty())
    throw Failure{{.code = Errc::unreachable,
                   .doing = "looking up the host name " + host,
                   .cause = look_up->error,
                   .hint = "check the spelling of the host name, and that this machine is online"}};
  co_return interleaved(std::move(look_up->endpoints));
}

namespace {

/// One race of connect_any(): what the attempts have to say to the coroutine that paces them.
struct Race {
  explicit Race(const asio::any_io_executor& executor) : news(executor) {}
  Wakeup news;
  std::optional<TcpStream> winner;
  std::optional<Error> last_trouble;
  std::vector<std::size_t> failed;
};

/// Its own trouble with the local port is no reason not to get there.
awaitable<std::optional<TcpStream>> connect_if_port_is_free(Endpoint to, Port from) {
  try {
    co_return co_await connect(to, 0, from);
  } catch (const Failure& failure) {
    if (failure.error().code != Errc::busy) throw;
  }
  co_return std::nullopt;
}

awaitable<void> attempt(Race& race, std::size_t number, Endpoint to, std::optional<Port> from) {
  try {
    std::optional<TcpStream> stream;
    if (from) stream = co_await connect_if_port_is_free(to, *from);
    if (!stream) stream.emplace(co_await connect(to));
    if (!race.winner) race.winner = std::move(stream);
  } catch (const Failure& failure) {
    race.last_trouble = failure.error();
    race.failed.push_back(number);
  }
  race.news.ring();
}

}  // namespace

awaitable<TcpStream> connect_any(std::vector<Endpoint> to, std::optional<Port> local_port) {
  Race race{co_await asio::this_coro::executor};
  auto body = [&](TaskGroup& tasks) -> awaitable<void> {
    HappyEyeballs pace{to.size(), Clock::now()};
    while (!race.winner) {
      while (const auto action = pace.take()) {
        if (const auto* dial = std::get_if<HappyEyeballs::Dial>(&*action))
          tasks.start(attempt(race, dial->attempt, to[dial->attempt], local_port));
        else
          co_return;
      }
      co_await race.news.wait(pace.deadline());
      for (const auto number : std::exchange(race.failed, {})) pace.failed(number, Clock::now());
      pace.expire(Clock::now());
    }
  };
  co_await with_tasks(std::move(body));
  if (race.winner) co_return std::move(*race.winner);
  if (race.last_trouble) throw Failure{*race.last_trouble};
  throw Failure{{.code = Errc::unreachable, .doing = "connecting to a host without any address"}};
}

}  // namespace pshare
