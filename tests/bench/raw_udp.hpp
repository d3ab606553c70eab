// The floor of UDP: runs of datagrams (UDP_SEGMENT) into the socket, runs of datagrams (UDP_GRO) out of it, from memory to memory. Nothing is
// protected, acknowledged or sent again; the receiver tells after every so many bytes that it is still there, or nearly everything would be lost.
#pragma once

#include "contest.hpp"

namespace pshare::bench {

Contestant raw_udp();

}  // namespace pshare::bench
