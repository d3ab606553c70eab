// Fuzzes PCP, as a client and as a server read it: what is accepted is written and read again as the same, and what is refused can be refused.
#include <cstdint>
#include <cstdlib>

#include "wire/pcp.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace pshare;
  using std::chrono::seconds;
  const auto datagram = std::as_bytes(std::span{data, size});
  const auto asked = decode_pcp_request(datagram);
  const auto answered = decode_pcp_answer(datagram);
  if (asked) {
    if (const auto* request = std::get_if<PcpRequest>(&*asked)) {
      if (request->options.filters.size() > max_pcp_filters) std::abort();
      const auto again = decode_pcp_request(encode(*request));
      if (!again || !(*again == *asked)) std::abort();
      const auto heard = decode_pcp_answer(encode_pcp_refusal(encode(*request), PcpResult::no_resources, seconds{30}, seconds{1}));
      if (!heard || !answers(std::get<PcpResponse>(*heard).operation, request->operation)) std::abort();
    } else {
      const auto why = std::get<PcpRefusal>(*asked).why;
      const auto refusal = encode_pcp_refusal(datagram, why, seconds{0}, seconds{1});
      if (refusal.size() < 24 || refusal.size() > max_pcp_message || refusal.size() % 4 != 0) std::abort();
      if (why == PcpResult::unsupported_version && !(decode_pcp_answer(refusal).value() == PcpAnswer{PcpVersionMismatch{pcp_version}})) std::abort();
    }
  }
  if (answered && std::holds_alternative<PcpResponse>(*answered)) {
    const auto again = decode_pcp_answer(encode(std::get<PcpResponse>(*answered)));
    if (!again || !(*again == *answered)) std::abort();
  }
  return 0;
}
