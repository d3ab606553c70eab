// Bare lanes between two processes: a file (or as many bytes of memory) from one to the other, without a session on top.
#pragma once

#include "contest.hpp"
#include "traversal/quic/quic_settings.hpp"

namespace pshare::bench {

Contestant tcp_lane();
Contestant quic_lane(CongestionControl congestion_control);

}  // namespace pshare::bench
