#include "relay/stun_server.hpp"

#include <utility>

namespace pshare {

namespace {

constexpr std::uint16_t unknown_attribute_error = 420;    // RFC 8489 section 14.8
constexpr std::uint16_t change_request_attribute = 0x0003;  // RFC 5780 section 9.1
constexpr std::size_t attribute_header_size = 4;

/// An answer that grows as long as it is no longer than its question.
class Fitting {
 public:
  Fitting(const StunMessage& question, StunClass kind, std::size_t longest) : longest_(longest) {
    message_.kind = kind, message_.id = question.id, message_.cookie = question.cookie;
  }

  /// Puts the value into the field if there is room.
  template <typename Field, typename Value>
  bool add(Field StunMessage::*field, Value value) {
    message_.*field = std::move(value);
    if (size() <= longest_) return true;
    message_.*field = Field{};
    return false;
  }
  void add_fingerprint() {
    trailer_.fingerprint = true;
    if (size() > longest_) trailer_.fingerprint = false;
  }
  void fill_with_padding() {
    const auto room = longest_ - size();
    if (room >= attribute_header_size) add(&StunMessage::padding, (room - attribute_header_size) / 4 * 4);
  }

  ByteBuffer bytes() const { return encode(message_, trailer_); }

 private:
  std::size_t size() const { return bytes().size(); }

  std::size_t longest_;
  StunMessage message_;
  StunTrailer trailer_;
};

/// Nothing when even the bare number is too long.
std::optional<ByteBuffer> refusal(const ReceivedStun& asked, std::size_t longest, std::vector<std::uint16_t> types) {
  Fitting answer{asked.message, StunClass::error, longest};
  if (!answer.add(&StunMessage::error, StunError{unknown_attribute_error, {}})) return std::nullopt;
  answer.add(&StunMessage::unknown_attributes, std::move(types));
  if (asked.fingerprint) answer.add_fingerprint();
  return answer.bytes();
}

}  // namespace

std::optional<IpAddress> StunServer::other_address(const IpAddress& one) const {
  if (!settings_.addresses) return std::nullopt;
  if (one == settings_.addresses->first) return settings_.addresses->second;
  if (one == settings_.addresses->second) return settings_.addresses->first;
  return std::nullopt;
}

std::optional<StunServer::Answer> StunServer::answer(ByteView question, const Endpoint& from, const Endpoint& at) const {
  const auto asked = decode_stun(question);
  if (!asked || asked->message.kind != StunClass::request || asked->message.method != StunMethod::binding) return std::nullopt;
  const auto& request = asked->message;
  const auto longest = question.size();
  const auto reply_to = Endpoint{from.address, request.response_port.value_or(from.port)};
  if (reply_to.port.number == 0) return std::nullopt;

  const auto other = other_address(at.address);
  const auto change = request.change_request.value_or(ChangeRequest{});
  auto unknown = asked->not_understood;
  if (change.address && !other) unknown.push_back(change_request_attribute);  // RFC 5780 section 6.1
  if (!unknown.empty()) {
    auto bytes = refusal(*asked, longest, std::move(unknown));
    if (!bytes) return std::nullopt;
    return Answer{*std::move(bytes), at, from};
  }

  const Endpoint origin{change.address ? *other : at.address, change.port ? other_port(at.port) : at.port};
  Fitting answer{request, StunClass::success, longest};
  if (request.is_classic()) {
    if (!answer.add(&StunMessage::mapped_address, from)) return std::nullopt;
    answer.add(&StunMessage::source_address, origin);
    if (other) answer.add(&StunMessage::changed_address, Endpoint{*other, other_port(at.port)});
  } else {
    if (!answer.add(&StunMessage::xor_mapped_address, from)) return std::nullopt;
    if (asked->fingerprint) answer.add_fingerprint();
    answer.add(&StunMessage::response_origin, origin);
    if (other) answer.add(&StunMessage::other_address, Endpoint{*other, other_port(at.port)});
    if (!settings_.software.empty()) answer.add(&StunMessage::software, settings_.software);
    if (request.padding && !request.response_port) answer.fill_with_padding();
  }
  return Answer{answer.bytes(), origin, reply_to};
}

}  // namespace pshare
