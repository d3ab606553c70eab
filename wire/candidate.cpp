#include "wire/candidate.hpp"

#include <algorithm>
#include <array>

namespace pshare {

namespace {

constexpr std::array types{Candidate::Type::host, Candidate::Type::manual, Candidate::Type::server_reflexive,
                           Candidate::Type::mapped, Candidate::Type::relayed};

std::optional<Candidate::Type> type_from(std::string_view text) {
  for (const auto type : types)
    if (word(type) == text) return type;
  return std::nullopt;
}

}  // namespace

std::string_view word(Candidate::Type type) {
  switch (type) {
    case Candidate::Type::host: return "host";
    case Candidate::Type::manual: return "manual";
    case Candidate::Type::server_reflexive: return "server-reflexive";
    case Candidate::Type::mapped: return "mapped";
    case Candidate::Type::relayed: return "relayed";
  }
  return "?";
}

CborMap encode(const Candidate& candidate) {
  CborMap map;
  map.set("type", word(candidate.type))
      .set("transport", word(candidate.transport))
      .set_bytes("address", candidate.endpoint.address.bytes())
      .set("port", std::uint64_t{candidate.endpoint.port.number});
  return map;
}

std::optional<Candidate> candidate_from(const CborMap& map) {
  const auto type = type_from(map.text("type").value_or(""));
  const auto transport = map.text("transport");
  const auto port = map.number("port");
  if (!type || (transport != "tcp" && transport != "udp") || !port || *port == 0 || *port > 0xFFFF) return std::nullopt;

  Candidate candidate{.type = *type, .transport = transport == "tcp" ? Transport::tcp : Transport::udp, .endpoint = {}};
  candidate.endpoint.port = Port{static_cast<std::uint16_t>(*port)};
  if (const auto v4 = map.array<4>("address")) {
    candidate.endpoint.address = IpAddress{*v4};
  } else if (const auto v6 = map.array<16>("address")) {
    candidate.endpoint.address = IpAddress{*v6};
  } else {
    return std::nullopt;
  }
  if (candidate.endpoint.address.scope() == Scope::unusable) return std::nullopt;
  return candidate;
}

std::vector<CborMap> encode(const std::vector<Candidate>& candidates) {
  std::vector<CborMap> maps;
  maps.reserve(candidates.size());
  for (const auto& candidate : candidates) maps.push_back(encode(candidate));
  return maps;
}

std::vector<Candidate> candidates_from(const std::vector<CborMap>& maps) {
  std::vector<Candidate> candidates;
  for (const auto& map : std::span{maps}.first(std::min(maps.size(), max_candidates)))
    if (const auto candidate = candidate_from(map)) candidates.push_back(*candidate);
  return candidates;
}

std::vector<CborMap> encode_relayed(const std::vector<Endpoint>& endpoints) {
  std::vector<CborMap> maps;
  maps.reserve(endpoints.size());
  for (const auto& endpoint : endpoints) maps.push_back(encode(Candidate{Candidate::Type::relayed, Transport::tcp, endpoint}));
  return maps;
}

std::vector<Endpoint> relayed_endpoints_from(const std::vector<CborMap>& maps) {
  std::vector<Endpoint> endpoints;
  for (const auto& each : candidates_from(maps))
    if (each.type == Candidate::Type::relayed && each.transport == Transport::tcp && endpoints.size() < max_relay_endpoints)
      endpoints.push_back(each.endpoint);
  return endpoints;
}

}  // namespace pshare
