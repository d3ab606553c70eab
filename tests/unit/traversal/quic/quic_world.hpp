// Two QUIC connections under a virtual clock, and between them a line that delays, loses, overtakes, shortens and translates addresses.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "event_queue.hpp"
#include "link.hpp"
#include "traversal/quic/quic_connection.hpp"
#include "wire/result.hpp"

namespace pshare::testing {

using namespace std::chrono_literals;

inline Endpoint endpoint(std::string_view text) { return *Endpoint::parse(text); }

/// `count` bytes that are like no others at the same place of a stream with another seed.
inline ByteBuffer pattern(std::uint64_t from, std::size_t count) {
  ByteBuffer bytes(count);
  for (std::size_t i = 0; i < count; ++i) bytes[i] = static_cast<std::byte>(((from + i) * 2654435761U) >> 13);
  return bytes;
}

class QuicWorld;

/// One side: sends what it is told to as the connection has room, reads at once what arrives and compares it with the pattern.
struct QuicEnd {
  QuicEnd(QuicWorld& in, QuicRole as, Endpoint at) : world(in), role(as), address(at) {}
  QuicWorld& world;
  QuicRole role;
  Identity identity = *Identity::generate();
  QuicCredentials credentials{identity};
  Endpoint address;  // as this end itself knows it
  std::unique_ptr<QuicConnection> connection;
  std::uint64_t to_send = 0, queued = 0, received = 0;
  bool reads = true, damaged = false, finish_when_sent = false;
  std::size_t longest_sent = 0, probes = 0, misplaced_probes = 0;  // the latter: with others in one run
  std::optional<TimePoint> may_write_at, confirmed_at, ended_at, first_byte_at;
  std::uint64_t wakeup = 0;  // number of the last one that was set

  void drive();
  void take(const Endpoint& from, ByteView datagram);
};

class QuicWorld {
 public:
  explicit QuicWorld(sim::DatagramLink::Settings line = {.delay = 25ms}, std::uint64_t seed = 1)
      : random(seed), up(events, random, line), down(events, random, line) {}

  sim::EventQueue events{20'000'000};
  SeededRandom random;
  sim::DatagramLink up, down;  // from the client, to it
  std::size_t mtu = 1500 - 28;
  bool cut = false;
  /// Where the client's datagrams seem to come from, which is the only address by which it can be reached.
  Endpoint client_seen = endpoint("192.0.2.1:1000");
  QuicEnd client{*this, QuicRole::client, endpoint("192.0.2.1:1000")};
  QuicEnd server{*this, QuicRole::server, endpoint("198.51.100.1:2000")};
  QuicSettings client_settings{.rtt = 50ms}, server_settings{.rtt = 50ms};
  std::optional<PeerId> client_expects, server_expects;  // instead of the other's ID
  std::function<void(ByteView)> stranger;                // gets what arrives at the server instead of it

  TimePoint start = events.now();
  Duration elapsed() const { return events.now() - start; }

  void begin() {
    client.connection = QuicConnection::connect(client.credentials, client_expects.value_or(server.identity.id()), client.address, server.address,
                                                client_settings, random, events.now());
    client.drive();
  }
  bool run_until(const std::function<bool()>& done, Duration limit = 10min) { return events.run_until(done, events.now() + limit); }
  void run_for(Duration time) { events.run_to(events.now() + time); }
  bool come_up() {
    begin();
    return run_until([&] { return client.confirmed_at && server.confirmed_at; }, 30s);
  }

  void carry(const QuicEnd& from, const Endpoint& to, ByteView datagram) {
    if (cut || datagram.size() > mtu) return;
    auto& link = from.role == QuicRole::client ? up : down;
    link.send(datagram.size(), [this, bytes = buffer_of(datagram), to, role = from.role] {
      if (cut) return;
      if (role == QuicRole::server) {
        if (to == client_seen) client.take(server.address, bytes);
      } else if (stranger) {
        stranger(bytes);
      } else {
        server.take(client_seen, bytes);
      }
    });
  }
};

inline void QuicEnd::take(const Endpoint& from, ByteView datagram) {
  const auto now = world.events.now();
  if (!connection && role == QuicRole::server)
    connection = QuicConnection::answer(datagram, credentials, world.server_expects.value_or(world.client.identity.id()), address, from,
                                        world.server_settings, world.random, now);
  if (!connection) return;
  connection->receive(from, datagram, 0, now);
  drive();
}

inline void QuicEnd::drive() {
  const auto now = world.events.now();
  std::array<std::byte, 65536> buffer;
  while (reads) {
    const auto count = connection->read(buffer);
    if (count == 0) break;
    if (!first_byte_at) first_byte_at = now;
    damaged = damaged || pattern(received, count) != buffer_of(ByteView{buffer}.first(count));
    received += count;
  }
  while (queued < to_send && connection->unsent() < 256 * KiB && connection->unacknowledged() < quic_most_unacknowledged) {
    const auto part = pattern(queued, static_cast<std::size_t>(std::min<std::uint64_t>(to_send - queued, 64 * KiB)));
    connection->send(part);
    queued += part.size();
  }
  if (finish_when_sent && queued == to_send) connection->finish();
  QuicBurst burst;
  for (;;) {
    if (const auto due = connection->deadline(); due && *due <= now) connection->expire(now);
    connection->write(burst, now);
    if (burst.runs.empty()) break;
    for (const auto& run : burst.runs) {
      probes += run.probe ? 1U : 0U;
      misplaced_probes += run.probe && run.bytes.size() != run.segment ? 1U : 0U;
      for (auto rest = run.bytes; !rest.empty();) {
        const auto datagram = rest.first(std::min(run.segment, rest.size()));
        rest = rest.subspan(datagram.size());
        longest_sent = std::max(longest_sent, datagram.size());
        world.carry(*this, run.to, datagram);
      }
    }
  }
  if (connection->may_write() && !may_write_at) may_write_at = now;
  if (connection->confirmed() && !confirmed_at) confirmed_at = now;
  if (connection->trouble() && !ended_at) ended_at = now;
  const auto due = connection->deadline();
  if (!due) return;
  world.events.at(*due, [this, number = ++wakeup] {
    if (number == wakeup && connection) drive();
  });
}

}  // namespace pshare::testing
