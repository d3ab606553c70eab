// What travels on the lanes of a session: each message a frame of one type byte, three bytes of length, and a body.
// Numbers are in network order; everything but the Chunk's payload fits max_lane_body.
//
//   sender                                                receiver
//     | == TCP, TLS 1.3 with both keys (ALPN pshare-lane/1) == |
//     | -- LaneHello{session, ordinal, tier} ---------------> |   whoever dialled: the sender speaks first on every connection
//     | <- LaneReady ----------------------------------------- |
//     | -- ManifestBegin, ManifestPart*, ManifestEnd --------> |   on the first lane
//     | <- HaveBegin, HavePart*, HaveCheck*, HaveEnd --------- |   what is durable there, what might be
//     | -- Chunk, Chunk, ... on every lane -----------------> |   never one that HaveEnd's answer made needless
//     | <- Stored{chunks}, Durable{chunks} ------------------- |   written: frees the window; on disk: never sent again
//     | -- End{bytes} --------------------------------------> |
//     | <- Verified{names} ----------------------------------- |   every byte verified, on disk, under its final name
//     | <- Receipt{signed} ----------------------------------- |   if offer and accept agreed on one: what the receiver holds, under its key
//     | -- Farewell ----------------------------------------> |   only now the receiver forgets the transfer
//   Beat travels either way on a lane that has said nothing for lane_beat. Stop ends the session, with words, either way.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "wire/bytes.hpp"
#include "wire/error.hpp"
#include "wire/ids.hpp"
#include "wire/reason.hpp"
#include "wire/receipt.hpp"
#include "wire/result.hpp"
#include "wire/time.hpp"

namespace pshare {

inline constexpr std::string_view lane_alpn = "pshare-lane/1";

/// A lane says something at least this often, and is dead after lane_silence without a byte. Design section 6.
inline constexpr Duration lane_beat = std::chrono::seconds{5};
inline constexpr Duration lane_silence = std::chrono::seconds{15};

inline constexpr std::size_t max_lane_body = 64 * 1024;
inline constexpr std::uint64_t min_chunk_size = 64 * 1024;
inline constexpr std::uint64_t default_chunk_size = 1024 * 1024;
inline constexpr std::uint64_t max_chunk_size = 4 * 1024 * 1024;
inline constexpr std::uint64_t max_lanes = 16;
/// Chunks named by one Stored, Durable or Again; HaveCheck holds hashes, so fewer.
inline constexpr std::size_t max_named_chunks = 4096;
inline constexpr std::size_t max_checked_chunks = 1024;

using ChunkHash = std::array<std::byte, 16>;  // XXH3-128 of the raw bytes, canonical (big-endian) form

enum class Codec : std::uint8_t { stored = 0, zstd = 1, zeros = 2 };  // zeros: no payload, every byte is 0

/// `ordinal`: 0 for the first lane of its session, then 1, 2, ... where the sender dialled; 0 where the receiver did. `tier`: what the sender counts it as, so that both reports agree.
struct LaneHello     { SessionId session; std::uint32_t ordinal = 0; Tier tier = Tier::direct; };
struct LaneReady     {};
/// `bytes` and `chunk_size` fix the chunks: chunk i is [i * chunk_size, min((i + 1) * chunk_size, bytes)). A stream
/// (standard input) has bytes == 0 and stream == true; its length comes with End.
struct ManifestBegin { TransferId transfer; std::uint64_t entries = 0; std::uint64_t bytes = 0; std::uint64_t chunk_size = 0; bool stream = false; };
struct ManifestPart  { ByteBuffer encoded; };    // entries in the form of transfer/manifest.hpp; an entry is never split
struct ManifestEnd   { ChunkHash digest; };      // XXH3-128 over all parts' bytes, in order
struct HaveBegin     { std::uint64_t chunks = 0; };
/// Bits for chunks [first, first + 8 * bits.size()), lowest bit first; 1: durable here. Chunks in no part are not here.
struct HavePart      { ChunkIndex first; ByteBuffer bits; };
/// Bytes lie where these chunks go, from an older or unfinished copy; the sender answers with CheckResult.
struct HaveCheck     { struct Item { ChunkIndex chunk; ChunkHash hash; }; std::vector<Item> items; };
struct HaveEnd       {};
struct CheckResult   { std::vector<ChunkIndex> same; };  // of those in HaveCheck: what the source holds too, and need not travel
struct ChunkHeader   { ChunkIndex chunk; std::uint32_t raw_length = 0; std::uint32_t wire_length = 0; Codec codec = Codec::stored; ChunkHash hash{}; };
struct Stored        { std::vector<ChunkIndex> chunks; };
struct Durable       { std::vector<ChunkIndex> chunks; };
struct Again         { std::vector<ChunkIndex> chunks; };  // arrived, but does not match its hash
struct End           { std::uint64_t bytes = 0; };
struct Verified      { std::vector<std::string> names; };  // final top-level names, up to max_offered_names
struct Farewell      {};
struct Beat          {};
struct Stop          { Errc code = Errc::failed; std::string words; };
struct Receipt       { ByteBuffer signed_receipt; };       // secure/receipt.hpp; empty: none can be given after all

using LaneMessage = std::variant<LaneHello, LaneReady, ManifestBegin, ManifestPart, ManifestEnd, HaveBegin, HavePart, HaveCheck,
                                 HaveEnd, CheckResult, ChunkHeader, Stored, Durable, Again, End, Verified, Farewell, Beat, Stop, Receipt>;

/// The four bytes in front of every message.
struct LaneFrameHeader {
  static constexpr std::size_t size = 4;
  std::uint8_t type = 0;
  std::uint32_t length = 0;
};

/// Errors: malformed (an unknown type), limit (longer than its type may be). For a Chunk, `length` is that of the ChunkHeader's
/// body alone; its payload of wire_length bytes follows the frame.
Result<LaneFrameHeader> decode_lane_frame_header(std::span<const std::byte, LaneFrameHeader::size> bytes);
/// Errors: malformed, limit. Checks what can be checked alone: lengths within max_chunk_size, codec known, lists within limits,
/// a wire_length of 0 just for zeros, a stored chunk as long on the wire as raw.
Result<LaneMessage> decode_lane_message(const LaneFrameHeader& header, ByteView body);
/// The whole frame, header included (for a ChunkHeader without the payload).
ByteBuffer encode(const LaneMessage& message);

}  // namespace pshare
