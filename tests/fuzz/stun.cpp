// Fuzzes STUN messages: what is accepted is written and read again as the same message, and no proof covers more than what came.
#include <algorithm>
#include <cstdint>
#include <cstdlib>

#include "wire/stun.hpp"

namespace pshare {
namespace {

/// No MAC, but as good for finding out whether reader and writer mean the same bytes.
StunMac sum_of(std::size_t size) {
  return [size](ByteView covered) {
    ByteBuffer out(size);
    for (std::size_t i = 0; i < covered.size(); ++i) out[i % size] ^= covered[i] ^ static_cast<std::byte>(i);
    return out;
  };
}

bool keeps_the_limits(const StunMessage& message) {
  return message.username.value_or("").size() <= max_stun_username && message.software.value_or("").size() <= max_stun_text_read &&
         (!message.error || (message.error->number >= 300 && message.error->number <= 699 && message.error->reason.size() <= max_stun_text_read));
}

/// The message as we would say it: what others may write longer than we is cut, and what RFC 3489 repeats is there already.
StunMessage sayable(StunMessage message) {
  if (message.software) message.software->resize(std::min(message.software->size(), max_stun_text_written));
  if (message.error) message.error->reason.resize(std::min(message.error->reason.size(), max_stun_text_written));
  if (message.is_classic() && message.unknown_attributes.size() % 2 != 0) message.unknown_attributes.push_back(message.unknown_attributes.back());
  return message;
}

}  // namespace
}  // namespace pshare

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace pshare;
  const auto datagram = std::as_bytes(std::span{data, size});
  const bool looked_like_it = looks_like_stun(datagram);
  const auto received = decode_stun(datagram);
  if (!received) return 0;
  if (!keeps_the_limits(received->message) || size > max_stun_message || received->not_understood.size() > size / 4) std::abort();
  if (!looked_like_it && !received->message.is_classic() && data[0] <= 3) std::abort();
  for (const auto* proof : {&received->integrity, &received->integrity_sha256})
    if (*proof && (*proof)->covered.size() + (*proof)->claimed.size() + 4 > size) std::abort();

  const auto message = sayable(received->message);
  const auto trailer_size = std::size_t{24 + 36 + 8};
  if (encode(message).size() + trailer_size > max_stun_message) return 0;
  const auto again = decode_stun(encode(message, {.integrity = sum_of(20), .integrity_sha256 = sum_of(32), .fingerprint = true}));
  if (!again || !(again->message == message) || !again->fingerprint || !again->not_understood.empty()) std::abort();
  if (!again->integrity || !again->integrity->holds(sum_of(20))) std::abort();
  if (!again->integrity_sha256 || !again->integrity_sha256->holds(sum_of(32))) std::abort();
  return 0;
}
