#include "wire/stun.hpp"

#include <algorithm>
#include <cassert>
#include <string_view>

#include "wire/ids.hpp"

namespace pshare {

namespace {

// RFC 8489 section 18.3, RFC 5780 section 9.1, RFC 8445 section 16.1; source and changed address: RFC 3489 section 11.2.
enum Attribute : std::uint16_t {
  mapped_address = 0x0001,
  change_request = 0x0003,
  source_address = 0x0004,
  changed_address = 0x0005,
  username = 0x0006,
  message_integrity = 0x0008,
  error_code = 0x0009,
  unknown_attributes = 0x000A,
  message_integrity_sha256 = 0x001C,
  xor_mapped_address = 0x0020,
  priority = 0x0024,
  use_candidate = 0x0025,
  padding = 0x0026,
  response_port = 0x0027,
  first_optional = 0x8000,  // from here on: may be ignored by who does not know it
  software = 0x8022,
  fingerprint = 0x8028,
  ice_controlled = 0x8029,
  ice_controlling = 0x802A,
  response_origin = 0x802B,
  other_address = 0x802C,
};

constexpr std::size_t attribute_header_size = 4;
constexpr std::size_t sha1_size = 20;
constexpr std::size_t sha256_size = 32;
constexpr std::size_t shortest_sha256 = 16;  // RFC 8489 section 14.6
constexpr std::size_t fingerprint_size = 4;
constexpr std::uint32_t fingerprint_mask = 0x5354554E;
constexpr std::uint8_t family_v4 = 1, family_v6 = 2;
constexpr std::uint32_t change_address_flag = 4, change_port_flag = 2;

constexpr std::size_t padded(std::size_t length) { return (length + 3) / 4 * 4; }

Unexpected malformed(std::string_view what) {
  return Unexpected{{.code = Errc::malformed, .doing = "reading a STUN message: " + std::string{what}}};
}

/// The CRC-32 of ITU V.42, as zlib and Ethernet compute it.
std::uint32_t crc32(ByteView bytes) {
  std::uint32_t crc = 0xFFFFFFFF;
  for (const auto byte : bytes) {
    crc ^= std::to_integer<std::uint32_t>(byte);
    for (int bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ (crc & 1 ? 0xEDB88320 : 0);
  }
  return ~crc;
}

/// The message up to an attribute of `value_size` bytes that comes next, its length field as if that attribute were the last.
ByteBuffer covered_before(ByteView up_to, std::size_t value_size) {
  auto out = buffer_of(up_to);
  const auto length = up_to.size() - stun_header_size + attribute_header_size + value_size;
  out[2] = static_cast<std::byte>(length >> 8);
  out[3] = static_cast<std::byte>(length);
  return out;
}

/// X-Port and X-Address: an endpoint mixed with cookie and transaction ID; twice gives the endpoint back. RFC 8489 section 14.2.
struct Mask {
  std::array<std::byte, 16> bytes;

  explicit Mask(const StunMessage& message) {
    ByteWriter out;
    out.u32(message.cookie).bytes(message.id.bytes);
    std::copy(out.view().begin(), out.view().end(), bytes.begin());
  }
  template <std::size_t N>
  std::array<std::byte, N> over(std::array<std::byte, N> address) const {
    std::transform(address.begin(), address.end(), bytes.begin(), address.begin(), std::bit_xor<>{});
    return address;
  }
  Port over(Port port) const {
    const auto mask = std::to_integer<unsigned>(bytes[0]) << 8 | std::to_integer<unsigned>(bytes[1]);
    return Port{static_cast<std::uint16_t>(port.number ^ mask)};
  }
};

// --- writing --------------------------------------------------------------------------------------------------------

class Writer {
 public:
  explicit Writer(const StunMessage& message) : mask_(message) {
    const auto kind = static_cast<unsigned>(message.kind), method = static_cast<unsigned>(message.method);
    assert(method <= 0xFFF);
    // The two bits of the class lie between bits of the method: M11-M7 C1 M6-M4 C0 M3-M0.
    out_.u16(static_cast<std::uint16_t>((method & 0xF80) << 2 | (kind & 2) << 7 | (method & 0x70) << 1 | (kind & 1) << 4 | (method & 0xF)));
    out_.u16(0).u32(message.cookie).bytes(message.id.bytes);
  }

  void add(std::uint16_t type, ByteView value) {
    out_.u16(type).u16(static_cast<std::uint16_t>(value.size())).bytes(value);
    out_.bytes(ByteBuffer(padded(value.size()) - value.size()));
    assert(out_.view().size() <= max_stun_message);
  }
  void add(std::uint16_t type, const ByteWriter& value) { add(type, value.view()); }
  void add_number(std::uint16_t type, std::uint32_t number) { add(type, ByteWriter{}.u32(number)); }
  void add(std::uint16_t type, const std::string& text, std::size_t longest) {
    assert(text.size() <= longest);
    add(type, bytes_of(text).first(std::min(text.size(), longest)));
  }
  void add(std::uint16_t type, const Endpoint& endpoint) {
    const auto family = endpoint.address.is_v4() ? family_v4 : family_v6;
    add(type, ByteWriter{}.u8(0).u8(family).u16(endpoint.port.number).bytes(endpoint.address.bytes()));
  }
  void add_masked(std::uint16_t type, const Endpoint& endpoint) {
    const auto is_v4 = endpoint.address.is_v4();
    ByteReader in{endpoint.address.bytes()};
    ByteWriter value;
    value.u8(0).u8(is_v4 ? family_v4 : family_v6).u16(mask_.over(endpoint.port).number);
    if (is_v4) value.bytes(mask_.over(*in.array<4>()));
    else value.bytes(mask_.over(*in.array<16>()));
    add(type, value.view());
  }
  void add_proof(std::uint16_t type, const StunMac& mac, std::size_t size) {
    const auto value = mac(covered_before(out_.view(), size));
    assert(value.size() == size);
    add(type, value);
  }
  void add_fingerprint() {
    add_number(fingerprint, crc32(covered_before(out_.view(), fingerprint_size)) ^ fingerprint_mask);
  }

  ByteBuffer take() {
    auto bytes = out_.take();
    const auto length = bytes.size() - stun_header_size;
    bytes[2] = static_cast<std::byte>(length >> 8);
    bytes[3] = static_cast<std::byte>(length);
    return bytes;
  }

 private:
  ByteWriter out_;
  Mask mask_;
};

ByteWriter value_of(const StunError& error) {
  assert(error.number >= 300 && error.number <= 699 && error.reason.size() <= max_stun_text_written);
  ByteWriter out;
  out.u16(0).u8(static_cast<std::uint8_t>(error.number / 100)).u8(static_cast<std::uint8_t>(error.number % 100));
  out.bytes(bytes_of(error.reason));
  return out;
}

ByteWriter value_of(const std::vector<std::uint16_t>& types, const StunMessage& message) {
  ByteWriter out;
  for (const auto type : types) out.u16(type);
  if (message.is_classic() && types.size() % 2 != 0) out.u16(types.back());  // RFC 3489 section 11.2.10 knows no padding
  return out;
}

// --- reading --------------------------------------------------------------------------------------------------------

std::optional<Endpoint> endpoint_in(ByteView value) {
  ByteReader in{value};
  const auto unused = in.u8(), family = in.u8();
  const auto port = in.u16();
  if (!unused || !family || !port) return std::nullopt;
  std::optional<IpAddress> address;
  if (*family == family_v4 && in.rest().size() == 4) address.emplace(*in.array<4>());
  if (*family == family_v6 && in.rest().size() == 16) address.emplace(*in.array<16>());
  if (!address) return std::nullopt;
  return Endpoint{*address, Port{*port}};
}

std::optional<Endpoint> masked_endpoint_in(ByteView value, const Mask& mask) {
  ByteReader in{value};
  const auto head = in.u16();
  const auto port = in.u16();
  if (!head || !port) return std::nullopt;
  ByteWriter out;
  out.u16(*head).u16(mask.over(Port{*port}).number);
  if (in.rest().size() == 4) out.bytes(mask.over(*in.array<4>()));
  else if (in.rest().size() == 16) out.bytes(mask.over(*in.array<16>()));
  return endpoint_in(out.view());
}

std::optional<std::string> text_in(ByteView value, std::size_t longest) {
  if (value.size() > longest) return std::nullopt;
  return std::string{text_of(value)};
}

std::optional<StunError> error_in(ByteView value) {
  ByteReader in{value};
  const auto unused = in.u16();
  const auto hundreds = in.u8(), rest = in.u8();
  if (!unused || !hundreds || !rest || (*hundreds & 7) < 3 || (*hundreds & 7) > 6 || *rest > 99) return std::nullopt;
  if (in.rest().size() > max_stun_text_read) return std::nullopt;
  return StunError{static_cast<std::uint16_t>((*hundreds & 7) * 100 + *rest), std::string{text_of(in.rest())}};
}

std::optional<std::vector<std::uint16_t>> types_in(ByteView value) {
  ByteReader in{value};
  std::vector<std::uint16_t> types;
  while (const auto type = in.u16()) types.push_back(*type);
  if (!in.empty()) return std::nullopt;
  return types;
}

template <typename Number>
std::optional<Number> number_in(ByteView value) {
  ByteReader in{value};
  if (value.size() != sizeof(Number)) return std::nullopt;
  if constexpr (sizeof(Number) == 8) return in.u64();
  else return in.u32();
}

std::optional<ChangeRequest> change_request_in(ByteView value) {
  const auto flags = number_in<std::uint32_t>(value);
  if (!flags) return std::nullopt;
  return ChangeRequest{.address = (*flags & change_address_flag) != 0, .port = (*flags & change_port_flag) != 0};
}

/// RFC 5780 section 7.5: a port and two bytes of padding, which some senders count in the attribute's length and some do not.
std::optional<Port> response_port_in(ByteView value) {
  const auto port = ByteReader{value}.u16();
  if (!port || (value.size() != 2 && value.size() != 4)) return std::nullopt;
  return Port{*port};
}

std::optional<IceRole> ice_role_in(ByteView value, IceRole::Side side) {
  const auto tie_breaker = number_in<std::uint64_t>(value);
  if (!tie_breaker) return std::nullopt;
  return IceRole{side, *tie_breaker};
}

enum class Taken { yes, broken, unknown };

/// Fills a field that is still empty. A value that cannot be read breaks the message even if it would not have counted.
template <typename T>
Taken take(std::optional<T>& field, std::optional<T> value) {
  if (!value) return Taken::broken;
  if (!field) field = std::move(value);
  return Taken::yes;
}

Taken take(std::vector<std::uint16_t>& field, std::optional<std::vector<std::uint16_t>> value) {
  if (!value) return Taken::broken;
  if (field.empty()) field = *std::move(value);
  return Taken::yes;
}

/// What may stand before the proofs.
Taken take_attribute(StunMessage& message, std::uint16_t type, ByteView value) {
  switch (type) {
    case software: return take(message.software, text_in(value, max_stun_text_read));
    case xor_mapped_address: return take(message.xor_mapped_address, masked_endpoint_in(value, Mask{message}));
    case mapped_address: return take(message.mapped_address, endpoint_in(value));
    case error_code: return take(message.error, error_in(value));
    case unknown_attributes: return take(message.unknown_attributes, types_in(value));
    case change_request: return take(message.change_request, change_request_in(value));
    case response_port: return take(message.response_port, response_port_in(value));
    case response_origin: return take(message.response_origin, endpoint_in(value));
    case other_address: return take(message.other_address, endpoint_in(value));
    case padding: return take(message.padding, std::optional{value.size()});
    case source_address: return take(message.source_address, endpoint_in(value));
    case changed_address: return take(message.changed_address, endpoint_in(value));
    case priority: return take(message.priority, number_in<std::uint32_t>(value));
    case use_candidate: return message.use_candidate = true, value.empty() ? Taken::yes : Taken::broken;
    case ice_controlled: return take(message.ice_role, ice_role_in(value, IceRole::Side::controlled));
    case ice_controlling: return take(message.ice_role, ice_role_in(value, IceRole::Side::controlling));
    case username: return take(message.username, text_in(value, max_stun_username));
    default: return Taken::unknown;
  }
}

bool is_sha256(ByteView value) {
  return value.size() >= shortest_sha256 && value.size() <= sha256_size && value.size() % 4 == 0;
}

struct Header {
  StunMessage message;  // without attributes
  std::size_t length = 0;
};

std::optional<Header> header_in(ByteReader& in) {
  const auto type = in.u16(), length = in.u16();
  const auto cookie = in.u32();
  const auto id = in.array<12>();
  if (!type || !length || !cookie || !id || *type > 0x3FFF) return std::nullopt;
  Header header;
  header.message.kind = static_cast<StunClass>((*type & 0x100) >> 7 | (*type & 0x10) >> 4);
  header.message.method = static_cast<StunMethod>((*type & 0x3E00) >> 2 | (*type & 0xE0) >> 1 | (*type & 0xF));
  header.message.cookie = *cookie;
  header.message.id.bytes = *id;
  header.length = *length;
  return header;
}

}  // namespace

TransactionId TransactionId::random(Random& random) {
  TransactionId id;
  random.fill(id.bytes);
  return id;
}

std::string TransactionId::text() const { return hex(bytes); }

bool StunProof::holds(const StunMac& mac) const {
  const auto right = mac(covered);
  if (right.size() != claimed.size()) return false;
  auto difference = std::byte{0};
  for (std::size_t i = 0; i < right.size(); ++i) difference |= right[i] ^ claimed[i];
  return difference == std::byte{0};
}

bool looks_like_stun(ByteView datagram) {
  ByteReader in{datagram};
  const auto header = header_in(in);
  return header && std::to_integer<unsigned>(datagram[0]) <= 3 && !header->message.is_classic() && header->length % 4 == 0 &&
         header->length == in.rest().size();
}

ByteBuffer encode(const StunMessage& message, const StunTrailer& trailer) {
  Writer out{message};
  if (message.software) out.add(software, *message.software, max_stun_text_written);
  if (message.xor_mapped_address) out.add_masked(xor_mapped_address, *message.xor_mapped_address);
  if (message.mapped_address) out.add(mapped_address, *message.mapped_address);
  if (message.error) out.add(error_code, value_of(*message.error));
  if (!message.unknown_attributes.empty()) out.add(unknown_attributes, value_of(message.unknown_attributes, message));
  if (const auto change = message.change_request)
    out.add_number(change_request, (change->address ? change_address_flag : 0) | (change->port ? change_port_flag : 0));
  if (message.response_port) out.add(response_port, ByteWriter{}.u16(message.response_port->number).u16(0));
  if (message.response_origin) out.add(response_origin, *message.response_origin);
  if (message.other_address) out.add(other_address, *message.other_address);
  if (message.padding) out.add(padding, ByteBuffer(*message.padding));
  if (message.source_address) out.add(source_address, *message.source_address);
  if (message.changed_address) out.add(changed_address, *message.changed_address);
  if (message.priority) out.add_number(priority, *message.priority);
  if (message.use_candidate) out.add(use_candidate, ByteView{});
  if (const auto role = message.ice_role)
    out.add(role->side == IceRole::Side::controlled ? ice_controlled : ice_controlling, ByteWriter{}.u64(role->tie_breaker));
  if (message.username) out.add(username, *message.username, max_stun_username);
  if (trailer.integrity) out.add_proof(message_integrity, trailer.integrity, sha1_size);
  if (trailer.integrity_sha256) out.add_proof(message_integrity_sha256, trailer.integrity_sha256, sha256_size);
  if (trailer.fingerprint) out.add_fingerprint();
  return out.take();
}

Result<ReceivedStun> decode_stun(ByteView datagram) {
  if (datagram.size() > max_stun_message)
    return Unexpected{{.code = Errc::limit, .doing = "reading a STUN message of " + std::to_string(datagram.size()) + " bytes"}};
  ByteReader in{datagram};
  auto header = header_in(in);
  if (!header) return malformed("its header is torn, or not one");
  if (header->length % 4 != 0 || header->length != in.rest().size()) return malformed("its length is not the datagram's");

  ReceivedStun received{.message = std::move(header->message)};
  while (!in.empty()) {
    const auto before = datagram.first(datagram.size() - in.rest().size());
    const auto type = in.u16(), length = in.u16();
    const auto value = length ? in.bytes(*length) : std::nullopt;
    if (!value || !in.bytes(padded(*length) - *length)) return malformed("an attribute is longer than the message");

    if (*type == fingerprint) {
      if (number_in<std::uint32_t>(*value) != (crc32(before) ^ fingerprint_mask)) return malformed("its fingerprint is wrong");
      if (!in.empty()) return malformed("something follows its fingerprint");
      received.fingerprint = true;
    } else if (received.integrity_sha256 || (received.integrity && *type != message_integrity_sha256)) {
      continue;  // behind a proof, where anybody could have put it
    } else if (*type == message_integrity_sha256) {
      if (!is_sha256(*value)) return malformed("a MESSAGE-INTEGRITY-SHA256 of a wrong length");
      received.integrity_sha256 = StunProof{covered_before(before, value->size()), buffer_of(*value)};
    } else if (*type == message_integrity) {
      if (value->size() != sha1_size) return malformed("a MESSAGE-INTEGRITY of a wrong length");
      received.integrity = StunProof{covered_before(before, value->size()), buffer_of(*value)};
    } else {
      const auto taken = take_attribute(received.message, *type, *value);
      if (taken == Taken::broken) return malformed("the value of attribute " + std::to_string(*type) + " cannot be read");
      if (taken == Taken::unknown && *type < first_optional) received.not_understood.push_back(*type);
    }
  }
  return received;
}

}  // namespace pshare
