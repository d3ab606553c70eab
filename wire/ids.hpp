// Identifiers that travel: who (PeerId), which conversation (SessionId), which transfer (TransferId), which part (ChunkIndex).
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "wire/random.hpp"
#include "wire/result.hpp"

namespace pshare {

/// Who somebody is: the SHA-256 of their public key (its SPKI, DER). Also names the server's key.
///
/// As text: the 32 bytes and a CRC-24 of them (the one of RFC 4880 section 6.1), 35 bytes in all, make 56 base32 characters
/// (RFC 4648 alphabet) in eight groups of seven: "ABCDEFG-HIJKLMN-...". The CRC catches every single wrong character and
/// every swap of two neighbours for certain, and other slips but once in 16 million.
class PeerId {
 public:
  static constexpr std::size_t size = 32;
  using Digest = std::array<std::byte, size>;

  PeerId() = default;
  explicit PeerId(const Digest& digest) : digest_(digest) {}

  /// Reads the text form; case, dashes and spaces do not matter, and 0, 1, 8 are read as O, I, B.
  /// Errors: malformed, with words that say whether it is too short, has a strange character, or is mistyped.
  static Result<PeerId> parse(std::string_view text);

  std::string text() const;
  /// The first two groups: enough to tell people apart in a log, never enough to trust.
  std::string short_text() const;
  const Digest& digest() const { return digest_; }

  friend auto operator<=>(const PeerId&, const PeerId&) = default;

 private:
  Digest digest_{};
};

/// A public key as it travels: the raw 32 bytes of Ed25519 (RFC 8032). Its PeerId is computed by secure/identity.hpp.
struct PublicKey {
  std::array<std::byte, 32> bytes{};
  friend auto operator<=>(const PublicKey&, const PublicKey&) = default;
};

/// One offer and what follows from it, on these two processes. Chosen at random by the sender.
struct SessionId {
  std::array<std::byte, 16> bytes{};
  static SessionId random(Random& random);
  std::string text() const;  // 32 hexadecimal digits
  friend auto operator<=>(const SessionId&, const SessionId&) = default;
};

/// One transfer, whatever processes and sessions carry it: made from sender, receiver and what was offered
/// (transfer/transfer_id.hpp), so that the same command run again finds the same one.
struct TransferId {
  std::array<std::byte, 16> bytes{};
  std::string text() const;
  friend auto operator<=>(const TransferId&, const TransferId&) = default;
};

/// One permission to meet at a relay (wire/ticket.hpp). Chosen at random by the rendezvous that signs it.
struct TicketId {
  std::array<std::byte, 16> bytes{};
  static TicketId random(Random& random);
  std::string text() const;
  friend auto operator<=>(const TicketId&, const TicketId&) = default;
};

/// Position of a chunk in the run of bytes of a transfer, from 0.
struct ChunkIndex {
  std::uint64_t number = 0;
  friend auto operator<=>(const ChunkIndex&, const ChunkIndex&) = default;
};

/// One control connection of one key at the server: several devices of one key may be online at once.
/// Given out by the server, never reused while it runs. 0 means "every device".
struct DeviceId {
  std::uint64_t number = 0;
  friend auto operator<=>(const DeviceId&, const DeviceId&) = default;
};

/// Lower-case hexadecimal digits, two for each byte.
std::string hex(std::span<const std::byte> bytes);

}  // namespace pshare

template <>
struct std::hash<pshare::PeerId> {
  std::size_t operator()(const pshare::PeerId& id) const noexcept;
};
template <>
struct std::hash<pshare::SessionId> {
  std::size_t operator()(const pshare::SessionId& id) const noexcept;
};
