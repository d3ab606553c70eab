// Fuzzes CborMap: what is accepted can be written and read again, to the same bytes.
#include <cstdint>
#include <cstdlib>

#include "wire/cbor.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace pshare;
  const auto map = CborMap::decode(std::as_bytes(std::span{data, size}));
  if (!map) return 0;
  const auto written = map->encode();
  const auto again = CborMap::decode(written);
  if (!again || again->encode() != written) std::abort();
  for (const auto* key : {"t", "v", "a", "b"}) {
    const auto text = map->text(key);
    if (text && text->size() > 1024) std::abort();
    (void)map->number(key), (void)map->flag(key), (void)map->bytes(key);
    (void)map->map(key), (void)map->maps(key), (void)map->texts(key), (void)map->array<16>(key);
  }
  return 0;
}
