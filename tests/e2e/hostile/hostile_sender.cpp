// A sender that lies: makes an honest-looking offer, and once it is accepted says on the lane what an honest pshare never would.
//
//   hostile_sender HOME HOST:PORT#KEY PEER-ID CASE
//
// Exits with 0 when the receiver has stopped the session or closed the lane, with 1 when it went along, with 2 when it never came so far.
//
//   hostile_sender HOME HOST:PORT#KEY PEER-ID --script
//
// carries out the transfers that standard input describes, one after the other, each to the end that the receiver allows, and prints a line
// for each: "verified", "stopped: WORDS", "closed: WORDS", "shown" (a text) "declined", or "left". Bytes are in hexadecimal, "-" is none:
//
//   from NAME                                    what the sender calls themself in the offers from here on
//   offered NAME                                 a name that the next offer lists
//   text WORDS                                   the next offer is of a text
//   entry file|folder|link PARENT|- NAME BYTES   an entry of the next manifest; a file's content, a link's target
//   leave                                        the next transfer breaks off once the receiver has the manifest
//   send ID                                      now; ID is a number below 65536: the same one again resumes
#include <array>
#include <cstdio>
#include <functional>
#include <iostream>
#include <map>
#include <optional>
#include <sstream>
#include <stdexcept>

#include "io/deadline.hpp"
#include "io/printable.hpp"
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
  std::string from = "alice";
  TransferId transfer = {};
  std::vector<ByteBuffer> afterwards = {};  // frames that follow what the receiver says it has of it
  bool leaves = false;                      // there
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

ManifestBegin begin_of(std::uint64_t entries, std::uint64_t bytes, TransferId transfer = {}) { return {transfer, entries, bytes, default_chunk_size, false}; }

/// A manifest of these entries, with totals and digest that fit them.
Lie manifest_of(const std::vector<RawEntry>& entries, TransferId transfer = {}) {
  Lie lie;
  lie.transfer = transfer;
  ByteBuffer all;
  std::uint64_t bytes = 0, files = 0;
  for (const auto& entry : entries) {
    const auto one = encoded(entry);
    all.insert(all.end(), one.begin(), one.end());
    bytes += entry.size;
    files += entry.type == regular ? 1 : 0;
  }
  lie.summary = {.files = files, .entries = entries.size(), .bytes = bytes, .names = {"holiday.jpg"}, .text = {}};
  lie.frames = {encode(LaneMessage{begin_of(entries.size(), bytes, transfer)}), raw_frame(manifest_part, all), encode(LaneMessage{ManifestEnd{hash_of(all)}})};
  return lie;
}

Lie announcing(std::uint64_t entries, std::uint64_t bytes) {
  return {{.files = entries, .entries = entries, .bytes = bytes, .names = {"holiday.jpg"}, .text = {}}, {encode(LaneMessage{begin_of(entries, bytes)})}, "alice", {}, {}, false};
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
      {"garbage-manifest", [] { return Lie{announcing(5, 50).summary, {encode(LaneMessage{begin_of(5, 50)}), raw_frame(manifest_part, bytes_of("\x07 garbage"))}, "alice", {}, {}, false}; }},
      {"unknown-frame", [ordinary] { return with_frame(manifest_of({ordinary}), raw_frame(99, {})); }},
      {"endless-frame", [ordinary] { return with_frame(manifest_of({ordinary}), buffer_of(bytes_of("\x03\xff\xff\xff"))); }},
      {"chunk-before-manifest", [] { return Lie{announcing(1, 100).summary, {chunk({ChunkIndex{0}, 100, 100, Codec::stored, {}}, 100)}, "alice", {}, {}, false}; }},
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

/// The answer to the offer of this session, from whatever is delivered.
awaitable<Signal> answer_to(RendezvousClient& server, const Identity& us, SessionId session) {
  for (;;) {
    const auto delivery = co_await server.next_delivery();
    const auto opened = open_sealed(us, wall_clock(), delivery.body);
    auto signal = opened ? decode_signal(opened->body) : Result<Signal>{Unexpected{opened.error()}};
    if (!signal || session_of(*signal) != session) continue;
    if (std::holds_alternative<Accept>(*signal) || std::holds_alternative<TextShown>(*signal)) co_return *std::move(signal);
    if (std::holds_alternative<Reject>(*signal) || std::holds_alternative<Cancel>(*signal)) co_return *std::move(signal);
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

enum class Answer { stopped, closed, verified, declined, shown, left };

/// Says the lie, then listens to what becomes of it.
awaitable<Answer> tell(Lane& lane, const Lie& lie) {
  try {
    for (const auto& frame : lie.frames) co_await write(lane, frame);
    for (;;) {
      const auto message = co_await read_message(lane);
      if (const auto* stop = std::get_if<Stop>(&message)) {
        std::printf("stopped: %s\n", printable(stop->words).c_str());
        co_return Answer::stopped;
      }
      if (lie.leaves && std::holds_alternative<HaveEnd>(message)) co_return Answer::left;
      if (std::holds_alternative<HaveCheck>(message)) {
        const auto nothing_is_the_same = encode(LaneMessage{CheckResult{}});
        co_await write(lane, nothing_is_the_same);
      }
      if (std::holds_alternative<HaveEnd>(message))
        for (const auto& frame : lie.afterwards) co_await write(lane, frame);
      if (std::holds_alternative<Verified>(message)) {
        const auto farewell = encode(LaneMessage{Farewell{}});
        co_await write(lane, farewell);
        co_return Answer::verified;
      }
    }
  } catch (const Failure& failure) {
    std::printf("closed: %s\n", failure.what());
  }
  co_return Answer::closed;
}

/// One offer, and if it is accepted, the lie.
awaitable<Answer> attempt(const Identity& us, const TlsContext& tls, const Target& target, PublicKey key, RendezvousClient& server, const Lie& lie) {
  SecureRandom random;
  const auto until = Clock::now() + 30s;
  const auto session = SessionId::random(random);
  const Signal offer = Offer{session, lie.transfer, lie.from, lie.summary, {}, 1, {}, {}};
  const auto plain = encode(offer);
  auto sealed = value_or_throw(seal(us, key, wall_clock(), random, plain));
  co_await server.signal(target.peer, DeviceId{}, std::move(sealed), true, session, until);
  const auto answer = co_await answer_to(server, us, session);
  if (std::holds_alternative<TextShown>(answer)) co_return Answer::shown;
  const auto* accept = std::get_if<Accept>(&answer);
  if (!accept) co_return Answer::declined;
  const auto lane = co_await open_lane(tls, *accept, target.peer);
  auto telling = tell(*lane, lie);
  co_return co_await with_deadline(std::move(telling), until, "waiting for the receiver to object");
}

std::string_view word(Answer answer) {
  switch (answer) {
    case Answer::verified: return "verified";
    case Answer::declined: return "declined";
    case Answer::shown: return "shown";
    case Answer::left: return "left";
    case Answer::stopped:
    case Answer::closed: break;  // told when it happened, with the words
  }
  return {};
}

/// All lies in turn, over one connection to the server. True when none of them was gone along with.
awaitable<bool> attack(const Identity& us, const TlsContext& tls, Target target, const std::vector<Lie>& lies_to_tell) {
  SecureRandom random;
  const auto executor = co_await asio::this_coro::executor;
  ServerAddress address{target.host, target.port, target.server};
  Outlet outlet;
  RendezvousClient server{executor, tls, address, random, outlet};
  const auto body = [&](TaskGroup& tasks) -> awaitable<bool> {
    tasks.start(server.run());
    const auto peer = co_await server.resolve(target.peer, Clock::now() + 30s);
    bool all_refused = true;
    for (const auto& lie : lies_to_tell) {
      const auto answer = co_await attempt(us, tls, target, peer.key, server, lie);
      all_refused = all_refused && (answer == Answer::stopped || answer == Answer::closed);
      if (!word(answer).empty()) std::printf("%s\n", std::string{word(answer)}.c_str());
      std::fflush(stdout);
    }
    co_return all_refused;
  };
  co_return co_await with_tasks<bool>(body);
}

std::string from_hex(const std::string& digits) {
  std::string out;
  for (std::size_t at = 0; digits != "-" && at + 1 < digits.size(); at += 2) out += static_cast<char>(std::stoi(digits.substr(at, 2), nullptr, 16));
  return out;
}

/// The transfers that a script describes; see the top of this file.
std::vector<Lie> read_script(std::istream& in) {
  std::vector<Lie> all;
  std::string from = "alice", content;
  std::vector<RawEntry> entries;
  std::vector<std::string> offered;
  std::optional<std::string> text;
  bool leaves = false;
  for (std::string line; std::getline(in, line);) {
    std::istringstream words{line};
    std::string verb, one, two, three, four;
    words >> verb >> one >> two >> three >> four;
    if (verb == "from") from = from_hex(one);
    else if (verb == "offered") offered.push_back(from_hex(one));
    else if (verb == "text") text = from_hex(one);
    else if (verb == "leave") leaves = true;
    else if (verb == "entry") {
      RawEntry entry{one == "file" ? regular : one == "folder" ? folder : link, from_hex(three), {}, 0, {}};
      if (two != "-") entry.parent = static_cast<std::uint32_t>(std::stoul(two));
      if (entry.type == regular) content += from_hex(four), entry.size = from_hex(four).size();
      if (entry.type == link) entry.target = from_hex(four);
      entries.push_back(std::move(entry));
    } else if (verb == "send") {
      TransferId id;
      id.bytes[0] = static_cast<std::byte>(std::stoi(one) & 0xFF), id.bytes[1] = static_cast<std::byte>(std::stoi(one) >> 8);
      auto lie = manifest_of(entries, id);
      lie.from = from, lie.leaves = leaves;
      if (!offered.empty()) lie.summary.names = offered;
      if (text) lie.summary = {.files = 0, .entries = 0, .bytes = 0, .names = {}, .text = text};
      // All files together are shorter than one chunk.
      const auto length = static_cast<std::uint32_t>(content.size());
      if (!leaves && length != 0) {
        auto whole = encode(LaneMessage{ChunkHeader{ChunkIndex{0}, length, length, Codec::stored, hash_of(bytes_of(content))}});
        const auto payload = bytes_of(content);
        whole.insert(whole.end(), payload.begin(), payload.end());
        lie.afterwards.push_back(std::move(whole));
      }
      all.push_back(std::move(lie));
      entries.clear(), offered.clear(), text.reset(), content.clear(), leaves = false;
    } else throw std::invalid_argument{"no such verb: " + line};
  }
  return all;
}

int run(char** argv) {
  const std::string spec = argv[2];
  const bool scripted = std::string{argv[4]} == "--script";
  const auto lie = lies().find(argv[4]);
  const auto hash = spec.find('#'), colon = spec.rfind(':', hash);
  if ((lie == lies().end() && !scripted) || hash == std::string::npos || colon == std::string::npos) return 2;
  const Port port{static_cast<std::uint16_t>(std::stoi(spec.substr(colon + 1)))};
  const Target target{spec.substr(0, colon), port, value_or_throw(PeerId::parse(spec.substr(hash + 1))), value_or_throw(PeerId::parse(argv[3]))};
  const auto us = value_or_throw(Identity::load(std::filesystem::path{argv[1]} / "identity.key"));
  const TlsContext tls{us};
  const auto told = scripted ? read_script(std::cin) : std::vector{lie->second()};

  asio::io_context loop{1};
  bool stopped = false;
  std::exception_ptr trouble;
  asio::co_spawn(loop, attack(us, tls, target, told), [&](std::exception_ptr thrown, bool result) { trouble = thrown, stopped = result; });
  loop.run();
  if (trouble) std::rethrow_exception(trouble);
  return stopped || scripted ? 0 : 1;
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
