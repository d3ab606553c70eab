// Fuzzes a lane's frames, one after the other as they stand in the input: what is accepted is written to the very same bytes.
#include <algorithm>
#include <cstdint>
#include <cstdlib>

#include "wire/lane_messages.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace pshare;
  auto rest = std::as_bytes(std::span{data, size});
  while (rest.size() >= LaneFrameHeader::size) {
    const auto header = decode_lane_frame_header(rest.first<LaneFrameHeader::size>());
    if (!header || header->length > rest.size() - LaneFrameHeader::size) return 0;
    const auto frame = rest.first(LaneFrameHeader::size + header->length);
    rest = rest.subspan(frame.size());
    const auto message = decode_lane_message(*header, frame.subspan(LaneFrameHeader::size));
    if (!message) return 0;
    // A Stop with a code of a later version reads as `failed`, so it alone may be written differently.
    if (!std::holds_alternative<Stop>(*message) && !std::ranges::equal(encode(*message), frame)) std::abort();
  }
  return 0;
}
