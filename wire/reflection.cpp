#include "wire/reflection.hpp"

#include "wire/cbor.hpp"

namespace pshare {

ByteBuffer encode(const Reflection& reflection) {
  CborMap map;
  map.set_bytes("address", reflection.observed.address.bytes()).set("port", std::uint64_t{reflection.observed.port.number});
  return map.encode();
}

Result<Reflection> decode_reflection(ByteView body) {
  const auto map = CborMap::decode(body);
  if (!map) return Unexpected{map.error()};
  const auto port = map->number("port").value_or(0);
  std::optional<IpAddress> address;
  if (const auto v4 = map->array<4>("address")) address.emplace(*v4);
  if (const auto v6 = map->array<16>("address")) address.emplace(*v6);
  if (!address || port == 0 || port > 0xFFFF)
    return Unexpected{{.code = Errc::malformed, .doing = "reading a reflection: it has no address or no port"}};
  return Reflection{{*address, Port{static_cast<std::uint16_t>(port)}}};
}

}  // namespace pshare
