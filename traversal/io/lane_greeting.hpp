// The first words on a lane (wire/lane_messages.hpp): the sender of the files says LaneHello, the receiver LaneReady, whoever dialled. Until
// then the peer is proven but the lane is not in use. Bound their time with with_deadline().
#pragma once

#include "traversal/io/lane.hpp"
#include "wire/lane_messages.hpp"

namespace pshare {

/// Says hello, and gives the lane for use at once: what is written next travels with the hello, a round trip before the other side can have said
/// that it is ready. Whether it is, the first read finds out. Errors: those of the lane; of that read: closed (it has no use for this
/// lane), malformed.
awaitable<LanePtr> say_hello(LanePtr lane, LaneHello hello);

/// Errors: malformed (anything but a LaneHello), those of the lane.
awaitable<LaneHello> hear_hello(Lane& lane);

awaitable<void> say_ready(Lane& lane);

}  // namespace pshare
