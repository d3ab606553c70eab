// Fuzzes what is said at a relay, both ways. What is accepted is written and read again as the same.
#include <algorithm>
#include <cstdint>
#include <cstdlib>

#include "wire/relay_hello.hpp"
#include "wire/ticket.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace pshare;
  const auto bytes = std::as_bytes(std::span{data, size});
  if (const auto hello = decode_relay_hello(bytes)) {
    const auto again = decode_relay_hello(encode(*hello));
    if (!again || again->version != hello->version || again->ticket != hello->ticket || hello->ticket.size() > max_signed_ticket) std::abort();
  }
  if (const auto answer = decode_relay_answer(bytes)) {
    const auto again = decode_relay_answer(encode(*answer));
    if (!again || again->index() != answer->index() || encode(*again) != encode(*answer)) std::abort();
  }
  return 0;
}
