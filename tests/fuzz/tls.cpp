// A TLS connection between two of us, whose network is the input: it delivers in pieces, alters, drops, repeats and invents bytes. Whatever it does, who is
// let in is who was expected, bytes that arrive are those that were sent, and a connection that has failed stays so.
#include <array>
#include <cstdint>
#include <cstdlib>
#include <optional>

#include "secure/tls.hpp"

namespace {

using namespace pshare;

void demand(bool fact) {
  if (!fact) std::abort();
}

struct Person {
  Identity identity = value_or_throw(Identity::generate());
  TlsContext context{identity};
};

std::byte nth(std::uint64_t position) { return static_cast<std::byte>(position * 2654435761U >> 13); }

struct End {
  TlsEngine engine;
  PeerId expected;
  ByteBuffer arriving = {};
  std::uint64_t sent = 0, received = 0;
  bool failed = false, closed = false;

  void feed(ByteView bytes) {
    const auto result = engine.feed(bytes);
    demand(result || result.error().code == Errc::malformed || result.error().code == Errc::identity_mismatch);
    demand(!failed || !result);  // it stays so
    if (!result) failed = true;
  }

  void send(std::size_t count) {
    if (!engine.established() || failed || closed || sent > 1'000'000) return;
    ByteBuffer plain(count);
    for (auto& byte : plain) byte = nth(sent++);
    demand(engine.write(plain).has_value());
  }

  void read(const End& other) {
    if (!engine.established()) return;
    demand(engine.peer() == expected && engine.alpn() == "two");
    std::array<std::byte, 3000> plain;
    while (!failed) {
      const auto count = engine.read(plain);
      if (!count) failed = true;
      if (!count || *count == 0) break;
      for (std::size_t i = 0; i < *count; ++i) demand(plain[i] == nth(received++));
    }
    demand(received <= other.sent);
  }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const Person ann, bob, mallory;
  ByteReader in{std::as_bytes(std::span{data, size})};
  const auto how = in.u8().value_or(0);
  const auto& dials = how & 1 ? mallory : ann;  // who is not expected
  End client{TlsEngine{dials.context, TlsRole::client, {"one", "two"}, only(bob.identity.id()), how & 2 ? "server.example" : ""}, bob.identity.id()};
  End server{TlsEngine{bob.context, TlsRole::server, {"two", "three"}, only(ann.identity.id())}, ann.identity.id()};

  for (int steps = 0; steps < 200; ++steps) {
    const auto action = in.u8();
    if (!action) break;
    auto& to = *action & 0x80 ? client : server;
    auto& from = *action & 0x80 ? server : client;
    const auto more = from.engine.take_output();
    to.arriving.insert(to.arriving.end(), more.begin(), more.end());
    switch (*action & 7) {
      case 0: to.feed(to.arriving), to.arriving.clear(); break;
      case 1: {
        const auto count = std::min<std::size_t>(to.arriving.size(), in.u8().value_or(1));
        to.feed(ByteView{to.arriving}.first(count));
        to.arriving.erase(to.arriving.begin(), to.arriving.begin() + static_cast<std::ptrdiff_t>(count));
        break;
      }
      case 2:
        if (!to.arriving.empty()) to.arriving[in.u16().value_or(0) % to.arriving.size()] ^= static_cast<std::byte>(in.u8().value_or(1));
        break;
      case 3:
        if (!to.arriving.empty()) to.arriving.erase(to.arriving.begin() + in.u16().value_or(0) % static_cast<std::ptrdiff_t>(to.arriving.size()));
        break;
      case 4: to.feed(to.arriving); break;  // and once more when they are delivered
      case 5: to.feed(in.bytes(std::min<std::size_t>(in.rest().size(), in.u16().value_or(0))).value_or(ByteView{})); break;
      case 6: to.send(1u + in.u8().value_or(0) * 100u); break;
      case 7:
        to.engine.close();
        to.closed = true;
        break;
    }
    to.read(from);
    demand(to.engine.output_size() < 4'000'000);
  }
  // Nobody but Ann is ever let in.
  demand(!(how & 1) || !server.engine.established());
  return 0;
}
