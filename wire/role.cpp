#include "wire/role.hpp"

#include <cassert>

#include "wire/cbor.hpp"

namespace pshare {

ByteBuffer encode_role(std::string_view role) {
  CborMap map;
  map.set("role", role);
  auto body = map.encode();
  assert(body.size() <= max_role_frame);
  return body;
}

Result<std::string> decode_role(ByteView body) {
  const auto map = CborMap::decode(body);
  if (!map) return Unexpected{map.error()};
  auto role = map->text("role", max_role_frame);
  if (!role) return Unexpected{{.code = Errc::malformed, .doing = "reading in which role a connection is meant: it does not say"}};
  return *std::move(role);
}

}  // namespace pshare
