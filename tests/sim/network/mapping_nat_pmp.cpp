#include "network/mapping_nat_pmp.hpp"

#include "wire/nat_pmp.hpp"

namespace pshare::sim {

namespace {

using Outcome = decltype(NatPmpResponse::outcome);
using Refusal = MappingTable::Refusal;

Protocol protocol_of(Transport transport) { return transport == Transport::udp ? Protocol::udp : Protocol::tcp; }
NatPmpOpcode opcode_of(Transport transport) { return transport == Transport::udp ? NatPmpOpcode::map_udp : NatPmpOpcode::map_tcp; }

NatPmpResult result_of(Refusal refusal) {
  switch (refusal) {
    case Refusal::not_allowed:
    case Refusal::other_nonce: return NatPmpResult::not_authorized;
    case Refusal::no_address:
    case Refusal::reserved_address: return NatPmpResult::network_failure;
    case Refusal::port_taken:
    case Refusal::full: break;
  }
  return NatPmpResult::out_of_resources;
}

/// One request of one client.
class Answering {
 public:
  Answering(const IpAddress& client, MappingTable& table, TimePoint now) : client_(client), table_(table), now_(now) {}

  Outcome operator()(const NatPmpAddressRequest&) const {
    const auto told = table_.told_address(client_);
    if (!told || !table_.is_suitable(*told)) return NatPmpRefused{NatPmpOpcode::address, NatPmpResult::network_failure};
    return NatPmpAddress{*told};
  }

  Outcome operator()(const NatPmpMapRequest& request) const {
    if (request.lifetime == std::chrono::seconds{0}) return request.internal == Port{} ? end_all(request) : end(request);
    const auto outcome = table_.lease({.protocol = protocol_of(request.transport),
                                       .internal = {client_, request.internal},
                                       .requester = client_,
                                       .external = request.suggested,
                                       .lifetime = request.lifetime,
                                       .description = "NAT-PMP"},
                                      now_);
    if (const auto* const refusal = std::get_if<Refusal>(&outcome)) return NatPmpRefused{opcode_of(request.transport), result_of(*refusal)};
    const auto& mapping = std::get<PortMapping>(outcome);
    return NatPmpMapping{request.transport, request.internal, mapping.external, table_.lifetime_of(mapping, now_)};
  }

 private:
  Outcome end(const NatPmpMapRequest& request) const {
    if (!table_.release(protocol_of(request.transport), {client_, request.internal}, std::nullopt, now_))
      return NatPmpRefused{opcode_of(request.transport), NatPmpResult::not_authorized};
    return ended(request);
  }

  /// Of this client and transport. Those that it may not end stay, and that is no error.
  Outcome end_all(const NatPmpMapRequest& request) const {
    const auto all = table_.all(now_);
    for (const auto& mapping : all)
      if (mapping.protocol == protocol_of(request.transport) && mapping.internal.address == client_)
        table_.release(mapping.protocol, mapping.internal, std::nullopt, now_);
    return ended(request);
  }

  /// Section 3.4: the external port of what has ended is 0.
  static Outcome ended(const NatPmpMapRequest& request) { return NatPmpMapping{.transport = request.transport, .internal = request.internal}; }

  const IpAddress& client_;
  MappingTable& table_;
  TimePoint now_;
};

}  // namespace

std::optional<ByteBuffer> answer_nat_pmp(ByteView datagram, const IpAddress& client, MappingTable& table, std::chrono::seconds epoch, TimePoint now) {
  if (client.is_v6()) return std::nullopt;
  const auto question = decode_nat_pmp_request(datagram);
  if (!question) return std::nullopt;
  if (const auto* const refused = std::get_if<NatPmpRefused>(&*question)) return encode(NatPmpResponse{epoch, *refused});
  return encode(NatPmpResponse{epoch, std::visit(Answering{client, table, now}, std::get<NatPmpRequest>(*question))});
}

}  // namespace pshare::sim
