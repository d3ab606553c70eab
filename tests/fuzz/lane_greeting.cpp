// Fuzzes what is heard first on a lane: the bytes of a stream, as the receiver hears them and as the sender does. At most a short body is asked for; what is taken
// for a greeting is written to the very same bytes, for one side alone; and what is refused, with words.
#include <algorithm>
#include <cstdint>
#include <cstdlib>

#include "traversal/lane_greeting.hpp"

namespace pshare {
namespace {

void refused(const Error& error) {
  if ((error.code != Errc::malformed && error.code != Errc::limit) || error.doing.empty()) std::abort();
}

}  // namespace
}  // namespace pshare

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace pshare;
  const auto stream = std::as_bytes(std::span{data, size});
  if (stream.size() < LaneFrameHeader::size) return 0;
  const auto header = begin_greeting(stream.first<LaneFrameHeader::size>());
  if (!header) return refused(header.error()), 0;
  if (header->length > longest_greeting) std::abort();
  if (stream.size() < LaneFrameHeader::size + header->length) return 0;
  const auto greeting = stream.first(LaneFrameHeader::size + header->length);
  const auto body = greeting.subspan(LaneFrameHeader::size);

  const auto hello = hello_of(*header, body);
  const auto ready = ready_of(*header, body);
  if (hello && ready) std::abort();
  if (hello && !std::ranges::equal(encode(LaneMessage{*hello}), greeting)) std::abort();
  if (ready && !std::ranges::equal(encode(LaneMessage{*ready}), greeting)) std::abort();
  if (!hello) refused(hello.error());
  if (!ready) refused(ready.error());
  return 0;
}
