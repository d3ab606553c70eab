// Bare lanes between two processes: a file (or as many bytes of memory) from one to the other, without a session on top.
#pragma once

#include "contest.hpp"
#include "traversal/io/lane.hpp"
#include "traversal/quic/quic_settings.hpp"

namespace pshare::bench {

Contestant tcp_lane();
Contestant quic_lane(CongestionControl congestion_control);

/// All of the course, then the other side's word that it has it; closes the lane.
awaitable<void> send_over(Lane& lane, const Course& course);
awaitable<void> receive_over(Lane& lane, const Course& course);

}  // namespace pshare::bench
