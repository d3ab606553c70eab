#include "traversal/punching/check.hpp"

#include <charconv>
#include <string>

#include "secure/hmac.hpp"

namespace pshare {

namespace {

/// Before the session in a USERNAME. Real ICE has user fragments there, which have no use when there is one pair of keys.
constexpr std::string_view name_of_ours = "pshare:";

StunMac mac_with(const CheckKey& key) {
  return [&key](ByteView covered) {
    const auto mac = hmac_sha256(key.bytes, covered);
    return ByteBuffer{mac.begin(), mac.end()};
  };
}

bool is_proven(const ReceivedStun& received, const CheckKey& key) {
  return received.not_understood.empty() && received.integrity_sha256 && received.integrity_sha256->holds(mac_with(key));
}

bool is_binding(const StunMessage& message, StunClass kind) {
  return message.kind == kind && message.method == StunMethod::binding && !message.is_classic();
}

std::optional<SessionId> session_from(std::string_view digits) {
  SessionId session;
  if (digits.size() != 2 * session.bytes.size()) return std::nullopt;
  for (std::size_t i = 0; i < session.bytes.size(); ++i) {
    std::uint8_t byte = 0;
    const auto* const first = digits.data() + 2 * i;
    const auto [end, error] = std::from_chars(first, first + 2, byte, 16);
    if (error != std::errc{} || end != first + 2) return std::nullopt;
    session.bytes[i] = std::byte{byte};
  }
  return session.text() == digits ? std::optional{session} : std::nullopt;  // one way to write it
}

}  // namespace

CheckKey CheckKey::random(Random& random) {
  CheckKey key;
  random.fill(key.bytes);
  return key;
}

ByteBuffer encode_check(const Check& check, const SessionId& session, const CheckKey& key) {
  StunMessage request{.kind = StunClass::request, .id = check.id};
  request.username = std::string{name_of_ours} + session.text();
  request.ice_role = IceRole{.side = check.from, .tie_breaker = 0};  // who is who is settled by the offer, so there is no tie
  request.use_candidate = check.nominates;
  return encode(request, {.integrity = {}, .integrity_sha256 = mac_with(key), .fingerprint = true});
}

ByteBuffer encode_check_answer(const TransactionId& id, const Endpoint& from, const CheckKey& key) {
  StunMessage answer{.kind = StunClass::success, .id = id};
  answer.xor_mapped_address = from;
  return encode(answer, {.integrity = {}, .integrity_sha256 = mac_with(key), .fingerprint = true});
}

std::optional<SessionId> session_of_check(const ReceivedStun& received) {
  const auto& message = received.message;
  if (!is_binding(message, StunClass::request) || !message.username || !message.username->starts_with(name_of_ours)) return std::nullopt;
  return session_from(std::string_view{*message.username}.substr(name_of_ours.size()));
}

std::optional<Check> read_check(const ReceivedStun& received, CheckSide own, const CheckKey& key) {
  const auto& message = received.message;
  if (!is_binding(message, StunClass::request) || !message.ice_role || message.ice_role->side == own) return std::nullopt;
  if (!is_proven(received, key)) return std::nullopt;
  return Check{.id = message.id, .from = message.ice_role->side, .nominates = message.use_candidate};
}

std::optional<Endpoint> read_check_answer(const ReceivedStun& received, const CheckKey& key) {
  const auto& message = received.message;
  if (!is_binding(message, StunClass::success) || !is_proven(received, key)) return std::nullopt;
  return message.xor_mapped_address;
}

}  // namespace pshare
