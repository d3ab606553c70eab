// pshare's own sessions over real TLS lanes: what the programs do once a path is found.
#pragma once

#include "contest.hpp"

namespace pshare::bench {

Contestant sessions(int lanes);

}  // namespace pshare::bench
