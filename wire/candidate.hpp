// One address at which a peer may be reached, in the words of RFC 8445.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "wire/address.hpp"
#include "wire/cbor.hpp"
#include "wire/reason.hpp"

namespace pshare {

/// The most candidates that one side may offer.
inline constexpr std::size_t max_candidates = 32;

/// The most addresses that one relay has: a few of each family.
inline constexpr std::size_t max_relay_endpoints = 4;

struct Candidate {
  enum class Type { host, manual, server_reflexive, mapped, relayed };

  Type type = Type::host;
  Transport transport = Transport::tcp;
  Endpoint endpoint;
  friend bool operator==(const Candidate&, const Candidate&) = default;
};

std::string_view word(Candidate::Type type);

CborMap encode(const Candidate& candidate);
/// Nothing for a candidate that cannot be used: unknown type or transport, unusable address, port 0.
std::optional<Candidate> candidate_from(const CborMap& map);

std::vector<CborMap> encode(const std::vector<Candidate>& candidates);
/// Those of the first max_candidates that can be used.
std::vector<Candidate> candidates_from(const std::vector<CborMap>& maps);

/// Where a relay is: candidates of type relayed, over TCP. At most max_relay_endpoints are read.
std::vector<CborMap> encode_relayed(const std::vector<Endpoint>& endpoints);
std::vector<Endpoint> relayed_endpoints_from(const std::vector<CborMap>& maps);

}  // namespace pshare
