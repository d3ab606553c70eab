// pshare's own sessions over real TLS lanes: what the programs do once a path is found.
#pragma once

#include <optional>

#include "contest.hpp"
#include "wire/units.hpp"

namespace pshare::bench {

struct SessionManner {
  bool receipt = false;                        // with a signed receipt at the end
  std::optional<BytesPerSecond> limit = {};
};
Contestant sessions(int lanes, SessionManner manner = {});

}  // namespace pshare::bench
