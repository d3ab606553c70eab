#include "relay/io/dial_back.hpp"

#include "io/deadline.hpp"
#include "io/socket_errors.hpp"
#include "io/tcp_stream.hpp"

namespace pshare {

using asio::ip::tcp;
using asio::ip::udp;

namespace {

constexpr auto as_result = asio::experimental::as_tuple(use_awaitable);

DialBackOutcome outcome_of(const std::error_code& error) {
  if (error == asio::error::connection_refused) return DialBackOutcome::refused;
  if (error == asio::error::timed_out) return DialBackOutcome::timeout;
  return DialBackOutcome::unreachable;
}

/// A fresh socket at `from` (any port), if that is an address of the right family.
template <typename Socket, typename Protocol>
std::error_code open(Socket& socket, const typename Protocol::endpoint& to, const std::optional<IpAddress>& from) {
  std::error_code error;
  socket.open(to.protocol(), error);
  if (error || !from) return error;
  const auto local = to_asio({*from, Port{0}});
  if (local.address().is_v4() == to.address().is_v4()) socket.bind({local.address(), 0}, error);
  return error;
}

awaitable<DialBackOutcome> dial_tcp(Endpoint to, DialBackNonce nonce, std::optional<IpAddress> from) {
  tcp::socket socket{co_await asio::this_coro::executor};
  const auto there = to_asio(to);
  if (const auto error = open<tcp::socket, tcp>(socket, there, from)) co_return outcome_of(error);
  const auto [error] = co_await socket.async_connect(there, as_result);
  if (error == asio::error::operation_aborted) throw std::system_error{error};
  if (error) co_return outcome_of(error);
  const auto frame = encode_dial_back(nonce);
  std::error_code unsaid;  // it fits into any socket's buffer
  socket.non_blocking(true, unsaid);
  socket.write_some(asio::buffer(frame), unsaid);
  co_return DialBackOutcome::reached;
}

/// Until then, or until somebody says that nobody is there.
awaitable<std::optional<DialBackOutcome>> refusal(udp::socket& socket, TimePoint until) {
  std::array<std::byte, 1> nothing;
  auto hear = [&]() -> awaitable<std::optional<DialBackOutcome>> {
    for (;;) {
      const auto [error, count] = co_await socket.async_receive(asio::buffer(nothing), as_result);
      if (error == asio::error::operation_aborted) throw std::system_error{error};
      if (is_turned_away(error)) co_return DialBackOutcome::refused;
      if (error && error != asio::error::message_size) co_return outcome_of(error);
    }
  };
  try {
    auto hearing = hear();
    co_return co_await with_deadline(std::move(hearing), until, "waiting for a refusal");
  } catch (const Failure&) {
    co_return std::nullopt;
  }
}

awaitable<DialBackOutcome> dial_udp(Endpoint to, DialBackNonce nonce, std::optional<IpAddress> from) {
  udp::socket socket{co_await asio::this_coro::executor};
  const auto tcp_there = to_asio(to);
  const udp::endpoint there{tcp_there.address(), tcp_there.port()};
  std::error_code error = open<udp::socket, udp>(socket, there, from);
  if (!error) socket.connect(there, error);  // so that ICMP errors are heard
  if (error) co_return outcome_of(error);
  const auto frame = encode_dial_back(nonce);
  for (std::size_t said = 0;; ++said) {
    socket.send(asio::buffer(frame), 0, error);
    if (error) co_return outcome_of(error);
    const bool last = said == std::size(dial_back_repeats);
    const auto until = Clock::now() + (last ? dial_back_last_wait : dial_back_repeats[said]);
    const auto no = co_await refusal(socket, until);
    if (no) co_return *no;
    if (last) co_return DialBackOutcome::reached;
  }
}

}  // namespace

awaitable<DialBackOutcome> dial_back(Transport transport, Endpoint to, DialBackNonce nonce, std::optional<IpAddress> from) {
  if (transport == Transport::udp) co_return co_await dial_udp(to, nonce, from);
  try {
    auto dialling = dial_tcp(to, nonce, from);
    co_return co_await with_deadline(std::move(dialling), Clock::now() + dial_back_patience, "dialling back");
  } catch (const Failure&) {
    co_return DialBackOutcome::timeout;
  }
}

}  // namespace pshare
