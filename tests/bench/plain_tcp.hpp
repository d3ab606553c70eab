// The floor: one thread on each side, read and send, receive and write, over one TCP connection. No protection, no checks, no resume.
#pragma once

#include "contest.hpp"

namespace pshare::bench {

Contestant plain_tcp();

}  // namespace pshare::bench
