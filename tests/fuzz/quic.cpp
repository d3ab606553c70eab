// A QUIC connection, as client and as server, between whom the input is the network: it delivers, alters, drops, repeats and invents
// datagrams, and moves the clock. Whatever it does, bytes that arrive are those that were sent, in order.
#include <cstdlib>
#include <deque>

#include "traversal/quic/quic_connection.hpp"
#include "wire/result.hpp"

namespace {

using namespace pshare;

struct People {
  Identity client = *Identity::generate(), server = *Identity::generate();
  QuicCredentials client_keys{client}, server_keys{server};
};

struct End {
  std::unique_ptr<QuicConnection> connection;
  std::deque<ByteBuffer> arriving;  // on their way to it
  std::uint64_t sent = 0, received = 0;
};

std::byte nth(std::uint64_t position) { return static_cast<std::byte>(position * 2654435761U >> 13); }

void send(End& end) {
  if (end.sent >= 1'000'000) return;
  ByteBuffer more(1000);
  for (auto& byte : more) byte = nth(end.sent++);
  end.connection->send(more);
}

void drive(End& end, End& other, TimePoint now) {
  if (!end.connection) return;
  std::array<std::byte, 5000> read;
  while (const auto count = end.connection->read(read))
    for (std::size_t i = 0; i < count; ++i)
      if (read[i] != nth(end.received++)) std::abort();
  if (end.received > other.sent) std::abort();
  if (const auto due = end.connection->deadline(); due && *due <= now) end.connection->expire(now);
  QuicBurst burst;
  end.connection->write(burst, now);
  for (const auto& run : burst.runs)
    for (auto rest = run.bytes; !rest.empty(); rest = rest.subspan(std::min(run.segment, rest.size())))
      if (other.arriving.size() < 1000) other.arriving.push_back(buffer_of(rest.first(std::min(run.segment, rest.size()))));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const People people;
  SeededRandom random{1};
  auto now = TimePoint{} + std::chrono::hours{1};
  const auto here = *Endpoint::parse("192.0.2.1:1"), elsewhere = *Endpoint::parse("192.0.2.1:2"), there = *Endpoint::parse("198.51.100.1:3");
  End client, server;
  client.connection = QuicConnection::connect(people.client_keys, people.server.id(), here, there, {}, random, now);
  drive(client, server, now);

  const auto deliver = [&](End& end, ByteView datagram, const Endpoint& from) {
    if (&end == &server && !server.connection)
      server.connection = QuicConnection::answer(datagram, people.server_keys, people.client.id(), there, from, {}, random, now);
    if (!end.connection) return;
    if (end.connection->recognises(datagram)) static_cast<void>(stateless_reset(datagram, people.server_keys.reset_secret(), random));
    end.connection->receive(from, datagram, 0, now);
  };

  ByteReader in{std::as_bytes(std::span{data, size})};
  while (const auto action = in.u8()) {
    const bool to_client = (*action & 0x80) != 0;
    auto& end = to_client ? client : server;
    auto& other = to_client ? server : client;
    const auto& from = to_client ? there : (*action & 0x40) != 0 ? elsewhere : here;
    switch (*action & 0x07) {
      case 0:  // everything arrives as it is
        for (int rounds = 0; rounds < 3; ++rounds) {
          while (!end.arriving.empty()) {
            deliver(end, end.arriving.front(), from);
            end.arriving.pop_front();
          }
          drive(end, other, now);
        }
        break;
      case 1:  // one arrives altered
        if (!end.arriving.empty()) {
          auto datagram = std::move(end.arriving.front());
          end.arriving.pop_front();
          if (const auto where = in.u16(); where && !datagram.empty()) datagram[*where % datagram.size()] ^= std::byte{in.u8().value_or(1)};
          deliver(end, datagram, from);
        }
        break;
      case 2:  // one is lost
        if (!end.arriving.empty()) end.arriving.pop_front();
        break;
      case 3:  // one arrives twice, the second time after the others
        if (!end.arriving.empty()) {
          deliver(end, end.arriving.front(), from);
          end.arriving.push_back(std::move(end.arriving.front()));
          end.arriving.pop_front();
        }
        break;
      case 4: {  // one that nobody sent
        const auto length = in.u16().value_or(0) % 1500;
        const auto invented = in.bytes(std::min<std::size_t>(length, in.rest().size()));
        ByteBuffer datagram = buffer_of(*invented);
        if ((*action & 0x08) != 0) datagram.resize(1200);
        deliver(end, datagram, from);
        break;
      }
      case 5: now += std::chrono::milliseconds{in.u16().value_or(0)}; break;
      case 6:
        if (end.connection && !end.connection->trouble()) send(end);
        break;
      case 7:
        if ((*action & 0x38) == 0x38 && end.connection) end.connection->close(now);
        drive(end, other, now);
        break;
    }
  }
  drive(client, server, now);
  drive(server, client, now);
  return 0;
}
