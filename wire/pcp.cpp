#include "wire/pcp.hpp"

#include <algorithm>
#include <cassert>
#include <limits>
#include <string>

namespace pshare {

namespace {

constexpr std::uint8_t answer_bit = 128;
constexpr std::size_t header_size = 24;
constexpr std::size_t nat_pmp_answer_size = 8;

enum Opcode : std::uint8_t { announce = 0, map = 1, peer = 2 };

enum Option : std::uint8_t {
  third_party = 1,
  prefer_failure = 2,
  filter = 3,
  first_optional = 128,  // from here on: may be ignored by who does not know it
};

constexpr std::array<std::byte, 12> mapped_prefix{
    std::byte{0}, std::byte{0}, std::byte{0}, std::byte{0}, std::byte{0},    std::byte{0},
    std::byte{0}, std::byte{0}, std::byte{0}, std::byte{0}, std::byte{0xFF}, std::byte{0xFF}};

constexpr std::size_t padded(std::size_t length) { return (length + 3) / 4 * 4; }

Unexpected malformed(std::string_view what) {
  return Unexpected{{.code = Errc::malformed, .doing = "reading a PCP message: " + std::string{what}}};
}

std::uint32_t in_32_bits(std::chrono::seconds time) {
  constexpr std::chrono::seconds::rep longest = std::numeric_limits<std::uint32_t>::max();
  return static_cast<std::uint32_t>(std::clamp<std::chrono::seconds::rep>(time.count(), 0, longest));
}

// --- writing --------------------------------------------------------------------------------------------------------

void put(ByteWriter& out, const IpAddress& address) {
  if (address.is_v4()) out.bytes(mapped_prefix);
  out.bytes(address.bytes());
}

void put(ByteWriter&, const PcpAnnounce&) {}
void put(ByteWriter& out, const PcpMap& mapping) {
  out.bytes(mapping.nonce.bytes).u8(static_cast<std::uint8_t>(mapping.protocol)).u8(0).u16(0);
  out.u16(mapping.internal.number).u16(mapping.external.port.number);
  put(out, mapping.external.address);
}
void put(ByteWriter& out, const PcpPeer& peer) {
  put(out, peer.mapping);
  out.u16(peer.remote.port.number).u16(0);
  put(out, peer.remote.address);
}

void put(ByteWriter& out, const PcpOptions& options, [[maybe_unused]] std::uint8_t opcode) {
  assert(!options.third_party || opcode != announce);
  assert((!options.prefer_failure && options.filters.empty()) || opcode == map);
  assert(options.filters.size() <= max_pcp_filters);
  if (options.third_party) {
    out.u8(third_party).u8(0).u16(16);
    put(out, *options.third_party);
  }
  if (options.prefer_failure) out.u8(prefer_failure).u8(0).u16(0);
  for (const auto& each : options.filters) {
    out.u8(filter).u8(0).u16(20).u8(0).u8(each.prefix_length).u16(each.remote.port.number);
    put(out, each.remote.address);
  }
}

// The opcode is the alternative's position in PcpOperation.
static_assert(std::is_same_v<std::variant_alternative_t<announce, PcpOperation>, PcpAnnounce> &&
              std::is_same_v<std::variant_alternative_t<map, PcpOperation>, PcpMap> &&
              std::is_same_v<std::variant_alternative_t<peer, PcpOperation>, PcpPeer>);
std::uint8_t opcode_of(const PcpOperation& operation) { return static_cast<std::uint8_t>(operation.index()); }

ByteBuffer finished(ByteWriter out, const PcpOperation& operation, const PcpOptions& options) {
  std::visit([&out](const auto& each) { put(out, each); }, operation);
  put(out, options, opcode_of(operation));
  assert(out.view().size() <= max_pcp_message);
  return out.take();
}

void put_answer_head(ByteWriter& out, std::uint8_t opcode, PcpResult result, std::chrono::seconds lifetime, std::chrono::seconds epoch) {
  out.u8(pcp_version).u8(opcode | answer_bit).u8(0).u8(static_cast<std::uint8_t>(result));
  out.u32(in_32_bits(lifetime)).u32(in_32_bits(epoch)).u32(0).u64(0);
}

// --- reading --------------------------------------------------------------------------------------------------------

std::optional<IpAddress> address_in(ByteReader& in) {
  const auto bytes = in.array<16>();
  if (!bytes) return std::nullopt;
  return IpAddress{*bytes};
}

std::optional<PcpMap> map_in(ByteReader& in) {
  const auto nonce = in.array<12>();
  const auto protocol = in.u8();
  const auto reserved = in.bytes(3);
  const auto internal = in.u16(), external = in.u16();
  const auto address = address_in(in);
  if (!nonce || !protocol || !reserved || !internal || !external || !address) return std::nullopt;
  return PcpMap{PcpNonce{*nonce}, static_cast<IpProtocol>(*protocol), Port{*internal}, Endpoint{*address, Port{*external}}};
}

std::optional<PcpPeer> peer_in(ByteReader& in) {
  const auto mapping = map_in(in);
  const auto port = in.u16(), reserved = in.u16();
  const auto address = address_in(in);
  if (!mapping || !port || !reserved || !address) return std::nullopt;
  return PcpPeer{*mapping, Endpoint{*address, Port{*port}}};
}

std::optional<PcpOperation> operation_in(ByteReader& in, std::uint8_t opcode) {
  switch (opcode) {
    case announce: return PcpAnnounce{};
    case map: return map_in(in);
    case peer: return peer_in(in);
    default: return std::nullopt;
  }
}

std::optional<PcpFilter> filter_in(ByteReader& in) {
  const auto reserved = in.u8(), prefix_length = in.u8();
  const auto port = in.u16();
  const auto address = address_in(in);
  if (!reserved || !prefix_length || *prefix_length > 128 || !port || !address) return std::nullopt;
  return PcpFilter{*prefix_length, Endpoint{*address, Port{*port}}};
}

/// Reads the options behind `opcode`'s data. What we do not know is unsupported_option if it has to be known, else nothing.
PcpResult take_options(ByteReader& in, std::uint8_t opcode, PcpOptions& options) {
  while (!in.empty()) {
    const auto code = in.u8(), reserved = in.u8();
    const auto length = in.u16();
    const auto data = length ? in.bytes(*length) : std::nullopt;
    if (!reserved || !data || !in.bytes(padded(*length) - *length)) return PcpResult::malformed_option;
    ByteReader value{*data};
    switch (*code) {
      case third_party:
        if (opcode == announce || options.third_party || data->size() != 16) return PcpResult::malformed_option;
        options.third_party = address_in(value);
        break;
      case prefer_failure:
        if (opcode != map || options.prefer_failure || !data->empty()) return PcpResult::malformed_option;
        options.prefer_failure = true;
        break;
      case filter: {
        const auto each = filter_in(value);
        if (opcode != map || !each || !value.empty() || options.filters.size() == max_pcp_filters) return PcpResult::malformed_option;
        options.filters.push_back(*each);
        break;
      }
      default:
        if (*code < first_optional) return PcpResult::unsupported_option;
    }
  }
  return PcpResult::success;
}

bool has_right_length(ByteView datagram) {
  return datagram.size() >= header_size && datagram.size() <= max_pcp_message && datagram.size() % 4 == 0;
}

/// Section 11.1: "every protocol" leaves nothing to say about ports.
bool contradicts_itself(const PcpOperation& operation) {
  const auto* const mapping = std::get_if<PcpMap>(&operation);
  return mapping != nullptr && mapping->protocol == IpProtocol::every && mapping->internal != Port{0};
}

const PcpMap* mapping_of(const PcpOperation& operation) {
  if (const auto* const peer = std::get_if<PcpPeer>(&operation)) return &peer->mapping;
  return std::get_if<PcpMap>(&operation);
}

}  // namespace

std::string_view word(PcpResult result) {
  switch (result) {
    case PcpResult::success: return "success";
    case PcpResult::unsupported_version: return "unsupported-version";
    case PcpResult::not_authorized: return "not-authorized";
    case PcpResult::malformed_request: return "malformed-request";
    case PcpResult::unsupported_opcode: return "unsupported-opcode";
    case PcpResult::unsupported_option: return "unsupported-option";
    case PcpResult::malformed_option: return "malformed-option";
    case PcpResult::network_failure: return "network-failure";
    case PcpResult::no_resources: return "no-resources";
    case PcpResult::unsupported_protocol: return "unsupported-protocol";
    case PcpResult::user_exceeded_quota: return "user-exceeded-quota";
    case PcpResult::cannot_provide_external: return "cannot-provide-external";
    case PcpResult::address_mismatch: return "address-mismatch";
    case PcpResult::excessive_remote_peers: return "excessive-remote-peers";
  }
  return "unknown";
}

PcpNonce PcpNonce::random(Random& random) {
  PcpNonce nonce;
  random.fill(nonce.bytes);
  return nonce;
}

bool answers(const PcpOperation& answer, const PcpOperation& asked) {
  if (answer.index() != asked.index()) return false;
  const auto* const given = mapping_of(answer);
  const auto* const wanted = mapping_of(asked);
  if (given == nullptr || wanted == nullptr) return true;  // ANNOUNCE
  if (given->nonce != wanted->nonce || given->protocol != wanted->protocol || given->internal != wanted->internal) return false;
  const auto* const peer = std::get_if<PcpPeer>(&answer);
  return peer == nullptr || peer->remote == std::get<PcpPeer>(asked).remote;
}

ByteBuffer encode(const PcpRequest& request) {
  ByteWriter out;
  out.u8(pcp_version).u8(opcode_of(request.operation)).u16(0).u32(in_32_bits(request.lifetime));
  put(out, request.client);
  return finished(std::move(out), request.operation, request.options);
}

ByteBuffer encode(const PcpResponse& response) {
  assert(response.result != PcpResult::unsupported_version);  // that is a refusal, which tells no operation
  ByteWriter out;
  put_answer_head(out, opcode_of(response.operation), response.result, response.lifetime, response.epoch);
  return finished(std::move(out), response.operation, response.options);
}

ByteBuffer encode_pcp_refusal(ByteView request, PcpResult why, std::chrono::seconds lifetime, std::chrono::seconds epoch) {
  assert(why != PcpResult::success);
  const auto repeated = request.first(std::min(request.size(), max_pcp_message));
  ByteWriter out;
  put_answer_head(out, repeated.size() < 2 ? std::uint8_t{0} : std::to_integer<std::uint8_t>(repeated[1]), why, lifetime, epoch);
  if (repeated.size() > header_size) out.bytes(repeated.subspan(header_size));
  auto bytes = out.take();
  bytes.resize(padded(bytes.size()));
  return bytes;
}

Result<PcpAnswer> decode_pcp_answer(ByteView datagram) {
  if (datagram.size() > max_pcp_message)
    return Unexpected{{.code = Errc::limit, .doing = "reading a PCP message of " + std::to_string(datagram.size()) + " bytes"}};
  ByteReader in{datagram};
  const auto version = in.u8(), code = in.u8(), reserved = in.u8(), result = in.u8();
  if (!version || !code || !reserved || !result || datagram.size() < nat_pmp_answer_size) return malformed("an answer that is too short");
  const auto why = static_cast<PcpResult>(*result);
  const bool is_answer = (*code & answer_bit) != 0;
  // NAT-PMP has 16 bits of result, whose lower half lies where ours is; before erratum 3618 its RFC drew this answer with an opcode of 0.
  const bool from_nat_pmp = *version == 0 && *reserved == 0 && (is_answer || *code == 0);
  if (why == PcpResult::unsupported_version && (from_nat_pmp || (*version != 0 && is_answer)))
    return PcpAnswer{PcpVersionMismatch{*version}};
  if (!is_answer) return malformed("a request where an answer was awaited");
  if (*version != pcp_version) return malformed("an answer of another version");
  if (!has_right_length(datagram)) return malformed("an answer of a wrong length");

  PcpResponse response{.result = why, .operation = {}};
  response.lifetime = std::chrono::seconds{*in.u32()};
  response.epoch = std::chrono::seconds{*in.u32()};
  in.bytes(12);
  const std::uint8_t opcode = *code & ~answer_bit;
  const auto operation = operation_in(in, opcode);
  if (!operation) return malformed("an answer to what nobody asks, or torn");
  response.operation = *operation;
  const auto options = take_options(in, opcode, response.options);
  if (options == PcpResult::malformed_option) return malformed("an answer with a broken option");
  if (options != PcpResult::success) return malformed("an answer with an option that nobody asked for");
  return PcpAnswer{std::move(response)};
}

Result<PcpQuestion> decode_pcp_request(ByteView datagram) {
  ByteReader in{datagram};
  const auto version = in.u8(), code = in.u8();
  if (!version || !code) return malformed("a request that is too short");
  if ((*code & answer_bit) != 0) return malformed("an answer where a request was awaited");
  if (*version != pcp_version) return PcpQuestion{PcpRefusal{PcpResult::unsupported_version}};
  if (!has_right_length(datagram)) return PcpQuestion{PcpRefusal{PcpResult::malformed_request}};
  if (*code > peer) return PcpQuestion{PcpRefusal{PcpResult::unsupported_opcode}};

  in.u16();
  const std::chrono::seconds lifetime{*in.u32()};
  const auto client = *address_in(in);
  const auto operation = operation_in(in, *code);
  if (!operation || contradicts_itself(*operation)) return PcpQuestion{PcpRefusal{PcpResult::malformed_request}};
  PcpRequest request{.lifetime = lifetime, .client = client, .operation = *operation};
  if (const auto options = take_options(in, *code, request.options); options != PcpResult::success) return PcpQuestion{PcpRefusal{options}};
  return PcpQuestion{std::move(request)};
}

}  // namespace pshare
