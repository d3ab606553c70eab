// How the NAT in front of us behaves, as RFC 4787 describes NATs (RFC 5382 for TCP): what was found, and what could not be. The words for people are in
// prognosis.hpp's neighbourhood, apps/pshare/doctor_words.hpp.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "wire/address.hpp"
#include "wire/time.hpp"

namespace pshare {

/// What a mapping or a filter depends on besides our own endpoint. RFC 4787 sections 4.1 and 5.
enum class Dependence { endpoint_independent, address_dependent, address_and_port_dependent };

/// A server with one address cannot tell everything: the truth lies between these two.
struct DependenceRange {
  Dependence at_least = Dependence::endpoint_independent;
  Dependence at_most = Dependence::address_and_port_dependent;
  bool is_exact() const { return at_least == at_most; }
  friend bool operator==(const DependenceRange&, const DependenceRange&) = default;
};
constexpr DependenceRange exactly(Dependence dependence) { return {dependence, dependence}; }

/// RFC 4787 section 6.
enum class Hairpinning {
  none,
  internal_source,  // packets arrive, but from the inner endpoint of who sent them
  external_source,  // as it should be
};

/// How long an idle UDP mapping lives, as far as that was looked at. RFC 4787 section 4.3.
struct MappingLifetime {
  Duration at_least{};
  std::optional<Duration> less_than;  // nothing: it outlived the test
  friend bool operator==(const MappingLifetime&, const MappingLifetime&) = default;
};

/// Nothing: unknown.
struct NatBehaviour {
  std::optional<Endpoint> external;      // of one socket of ours; nothing: nobody answered
  std::optional<bool> translates;        // false: that is an endpoint of this machine's
  std::optional<DependenceRange> mapping, filtering;
  std::optional<bool> preserves_ports;   // RFC 4787 section 4.2.1
  std::optional<Hairpinning> hairpinning;
  friend bool operator==(const NatBehaviour&, const NatBehaviour&) = default;
};

/// "endpoint-independent", "address-dependent", "address-and-port-dependent"
std::string_view word(Dependence dependence);
/// One of the words, or two with " or " between.
std::string words(const DependenceRange& range);
std::string_view word(Hairpinning hairpinning);

}  // namespace pshare
