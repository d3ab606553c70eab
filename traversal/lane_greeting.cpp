#include "traversal/lane_greeting.hpp"

#include <variant>

namespace pshare {

namespace {

template <typename Message>
Result<Message> expected_of(const LaneFrameHeader& header, ByteView body) {
  const auto said = decode_lane_message(header, body);
  if (!said) return Unexpected{said.error()};
  if (const auto* message = std::get_if<Message>(&*said)) return *message;
  return Unexpected{{.code = Errc::malformed, .doing = "greeting on a lane: the other side said something else"}};
}

}  // namespace

Result<LaneFrameHeader> begin_greeting(std::span<const std::byte, LaneFrameHeader::size> bytes) {
  auto header = decode_lane_frame_header(bytes);
  if (header && header->length > longest_greeting)
    return Unexpected{{.code = Errc::limit, .doing = "greeting on a lane: the other side begins with a message that is too long"}};
  return header;
}

Result<LaneHello> hello_of(const LaneFrameHeader& header, ByteView body) { return expected_of<LaneHello>(header, body); }

Result<LaneReady> ready_of(const LaneFrameHeader& header, ByteView body) { return expected_of<LaneReady>(header, body); }

}  // namespace pshare
