// Fuzzes NAT-PMP, as a client and as a gateway read it: what is accepted is written and read again as the same, and what is refused can be refused.
#include <cstdint>
#include <cstdlib>

#include "wire/nat_pmp.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace pshare;
  const auto datagram = std::as_bytes(std::span{data, size});
  const auto asked = decode_nat_pmp_request(datagram);
  const auto answered = decode_nat_pmp_answer(datagram);
  if (asked) {
    if (const auto* request = std::get_if<NatPmpRequest>(&*asked)) {
      const auto again = decode_nat_pmp_request(encode(*request));
      if (!again || !(*again == *asked)) std::abort();
    } else {
      const NatPmpResponse refusal{std::chrono::seconds{1}, std::get<NatPmpRefused>(*asked)};
      const auto heard = decode_nat_pmp_answer(encode(refusal));
      if (!heard || !(*heard == NatPmpAnswer{refusal})) std::abort();
    }
  }
  if (answered && std::holds_alternative<NatPmpResponse>(*answered)) {
    const auto again = decode_nat_pmp_answer(encode(std::get<NatPmpResponse>(*answered)));
    if (!again || !(*again == *answered)) std::abort();
  }
  return 0;
}
