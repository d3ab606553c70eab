#include "traversal/nat/nat_behaviour.hpp"

namespace pshare {

std::string_view word(Dependence dependence) {
  switch (dependence) {
    case Dependence::endpoint_independent: return "endpoint-independent";
    case Dependence::address_dependent: return "address-dependent";
    case Dependence::address_and_port_dependent: return "address-and-port-dependent";
  }
  return "?";
}

std::string words(const DependenceRange& range) {
  std::string text{word(range.at_least)};
  if (!range.is_exact()) text.append(" or ").append(word(range.at_most));
  return text;
}

std::string_view word(Hairpinning hairpinning) {
  switch (hairpinning) {
    case Hairpinning::none: return "none";
    case Hairpinning::internal_source: return "internal-source";
    case Hairpinning::external_source: return "external-source";
  }
  return "?";
}

}  // namespace pshare
