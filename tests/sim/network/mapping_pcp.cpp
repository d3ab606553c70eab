#include "network/mapping_pcp.hpp"

#include <algorithm>

namespace pshare::sim {

namespace {

using namespace std::chrono_literals;
using Refusal = MappingTable::Refusal;

// Section 7.4: how long clients are told to expect the same answer.
constexpr std::chrono::seconds long_lifetime = 30min, short_lifetime = 30s;

std::chrono::seconds lifetime_of(PcpResult error) {
  switch (error) {
    case PcpResult::network_failure:
    case PcpResult::no_resources:
    case PcpResult::user_exceeded_quota:
    case PcpResult::cannot_provide_external: return short_lifetime;
    default: return long_lifetime;
  }
}

PcpResult result_of(Refusal refusal) {
  switch (refusal) {
    case Refusal::not_allowed:
    case Refusal::other_nonce: return PcpResult::not_authorized;
    case Refusal::no_address: return PcpResult::network_failure;
    case Refusal::port_taken: return PcpResult::cannot_provide_external;
    case Refusal::reserved_address:
    case Refusal::full: break;
  }
  return PcpResult::no_resources;
}

bool is_unspecified(const IpAddress& address) {
  return std::ranges::all_of(address.bytes(), [](std::byte each) { return each == std::byte{0}; });
}

/// One request of one client.
class Answering {
 public:
  Answering(ByteView datagram, const IpAddress& client, MappingTable& table, std::chrono::seconds epoch, TimePoint now)
      : datagram_(datagram), client_(client), table_(table), epoch_(epoch), now_(now) {}

  ByteBuffer refuse(PcpResult why) const { return refuse(why, lifetime_of(why)); }

  ByteBuffer answer(const PcpRequest& request) const {
    if (request.client != client_) return refuse(PcpResult::address_mismatch);
    if (std::holds_alternative<PcpAnnounce>(request.operation)) return encode(PcpResponse{.epoch = epoch_, .operation = PcpAnnounce{}});
    const auto* const map = std::get_if<PcpMap>(&request.operation);
    if (map == nullptr) return refuse(PcpResult::unsupported_opcode);
    if (!request.options.filters.empty()) return refuse(PcpResult::unsupported_option);
    if (request.options.third_party && table_.habits().for_requester_only) return refuse(PcpResult::unsupported_option);
    if (request.options.third_party == client_) return refuse(PcpResult::malformed_request);  // section 13.1
    const bool one_port = (map->protocol == IpProtocol::udp || map->protocol == IpProtocol::tcp) && map->internal != Port{};
    if (!one_port) return refuse(PcpResult::unsupported_protocol);
    const bool suggests_nothing = map->external.port == Port{} && is_unspecified(map->external.address);
    if (request.options.prefer_failure && (suggests_nothing || request.lifetime == 0s)) return refuse(PcpResult::malformed_option);
    const Endpoint internal{request.options.third_party.value_or(client_), map->internal};
    return request.lifetime == 0s ? end(request, *map, internal) : lease(request, *map, internal);
  }

 private:
  ByteBuffer refuse(PcpResult why, std::chrono::seconds lifetime) const { return encode_pcp_refusal(datagram_, why, lifetime, epoch_); }

  ByteBuffer lease(const PcpRequest& request, const PcpMap& map, const Endpoint& internal) const {
    const auto told = table_.told_address(internal.address);
    const bool exactly = request.options.prefer_failure;
    if (exactly && told != map.external.address && !is_unspecified(map.external.address)) return refuse(PcpResult::cannot_provide_external);
    const auto outcome = table_.lease({.protocol = protocol_of(map),
                                       .internal = internal,
                                       .requester = client_,
                                       .external = map.external.port,
                                       .only_this_port = exactly && map.external.port != Port{},
                                       .lifetime = request.lifetime,
                                       .nonce = map.nonce,
                                       .description = "PCP"},
                                      now_);
    if (const auto* const refusal = std::get_if<Refusal>(&outcome)) return refuse_lease(*refusal, request, map, internal);
    const auto& mapping = std::get<PortMapping>(outcome);
    return success(request, map, {*told, mapping.external}, table_.lifetime_of(mapping, now_));
  }

  ByteBuffer refuse_lease(Refusal why, const PcpRequest& request, const PcpMap& map, const Endpoint& internal) const {
    if (why == Refusal::other_nonce) return refuse_nonce(map, internal);
    if (why != Refusal::reserved_address) return refuse(result_of(why));
    // The address in a refusal says nothing to the RFC; miniupnpd's gives away that there is another NAT before it.
    auto repeated = map;
    repeated.external.address = *table_.told_address(internal.address);
    const auto result = result_of(why);
    return encode(PcpResponse{
        .result = result, .lifetime = lifetime_of(result), .epoch = epoch_, .operation = repeated, .options = request.options});
  }

  /// Section 11.3: the error lasts as long as the mapping that another nonce has made.
  ByteBuffer refuse_nonce(const PcpMap& map, const Endpoint& internal) const {
    const auto known = table_.by_internal(protocol_of(map), internal, now_);
    return refuse(PcpResult::not_authorized, known && known->ends_at ? table_.lifetime_of(*known, now_) : long_lifetime);
  }

  ByteBuffer end(const PcpRequest& request, const PcpMap& map, const Endpoint& internal) const {
    if (!table_.release(protocol_of(map), internal, map.nonce, now_)) return refuse_nonce(map, internal);
    return success(request, map, map.external, 0s);
  }

  ByteBuffer success(const PcpRequest& request, const PcpMap& map, const Endpoint& external, std::chrono::seconds lifetime) const {
    auto given = map;
    given.external = external;
    return encode(PcpResponse{.lifetime = lifetime, .epoch = epoch_, .operation = given, .options = request.options});
  }

  static Protocol protocol_of(const PcpMap& map) { return map.protocol == IpProtocol::udp ? Protocol::udp : Protocol::tcp; }

  ByteView datagram_;
  const IpAddress& client_;
  MappingTable& table_;
  std::chrono::seconds epoch_;
  TimePoint now_;
};

}  // namespace

std::optional<ByteBuffer> answer_pcp(ByteView datagram, const IpAddress& client, MappingTable& table, std::chrono::seconds epoch, TimePoint now) {
  const auto question = decode_pcp_request(datagram);
  if (!question) return std::nullopt;
  const Answering answering{datagram, client, table, epoch, now};
  if (const auto* const refusal = std::get_if<PcpRefusal>(&*question)) return answering.refuse(refusal->why);
  return answering.answer(std::get<PcpRequest>(*question));
}

}  // namespace pshare::sim
