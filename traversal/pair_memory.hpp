// What worked between two networks, so that it can be tried first next time (design section 6). A hint and nothing more: what is wrong in it costs a
// little time. Pure; apps/pshare/home keeps the file.
//
// The file must tell nobody where its owner was or with whom. So networks and peers stand in it as keyed BLAKE2b (RFC 7693) of what they were, under
// a random key of the same file: who has the file can test a guess, but has nothing to read, and nothing that would match another machine's file.
//
//   "pshare-pairs/1\n"  key (32)  count (2)  { tag (16)  tier (1)  transport (1)  way (1)  when (8) } * count      oldest first
#pragma once

#include <array>
#include <cstddef>
#include <deque>
#include <optional>
#include <string_view>
#include <vector>

#include "secure/secret.hpp"
#include "traversal/gathering.hpp"
#include "wire/address.hpp"
#include "wire/bytes.hpp"
#include "wire/ids.hpp"
#include "wire/random.hpp"
#include "wire/reason.hpp"
#include "wire/time.hpp"

namespace pshare {

/// What makes two networks the same two again. Order does not matter, nor how often an address is named. Of IPv6 addresses only the first 64 bits
/// count, since hosts change the rest every day (RFC 8981).
struct NetworkPair {
  std::vector<IpAddress> own_external = {};          // as servers see us
  std::optional<LocalAddress> own_default = {};      // the address by which we reach the server; its subnet counts, not the address
  PeerId peer;
  std::vector<IpAddress> peer_external = {};
};

/// How punching came about, if it was punching.
enum class Way : std::uint8_t { plain, measured };

struct Remembered {
  Tier tier = Tier::direct;
  Transport transport = Transport::tcp;
  Way way = Way::plain;
  UnixTime when{};
  friend bool operator==(const Remembered&, const Remembered&) = default;
};

class PairMemory {
 public:
  static constexpr std::size_t max_pairs = 256;
  static constexpr std::size_t max_file = 15 + 32 + 2 + max_pairs * (16 + 3 + 8);

  /// Empty, with a key of its own.
  static PairMemory fresh(Random& random);
  /// Nothing if this is not what encode() gives.
  static std::optional<PairMemory> decode(ByteView file);
  ByteBuffer encode() const;

  std::optional<Remembered> recall(const NetworkPair& pair) const;
  /// In place of what was known of this pair. Above max_pairs the one goes that was remembered longest ago.
  void remember(const NetworkPair& pair, const Remembered& what);
  std::size_t size() const { return entries_.size(); }

 private:
  using Tag = std::array<std::byte, 16>;
  struct Entry { Tag tag; Remembered what; };

  PairMemory() = default;
  Tag tag_of(const NetworkPair& pair) const;

  Secret<32> key_;
  std::deque<Entry> entries_;  // oldest first
};

}  // namespace pshare
