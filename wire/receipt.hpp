// A delivery receipt: what the receiver of a transfer says, under their key (secure/receipt.hpp), that they hold. It stands for itself: whoever
// has it and knows the receiver's peer ID can check it, without either program's help.
//
// The statement has one form only, so that what is signed can be written down again from what was read. In network order:
//
//    u8 version (1) | u8 kind (0 files, 1 stream) | transfer 16 | sender's peer ID 32 | receiver's public key 32 | i64 Unix time of signing
//    u64 files | u64 bytes | u32 chunk size | SHA-256: manifest 32 | names 32 | contents 32
//
// and as it travels and is kept:  statement 206 | Ed25519 signature 64
#pragma once

#include <array>
#include <cstdint>

#include "wire/bytes.hpp"
#include "wire/ids.hpp"
#include "wire/result.hpp"
#include "wire/time.hpp"

namespace pshare {

using Sha256Digest = std::array<std::byte, 32>;

/// What a transfer consists of, in digests that nobody can make for other files.
struct ContentFacts {
  bool stream = false;             // standard input: names and manifest tell nothing of its length
  std::uint64_t files = 0, bytes = 0;
  std::uint32_t chunk_size = 0;
  Sha256Digest manifest{};         // of the manifest as it travelled (times, modes and all)
  Sha256Digest names{};            // of the names, kinds and sizes in it alone (transfer/content_facts.hpp)
  Sha256Digest contents{};         // root of the tree over all chunks (transfer/content_tree.hpp)
  friend bool operator==(const ContentFacts&, const ContentFacts&) = default;
};

struct ReceiptStatement {
  TransferId transfer;
  PeerId sender;
  PublicKey receiver;
  UnixTime signed_at{};            // by the receiver's clock
  ContentFacts held;
  friend bool operator==(const ReceiptStatement&, const ReceiptStatement&) = default;
};

inline constexpr std::size_t receipt_statement_size = 1 + 1 + 16 + 32 + 32 + 8 + 8 + 8 + 4 + 3 * 32;
static_assert(receipt_statement_size == 206);
inline constexpr std::size_t signed_receipt_size = receipt_statement_size + 64;

ByteBuffer encode(const ReceiptStatement& statement);
/// Errors: malformed (another length, a kind or number that cannot be), version.
Result<ReceiptStatement> decode_receipt_statement(ByteView bytes);

}  // namespace pshare
