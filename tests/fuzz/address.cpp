// Fuzzes the text form of addresses and endpoints: what is accepted has one form, which reads as the same.
#include <algorithm>
#include <cstdint>
#include <cstdlib>

#include "wire/address.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace pshare;
  const std::string_view text{reinterpret_cast<const char*>(data), size};
  if (const auto address = IpAddress::parse(text)) {
    if (IpAddress::parse(address->text()).value() != *address || address->bytes().size() != (address->is_v4() ? 4u : 16u)) std::abort();
    (void)address->scope();
  }
  if (const auto endpoint = Endpoint::parse(text))
    if (Endpoint::parse(endpoint->text()).value() != *endpoint) std::abort();
  if (size == 16) {
    IpAddress::V6 bytes;
    std::copy_n(std::as_bytes(std::span{data, size}).begin(), 16, bytes.begin());
    const IpAddress address{bytes};
    if (IpAddress::parse(address.text()).value() != address) std::abort();
  }
  return 0;
}
