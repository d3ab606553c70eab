// Fuzzes what proxies answer and how their URLs are read: whatever the pieces, the same comes of an answer, and a URL that is taken reads back the same.
#include <cstdint>
#include <cstdlib>

#include "io/outlet.hpp"
#include "io/proxy.hpp"

namespace {

using namespace pshare;

enum class Outcome { waiting, established, refused };

Outcome ask(const Proxy& proxy, ByteView answer, std::size_t piece) {
  ProxyRequest request{proxy, "example.org", Port{443}};
  while (!answer.empty()) {
    const auto part = answer.first(std::min(piece, answer.size()));
    answer = answer.subspan(part.size());
    if (!request.feed(part)) return Outcome::refused;
    request.take_output();
  }
  return request.established() ? Outcome::established : Outcome::waiting;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size > 4096) return 0;  // pieces make it quadratic
  const auto bytes = std::as_bytes(std::span{data, size});
  for (const auto kind : {Proxy::Kind::http, Proxy::Kind::socks5}) {
    Proxy proxy{.kind = kind, .host = "proxy.example", .port = Port{1080}};
    for (const bool logs_in : {false, true}) {
      if (logs_in) proxy.credentials = Proxy::Credentials{"ann", "secret"};
      const auto whole = ask(proxy, bytes, size), pieces = ask(proxy, bytes, 1);
      if (whole != pieces) std::abort();
    }
  }
  // What NO_PROXY names: any list is read, and asked about any host.
  const auto list = text_of(bytes);
  const auto settings = proxy_settings(std::nullopt, [&](const char* name) { return std::string_view{name} == "no_proxy" ? std::optional{std::string{list}} : std::nullopt; });
  if (!settings) std::abort();
  for (const auto* host : {"example.org", "www.example.org.", "192.0.2.1", "2001:db8::1"}) (void)is_excepted(settings->except, host, Port{443});
  const auto parsed = Proxy::parse(text_of(bytes));
  if (!parsed) return 0;
  if (parsed->port == Port{0} || parsed->host.empty()) std::abort();
  const auto again = Proxy::parse(parsed->text());
  if (!again || again->host != parsed->host || again->port != parsed->port || again->kind != parsed->kind) std::abort();
  return 0;
}
