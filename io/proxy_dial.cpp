#include "io/proxy_dial.hpp"

#include <array>
#include <optional>
#include <utility>

#include "io/deadline.hpp"

namespace pshare {

namespace {

awaitable<TcpStream> reach(const Proxy& proxy) {
  std::optional<Error> trouble;
  try {
    auto endpoints = co_await resolve(proxy.host, proxy.port);
    co_return co_await connect_any(std::move(endpoints));
  } catch (const Failure& failure) {
    trouble = failure.error();
  }
  trouble->doing = "reaching the proxy " + proxy.text() + ": " + trouble->doing;
  trouble->hint = "check the proxy's address (--proxy, HTTPS_PROXY, ALL_PROXY); --proxy none goes without";
  throw Failure{std::move(*trouble)};
}

awaitable<void> ask(TcpStream& stream, const Proxy& proxy, std::string host, Port port) {
  ProxyRequest request{proxy, std::move(host), port};
  std::array<std::byte, 2048> piece;
  for (;;) {
    const auto words = request.take_output();
    if (!words.empty()) co_await stream.write(words);
    if (request.established()) co_return;
    std::size_t count = 0;
    bool hung_up = false;
    try {
      count = co_await stream.read_some(piece);
    } catch (const Failure& failure) {
      if (failure.error().code != Errc::closed) throw;
      hung_up = true;
    }
    if (hung_up) throw Failure{{.code = Errc::refused, .doing = "the proxy " + proxy.text() + " hangs up instead of answering"}};
    if (auto fed = request.feed(ByteView{piece}.first(count)); !fed) throw Failure{std::move(fed).error()};
  }
}

}  // namespace

awaitable<TcpStream> connect_through(Proxy proxy, std::string host, Port port) {
  auto stream = co_await reach(proxy);
  const auto words = "waiting for the proxy " + proxy.text() + " to connect: no answer in time";
  auto asking = ask(stream, proxy, std::move(host), port);
  co_await with_deadline(std::move(asking), Clock::now() + proxy_patience, words);
  co_return stream;
}

}  // namespace pshare
