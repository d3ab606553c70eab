#include "traversal/pair_memory.hpp"

#include <algorithm>
#include <set>
#include <span>

#include "secure/sodium.hpp"

namespace pshare {

namespace {

constexpr std::string_view magic = "pshare-pairs/1\n";

/// The last second of the year 9999. Later ones nobody can have written, and arithmetic with them could overflow.
constexpr std::uint64_t latest_time = 253'402'300'799;

/// The first bits of an address, the rest 0.
ByteBuffer subnet(const IpAddress& address, unsigned bits) {
  auto bytes = buffer_of(address.bytes());
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    const auto kept = std::min(8u, bits - std::min<unsigned>(bits, static_cast<unsigned>(8 * i)));
    bytes[i] &= static_cast<std::byte>(0xFF00 >> kept);
  }
  return bytes;
}

void add(ByteWriter& out, const ByteBuffer& field) { out.u8(static_cast<std::uint8_t>(field.size())).bytes(field); }

void add(ByteWriter& out, const std::vector<IpAddress>& addresses) {
  std::set<ByteBuffer> sorted;
  for (const auto& each : addresses) sorted.insert(subnet(each, each.is_v4() ? 32 : 64));
  out.u16(static_cast<std::uint16_t>(sorted.size()));
  for (const auto& each : sorted) add(out, each);
}

template <typename Enum>
std::optional<Enum> enum_from(std::optional<std::uint8_t> byte, Enum last) {
  if (!byte || *byte > static_cast<std::uint8_t>(last)) return std::nullopt;
  return static_cast<Enum>(*byte);
}

}  // namespace

PairMemory PairMemory::fresh(Random& random) {
  PairMemory memory;
  random.fill(memory.key_.fill());
  return memory;
}

PairMemory::Tag PairMemory::tag_of(const NetworkPair& pair) const {
  ByteWriter what;
  add(what, pair.own_external);
  add(what, pair.own_default ? subnet(pair.own_default->address, pair.own_default->prefix_length) : ByteBuffer{});
  what.bytes(pair.peer.digest());
  add(what, pair.peer_external);
  std::array<std::byte, 32> hash;
  sodium::keyed_hash(hash, what.view(), key_.reveal());
  Tag tag;
  std::copy_n(hash.begin(), tag.size(), tag.begin());
  return tag;
}

std::optional<Remembered> PairMemory::recall(const NetworkPair& pair) const {
  const auto found = std::ranges::find(entries_, tag_of(pair), &Entry::tag);
  if (found == entries_.end()) return std::nullopt;
  return found->what;
}

void PairMemory::remember(const NetworkPair& pair, const Remembered& what) {
  const auto tag = tag_of(pair);
  std::erase_if(entries_, [&](const Entry& each) { return each.tag == tag; });
  entries_.push_back({tag, what});
  if (entries_.size() > max_pairs) entries_.pop_front();
}

ByteBuffer PairMemory::encode() const {
  ByteWriter out;
  out.bytes(bytes_of(magic)).bytes(key_.reveal()).u16(static_cast<std::uint16_t>(entries_.size()));
  for (const auto& [tag, what] : entries_) {
    const auto when = std::clamp<std::int64_t>(what.when.time_since_epoch().count(), 0, static_cast<std::int64_t>(latest_time));
    out.bytes(tag).u8(static_cast<std::uint8_t>(what.tier)).u8(static_cast<std::uint8_t>(what.transport)).u8(static_cast<std::uint8_t>(what.way));
    out.u64(static_cast<std::uint64_t>(when));
  }
  return out.take();
}

std::optional<PairMemory> PairMemory::decode(ByteView file) {
  ByteReader in{file};
  const auto begins = in.bytes(magic.size());
  const auto key = in.array<32>();
  const auto count = in.u16();
  if (!begins || text_of(*begins) != magic || !key || !count || *count > max_pairs) return std::nullopt;
  PairMemory memory;
  std::ranges::copy(*key, memory.key_.fill().begin());
  std::set<Tag> tags;
  for (std::size_t i = 0; i < *count; ++i) {
    const auto tag = in.array<16>();
    const auto tier = enum_from(in.u8(), all_tiers.back());
    const auto transport = enum_from(in.u8(), Transport::udp);
    const auto way = enum_from(in.u8(), Way::measured);
    const auto when = in.u64();
    if (!tag || !tags.insert(*tag).second || !tier || !transport || !way || !when || *when > latest_time) return std::nullopt;
    memory.entries_.push_back({*tag, {*tier, *transport, *way, UnixTime{std::chrono::seconds{*when}}}});
  }
  if (!in.empty()) return std::nullopt;
  return memory;
}

}  // namespace pshare
