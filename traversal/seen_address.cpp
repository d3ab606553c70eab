#include "traversal/seen_address.hpp"

namespace pshare {

bool can_be_seen_at(const Endpoint& told, const IpAddress& by) {
  const auto scope = told.address.scope();
  if (scope == Scope::unusable || told.port == Port{} || told.address.is_v4() != by.is_v4()) return false;
  return scope != Scope::loopback || by.scope() == Scope::loopback;
}

}  // namespace pshare
