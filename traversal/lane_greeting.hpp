// What the first words on a lane may be (wire/lane_messages.hpp), read before anything is known of the other side but its key: a LaneHello of the sender, the
// LaneReady of the receiver. traversal/io/lane_greeting.hpp says and hears them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "wire/bytes.hpp"
#include "wire/lane_messages.hpp"
#include "wire/result.hpp"

namespace pshare {

/// Greetings are short: whoever announces more is not greeting.
inline constexpr std::uint32_t longest_greeting = 256;

/// The frame with which a greeting begins; its length says how much is to be read behind it. Errors: malformed; limit (longer than any greeting).
Result<LaneFrameHeader> begin_greeting(std::span<const std::byte, LaneFrameHeader::size> bytes);

/// What the whole of it says. `body` is as long as the header says. Errors: malformed (anything else).
Result<LaneHello> hello_of(const LaneFrameHeader& header, ByteView body);
Result<LaneReady> ready_of(const LaneFrameHeader& header, ByteView body);

}  // namespace pshare
