#include "wire/nat_pmp.hpp"

#include <algorithm>
#include <cassert>
#include <limits>
#include <string>

namespace pshare {

namespace {

constexpr std::uint8_t answer_bit = 128;

Unexpected malformed(std::string_view what) {
  return Unexpected{{.code = Errc::malformed, .doing = "reading a NAT-PMP message: " + std::string{what}}};
}

Unexpected too_long(std::size_t size) {
  return Unexpected{{.code = Errc::limit, .doing = "reading a NAT-PMP message of " + std::to_string(size) + " bytes"}};
}

std::uint32_t in_32_bits(std::chrono::seconds time) {
  constexpr std::chrono::seconds::rep longest = std::numeric_limits<std::uint32_t>::max();
  return static_cast<std::uint32_t>(std::clamp<std::chrono::seconds::rep>(time.count(), 0, longest));
}

NatPmpOpcode map_opcode(Transport transport) { return transport == Transport::udp ? NatPmpOpcode::map_udp : NatPmpOpcode::map_tcp; }
Transport transport_of(NatPmpOpcode opcode) { return opcode == NatPmpOpcode::map_tcp ? Transport::tcp : Transport::udp; }

void head(ByteWriter& out, NatPmpOpcode opcode, NatPmpResult result, std::chrono::seconds epoch) {
  out.u8(nat_pmp_version).u8(static_cast<std::uint8_t>(static_cast<std::uint8_t>(opcode) | answer_bit));
  out.u16(static_cast<std::uint16_t>(result)).u32(in_32_bits(epoch));
}

void put(ByteWriter& out, const NatPmpAddressRequest&) { out.u8(static_cast<std::uint8_t>(NatPmpOpcode::address)); }
void put(ByteWriter& out, const NatPmpMapRequest& request) {
  out.u8(static_cast<std::uint8_t>(map_opcode(request.transport))).u16(0).u16(request.internal.number);
  out.u16(request.suggested.number).u32(in_32_bits(request.lifetime));
}

void put(ByteWriter& out, std::chrono::seconds epoch, const NatPmpAddress& address) {
  assert(address.external.is_v4());
  head(out, NatPmpOpcode::address, NatPmpResult::success, epoch);
  out.bytes(address.external.bytes());
}
void put(ByteWriter& out, std::chrono::seconds epoch, const NatPmpMapping& mapping) {
  head(out, map_opcode(mapping.transport), NatPmpResult::success, epoch);
  out.u16(mapping.internal.number).u16(mapping.external.number).u32(in_32_bits(mapping.lifetime));
}
void put(ByteWriter& out, std::chrono::seconds epoch, const NatPmpRefused& refused) {
  assert(refused.why != NatPmpResult::success);
  head(out, refused.asked, refused.why, epoch);
  // An error of a known opcode is as long as its success, with zeros (section 3.5); one about version or opcode ends here.
  if (refused.why == NatPmpResult::unsupported_version || refused.why == NatPmpResult::unsupported_opcode) return;
  if (refused.asked == NatPmpOpcode::address) out.u32(0);
  if (refused.asked == NatPmpOpcode::map_udp || refused.asked == NatPmpOpcode::map_tcp) out.u64(0);
}

}  // namespace

std::string_view word(NatPmpResult result) {
  switch (result) {
    case NatPmpResult::success: return "success";
    case NatPmpResult::unsupported_version: return "unsupported-version";
    case NatPmpResult::not_authorized: return "not-authorized";
    case NatPmpResult::network_failure: return "network-failure";
    case NatPmpResult::out_of_resources: return "out-of-resources";
    case NatPmpResult::unsupported_opcode: return "unsupported-opcode";
  }
  return "unknown";
}

ByteBuffer encode(const NatPmpRequest& request) {
  ByteWriter out;
  out.u8(nat_pmp_version);
  std::visit([&out](const auto& each) { put(out, each); }, request);
  return out.take();
}

ByteBuffer encode(const NatPmpResponse& response) {
  ByteWriter out;
  std::visit([&](const auto& each) { put(out, response.epoch, each); }, response.outcome);
  return out.take();
}

Result<NatPmpAnswer> decode_nat_pmp_answer(ByteView datagram) {
  if (datagram.size() > max_nat_pmp_message) return too_long(datagram.size());
  ByteReader in{datagram};
  const auto version = in.u8(), code = in.u8();
  const auto result = in.u16();
  const auto epoch = in.u32();
  if (!version || !code || !result || !epoch) return malformed("an answer that is too short");
  const auto why = static_cast<NatPmpResult>(*result);
  const auto opcode = static_cast<NatPmpOpcode>(*code & ~answer_bit);
  const NatPmpResponse refused{std::chrono::seconds{*epoch}, NatPmpRefused{opcode, why}};

  // RFC 6886 section 3.5 wants this answer with an opcode of 0, its erratum 3618 with one of 128.
  const bool is_answer = (*code & answer_bit) != 0;
  if (why == NatPmpResult::unsupported_version && *version == nat_pmp_version && (is_answer || *code == 0)) return NatPmpAnswer{refused};
  if (!is_answer) return malformed("a request where an answer was awaited");
  if (*version != nat_pmp_version) {
    // PCP's eight bits of result lie where the lower half of ours is, behind reserved bits that are zero.
    if (why == NatPmpResult::unsupported_version) return NatPmpAnswer{NatPmpVersionMismatch{*version}};
    return malformed("an answer of another version");
  }
  if (why != NatPmpResult::success) return NatPmpAnswer{refused};

  NatPmpResponse response{std::chrono::seconds{*epoch}, {}};
  switch (opcode) {
    case NatPmpOpcode::address: {
      const auto address = in.array<4>();
      if (!address) return malformed("an answer without its address");
      response.outcome = NatPmpAddress{IpAddress{*address}};
      return NatPmpAnswer{response};
    }
    case NatPmpOpcode::map_udp:
    case NatPmpOpcode::map_tcp: {
      const auto internal = in.u16(), external = in.u16();
      const auto lifetime = in.u32();
      if (!internal || !external || !lifetime) return malformed("an answer without its mapping");
      response.outcome = NatPmpMapping{transport_of(opcode), Port{*internal}, Port{*external}, std::chrono::seconds{*lifetime}};
      return NatPmpAnswer{response};
    }
  }
  return malformed("an answer to what nobody asks");
}

Result<NatPmpQuestion> decode_nat_pmp_request(ByteView datagram) {
  if (datagram.size() > max_nat_pmp_message) return too_long(datagram.size());
  ByteReader in{datagram};
  const auto version = in.u8(), code = in.u8();
  if (!version || !code) return malformed("a request that is too short");
  if ((*code & answer_bit) != 0) return malformed("an answer where a request was awaited");
  if (*version != nat_pmp_version) return NatPmpQuestion{NatPmpRefused{NatPmpOpcode::address, NatPmpResult::unsupported_version}};

  const auto opcode = static_cast<NatPmpOpcode>(*code);
  switch (opcode) {
    case NatPmpOpcode::address: return NatPmpQuestion{NatPmpRequest{NatPmpAddressRequest{}}};
    case NatPmpOpcode::map_udp:
    case NatPmpOpcode::map_tcp: {
      const auto reserved = in.u16(), internal = in.u16(), suggested = in.u16();
      const auto lifetime = in.u32();
      if (!reserved || !internal || !suggested || !lifetime) return malformed("a torn mapping request");
      const NatPmpRequest request =
          NatPmpMapRequest{transport_of(opcode), Port{*internal}, Port{*suggested}, std::chrono::seconds{*lifetime}};
      return NatPmpQuestion{request};
    }
  }
  return NatPmpQuestion{NatPmpRefused{opcode, NatPmpResult::unsupported_opcode}};
}

}  // namespace pshare
