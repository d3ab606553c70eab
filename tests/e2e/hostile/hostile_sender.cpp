// A sender that lies: makes an honest-looking offer, and once it is accepted says on the lane what an honest pshare never would.
//
//   hostile_sender HOME HOST:PORT#KEY PEER-ID CASE
//
// Exits with 0 when the receiver has stopped the session or closed the lane, with 1 when it went along, with 2 when it never came so far.
#include <array>
#include <cstdio>
#include <functional>
#include <map>

#include "io/deadline.hpp"
#include "io/task_group.hpp"
#include "secure/identity.hpp"
#include "secure/random_source.hpp"
#include "secure/sealed.hpp"
#include "transfer/checksum.hpp"
#include "transfer/manifest.hpp"
#include "traversal/io/rendezvous_client.hpp"
#include "traversal/io/tcp_lane.hpp"
#include "wire/signal.hpp"

namespace pshare {
namespace {

using namespace std::chrono_literals;

/// What is offered, and the frames that follow LaneReady.
struct Lie {
  Summary summary;
  std::vector<ByteBuffer> frames;
};

constexpr std::uint8_t regular = 0, folder = 1, link = 2, has_parent = 8;

/// An entry as transfer/manifest.hpp pictures it, unchecked.
struct RawEntry {
  std::uint8_t type;
  std::string name;
  std::optional<std::uint32_t> parent = {};
  std::uint64_t size = 0;
  std::string target = {};
};

ByteBuffer encoded(const RawEntry& entry) {
  ByteWriter out;
  out.u8(static_cast<std::uint8_t>(entry.type | (entry.parent ? has_parent : 0)));
  if (entry.parent) out.u32(*entry.parent);
  out.u16(0644).u64(1'700'000'000'000'000'000u).u16(static_cast<std::uint16_t>(entry.name.size())).bytes(bytes_of(entry.name));
  if (entry.type == regular) out.u64(entry.size).u64(1);
  if (entry.type == link) out.u16(static_cast<std::uint16_t>(entry.target.size())).bytes(bytes_of(entry.target));
  return out.take();
}

ByteBuffer raw_frame(std::uint8_t type, ByteView body) {
  ByteWriter out;
  out.u32(static_cast<std::uint32_t>(type) << 24 | static_cast<std::uint32_t>(body.size())).bytes(body);
  return out.take();
}

constexpr std::uint8_t manifest_part = 3;  // its place in LaneMessage
const TransferId transfer{};

ManifestBegin begin_of(std::uint64_t entries, std::uint64_t bytes) { return {transfer, entries, bytes, default_chunk_size, false}; }

/// A manifest of these entries, with totals and digest that fit them.
Lie manifest_of(const std::vector<RawEntry>& entries) {
  Lie lie;
  ByteBuffer all;
  std::uint64_t bytes = 0, files = 0;
  for (const auto& entry : entries) {
    const auto one = encoded(entry);
    all.insert(all.end(), one.begin(), one.end());
    bytes += entry.size;
    files += entry.type == regular ? 1 : 0;
  }
  lie.summary = {.files = files, .entries = entries.size(), .bytes = bytes, .names = {"holiday.jpg"}, .text = {}};
  lie.frames = {encode(LaneMessage{begin_of(entries.size(), bytes)}), raw_frame(manifest_part, all), encode(LaneMessage{ManifestEnd{hash_of(all)}})};
  return lie;
}

Lie announcing(std::uint64_t entries, std::uint64_t bytes) {
  return {{.files = entries, .entries = entries, .bytes = bytes, .names = {"holiday.jpg"}, .text = {}}, {encode(LaneMessage{begin_of(entries, bytes)})}};
}

Lie with_frame(Lie lie, ByteBuffer frame) {
  lie.frames.push_back(std::move(frame));
  return lie;
}

ByteBuffer chunk(ChunkHeader header, std::size_t payload) {
  auto out = encode(LaneMessage{header});
  out.resize(out.size() + payload, std::byte{0x28});
  return out;
}

Lie more_than_offered() {
  auto lie = manifest_of({{regular, "one", {}, 10}, {regular, "two", {}, 10}});
  lie.summary.files = lie.summary.entries = 1, lie.summary.bytes = 10;
  return lie;
}

Lie false_digest() {
  auto lie = manifest_of({{regular, "one", {}, 10}});
  lie.frames.back() = encode(LaneMessage{ManifestEnd{}});
  return lie;
}

const std::map<std::string, std::function<Lie()>>& lies() {
  const RawEntry ordinary{regular, "ordinary", {}, 100};
  static const std::map<std::string, std::function<Lie()>> all{
      {"absolute", [] { return manifest_of({{regular, "/tmp/pshare-was-here", {}, 4}}); }},
      {"dot-dot", [] { return manifest_of({{folder, ".."}, {regular, "outside", 0u, 4}}); }},
      {"dot", [] { return manifest_of({{regular, ".", {}, 4}}); }},
      {"climbing", [] { return manifest_of({{regular, "a/../../b", {}, 4}}); }},
      {"file-through-a-link", [] { return manifest_of({{folder, "d"}, {link, "out", 0u, 0, "inside"}, {regular, "outside", 1u, 4}}); }},
      {"link-outside", [] { return manifest_of({{folder, "d"}, {link, "out", 0u, 0, "../.."}}); }},
      {"absolute-link", [] { return manifest_of({{folder, "d"}, {link, "out", 0u, 0, "/tmp"}}); }},
      {"link-at-the-top", [] { return manifest_of({{link, "out", {}, 0, ".."}}); }},
      {"file-in-a-file", [] { return manifest_of({{regular, "f", {}, 4}, {regular, "inside", 0u, 4}}); }},
      {"nul", [] { return manifest_of({{regular, std::string{"a\0b", 3}, {}, 4}}); }},
      {"no-name", [] { return manifest_of({{regular, "", {}, 4}}); }},
      {"long-name", [] { return manifest_of({{regular, std::string(60'000, 'x'), {}, 4}}); }},
      {"70000-byte-name", [] { return manifest_of({{regular, std::string(70'000, 'x'), {}, 4}}); }},
      {"duplicates", [] { return manifest_of({{regular, "same", {}, 4}, {regular, "same", {}, 4}}); }},
      {"own-parent", [] { return manifest_of({{regular, "f", 0u, 4}}); }},
      {"parent-to-come", [] { return manifest_of({{regular, "f", 1u, 4}, {folder, "d"}}); }},
      {"partial-folder", [] { return manifest_of({{regular, ".pshare-partial-0123", {}, 4}}); }},
      {"billion-entries", [] { return announcing(1'000'000'000, 1'000'000'000); }},
      {"endless-run", [] { return announcing(1, ~std::uint64_t{0}); }},
      {"overflowing-lengths", [] { return manifest_of({{regular, "a", {}, std::uint64_t{1} << 63}, {regular, "b", {}, (std::uint64_t{1} << 63) + 5}}); }},
      {"length-of-two-to-the-64", [] { return manifest_of({{regular, "a", {}, ~std::uint64_t{0}}}); }},
      {"more-than-offered", more_than_offered},
      {"false-digest", false_digest},
      {"garbage-manifest", [] { return Lie{announcing(5, 50).summary, {encode(LaneMessage{begin_of(5, 50)}), raw_frame(manifest_part, bytes_of("\x07 garbage"))}}; }},
      {"unknown-frame", [ordinary] { return with_frame(manifest_of({ordinary}), raw_frame(99, {})); }},
      {"endless-frame", [ordinary] { return with_frame(manifest_of({ordinary}), buffer_of(bytes_of("\x03\xff\xff\xff"))); }},
      {"chunk-before-manifest", [] { return Lie{announcing(1, 100).summary, {chunk({ChunkIndex{0}, 100, 100, Codec::stored, {}}, 100)}}; }},
      {"chunk-beyond-the-end", [ordinary] { return with_frame(manifest_of({ordinary}), chunk({ChunkIndex{7}, 100, 100, Codec::stored, {}}, 100)); }},
      {"chunk-too-long", [ordinary] { return with_frame(manifest_of({ordinary}), chunk({ChunkIndex{0}, 4000, 4000, Codec::stored, {}}, 4000)); }},
      {"words-of-a-receiver", [ordinary] { return with_frame(manifest_of({ordinary}), encode(LaneMessage{Verified{{"ordinary"}}})); }},
  };
  return all;
}

UnixTime wall_clock() { return std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now()); }

struct Target {
  std::string host;
  Port port;
  PeerId server, peer;
};

/// The acceptance of our offer, from whatever is delivered.
awaitable<Accept> accepted(RendezvousClient& server, const Identity& us) {
  for (;;) {
    const auto delivery = co_await server.next_delivery();
    const auto opened = open_sealed(us, wall_clock(), delivery.body);
    const auto signal = opened ? decode_signal(opened->body) : Result<Signal>{Unexpected{opened.error()}};
    if (!signal) continue;
    if (const auto* accept = std::get_if<Accept>(&*signal)) co_return *accept;
    throw Failure{{.code = Errc::declined, .doing = "the offer was not accepted"}};
  }
}

awaitable<void> read_exactly(Lane& lane, std::span<std::byte> out) {
  while (!out.empty()) out = out.subspan(co_await lane.read_some(out));
}

awaitable<LaneMessage> read_message(Lane& lane) {
  std::array<std::byte, LaneFrameHeader::size> bytes;
  co_await read_exactly(lane, bytes);
  const auto header = value_or_throw(decode_lane_frame_header(bytes));
  ByteBuffer body(header.length);
  co_await read_exactly(lane, body);
  co_return value_or_throw(decode_lane_message(header, body));
}

awaitable<void> write(Lane& lane, ByteView frame) {
  const std::array<ByteView, 1> pieces{frame};
  co_await lane.write(pieces);
}

/// By way of its host candidates over TCP alone: we are on the same machine, and whoever lies need not punch.
awaitable<LanePtr> open_lane(const TlsContext& tls, Accept accept, PeerId peer) {
  std::vector<Endpoint> endpoints;
  for (const auto& candidate : accept.candidates)
    if (candidate.type == Candidate::Type::host && candidate.transport == Transport::tcp) endpoints.push_back(candidate.endpoint);
  if (endpoints.empty()) throw Failure{{.code = Errc::no_path, .doing = "the answer holds no host candidate over TCP"}};
  auto socket = co_await connect_any(endpoints);
  const Path path{.tier = Tier::direct, .transport = Transport::tcp, .local = socket.local(), .remote = socket.remote()};
  std::vector<std::string> alpn{std::string{lane_alpn}};
  TlsStream stream{std::move(socket), TlsEngine{tls, TlsRole::client, std::move(alpn), only(peer)}};
  co_await stream.handshake();
  LanePtr lane = std::make_unique<TcpLane>(std::move(stream), path, co_await asio::this_coro::executor);
  const auto hello = encode(LaneMessage{LaneHello{.session = accept.session}});
  co_await write(*lane, hello);
  // An honest sender does not wait for this; here it tells a lie that was refused from a lane that was.
  if (const auto answer = co_await read_message(*lane); !std::holds_alternative<LaneReady>(answer))
    throw Failure{{.code = Errc::refused, .doing = "the lane was not let in"}};
  co_return lane;
}

/// Says the lie, then listens. True when the receiver ended it, by a Stop or by closing.
awaitable<bool> tell(Lane& lane, const Lie& lie) {
  try {
    for (const auto& frame : lie.frames) co_await write(lane, frame);
    for (;;) {
      const auto message = co_await read_message(lane);
      if (const auto* stop = std::get_if<Stop>(&message)) {
        std::printf("stopped: %s\n", stop->words.c_str());
        co_return true;
      }
      if (std::holds_alternative<Verified>(message)) co_return false;
    }
  } catch (const Failure& failure) {
    std::printf("closed: %s\n", failure.what());
  }
  co_return true;
}

awaitable<bool> attack(const Identity& us, const TlsContext& tls, Target target, const Lie& lie) {
  SecureRandom random;
  const auto executor = co_await asio::this_coro::executor;
  ServerAddress address{target.host, target.port, target.server};
  Outlet outlet;
  RendezvousClient server{executor, tls, address, random, outlet};
  const auto body = [&](TaskGroup& tasks) -> awaitable<bool> {
    tasks.start(server.run());
    const auto until = Clock::now() + 30s;
    const auto peer = co_await server.resolve(target.peer, until);
    const auto session = SessionId::random(random);
    const Signal offer = Offer{session, transfer, "alice", lie.summary, {}, 1, {}, {}};
    const auto plain = encode(offer);
    auto sealed = value_or_throw(seal(us, peer.key, wall_clock(), random, plain));
    co_await server.signal(target.peer, DeviceId{}, std::move(sealed), true, session, until);
    const auto accept = co_await accepted(server, us);
    const auto lane = co_await open_lane(tls, accept, target.peer);
    auto telling = tell(*lane, lie);
    co_return co_await with_deadline(std::move(telling), until, "waiting for the receiver to object");
  };
  co_return co_await with_tasks<bool>(body);
}

int run(char** argv) {
  const std::string spec = argv[2];
  const auto lie = lies().find(argv[4]);
  const auto hash = spec.find('#'), colon = spec.rfind(':', hash);
  if (lie == lies().end() || hash == std::string::npos || colon == std::string::npos) return 2;
  const Port port{static_cast<std::uint16_t>(std::stoi(spec.substr(colon + 1)))};
  const Target target{spec.substr(0, colon), port, value_or_throw(PeerId::parse(spec.substr(hash + 1))), value_or_throw(PeerId::parse(argv[3]))};
  const auto us = value_or_throw(Identity::load(std::filesystem::path{argv[1]} / "identity.key"));
  const TlsContext tls{us};
  const auto told = lie->second();

  asio::io_context loop{1};
  bool stopped = false;
  std::exception_ptr trouble;
  asio::co_spawn(loop, attack(us, tls, target, told), [&](std::exception_ptr thrown, bool result) { trouble = thrown, stopped = result; });
  loop.run();
  if (trouble) std::rethrow_exception(trouble);
  return stopped ? 0 : 1;
}

}  // namespace
}  // namespace pshare

int main(int argc, char** argv) {
  if (argc == 2 && std::string{argv[1]} == "--list") {
    for (const auto& [name, lie] : pshare::lies()) std::puts(name.c_str());
    return 0;
  }
  if (argc != 5) return 2;
  try {
    return pshare::run(argv);
  } catch (const std::exception& trouble) {
    std::printf("never came so far: %s\n", trouble.what());
    return 2;
  }
}
