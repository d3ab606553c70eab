// Connectivity checks (RFC 8445 section 7) as this program speaks them: STUN binding requests and answers that name the session and carry a
// MESSAGE-INTEGRITY-SHA256 keyed from it, so that nobody else's packet counts. The key comes from the offer, which was sealed for the peer.
#pragma once

#include <array>
#include <optional>

#include "wire/bytes.hpp"
#include "wire/ids.hpp"
#include "wire/random.hpp"
#include "wire/stun.hpp"

namespace pshare {

/// Chosen at random by the sender for each session. Kept from logs.
struct CheckKey {
  std::array<std::byte, 32> bytes{};
  static CheckKey random(Random& random);
  friend bool operator==(const CheckKey&, const CheckKey&) = default;
};

/// The sender is controlling.
using CheckSide = IceRole::Side;

struct Check {
  TransactionId id;
  CheckSide from;          // whose check it is
  bool nominates = false;  // USE-CANDIDATE: the controlling side has chosen this pair
};

/// A request of ours. The USERNAME is made of the session, so that a socket that serves several can tell them apart.
ByteBuffer encode_check(const Check& check, const SessionId& session, const CheckKey& key);
/// The answer to a check that came from `from`.
ByteBuffer encode_check_answer(const TransactionId& id, const Endpoint& from, const CheckKey& key);

/// Which session a STUN request is for; nothing for what is no check. Believe it only after read_check().
std::optional<SessionId> session_of_check(const ReceivedStun& received);
/// Nothing unless the proof holds and the side is the other one.
std::optional<Check> read_check(const ReceivedStun& received, CheckSide own, const CheckKey& key);
/// The mapped address that an authentic answer tells; nothing unless the proof holds.
std::optional<Endpoint> read_check_answer(const ReceivedStun& received, const CheckKey& key);

}  // namespace pshare
