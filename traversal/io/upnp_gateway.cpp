#include "traversal/io/upnp_gateway.hpp"

#include <array>
#include <utility>

#include "io/deadline.hpp"
#include "io/printable.hpp"
#include "io/tcp_stream.hpp"
#include "traversal/overloaded.hpp"

namespace pshare {

namespace {

namespace ip = asio::ip;

ip::udp::endpoint for_udp(const Endpoint& endpoint, unsigned zone = 0) {
  const auto same = to_asio(endpoint, zone);
  return {same.address(), same.port()};
}

/// Dials from this address: a firewall makes pinholes only towards the address that asks. Errors: unreachable, whatever the cause.
awaitable<TcpStream> connect_from(IpAddress own, Endpoint to, unsigned zone) {
  ip::tcp::socket socket{co_await asio::this_coro::executor};
  const auto there = to_asio(to, zone);
  std::error_code trouble;
  socket.open(there.protocol(), trouble);
  if (!trouble) socket.bind(to_asio({own, Port{0}}), trouble);
  if (!trouble) {
    const auto [error] = co_await socket.async_connect(there, asio::experimental::as_tuple(use_awaitable));
    if (error == asio::error::operation_aborted) throw std::system_error{error};
    trouble = error;
  }
  if (trouble) throw Failure{{.code = Errc::unreachable, .doing = "connecting to " + to.text(), .cause = trouble}};
  co_return TcpStream{std::move(socket)};
}

}  // namespace

unsigned UpnpGateway::zone_of(const IpAddress& address) const {
  const bool of_a_link = address.scope() == Scope::link_local || address.scope() == Scope::unusable;  // the latter: multicast
  return address.is_v6() && of_a_link ? interface_ : 0;
}

awaitable<std::optional<HttpLocation>> UpnpGateway::find(SsdpSearch::Sought sought) const {
  const auto from_us = for_udp({own_, Port{0}});
  ip::udp::socket socket{co_await asio::this_coro::executor, from_us};
  if (own_.is_v4()) socket.set_option(ip::multicast::outbound_interface(from_us.address().to_v4()));
  else socket.set_option(ip::multicast::outbound_interface(interface_));
  socket.non_blocking(true);
  SsdpSearch search{gateway_, sought, Clock::now()};
  std::array<std::byte, SsdpSearch::longest_answer + 1> buffer;
  for (;;) {
    while (auto action = search.take()) {
      if (auto* const found = std::get_if<SsdpSearch::Found>(&*action)) co_return std::move(found->description);
      if (std::holds_alternative<SsdpSearch::Nobody>(*action)) co_return std::nullopt;
      const auto& send = std::get<SsdpSearch::Send>(*action);
      std::error_code ignored;  // unreachable, or full: it is asked again
      socket.send_to(asio::buffer(send.bytes), for_udp(send.to, zone_of(send.to.address)), 0, ignored);
    }
    ip::udp::endpoint from;
    auto receiving = [&]() -> awaitable<std::optional<std::size_t>> {
      const auto [error, count] =
          co_await socket.async_receive_from(asio::buffer(buffer), from, asio::experimental::as_tuple(use_awaitable));
      if (error == asio::error::operation_aborted) throw std::system_error{error};
      co_return error ? std::nullopt : std::optional{count};
    };
    const auto until = *search.deadline();
    std::optional<std::size_t> count;
    try {
      count = co_await with_deadline(receiving(), until, "waiting for a UPnP gateway");
    } catch (const Failure&) {  // it is time
    }
    if (count) search.receive(from_asio({from.address(), from.port()}), ByteView{buffer}.first(*count), Clock::now());
    search.expire(Clock::now());
  }
}

awaitable<HttpAnswer> UpnpGateway::exchange(Endpoint server, std::string request) const {
  auto stream = co_await connect_from(own_, server, zone_of(server.address));
  co_await stream.write(bytes_of(request));
  HttpAnswerReader reader;
  std::array<std::byte, 8192> buffer;
  for (;;) {
    std::size_t count = 0;
    try {
      count = co_await stream.read_some(buffer);
    } catch (const Failure& failure) {
      if (failure.error().code != Errc::closed) throw;
    }
    const bool whole = value_or_throw(reader.feed(ByteView{buffer}.first(count)));
    if (whole || count == 0) co_return value_or_throw(reader.finish());
  }
}

awaitable<HttpAnswer> UpnpGateway::ask(Endpoint server, std::string request) const {
  auto asking = exchange(server, std::move(request));
  co_return co_await with_deadline(std::move(asking), Clock::now() + patience, "asking the UPnP gateway at " + server.text());
}

awaitable<UpnpGateway::Answer> UpnpGateway::act(Endpoint server, std::string request) const {
  std::string trouble;
  try {
    auto answer = co_await ask(server, std::move(request));
    if (answer.status == 200) co_return Answer{std::move(answer)};
    if (auto error = soap_error_in(answer.body)) co_return Answer{std::move(*error)};
    trouble = "HTTP status " + std::to_string(answer.status);
  } catch (const Failure& failure) {
    trouble = printable(failure.error().message());
  }
  co_return Answer{Failed{std::move(trouble)}};
}

UpnpGateway::Outcome outcome_of(UpnpGateway::Answer answer) {
  return std::visit(Overloaded{
                        [](HttpAnswer&) -> UpnpGateway::Outcome { return {}; },
                        [](auto& trouble) -> UpnpGateway::Outcome { return std::move(trouble); },
                    },
                    answer);
}

}  // namespace pshare
