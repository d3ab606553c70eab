// Fuzzes signals between peers: what is accepted keeps the limits, and is written and read again as the same signal.
#include <cstdint>
#include <cstdlib>

#include "wire/control.hpp"
#include "wire/signal.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace pshare;
  const auto bytes = std::as_bytes(std::span{data, std::min(size, max_signal_body)});
  const auto signal = decode_signal(bytes);
  if (!signal) return 0;
  if (const auto* offer = std::get_if<Offer>(&*signal)) {
    if (offer->summary.names.size() > max_offered_names || offer->candidates.size() > max_candidates) std::abort();
    if (offer->summary.text && offer->summary.text->size() > max_text) std::abort();
  }
  const auto again = decode_signal(encode(*signal));
  if (!again || !(*again == *signal)) std::abort();
  return 0;
}
