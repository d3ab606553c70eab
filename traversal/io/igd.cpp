#include "traversal/io/igd.hpp"

#include <array>
#include <utility>

#include "io/deadline.hpp"
#include "io/log.hpp"
#include "io/printable.hpp"
#include "io/tcp_stream.hpp"

namespace pshare {

namespace {

namespace ip = asio::ip;

// What routers list their mappings under.
constexpr std::string_view mapping_name = "pshare";

ip::udp::endpoint for_udp(const Endpoint& endpoint) {
  const auto same = to_asio(endpoint);
  return {same.address(), same.port()};
}

}  // namespace

awaitable<std::optional<HttpLocation>> Igd::find_description() {
  ip::udp::socket socket{co_await asio::this_coro::executor, for_udp({own_, Port{0}})};
  socket.set_option(ip::multicast::outbound_interface(for_udp({own_, Port{0}}).address().to_v4()));
  socket.non_blocking(true);
  SsdpSearch search{gateway_, Clock::now()};
  std::array<std::byte, SsdpSearch::longest_answer + 1> buffer;
  for (;;) {
    while (auto action = search.take()) {
      if (auto* const found = std::get_if<SsdpSearch::Found>(&*action)) co_return std::move(found->description);
      if (std::holds_alternative<SsdpSearch::Nobody>(*action)) co_return std::nullopt;
      const auto& send = std::get<SsdpSearch::Send>(*action);
      std::error_code ignored;  // unreachable, or full: it is asked again
      socket.send_to(asio::buffer(send.bytes), for_udp(send.to), 0, ignored);
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

awaitable<HttpAnswer> Igd::ask(Endpoint server, std::string request) {
  auto exchange = [&]() -> awaitable<HttpAnswer> {
    auto stream = co_await connect(server);
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
  };
  co_return co_await with_deadline(exchange(), Clock::now() + patience, "asking the UPnP gateway at " + server.text());
}

awaitable<std::optional<Igd::Found>> Igd::search() {
  std::optional<std::string> trouble;
  try {
    const auto description = co_await find_description();
    if (!description) co_return std::nullopt;
    log(LogLevel::debug, "igd.found", {{"description", description->server.text() + description->path}});
    const auto page = co_await ask(description->server, description_request(*description));
    const auto services = services_in(*description, page.body);
    service_.reset();
    std::optional<IpAddress> external;
    for (const auto& service : services) {  // one of several connections may be up
      const auto answer = co_await ask(service.control.server, external_address_request(service));
      external = external_address_in(answer.body);
      if (!service_ || external) service_ = service;
      if (external) break;
    }
    if (!service_) co_return std::nullopt;
    co_return Found{external};
  } catch (const Failure& failure) {
    trouble = printable(failure.error().message());
  } catch (const std::system_error& error) {
    if (error.code() == asio::error::operation_aborted) throw;
    trouble = error.what();
  }
  log(LogLevel::debug, "igd.failed", {{"why", *trouble}});
  co_return std::nullopt;
}

awaitable<Igd::Outcome> Igd::act(std::string request) {
  std::string trouble;
  try {
    const auto answer = co_await ask(service_->control.server, std::move(request));
    if (answer.status == 200) co_return Outcome{};
    if (auto error = soap_error_in(answer.body)) co_return Outcome{std::move(*error)};
    trouble = "HTTP status " + std::to_string(answer.status);
  } catch (const Failure& failure) {
    trouble = printable(failure.error().message());
  }
  co_return Outcome{Failed{std::move(trouble)}};
}

awaitable<Igd::Outcome> Igd::add(IgdClient::Add mapping) {
  auto request = add_mapping_request(*service_, mapping, own_, mapping_name);
  co_return co_await act(std::move(request));
}

awaitable<Igd::Outcome> Igd::remove(IgdClient::Delete mapping) {
  auto request = delete_mapping_request(*service_, mapping);
  co_return co_await act(std::move(request));
}

}  // namespace pshare
