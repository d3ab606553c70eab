// One of two peers that meet at a relay. It speaks the real protocol (wire/control.hpp, wire/relay_hello.hpp), and says one JSON object a line.
//
//   relay_peer ask HOME HOST:PORT#KEY RELAY-ID PEER-ID BYTES    finds the relay, asks for a ticket, sends BYTES; stays until its standard input ends
//   relay_peer join HOME ENDPOINT RELAY-ID TICKET BYTES         takes BYTES, and waits for the end
//
// Exits with 0 when all went well, 3 when the relay is not listed, 4 when it refused, 5 when the lane was cut; then it has presented its ticket
// again, to hear why.
#include <array>
#include <charconv>
#include <cstdio>
#include <string>

#include "io/deadline.hpp"
#include "io/task_group.hpp"
#include "secure/identity.hpp"
#include "secure/io/tls_stream.hpp"
#include "secure/random_source.hpp"
#include "traversal/io/rendezvous_client.hpp"
#include "wire/framing.hpp"
#include "wire/relay_hello.hpp"

namespace pshare {
namespace {

using namespace std::chrono_literals;

constexpr Duration patience = 30s;

void say(const std::string& event, const std::string& more = {}) {
  std::printf("{\"event\":\"%s\"%s}\n", event.c_str(), more.c_str());
  std::fflush(stdout);
}

std::string field(const std::string& name, std::uint64_t number) { return ",\"" + name + "\":" + std::to_string(number); }
std::string field(const std::string& name, const std::string& text) { return ",\"" + name + "\":\"" + text + "\""; }  // no quotes occur in ours
std::string field(const std::string& name, const std::optional<std::uint64_t>& number) {
  return ",\"" + name + "\":" + (number ? std::to_string(*number) : std::string{"null"});
}

ByteBuffer bytes_from_hex(std::string_view digits) {
  ByteBuffer out;
  for (; digits.size() >= 2; digits.remove_prefix(2)) {
    unsigned value = 0;
    std::from_chars(digits.data(), digits.data() + 2, value, 16);
    out.push_back(std::byte(value));
  }
  return out;
}

struct Met {
  std::optional<TcpStream> lane;
  std::optional<RelayRefused> refused;
};

/// Dials the relay, presents the ticket, and waits for what it says.
awaitable<Met> meet(const TlsContext& tls, Endpoint at, PeerId relay, ByteBuffer ticket) {
  auto dialling = connect(at);
  auto socket = co_await with_deadline(std::move(dialling), Clock::now() + patience, "dialling the relay");
  std::vector<std::string> roles{std::string{relay_alpn}};
  TlsStream stream{std::move(socket), TlsEngine{tls, TlsRole::client, std::move(roles), only(relay)}};
  co_await stream.handshake();
  stream.stop_reading_ahead();
  RelayHello hello{.version = relay_version, .ticket = std::move(ticket)};
  const auto words = frame(encode(hello));
  co_await stream.write(ByteView{words});
  FrameReader frames;
  std::array<std::byte, 1024> buffer;
  for (;;) {
    if (const auto body = value_or_throw(frames.next())) {
      const auto answer = value_or_throw(decode_relay_answer(*body));
      Met met;
      if (const auto* refused = std::get_if<RelayRefused>(&answer)) {
        met.refused = *refused;
        co_return met;
      }
      const auto& limits = std::get<RelayJoined>(answer);
      say("joined", field("bytes_left", limits.bytes_left) + field("rate", limits.rate));
      met.lane.emplace(std::move(stream).release());
      co_return met;
    }
    const auto count = co_await stream.read_some(buffer);
    frames.feed(ByteView{buffer}.first(count));
  }
}

int refused(const RelayRefused& no) {
  say("refused", field("code", std::string{word(no.code)}) + field("words", no.words));
  return 4;
}

awaitable<int> cut(const TlsContext& tls, Endpoint at, PeerId relay, ByteBuffer ticket, std::uint64_t bytes) {
  const auto again = co_await meet(tls, at, relay, std::move(ticket));
  const auto why = again.refused.value_or(RelayRefused{Errc::failed, "it let us in again"});
  say("cut", field("bytes", bytes) + field("code", std::string{word(why.code)}) + field("words", why.words));
  co_return 5;
}

/// The last byte is the peer's word that it has all.
awaitable<int> send(const TlsContext& tls, Endpoint at, PeerId relay, ByteBuffer ticket, std::uint64_t bytes) {
  auto met = co_await meet(tls, at, relay, ticket);
  if (met.refused) co_return refused(*met.refused);
  const ByteBuffer piece(64 * KiB, std::byte{7});
  std::uint64_t sent = 0;
  bool lost = false;
  try {
    while (sent < bytes) {
      const auto some = ByteView{piece}.first(static_cast<std::size_t>(std::min<std::uint64_t>(piece.size(), bytes - sent)));
      co_await met.lane->write(some);
      sent += some.size();
    }
    say("sent", field("bytes", sent));
    while (std::getchar() != EOF) continue;  // nothing else is to be done meanwhile
    met.lane->finish();
    std::array<std::byte, 1> end;
    co_await met.lane->read_some(end);
    met.lane->finish();
  } catch (const Failure&) {
    lost = true;
  }
  if (lost) co_return co_await cut(tls, at, relay, std::move(ticket), sent);
  co_return 0;
}

awaitable<int> take(const TlsContext& tls, Endpoint at, PeerId relay, ByteBuffer ticket, std::uint64_t bytes) {
  auto met = co_await meet(tls, at, relay, ticket);
  if (met.refused) co_return refused(*met.refused);
  std::array<std::byte, 64 * KiB> buffer;
  std::uint64_t taken = 0;
  Errc end = Errc::failed;
  try {
    for (;;) taken += co_await met.lane->read_some(buffer);
  } catch (const Failure& failure) {
    end = failure.error().code;
  }
  bool lost = end != Errc::closed || taken != bytes;  // a lane that is cut looks like one that has ended
  try {
    const std::array<std::byte, 1> done{std::byte{1}};
    if (!lost) co_await met.lane->write(done);
    met.lane->finish();
    for (;;) co_await met.lane->read_some(buffer);
  } catch (const Failure& failure) {
    lost = lost || failure.error().code != Errc::closed;
  }
  if (lost) co_return co_await cut(tls, at, relay, std::move(ticket), taken);
  say("taken", field("bytes", taken));
  co_return 0;
}

struct Asked {
  Endpoint at;
  ByteBuffer ticket;
};

awaitable<std::optional<Asked>> ask(RendezvousClient& server, PeerId relay, PeerId peer, SessionId session) {
  const auto until = Clock::now() + patience;
  std::vector<PeerId> trusted{relay};
  const auto listings = co_await server.relays(std::move(trusted), until);
  for (const auto& each : listings) {
    if (each.relay != relay || each.endpoints.empty()) continue;
    auto ticket = co_await server.ticket(session, peer, relay, until);
    say("ticket", field("endpoint", each.endpoints.front().text()) + field("ticket", hex(ticket)) + field("for_anyone", std::uint64_t{each.for_anyone}));
    co_return Asked{each.endpoints.front(), std::move(ticket)};
  }
  say("not-listed");
  co_return std::nullopt;
}

PeerId id_from(const char* text) { return value_or_throw(PeerId::parse(text)); }

awaitable<int> run(int argc, char** argv, const TlsContext& tls) {
  const std::string what = argc > 1 ? argv[1] : "";
  if (what == "join" && argc >= 7) {
    const auto at = value_or_throw(Endpoint::parse(argv[3]));
    co_return co_await take(tls, at, id_from(argv[4]), bytes_from_hex(argv[5]), std::stoull(argv[6]));
  }
  if (what != "ask" || argc < 7) co_return 2;
  const std::string spec = argv[3];
  const auto hash = spec.find('#');
  const auto endpoint = value_or_throw(Endpoint::parse(spec.substr(0, hash)));
  const ServerAddress address{endpoint.address.text(), endpoint.port, id_from(spec.substr(hash + 1).c_str())};
  SecureRandom random;
  const auto executor = co_await asio::this_coro::executor;
  Outlet outlet{{}};
  RendezvousClient server{executor, tls, address, random, outlet, RendezvousClient::Attendance::answers_only};
  std::optional<Asked> asked;
  const auto asking = [&](TaskGroup& tasks) -> awaitable<void> {
    tasks.start(server.run());
    asked = co_await ask(server, id_from(argv[4]), id_from(argv[5]), SessionId::random(random));
  };
  co_await with_tasks<void>(asking);
  if (!asked) co_return 3;
  co_return co_await send(tls, asked->at, id_from(argv[4]), asked->ticket, std::stoull(argv[6]));
}

}  // namespace

int guarded_main(int argc, char** argv) {
  if (argc < 3) return 2;
  const auto identity = value_or_throw(Identity::load_or_create(std::string{argv[2]} + "/identity.key"));
  const TlsContext tls{identity};
  asio::io_context loop{1};
  int status = 2;
  std::exception_ptr trouble;
  asio::co_spawn(loop, run(argc, argv, tls), [&](std::exception_ptr thrown, int result) { trouble = thrown, status = result; });
  loop.run();
  if (trouble) std::rethrow_exception(trouble);
  return status;
}

}  // namespace pshare

int main(int argc, char** argv) {
  try {
    return pshare::guarded_main(argc, argv);
  } catch (const std::exception& trouble) {
    std::fprintf(stderr, "relay_peer: %s\n", trouble.what());
    return 1;
  }
}
